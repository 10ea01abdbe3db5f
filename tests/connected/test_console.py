"""Does what an analyst does in the console go through a worker and come back, and why not if not?"""

from __future__ import annotations

import http.client
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.browsers import Browser, served
from support.product import Product
from support.waiting import wait_until

from producers.feed import Outgoing
from streams.adapters.case_store import people, queries
from streams.adapters.case_store.people import User
from streams.adapters.case_store.queries import Filters
from streams.adapters.case_store.store import CaseStore
from streams.cli.main import paywarden
from streams.console import passwords
from streams.console.serving import following
from streams.contracts.accounts import IdentityVerified, UserReport
from streams.contracts.base import from_ms
from streams.contracts.registry import encode
from streams.runtime.options import RuntimeOptions

PASSWORD = "a long enough password"


def seen_by_idv() -> IdentityVerified:
    """Face and document are the owner's."""
    return IdentityVerified(
        event_id="idv-1",
        source="test",
        occurred_at=from_ms(time.time_ns() // 1_000_000),
        account_id="victim",
        method="face_and_document",
        level=3,
        passed=True,
        actor="idv",
        role="identity_service",
    )


@pytest.mark.timeout(300)
def test_an_action_goes_through_a_worker_and_comes_back_as_the_next_version(product: Product, tmp_path: Path) -> None:
    product.start("w1", merge="live", clock="live")
    now_ms = time.time_ns() // 1_000_000
    theft = UserReport(
        event_id="report-1",
        source="test",
        occurred_at=from_ms(now_ms),
        account_id="victim",
        channel="app",
        kind="stolen",
    )
    product.write([Outgoing("support.requests", b"victim", encode(theft), now_ms)])
    url = f"sqlite:///{tmp_path}/cases.db"
    store = CaseStore(url)
    store.migrate()
    with store.writing() as connection:
        for name in ("mei", "jo"):
            people.put_user(connection, User(name, "supervisor", passwords.hash_of(PASSWORD), now_ms))
    options = RuntimeOptions(bootstrap=product.cluster.bootstrap, topic_prefix=product.prefix)

    def opened() -> str | None:
        with store.reading() as connection:
            lines = queries.ranked(connection, Filters(account_id="victim"), 5).lines
        return lines[0].case_id if lines else None

    with served(following(store, options, https=False)) as port:
        browser = Browser(port)
        assert browser.signs_in("mei", PASSWORD).status == 303
        case_id = wait_until(opened, "the case of the theft is in the store")
        live = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        live.request("GET", "/events", headers={"cookie": "; ".join(f"{n}={v}" for n, v in browser.cookies.items())})
        told = live.getresponse()
        assert told.status == 200
        form = wait_until(lambda: browser.form_of(case_id), "the page has a form")

        def outcome(fields: dict[str, str]) -> str:
            sent = browser.asks("POST", f"/cases/{case_id}/actions", fields)
            assert sent.status == 303, sent

            def known() -> str | None:
                text = browser.asks("GET", sent.location).text
                found = re.search(r'class="outcome (done|refused)" role="status">([^<]*)', text)
                return found and f"{found[1]}: {found[2]}"

            return str(wait_until(known, "the worker has answered"))

        assert outcome({**form, "action": "assign"}) == "done: Carried out."
        page = browser.asks("GET", f"/cases/{case_id}").text
        assert "<dd>mei</dd>" in page
        line = told.readline()
        while not line.startswith(b"data:") or case_id.encode() not in line:
            line = told.readline()
            assert line, "the page was told nothing"
        live.close()
        # The page that was open before does not know of the new version.
        stale = outcome({**form, "action": "note", "form": "later"})
        assert stale.startswith("refused: Refused: The case has changed since · the case is at version")
        alone = outcome({**browser.form_of(case_id), "action": "unlock"})
        assert "second person" in alone
        both = {"second": "jo", "second_password": PASSWORD}
        unseen = outcome({**browser.form_of(case_id), "action": "unlock", **both})
        assert "check of face and document" in unseen
        before = browser.form_of(case_id)["version"]
        product.write([Outgoing("identity.results", b"victim", encode(seen_by_idv()), time.time_ns() // 1_000_000)])
        wait_until(lambda: browser.form_of(case_id)["version"] != before, "the check is on the case")
        two = {**browser.form_of(case_id), "action": "unlock", **both}
        assert outcome(two) == "done: Carried out."
    store.close()

    def blocks(*more: str) -> Result:
        """Somebody without a browser; the store counts who uses the entity."""
        cluster = ["--bootstrap", product.cluster.bootstrap, "--prefix", product.prefix, "--app-id", product.name]
        words = ["block", "ip", "203.0.113.9", "--reason", "fraud", "--actor", "mei", "--store", url, *cluster]
        return CliRunner().invoke(paywarden, [*words, *more])

    done = blocks("--role", "analyst", "--for", "2")
    assert done.exit_code == 0, done.output
    assert "ip/203.0.113.9 is blocked until" in done.output
    refused = blocks("--role", "analyst", "--for", "200")
    assert refused.exit_code == 64
    assert "only a supervisor may block it" in refused.stderr
    assert "is blocked no more" in blocks("--role", "analyst", "--lift").output
