"""Is what a thief has taught the account gone when its owner gets it back, and is what the owner taught still there?"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import CaseAction, IdentityVerified, UserReport
from streams.contracts.actions import LocksState
from streams.contracts.cases import CaseVersion
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.core.familiar import TALLY_BYTES, key_of, network_key, tallied
from streams.core.features import features_of
from streams.core.login_risk.context import context_of
from streams.core.login_risk.history import LoginHistory, learn, shares
from streams.core.observations import Observations, fold
from streams.core.risk import no_risk
from streams.core.steps import Effect
from streams.core.unlearning import NOTED_MAX, TALLIES, forget_since

OWN = {"device_id": "own", "ip": "198.51.100.7", "asn": 64_500, "country": "DE", "user_agent": "Firefox"}
THIEF = {"device_id": "thief", "ip": "192.0.2.9", "asn": 64_501, "country": "FR", "user_agent": "curl"}
CHECK = {"method": "face_and_document", "level": 3, "passed": True, "actor": "idv", "role": "identity_service"}


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


def entered(player: Player, at_ms: int, name: str, where: dict[str, Any]) -> None:
    """With the right password and the right second factor."""
    player.see(login(at_ms, f"{name}-proof", ChallengePassed, **where))
    player.see(login(at_ms + 1_000, name, LoginSucceeded, **where))


def known(player: Player, at_ms: int, where: dict[str, Any]) -> float:
    account = player.observations["a1"]
    return features_of(account, login(at_ms, "x", LoginSucceeded, **where), at_ms, no_risk).login_known


class Stolen:
    """An account of ten days whose thief has everything: password, second factor, a payee of his own."""

    def __init__(self) -> None:
        self.player = Player(policy('[locks]\nack = "assumed"\n'))
        for day in range(10):
            entered(self.player, NOON - (10 - day) * DAY, f"home{day}", OWN)
            self.player.see(paid(NOON - (10 - day) * DAY + HOUR, day, device_id="own", counterparty_id="rent"))
        entered(self.player, NOON, "thief", THIEF)
        self.player.see(
            paid(NOON + MINUTE, "out", kind=payments.TransferRequested, device_id="thief", counterparty_id="mule")
        )
        entered(self.player, NOON + HOUR, "again", THIEF)
        assert known(self.player, NOON + HOUR, THIEF) == 1.0
        said = self.player.see(event(UserReport, NOON + 2 * HOUR, 1, channel="phone", kind="stolen"))
        self.case = only(CaseVersion, said)[-1]

    @property
    def account(self) -> Observations:
        return self.player.observations["a1"]


def test_a_report_of_theft_forgets_the_thief_and_nothing_of_the_owner() -> None:
    theft = Stolen()
    account = theft.account
    assert known(theft.player, NOON + 2 * HOUR, THIEF) == 0.0
    assert known(theft.player, NOON + 2 * HOUR, OWN) == 1.0
    for tally, thiefs, owners in (
        (account.trusted, "thief", "own"),
        (account.agents, "curl", "Firefox"),
        (account.login_countries, "FR", "DE"),
    ):
        assert not tallied(tally, key_of(thiefs))
        assert tallied(tally, key_of(owners))
    assert not tallied(account.login_networks, network_key(THIEF["ip"]))
    assert key_of("mule") not in account.payees
    assert key_of("rent") in account.payees
    history = account.login_history
    assert history is not None
    thiefs, owners = (context_of(login(NOON, "x", LoginSucceeded, **where)) for where in (THIEF, OWN))
    of_thief, of_owner = shares(history.addresses, thiefs.address), shares(history.addresses, owners.address)
    assert of_thief is not None
    assert of_owner is not None
    assert of_thief.of == [0.0, 0.0, 0.0]
    assert of_owner.of == [1.0, 1.0, 1.0]


def test_what_comes_while_it_is_frozen_is_forgotten_when_two_people_lift_it() -> None:
    theft = Stolen()
    player = theft.player
    entered(player, NOON + 3 * HOUR, "knocks", THIEF)
    player.see(event(IdentityVerified, NOON + 4 * HOUR, 1, case_id=theft.case.case_id, **CHECK))
    case = player.obligations["a1"].case(theft.case.case_id)
    assert case is not None
    lifted = player.see(
        event(
            CaseAction, NOON + 5 * HOUR, 1, action="unlock", case_id=case.case_id, expected_version=case.version,
            actor="bob", role="supervisor", second_actor="eve",
        )
    )  # fmt: skip
    assert [state.state for state in only(LocksState, lifted)] == ["recovering"]
    assert known(player, NOON + 6 * HOUR, THIEF) == 0.0
    assert known(player, NOON + 6 * HOUR, OWN) == 1.0


def test_an_analyst_who_confirms_a_risky_login_freezes_and_has_the_thief_forgotten() -> None:
    player = Player(policy())
    for day in range(10):
        entered(player, NOON - (10 - day) * DAY, f"home{day}", OWN)
    entered(player, NOON, "thief", THIEF)
    owed = player.obligations["a1"]
    ladder = [e for at in range(2) for e in player.see(paid(NOON + at * MINUTE, at, kind=payments.TransferRequested))]
    assert ladder
    asked = player.see(event(UserReport, NOON + HOUR, 1, channel="social", kind="stolen"))
    case = only(CaseVersion, asked)[-1]
    confirmed = player.see(
        event(
            CaseAction, NOON + 2 * HOUR, 1, action="confirm_fraud", case_id=case.case_id,
            expected_version=owed.case(case.case_id).version, actor="ann", role="analyst",  # type: ignore[union-attr]
        )
    )  # fmt: skip
    assert "frozen" in [state.state for state in only(LocksState, confirmed)]
    assert known(player, NOON + 3 * HOUR, THIEF) == 0.0


places = st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans())


def happened(number: int, place: tuple[int, int, bool], at_ms: int) -> Any:
    address, device, named = place
    return login(
        at_ms,
        number,
        LoginSucceeded,
        ip=f"198.51.{address}.7",
        asn=64_500 + address,
        country=("DE", "FR")[address % 2],
        user_agent=f"agent {device}",
        device_id=f"device {device}" if named else None,
    )


@given(st.lists(places, max_size=8), st.lists(places, max_size=8))
def test_nothing_is_known_that_only_came_afterwards(before: list[Any], after: list[Any]) -> None:
    account, without = Observations(), Observations()
    for number, place in enumerate([*before, *after]):
        at_ms = NOON + number * HOUR
        for each in (account, without) if number < len(before) else (account,):
            each.login_history = each.login_history or LoginHistory()
            learn(each.login_history, context_of(happened(number, place, at_ms)), at_ms // DAY)
            fold(each, happened(number, place, at_ms), at_ms)
    forget_since(account, NOON + len(before) * HOUR)
    for name in TALLIES:
        kept, wanted = (
            {known[at : at + 5] for at in range(0, len(known), TALLY_BYTES)}
            for known in (getattr(account, name), getattr(without, name))
        )
        assert kept == wanted
    assert len(account.learned) <= 10 * NOTED_MAX
    history, other = account.login_history, without.login_history
    if other is not None and history is not None:
        for place in after:
            context = context_of(happened(0, place, NOON))
            if shares(other.devices, (context.device or b"\0" * 5,)) in (None,) or context.device is None:
                continue
            mine, wanted = shares(history.devices, (context.device,)), shares(other.devices, (context.device,))
            assert (mine is None or mine.of == [0.0]) == (wanted is None or wanted.of == [0.0])


def test_a_burst_that_nobody_can_tell_apart_is_forgotten_whole() -> None:
    account = Observations()
    for number in range(3 * NOTED_MAX):
        fold(
            account,
            login(NOON + number * MINUTE, number, LoginSucceeded, ip=f"10.{number}.0.1"),
            NOON + number * MINUTE,
        )
    forget_since(account, NOON + MINUTE)
    assert account.login_networks == b""
    raw = msgspec.msgpack.encode(account)
    assert msgspec.msgpack.decode(raw, type=Observations) == account
