"""Is an erased account forgotten by the addresses, devices and slices where it was attacked?"""

from __future__ import annotations

from typing import Any

import msgspec
from support.happenings import MINUTE, NOON, event, login
from support.scenes import Scene

from producers.feed import Outgoing, outgoing
from streams.contracts.accounts import AccountErasure
from streams.contracts.cases import AccountErased
from streams.contracts.logins import LoginSucceeded

VICTIM = "victim-of-all"
OTHER = "victim-too"
PLACES = {"ip": "198.51.100.66", "device_id": "robot", "user_agent": "curl/8", "asn": 64_500}
ERASED_AT = NOON + 40 * MINUTE


def attacked() -> list[Outgoing]:
    """Somebody tries eight names from one place and gets into two accounts; then guesses at one from everywhere."""
    feed = [
        login(NOON - 60 * MINUTE, f"home-{name}", LoginSucceeded, account_id=name, ip="203.0.113.1", device_id="own")
        for name in (VICTIM, OTHER)
    ]
    names = [*(f"name-{n}" for n in range(4)), VICTIM, OTHER, *(f"name-{n}" for n in range(4, 8))]
    for number, name in enumerate(names):
        fields: dict[str, Any] = {"account_id": name, "username": name} | PLACES
        if name in (VICTIM, OTHER):
            fields["kind"] = LoginSucceeded
        feed.append(login(NOON + number * 10_000, number, **fields))
    feed += [
        login(NOON + 5 * MINUTE + n * 10_000, f"guess-{n}", account_id=VICTIM, ip=f"198.51.{100 + n}.7")
        for n in range(3)
    ]
    return [outgoing("auth.logins", each) for each in feed]


def erasure() -> Outgoing:
    asked = {"actor": "mei", "role": "supervisor", "second_actor": "jo", "why": "the customer asked"}
    return outgoing("operator.actions", event(AccountErasure, ERASED_AT, 1, account_id=VICTIM, **asked))


def remembered(scene: Scene) -> list[bytes]:
    """Keys of the entities' states that name the victim."""
    name = VICTIM.encode()
    found: set[bytes] = set()
    for engine in scene.run.entities:
        keys = engine.states.keys()
        found |= {slot.key for slot in engine.states.holding(name)} | {key for key in keys if name in key}
    return sorted(found)


def played(*more: Outgoing, settle_ms: int = 2 * 60 * MINUTE) -> Scene:
    return Scene(partitions=2, step_ms=MINUTE).play([*attacked(), *more], settle_ms)


def test_the_states_of_all_places_name_the_account_until_it_is_erased() -> None:
    before = played(settle_ms=20 * MINUTE)
    assert {key.partition(b"/")[0] for key in remembered(before)} >= {b"account", b"device"}
    after = played(erasure())
    assert len(after.all(AccountErased)) == 1
    assert remembered(after) == []
    # The others are still told of, and the case still counts whom it forgot.
    newest = [case for case in after.versions if case.case_type == "credential_attack" and case.owner == "entity"]
    assert any(VICTIM in str(case.evidence) for case in newest)
    last = {case.case_id: case for case in newest}.values()
    assert not any(VICTIM in msgspec.json.encode(case).decode() for case in last)
    assert any(OTHER in str(case.evidence) and case.counters["accounts_exposed"] == 2 for case in last)
