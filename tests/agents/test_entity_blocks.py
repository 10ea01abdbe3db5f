"""Does what an operator blocks stop every account that names it, until it ends, and only if enough people agree?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, login, paid
from support.play import DEFAULT
from support.scenes import Scene, enforcing

from producers.feed import Outgoing, outgoing
from streams.console.blocking import block_of
from streams.contracts.base import from_ms
from streams.contracts.cases import ActionRejected
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import LoginSucceeded
from streams.contracts.payments import PaymentRequested, TransferRequested
from streams.core.policy import PolicySchedule, parse_policy
from streams.metrics import ENTITY_BLOCKS

IP = "203.0.113.9"


def asked(at_ms: int, **given: Any) -> Outgoing:
    """A block of an address by an analyst, for a day."""
    form = {"kind": "ip", "value": IP, "wanted": "block", "hours": 24, "reason": "fraud", "accounts": 2}
    who = {"actor": "ana", "role": "analyst", "second": None, "form": str(at_ms)}
    return outgoing("operator.actions", block_of(at_ms=at_ms, **form | who | given))


def payment(at_ms: int, number: int, **fields: Any) -> Outgoing:
    fields = {"kind": PaymentRequested, "account_id": f"a{number % 3}", "ip": IP} | fields
    return outgoing("payments.transactions", paid(at_ms, number, **fields))


def played(*feed: Outgoing) -> Scene:
    return Scene(step_ms=10 * MINUTE, responder=False).play(sorted(feed, key=lambda each: each.timestamp_ms), HOUR)


def outcomes(scene: Scene) -> dict[str, tuple[str, tuple[str, ...]]]:
    """By event: what was decided, and which lists were hit."""

    def lists(made: DecisionMade) -> tuple[str, ...]:
        return tuple(hit.rule for hit in made.hits if hit.rule.startswith("list-"))

    return {made.event_id.rpartition("-")[2]: (made.outcome, lists(made)) for made in scene.decisions}


def test_a_block_stops_every_account_until_it_ends_by_event_time() -> None:
    scene = played(
        payment(NOON - HOUR, 1),
        asked(NOON, hours=1),
        payment(NOON + 20 * MINUTE, 2),
        payment(NOON + 21 * MINUTE, 3, ip="203.0.113.10"),
        outgoing("auth.logins", login(NOON + 22 * MINUTE, 4, LoginSucceeded, account_id="b", ip=IP)),
        payment(NOON + HOUR, 5),
    )
    assert outcomes(scene) == {
        "1": ("allow", ()),
        "2": ("block", ("list-blocked-ip/01",)),
        "3": ("allow", ()),
        "4": ("block", ("list-blocked-ip/01",)),
        "5": ("allow", ()),
    }
    (command,) = [each for each in scene.actions if each.entity is not None]
    assert (command.action, command.entity, command.rule) == ("block_entity", f"ip/{IP}", "operator")
    assert (command.occurred_at, command.expires_at) == (from_ms(NOON), from_ms(NOON + HOUR))
    assert scene.run.counts[ENTITY_BLOCKS, ("ip", "blocked")] == 1


@pytest.mark.parametrize(
    ("kind", "value", "fields"),
    [
        ("device", "dev-1", {"device_id": "dev-1"}),
        ("card", "tok_1", {"card_token": "tok_1", "method": "card"}),
        ("merchant", "mer-1", {"merchant_id": "mer-1"}),
        ("payee", "mule-1", {"counterparty_id": "mule-1", "kind": TransferRequested}),
        ("device", "d" * 128, {"device_id": "d" * 128}),
        ("ip", "::ffff:203.0.113.5", {"ip": "203.0.113.5"}),
        ("ip", "2001:db8::1", {"ip": "2001:DB8:0:0::1"}),
    ],
)
def test_every_kind_is_known_by_its_own_field(kind: str, value: str, fields: dict[str, Any]) -> None:
    block = asked(NOON, kind=kind, value=value, role="supervisor", second="jo")
    scene = played(block, payment(NOON + 20 * MINUTE, 1, **fields))
    assert outcomes(scene) == {"1": ("block", (f"list-blocked-{kind}/01",))}


def test_a_lift_ends_it_and_the_older_word_does_not_come_back() -> None:
    scene = played(
        asked(NOON, hours=72),
        payment(NOON + 20 * MINUTE, 1),
        asked(NOON + 30 * MINUTE, wanted="lift"),
        payment(NOON + 50 * MINUTE, 2),
        payment(NOON + 2 * DAY, 3),
        asked(NOON + 2 * DAY + HOUR, hours=1),
        payment(NOON + 2 * DAY + HOUR + 20 * MINUTE, 4),
    )
    assert {number: outcome for number, (outcome, _) in outcomes(scene).items()} == {
        "1": "block",
        "2": "allow",
        "3": "allow",
        "4": "block",
    }
    assert scene.run.counts[ENTITY_BLOCKS, ("ip", "lifted")] == 1


SUPERVISOR = {"role": "supervisor"}
TWO = {**SUPERVISOR, "second": "jo"}


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"accounts": 21}, "role"),
        ({"accounts": 21, **SUPERVISOR}, "second_person"),
        ({"accounts": 21, **SUPERVISOR, "second": "ANA"}, "second_person"),
        ({"accounts": 21, **SUPERVISOR, "second": "bob", "second_role": "analyst"}, "second_person"),
        ({"accounts": 21, **TWO}, None),
        ({"accounts": 20}, None),
        ({"kind": "merchant", "value": "mer-1"}, "role"),
        ({"hours": 169}, "role"),
        ({"hours": 169, **TWO}, None),
        ({"hours": 721, **TWO}, "expiry"),
        ({"hours": 0}, "expiry"),
        ({"wanted": "lift"}, "not_blocked"),
    ],
)
def test_what_is_wide_takes_two_people_and_a_refusal_says_so(given: dict[str, Any], cause: str | None) -> None:
    scene = played(asked(NOON, **given), payment(NOON + 20 * MINUTE, 1, merchant_id="mer-1"))
    assert [each.cause for each in scene.all(ActionRejected)] == ([] if cause is None else [cause])
    assert outcomes(scene)["1"][0] == ("block" if cause is None else "allow")


def test_nobody_is_stopped_while_the_policy_observes() -> None:
    observing = PolicySchedule.of((parse_policy(DEFAULT),))
    scene = Scene(observing, step_ms=10 * MINUTE).play([asked(NOON), payment(NOON + 20 * MINUTE, 1)], HOUR)
    assert [each.cause for each in scene.all(ActionRejected)] == ["observing"]


def test_an_allow_list_does_not_undo_what_people_block() -> None:
    allowed = '[[list]]\nname = "office"\nfield = "ip"\noutcome = "allow"\nmode = "inherit"\n'
    policies = enforcing(f'{allowed}entries = [{{ value = "{IP}" }}]\n')
    scene = Scene(policies, step_ms=10 * MINUTE).play([asked(NOON), payment(NOON + 20 * MINUTE, 1)], HOUR)
    assert outcomes(scene)["1"] == ("block", ("list-office/01", "list-blocked-ip/01"))


def test_a_request_that_comes_again_changes_nothing() -> None:
    lift = asked(NOON + 20 * MINUTE, wanted="lift")
    again = asked(NOON)._replace(timestamp_ms=NOON + 40 * MINUTE)
    scene = played(asked(NOON), asked(NOON), lift, again, payment(NOON + 50 * MINUTE, 1))
    assert [each.expires_at for each in scene.actions if each.entity is not None] == [
        from_ms(NOON + DAY),
        from_ms(NOON + 20 * MINUTE),
    ]
    assert outcomes(scene)["1"][0] == "allow"
