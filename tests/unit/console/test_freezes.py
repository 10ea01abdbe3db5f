"""Does a page say why a freeze cannot be lifted yet, and does its case come to an end when it can?"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browsers import Answer, Browser
from support.happenings import event
from support.offices import Office
from support.passwords import PASSWORD

from streams.contracts.accounts import IdentityVerified

MINUTE = 60_000
DAY = 86_400_000
NO_CHECK = "The owner has passed no check of face and document that still counts"
FREEZE_FIRST = "The account is frozen because of this case: a supervisor and a second person unlock it first"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    with office.at_work():
        yield office


def refused(browser: Browser, case_id: str, action: str) -> str:
    """Why the page offers no such action; empty where it does."""
    page = browser.asks("GET", f"/cases/{case_id}").text
    found = re.search(rf'id="why-{action}">([^<]*)<', page)
    assert (found is None) == (f'name="action" value="{action}"' in page)
    return "" if found is None else html.unescape(found[1])


def checked(office: Office, number: int, *, level: int = 3, passed: bool = True) -> None:
    """The identity service has looked at the owner, a minute later than whatever was before."""
    office.clock.at_ms += MINUTE
    office.sees(
        event(
            IdentityVerified,
            office.clock.at_ms,
            number,
            account_id="ada",
            method="face_and_document",
            level=level,
            passed=passed,
            actor="idv",
            role="identity_service",
        )
    )


def acts(browser: Browser, case_id: str, action: str, **fields: str) -> Answer:
    sent = browser.asks("POST", f"/cases/{case_id}/actions", browser.form_of(case_id) | {"action": action, **fields})
    assert sent.status == 303
    return browser.asks("GET", sent.location)


def test_a_freeze_says_that_it_waits_for_a_check_and_ends_by_two_people_after_one(office: Office) -> None:
    case_id = office.opens("ada").case_id
    mei, sun = office.person("mei"), office.person("sun")
    assert refused(mei, case_id, "unlock") == "A freeze takes a supervisor and a second person"
    assert refused(sun, case_id, "unlock") == NO_CHECK
    assert refused(mei, case_id, "resolve") == FREEZE_FIRST
    checked(office, 1, level=1)
    assert refused(sun, case_id, "unlock") == NO_CHECK, "a one-time password is no such check"
    checked(office, 2)
    assert refused(sun, case_id, "unlock") == ""
    checked(office, 3, passed=False)
    assert refused(sun, case_id, "unlock") == NO_CHECK, "a failed one takes it back"
    checked(office, 4)
    office.clock.at_ms += DAY + MINUTE
    mei, sun = office.person("mei"), office.person("sun")  # the sessions of yesterday are over too
    assert refused(sun, case_id, "unlock") == NO_CHECK, "it is too long ago"
    checked(office, 5)
    assert "Carried out." in acts(sun, case_id, "unlock", second="jo", second_password=PASSWORD).text
    assert refused(mei, case_id, "resolve") == ""
    assert "Carried out." in acts(mei, case_id, "resolve").text
    assert office.case(case_id).status == "resolved"
