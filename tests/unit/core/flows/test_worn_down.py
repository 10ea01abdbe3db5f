"""What is an approval worth that came after one prompt too many: to the account, its money, its cases, its owner?"""

from __future__ import annotations

import msgspec
import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login, paid
from support.play import PHONE, Player, settled

from streams.contracts.accounts import CustomerConfirmed
from streams.contracts.actions import ActionRequested
from streams.contracts.base import Event
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengeFailed, ChallengePassed, ChallengeSent, LoginSucceeded
from streams.contracts.payments import TransferRequested
from streams.core.steps import Effect

BOX = {"device_id": "box", "ip": "192.0.2.9", "country": "RU"}
_TOLD = "fraud_alert.approved"


def prompted(player: Player, prompts: int = 7) -> list[Effect]:
    """Prompts a minute apart, of which the last one is approved; what comes of that."""
    for number in range(1, prompts + 1):
        player.see(login(NOON + number * MINUTE, f"sent{number}", ChallengeSent, reason="push", **BOX))
    return player.see(login(NOON + prompts * MINUTE + SECOND, "yes", ChallengePassed, reason="push", **BOX))


def worn_down(player: Player) -> list[Effect]:
    """A thief who has the password; what comes of the approval."""
    player.see(login(NOON, "thief", LoginSucceeded, **BOX))
    return prompted(player)


def answer(said: str, case: CaseVersion) -> Event:
    known = {"channel": "app", "device_id": "phone"}
    return event(CustomerConfirmed, NOON + HOUR, said, answer=said, case_id=case.case_id, **known)


def actions(effects: list[Effect]) -> list[str]:
    return [each.action for each in effects if isinstance(each, ActionRequested)]


def is_known(player: Player) -> bool:
    """Whether the account knows where its newest event came from."""
    assert player.prepared.features is not None
    return player.prepared.features.login_known == 1.0


def transfers(player: Player) -> list[str]:
    found = []
    for number, payee in enumerate(("mule1", "mule1", "mule2", "mule3")):
        at_ms = NOON + 10 * MINUTE + number * MINUTE
        pays = {"counterparty_id": payee, "method": "wallet_balance"}
        effects = player.see(paid(at_ms, f"m{number}", 9_000, TransferRequested, **pays, **BOX))
        found += [each.outcome for each in effects if isinstance(each, DecisionMade)]
    return found


def told(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if isinstance(each, NotificationRequested)]


def case_of(effects: list[Effect], flow: str) -> CaseVersion:
    return [each for each in effects if isinstance(each, CaseVersion) and each.flow == flow][-1]


def test_a_thief_pays_no_better_for_a_prompt_that_was_approved_after_too_many():
    ignored, approved = settled(), settled()
    ignored.see(login(NOON, "thief", LoginSucceeded, **BOX))
    worn_down(approved)
    assert "allow" not in transfers(ignored)
    assert "allow" not in transfers(approved)


def test_the_device_stays_unknown_and_the_next_login_is_asked_as_the_first_one_was():
    player = settled()
    worn_down(player)
    (decision,) = [
        each
        for each in player.see(login(NOON + 2 * HOUR, "again", LoginSucceeded, **BOX))
        if isinstance(each, DecisionMade)
    ]
    assert decision.outcome == "step_up"
    assert not is_known(player)


def test_the_login_score_learns_nothing_from_it():
    player = settled()
    player.see(login(NOON, "thief", LoginSucceeded, **BOX))
    history = player.observations["a1"].login_history
    assert history is not None
    before = msgspec.msgpack.encode(history)
    prompted(player)
    assert msgspec.msgpack.encode(history) == before


def test_the_owner_is_warned_and_asked_and_another_factor_is_wanted():
    effects = worn_down(settled())
    (decision,) = [each for each in effects if isinstance(each, DecisionMade)]
    assert (decision.outcome, [each.code for each in decision.reasons][:1]) == ("step_up", ["R19"])
    assert told(effects) == [_TOLD]
    case = case_of(effects, "F24")
    assert {line.kind for line in case.evidence} >= {"login.succeeded", "challenge.passed"}


def test_a_no_freezes_as_about_a_doubted_login():
    player = settled()
    case = case_of(worn_down(player), "F24")
    assert "freeze" in actions(player.see(answer("no", case)))


def test_a_no_freezes_although_the_login_itself_was_stopped():
    player = settled()
    player.see(login(NOON, "thief", LoginSucceeded, **BOX))
    player.obligations["a1"].trail[-1].stopped = True
    case = case_of(prompted(player), "F24")
    assert "freeze" in actions(player.see(answer("no", case)))


def test_a_yes_from_the_own_phone_makes_the_new_device_the_owners():
    player = settled()
    case = case_of(worn_down(player), "F24")
    player.see(answer("yes", case))
    player.see(login(NOON + DAY, "again", LoginSucceeded, **BOX))
    assert is_known(player)


def test_another_factor_from_there_counts_as_ever():
    player = settled()
    worn_down(player)
    player.see(login(NOON + 9 * MINUTE, "code", ChallengePassed, reason="sms", **BOX))
    assert transfers(player)[0] == "allow"


def test_an_approval_does_not_end_the_case_of_failed_codes_and_nobody_is_asked_to_rate_it():
    player = settled()
    for number in range(4):
        player.see(login(NOON - (10 - number) * MINUTE, f"code{number}", ChallengeFailed, reason="sms", **BOX))
    worn_down(player)
    (codes,) = [case for case in player.obligations["a1"].cases if case.flow == "F08"]
    assert codes.is_open
    assert "case.survey" not in told(player.pass_until(NOON + 4 * DAY))


@pytest.mark.parametrize("answer", [ChallengeFailed, ChallengePassed])
def test_who_answers_a_prompt_too_many_is_warned_and_not_sent_to_other_factors(answer):
    player, heard = settled(), []
    for number in range(5):
        heard += told(player.see(login(NOON + number * MINUTE, f"s{number}", ChallengeSent, reason="push", **BOX)))
        kind = answer if number == 4 else ChallengeFailed
        heard += told(player.see(login(NOON + number * MINUTE + SECOND, f"a{number}", kind, reason="push", **BOX)))
    assert "verification.other_factor" not in heard
    assert heard[0] == "fraud_alert.prompts"
    assert (_TOLD in heard) == (answer is ChallengePassed)


def test_prompts_on_a_known_device_count_however_many_there_were():
    player = settled()
    for number in range(5):
        player.see(login(NOON + number * MINUTE, f"s{number}", ChallengeSent, reason="push", **PHONE))
    effects = player.see(login(NOON + 6 * MINUTE, "yes", ChallengePassed, reason="push", **PHONE))
    assert told(effects) == []
    assert player.observations["a1"].proved_ms == NOON + 6 * MINUTE
