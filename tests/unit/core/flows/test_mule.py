"""What is an account taken for whose money only passes through?"""

from __future__ import annotations

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import Player, play, policy

from streams.contracts.accounts import AccountProfile, CustomerConfirmed, LedgerPosted
from streams.contracts.actions import ActionRequested
from streams.contracts.base import from_ms, to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.logins import LoginSucceeded
from streams.contracts.payments import TransferRequested
from streams.core.score import Score
from streams.core.steps import Effect

BLOCKS = "[model.payment]\nblock = 0.99\n"


def collected(senders: int, *, score: float = 0.0, each_minor: int = 1_000) -> list[Effect]:
    """So many people send money within the hour, and then all of it is to leave."""
    events = [
        event(
            LedgerPosted,
            NOON + n * MINUTE,
            n,
            entry_id=f"entry-{n}",
            amount_minor=each_minor,
            currency="EUR",
            direction="credit",
            counterparty_id=f"friend-{n}",
        )
        for n in range(senders)
    ]
    at_ms = NOON + senders * MINUTE
    events.append(paid(at_ms, "out", senders * each_minor, TransferRequested, counterparty_id="boss"))
    return play(events, policy(BLOCKS), lambda prepared: Score(score if prepared.at_ms == at_ms else 0.0, "m1"))


def told(effects: list[Effect]) -> tuple[set[str], list[str], list[str]]:
    """(flows of cases, actions, templates)."""
    return (
        {each.flow for each in effects if isinstance(each, CaseVersion)},
        [each.action for each in effects if isinstance(each, ActionRequested)],
        [each.template for each in effects if isinstance(each, NotificationRequested)],
    )


def test_few_senders_are_looked_at_and_nobody_is_accused():
    assert told(collected(8)) == ({"F31"}, [], [])
    assert told(collected(8, each_minor=500)) == (set(), [], []), "less than anybody asks about"


def test_many_senders_pause_payouts_and_are_asked_about():
    assert told(collected(16, each_minor=4_000)) == ({"F31"}, ["restrict"], ["mule_account"])
    assert told(collected(16)) == ({"F31"}, [], ["mule_account.held"]), "too little to stop all else for"


def test_two_views_of_the_same_money_are_no_two_signals_of_a_takeover():
    # A young account and sixteen senders: both rules hold, and a model that holds is the second signal, not the third.
    assert told(collected(16, each_minor=5_000))[0] == {"F31"}


@pytest.mark.parametrize(("score", "flow"), [(0.92, "F31"), (0.995, "F21")])
def test_with_a_model_that_would_block_it_is_abnormal_activity(score: float, flow: str):
    flows, actions, _ = told(collected(16, score=score, each_minor=4_000))
    assert (flows, actions) == ({flow}, ["restrict"])


def test_a_pause_that_nobody_decides_about_ends_although_money_goes_on_passing_through():
    player = Player(policy(BLOCKS), lambda _: Score(0.0, "m1"))
    effects = []
    for round_ in range(80):  # every six hours for twenty days
        start = NOON + round_ * 6 * HOUR
        for n in range(16):
            entry = {
                "entry_id": f"entry-{round_}-{n}",
                "direction": "credit",
                "counterparty_id": f"friend-{round_}-{n}",
            }
            effects += player.see(
                event(LedgerPosted, start + n * MINUTE, f"{round_}-{n}", amount_minor=4_000, currency="EUR", **entry)
            )
        effects += player.see(
            paid(start + 16 * MINUTE, f"out{round_}", 64_000, TransferRequested, counterparty_id=f"boss{round_ % 2}")
        )
    pauses = [each for each in effects if isinstance(each, ActionRequested) and each.action == "restrict"]
    longest_s = policy(BLOCKS).locks.mule_pause_s
    ends = max(to_ms(each.expires_at) for each in pauses if each.expires_at is not None)
    assert ends <= NOON + 16 * MINUTE + longest_s * 1000
    assert len(pauses) >= 5, "it goes on while it may"
    (case,) = {each.case_id for each in effects if isinstance(each, CaseVersion) and each.flow == "F31"}
    last = [each for each in effects if isinstance(each, CaseVersion) and each.case_id == case][-1]
    assert last.sub_status == "escalated"
    assert "pause_over" in {line.kind for each in effects if isinstance(each, CaseVersion) for line in each.evidence}


def established(phone: str = "phone") -> Player:
    """An owner of years with small habits, to whom sixteen people pay 100 euros each, and who is on `phone` then."""
    player = Player(policy())
    player.see(event(AccountProfile, NOON - 41 * DAY, 1, opened_at=from_ms(NOON - 800 * DAY)))
    for day in range(-40, 0, 4):
        player.see(login(NOON + day * DAY, day, LoginSucceeded, device_id="phone", country="DE"))
        player.see(paid(NOON + day * DAY + MINUTE, day, 2_000 - day, device_id="phone", country="DE", merchant_id="m1"))
    if phone != "phone":
        player.see(login(NOON - MINUTE, "other", LoginSucceeded, device_id=phone, ip="9.1.1.1", country="DE"))
    for n in range(16):
        entry = {"entry_id": f"in{n}", "counterparty_id": f"payer{n}", "direction": "credit"}
        player.see(event(LedgerPosted, NOON + n * MINUTE, f"in{n}", amount_minor=10_000, currency="EUR", **entry))
    return player


def passes_on(player: Player, phone: str = "phone") -> list[Effect]:
    at_ms = NOON + 20 * MINUTE
    where = {"device_id": phone, "country": "DE", "counterparty_id": "boss"}
    return player.see(paid(at_ms, "out", 155_000, TransferRequested, **where))


def test_an_established_owner_who_passes_a_large_sum_on_is_asked_where_it_comes_from():
    player = established()
    effects = passes_on(player)
    (decision,) = (each for each in effects if isinstance(each, DecisionMade))
    assert decision.outcome == "hold"
    assert {"scam-push/03", "pass-through/02"} <= {hit.rule for hit in decision.hits}
    assert told(effects) == ({"F31"}, ["restrict"], ["mule_account"])


def test_whoever_passes_money_on_does_not_release_it_by_being_the_owner():
    player = established()
    passes_on(player)
    said = {"channel": "app", "answer": "yes", "payment_id": "pout", "device_id": "phone"}
    effects = player.see(event(CustomerConfirmed, NOON + 22 * MINUTE, 1, **said))
    assert not [each for each in effects if isinstance(each, DecisionAmended)]
    assert {each.finding for each in effects if isinstance(each, CaseVersion)} == {"unset"}


def test_where_somebody_else_may_be_in_it_is_first_asked_who_it_was():
    assert told(passes_on(established("other"), "other"))[0] & {"F21", "F23", "F24"}
