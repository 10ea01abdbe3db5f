"""Is every page readable: in both languages, by day and by night, on a narrow screen, by whoever cannot see it?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.people import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# How people sit before it.
SEATS: dict[str, dict[str, Any]] = {
    "en": {},
    "zh-dark": {"locale": "zh-CN", "color_scheme": "dark"},
    "en-narrow": {"viewport": {"width": 390, "height": 844}},
}


@pytest.fixture(scope="session")
def addresses(scene) -> dict[str, str]:
    """An address of every page, by name, when there is something on each."""
    theft = scene.plays("account_takeover", 21, "account_takeover")
    attack = scene.plays("card_testing", 22, "card_testing")
    scene.plays("repeat_failures", 23, "payment_failure.repeat")
    return {
        "queue": "/queue",
        "queue-empty": "/queue?queue=policy&stage=waiting",
        "case": f"/cases/{theft.case_id}",
        "case-of-entity": f"/cases/{attack.case_id}",
        "incidents": "/incidents",
        "locks": "/locks",
        "account": f"/account?id={theft.account_id}",
        "search": "/search?q=takeover",
        "search-empty": "/search?q=nothing+of+this",
        "missing": "/cases/nothing",
    }


@pytest.mark.parametrize("seat", SEATS)
def test_nothing_on_any_page_keeps_anybody_out(
    scene, addresses: dict[str, str], person: Callable[..., Person], seat: str
) -> None:
    sun = person("sun", **SEATS[seat])
    barriers = {}
    for name, address in addresses.items():
        sun.opens(address)
        sun.keeps_picture(f"{name}-{seat}")
        if found := sun.barriers():
            barriers[name] = found
        width = sun.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if width > 0:
            barriers[f"{name}, wider than the screen by"] = [str(width)]
    sun.complaints = [each for each in sun.complaints if "404" not in each]  # the page that is missing
    assert barriers == {}


def test_the_page_to_sign_in_too(scene) -> None:
    for seat, context in SEATS.items():
        stranger = Person(scene.browser, scene.address, "nobody", **context)
        stranger.opens("/login")
        stranger.keeps_picture(f"login-{seat}")
        assert stranger.barriers() == []
        stranger.leaves()
