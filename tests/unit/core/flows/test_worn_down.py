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


NEW = {"device_id": "new-phone", "ip": "198.51.100.44", "country": "US"}


def bombed_owner(factor: str) -> tuple[Player, list[Effect]]:
    """A stranger without a password prompts from ever new devices; the owner signs in on a new phone elsewhere."""
    player, effects = settled(), []
    for number in range(6):
        box = BOX | {"device_id": f"box-{number}", "ip": f"192.0.2.{number}"}
        sent = login(NOON + number * MINUTE, f"sent{number}", ChallengeSent, reason="push", **box)
        effects += player.see(sent)
    player.see(login(NOON + 7 * MINUTE, "new", LoginSucceeded, **NEW))
    player.see(login(NOON + 7 * MINUTE + SECOND, "asked", ChallengeSent, reason=factor, **NEW))
    return player, effects + player.see(login(NOON + 8 * MINUTE, "mine", ChallengePassed, reason=factor, **NEW))


def pays(player: Player, where: dict[str, str], after_min: int = 9) -> str:
    asked = paid(NOON + after_min * MINUTE, f"own{after_min}", 3_000, TransferRequested, counterparty_id="mom", **where)
    return next(each.outcome for each in player.see(asked) if isinstance(each, DecisionMade))


@pytest.mark.parametrize("factor", ["sms", "totp"])
def test_an_owner_who_is_nagged_pays_on_a_new_phone_with_a_code(factor):
    player, effects = bombed_owner(factor)
    assert _TOLD not in told(effects)
    assert pays(player, NEW) in ("allow", "notify")


def test_or_is_told_with_the_approval_that_a_code_is_wanted():
    player, effects = bombed_owner("push")
    texts = {each.template: each.en for each in effects if isinstance(each, NotificationRequested)}
    assert "sign in with a code (SMS or authenticator) instead" in texts[_TOLD]
    assert pays(player, NEW) in ("step_up", "block")
    player.see(login(NOON + 10 * MINUTE, "code", ChallengePassed, reason="sms", **NEW))
    assert pays(player, NEW, 11) in ("allow", "notify")


def test_a_stranger_who_nags_from_a_new_device_each_time_has_no_approval_that_counts():
    player = settled()
    for number in range(7):
        box = BOX | {"device_id": f"box-{number}", "ip": f"192.0.2.{number}"}
        player.see(login(NOON + number * MINUTE, f"in{number}", LoginSucceeded, **box))
        player.see(login(NOON + number * MINUTE + 1, f"s{number}", ChallengeSent, reason="push", **box))
    player.see(login(NOON + 6 * MINUTE + SECOND, "worn", ChallengePassed, reason="push", **box))
    assert pays(player, box) in ("step_up", "block")


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
