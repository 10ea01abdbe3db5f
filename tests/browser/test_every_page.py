"""Is every page readable: in both languages, by day and by night, on a narrow screen, by whoever cannot see it?"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from fastapi.routing import APIRoute
from support.people import SEATS, Person

from streams.adapters.case_store import linked
from streams.adapters.case_store.activity import ENTITY_COLUMNS, PER_ACCOUNT
from streams.console.routes import ROUTERS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]  # axe reads every page twice as long as a person


# Routes that answer with no page of their own.
NO_PAGES = {"/", "/healthz", "/events", "/audit/export"}
# No list hides a column behind its edge, whatever it is made of.
_CUT = """[...document.querySelectorAll("main .scroll")].filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => each.getAttribute("aria-label"))"""


@pytest.fixture(scope="session")
def addresses(scene) -> dict[str, dict[str, str]]:
    """By route: addresses by name, when there is something on each. A route that is not here makes this file red."""
    theft = scene.plays("account_takeover", 21, "account_takeover")
    attack = scene.plays("card_testing", 22, "card_testing")
    failing = scene.plays("repeat_failures", 23, "payment_failure.repeat")
    with scene.store.reading() as connection:
        acts = linked.of_account(connection, theft.account_id, PER_ACCOUNT)
        others = linked.of_account(connection, failing.account_id, PER_ACCOUNT)
    used = {
        kind: next(getattr(act, column) for act in (*acts, *others) if getattr(act, column))
        for kind, column in ENTITY_COLUMNS.items()
        if any(getattr(act, column) for act in (*acts, *others))
    }
    assert {"ip", "device", "merchant"} <= used.keys()
    return {
        "/queue": {"queue": "/queue", "queue-empty": "/queue?queue=policy&stage=waiting"},
        "/cases/{case_id}": {
            "case": f"/cases/{theft.case_id}",
            "case-of-entity": f"/cases/{attack.case_id}",
            "case-of-failures": f"/cases/{failing.case_id}",
            "missing": "/cases/nothing",
        },
        "/incidents": {"incidents": "/incidents"},
        "/locks": {"locks": "/locks"},
        "/account": {"account": f"/account?id={theft.account_id}"},
        "/entity": {f"entity-{kind}": f"/entity?{urlencode({'kind': kind, 'value': used[kind]})}" for kind in used},
        "/merchant": {"merchant": f"/merchant?{urlencode({'id': used['merchant']})}"},
        "/search": {"search": "/search?q=takeover", "search-empty": "/search?q=nothing+of+this"},
        "/knowledge": {
            "knowledge": "/knowledge",
            "knowledge-found": "/knowledge?q=how+long+does+a+refund+take",
            "knowledge-none": "/knowledge?q=zzqq",
            "knowledge-article": "/knowledge?article=refund-time",
        },
        "/login": {"login": "/login"},
        "/contacts": {"contacts": "/contacts", "contacts-found": f"/contacts?account={theft.account_id}"},
        "/contacts/new": {"contact": f"/contacts/new?account={theft.account_id}"},
        "/contacts/{event_id}": {"contact-waiting": "/contacts/nothing"},
        "/handover": {"handover": "/handover"},
        "/audit": {
            "audit": "/audit",
            "audit-checked": "/audit?kind=sign_in&check=1",
            "audit-empty": "/audit?actor=zzqq",
        },
        "/settings": {"settings": "/settings"},
        "/bulk/{batch}": {"batch-missing": "/bulk/nothing"},
    }


def test_every_route_is_looked_at(addresses: dict[str, dict[str, str]]) -> None:
    routes = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    pages = {route.path for route in routes if "GET" in route.methods}
    assert pages - NO_PAGES == addresses.keys(), "say at which address a page of a new route can be looked at"


@pytest.mark.parametrize("seat", SEATS)
def test_nothing_on_any_page_keeps_anybody_out(
    scene, addresses: dict[str, dict[str, str]], person: Callable[..., Person], seat: str
) -> None:
    sun = person("sun", **SEATS[seat])
    barriers = {}

    def looks(name: str) -> None:
        sun.page.evaluate("dispatchEvent(new Event('beforeunload'))")  # or a page that waits is gone while axe reads
        sun.keeps_picture(f"{name}-{seat}")
        if found := sun.barriers():
            barriers[name] = found
        width = sun.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if width > 0:
            barriers[f"{name}, wider than the screen by"] = [str(width)]
        if cut := sun.page.evaluate(_CUT):
            barriers[f"{name}, cut at the edge"] = cut

    for name, address in (each for pages in addresses.values() for each in pages.items()):
        sun.opens(address)
        looks(name)
    sun.opens(addresses["/entity"]["entity-ip"])
    sun.page.locator('form[action="/entity/reveal"] input[name="reason"]').fill("an axe looks at this page")
    sun.page.locator('form[action="/entity/reveal"] button').click()
    sun.page.wait_for_url("**/entity/reveal")
    looks("revealed")
    sun.complaints = [each for each in sun.complaints if "404" not in each]  # the page that is missing
    assert barriers == {}


def test_the_page_to_sign_in_too(scene) -> None:
    for seat, context in SEATS.items():
        stranger = Person(scene.browser, scene.address, "nobody", **context)
        stranger.opens("/login")
        stranger.keeps_picture(f"login-{seat}")
        assert stranger.barriers() == []
        stranger.leaves()
