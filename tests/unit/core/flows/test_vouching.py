"""Whose "yes, that was me" releases a payment while a thief may be in, and how late does a "no" freeze?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import Player, policy

from streams.contracts.accounts import AccountProfile, CaseAction, CustomerConfirmed, IdentityVerified, UserReport
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.logins import ChallengePassed, CredentialChanged, LoginFailed, LoginSucceeded, SessionUsed
from streams.contracts.payments import PaymentRequested, TransferRequested, WithdrawalRequested
from streams.core.locks.account_states import state_of
from streams.core.outcome import Outcome
from streams.core.steps import Effect

PHONE: dict[str, Any] = {"device_id": "phone", "ip": "203.0.113.7", "country": "CN"}
THIEF: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "US"}
ABROAD: dict[str, Any] = {"device_id": "tablet", "ip": "192.0.2.77", "country": "FR"}
ASSUMED = policy('[locks]\nack = "assumed"\n')


def at_home(player: Player) -> None:
    """Twenty days of logins and payments of 50 euros, on one phone."""
    for day in range(20):
        at_ms = NOON - (40 - day) * DAY
        player.see(login(at_ms, f"home-{day}", LoginSucceeded, asn=100, user_agent="wallet/5.3", **PHONE))
        player.see(paid(at_ms + HOUR, f"home-{day}", 5000, merchant_id="m1", **PHONE))


def came_in(player: Player) -> None:
    """The right password from nowhere, a stolen second factor, and a new password."""
    player.see(login(NOON, "in", LoginSucceeded, asn=999, user_agent="Firefox", **THIEF))
    player.see(login(NOON + MINUTE, "sms", ChallengePassed, reason="sms", **THIEF))
    player.see(login(NOON + 2 * MINUTE, "new", CredentialChanged, reason="password", **THIEF))


def asked(player: Player, at_ms: int, number: int, amount_minor: int = 9000, **where: Any) -> tuple[str, Outcome]:
    """A transfer to somebody new: its id, and what was decided about it."""
    transfer = paid(at_ms, f"t{number}", amount_minor, TransferRequested, counterparty_id=f"payee{number}", **where)
    made = [each for each in player.see(transfer) if type(each) is DecisionMade]
    return transfer.payment_id, Outcome.parse(made[-1].outcome)


def yes(player: Player, at_ms: int, payment_id: str, device_id: str | None) -> list[Effect]:
    said = {"channel": "app", "answer": "yes", "payment_id": payment_id, "device_id": device_id}
    return player.see(event(CustomerConfirmed, at_ms, f"yes-{at_ms}", **said))


def released(effects: list[Effect]) -> bool:
    return any(type(each) is DecisionAmended and each.outcome == "allow" for each in effects)


def test_a_thief_who_says_yes_to_every_part_gets_nothing_and_the_case_stays() -> None:
    player = Player(ASSUMED)
    at_home(player)
    came_in(player)
    for number in range(40):
        at_ms = NOON + 5 * MINUTE + number * 10 * MINUTE
        payment_id, outcome = asked(player, at_ms, number, **THIEF)
        assert outcome >= Outcome.HOLD
        assert not released(yes(player, at_ms + MINUTE, payment_id, "box"))
    assert all(case.finding == "unset" for case in player.obligations["a1"].cases if case.family == "fraud_alert")


def test_who_says_yes_there_is_told_what_to_do() -> None:
    player = Player(ASSUMED)
    at_home(player)
    came_in(player)
    payment_id, _ = asked(player, NOON + HOUR, 1, **THIEF)
    effects = yes(player, NOON + HOUR + MINUTE, payment_id, None)
    assert [each.template for each in effects if type(each) is NotificationRequested] == ["fraud_alert.unvouched"]
    case = [each for each in effects if type(each) is CaseVersion][-1]
    assert "nothing is released" in (case.evidence[-1].text or "")


@settings(max_examples=25, deadline=None)
@given(
    thief_is_in=st.booleans(),
    pays_on=st.sampled_from(["phone", "box", None]),
    says_on=st.sampled_from(["phone", "box", "other", None]),
    proof=st.sampled_from([None, "before", "passed", "passed_then_failed"]),
)
@example(thief_is_in=True, pays_on="box", says_on="box", proof="before")
@example(thief_is_in=True, pays_on="box", says_on="phone", proof=None)
@example(thief_is_in=True, pays_on="box", says_on="box", proof="passed_then_failed")
def test_a_yes_counts_where_a_device_or_a_face_is_older_than_the_doubt(
    thief_is_in: bool, pays_on: str | None, says_on: str | None, proof: str | None
) -> None:
    """The payment is small after a tiny one, so that it is held on any device; only who vouches for it differs."""
    player = Player(ASSUMED)
    at_home(player)
    if proof == "before":
        player.see(identity(NOON - HOUR, passed=True))
    if thief_is_in:
        came_in(player)
    if proof is not None and proof != "before":
        player.see(identity(NOON + 5 * MINUTE, passed=True))
    if proof == "passed_then_failed":
        player.see(identity(NOON + 6 * MINUTE, passed=False))
    where = {**PHONE, "device_id": pays_on}
    asked(player, NOON + 10 * MINUTE, 1, 1, **where)
    payment_id, outcome = asked(player, NOON + 20 * MINUTE, 2, 300_000, **where)
    if outcome is not Outcome.HOLD:
        assert outcome is Outcome.BLOCK  # the payment of a takeover: no answer releases it
        return
    vouched = not thief_is_in or "phone" in (pays_on, says_on) or proof == "passed"
    assert released(yes(player, NOON + 21 * MINUTE, payment_id, says_on)) == vouched


def identity(at_ms: int, *, passed: bool) -> Any:
    checked = {"method": "face_and_document", "level": 3, "actor": "idv", "role": "identity_service"}
    return event(IdentityVerified, at_ms, f"identity-{at_ms}", passed=passed, **checked)


def test_a_yes_after_a_week_without_doubt_counts_again() -> None:
    player = Player(ASSUMED)
    at_home(player)
    came_in(player)
    after = NOON + 8 * DAY
    asked(player, after, 1, 1, **PHONE)
    payment_id, outcome = asked(player, after + 10 * MINUTE, 2, 300_000, **{**PHONE, "device_id": None})
    assert outcome is Outcome.HOLD
    assert released(yes(player, after + 11 * MINUTE, payment_id, None))


def state(player: Player) -> str:
    return state_of(player.obligations["a1"].locks, player.obligations["a1"].holder.closed)


def goes_out(player: Player, parts: int, *, to_new: bool = True, **where: Any) -> int:
    """So much of `parts` transfers of 90 euros, ten minutes apart, is not stopped; minor units."""
    gone = 0
    for number in range(parts):
        at_ms = NOON + 5 * MINUTE + number * 10 * MINUTE
        sent = paid(
            at_ms, f"o{number}", 9000, TransferRequested, counterparty_id=f"m{number if to_new else 0}", **where
        )
        outcome = next(each.outcome for each in player.see(sent) if type(each) is DecisionMade)
        gone += 9000 * (Outcome.parse(outcome) in (Outcome.ALLOW, Outcome.NOTIFY, Outcome.REVIEW))
    return gone


def test_many_parts_without_a_new_password_are_stopped_at_the_second_signal() -> None:
    player = Player(ASSUMED)
    at_home(player)
    player.see(login(NOON, "in", LoginSucceeded, asn=999, user_agent="Firefox", **THIEF))
    player.see(login(NOON + MINUTE, "sms", ChallengePassed, reason="sms", **THIEF))
    assert goes_out(player, 40, **THIEF) <= 7 * 9000
    assert state(player) == "restricted"
    assert [case.flow for case in player.obligations["a1"].cases if case.family == "account_risk"] == ["F21"]


@pytest.mark.parametrize("who", ["on the own phone", "on a new phone at home", "to one person", "in shops abroad"])
def test_who_only_looks_like_it_is_not_restricted(who: str) -> None:
    player = Player(ASSUMED)
    at_home(player)
    where = dict(PHONE)
    if who != "on the own phone":
        where = {**PHONE, "device_id": "phone-2"}
        abroad = {**where, "ip": "198.51.100.9", "country": "US"} if who == "in shops abroad" else where
        player.see(login(NOON, "in", LoginSucceeded, asn=100, user_agent="wallet/5.3", **abroad))
        player.see(login(NOON + MINUTE, "otp", ChallengePassed, reason="otp", **abroad))
        where = abroad
    if who == "in shops abroad":
        for number in range(20):
            player.see(paid(NOON + HOUR + number * MINUTE, f"s{number}", 9000, merchant_id=f"shop{number}", **where))
    else:
        goes_out(player, 6 if who == "on a new phone at home" else 20, to_new=who != "to one person", **where)
    assert state(player) == "active"


def no(player: Player, at_ms: int, payment_id: str) -> list[Effect]:
    said = {"channel": "app", "answer": "no", "payment_id": payment_id}
    return player.see(event(CustomerConfirmed, at_ms, f"no-{at_ms}", **said))


@pytest.mark.parametrize(
    ("late_ms", "then"), [(0, "frozen"), (25 * MINUTE, "frozen"), (6 * DAY, "frozen"), (8 * DAY, "active")]
)
def test_a_no_stays_true_however_late_it_is_heard(late_ms: int, then: str) -> None:
    player = Player(ASSUMED)
    at_home(player)
    payment_id = paid(NOON, "mine", 5000, PaymentRequested, merchant_id="m1", **PHONE)
    player.see(payment_id)
    player.pass_until(NOON + MINUTE + late_ms)
    effects = no(player, NOON + MINUTE, payment_id.payment_id)
    assert state(player) == then
    case = [each for each in effects if type(each) is CaseVersion][-1]
    assert case.priority == "P1"
    assert ("not_frozen" in {line.kind for line in case.evidence}) == (then != "frozen")


@settings(max_examples=15, deadline=None)
@given(said=st.integers(0, 20), heard=st.integers(0, 20), unfrozen=st.integers(6, 14))
def test_a_no_from_before_the_account_was_given_back_freezes_it_no_more(said: int, heard: int, unfrozen: int) -> None:
    """Minutes: two people lift the freeze in between; when the answer is delivered decides nothing."""
    player = Player(ASSUMED)
    at_home(player)
    player.see(paid(NOON - HOUR, "mine", 5000, PaymentRequested, merchant_id="m1", **PHONE))
    steps: list[tuple[int, str]] = [(unfrozen, "lift"), (max(said, heard), "no")]
    player.see(event(UserReport, NOON, "stolen", channel="phone", kind="stolen"))
    player.see(identity(NOON + MINUTE, passed=True))
    for minute, what in sorted(steps):
        player.pass_until(NOON + minute * MINUTE)
        if what == "no":
            no(player, NOON + said * MINUTE, "pmine")
            continue
        case = next(each for each in player.obligations["a1"].cases if each.family == "takeover")
        action = {"action": "unlock", "role": "supervisor", "actor": "sam", "second_actor": "bob"}
        given_back = {"case_id": case.case_id, "expected_version": case.version}
        player.see(event(CaseAction, NOON + minute * MINUTE, "lift", **action, **given_back))
    assert state(player) == ("frozen" if said > unfrozen else "recovering")


@pytest.mark.parametrize(("after_ms", "then"), [(HOUR, "frozen"), (6 * DAY, "frozen"), (8 * DAY, "active")])
def test_what_was_reported_while_the_account_was_closed_is_done_when_it_opens(after_ms: int, then: str) -> None:
    player = Player(ASSUMED)
    at_home(player)
    player.see(event(AccountProfile, NOON, "closed", language="en", closed_at=from_ms(NOON)))
    player.see(event(UserReport, NOON + MINUTE, "stolen", channel="phone", kind="stolen"))
    assert state(player) == "closed"
    player.see(event(AccountProfile, NOON + after_ms, "open", language="en"))
    assert state(player) == then


def test_what_people_decided_while_it_was_closed_stands() -> None:
    player = Player(ASSUMED)
    at_home(player)
    player.see(event(AccountProfile, NOON, "closed", language="en", closed_at=from_ms(NOON)))
    player.see(event(UserReport, NOON + MINUTE, "stolen", channel="phone", kind="stolen"))
    (case,) = player.obligations["a1"].cases
    action = {"action": "resolve", "role": "analyst", "actor": "ana", "expected_version": case.version}
    player.see(event(CaseAction, NOON + 2 * MINUTE, "done", case_id=case.case_id, **action))
    player.see(event(AccountProfile, NOON + HOUR, "open", language="en"))
    assert state(player) == "active"


@pytest.mark.parametrize(("answers_from", "is_released"), [(None, False), (THIEF["ip"], True)])
def test_the_device_of_a_copied_session_vouches_for_nothing(answers_from: str | None, is_released: bool) -> None:
    """Cookies are stolen with the id of their device; who gives the second factor where it is used is the owner."""
    player = Player(ASSUMED)
    at_home(player)
    copied = {**THIEF, "device_id": PHONE["device_id"]}
    about = {"asn": 999, "user_agent": "Firefox", "session_id": "s"}
    used = player.see(login(NOON, "session", SessionUsed, **about, **copied))
    assert [each.outcome for each in used if type(each) is DecisionMade] == ["step_up"]
    if answers_from is not None:
        player.see(login(NOON + MINUTE, "sms", ChallengePassed, reason="sms", **{**copied, "ip": answers_from}))
    payment_id, outcome = asked(player, NOON + 2 * MINUTE, 1, 25_000, **copied)
    assert outcome >= Outcome.STEP_UP
    assert released(yes(player, NOON + 3 * MINUTE, payment_id, PHONE["device_id"])) is is_released


def found(player: Player, at_ms: int, family: str, action: str = "confirm_legit") -> list[Effect]:
    """An analyst's word on the newest case of this family."""
    case = [each for each in player.obligations["a1"].cases if each.family == family][-1]
    said = {"case_id": case.case_id, "expected_version": case.version, "role": "analyst", "actor": "ana"}
    return player.see(event(CaseAction, at_ms, f"{action}-{at_ms}", action=action, **said))


def rent(player: Player, at_ms: int, **where: Any) -> Outcome:
    sent = paid(at_ms, f"rent-{at_ms}", 30_000, TransferRequested, counterparty_id="landlord", **where)
    return next(Outcome.parse(each.outcome) for each in player.see(sent) if type(each) is DecisionMade)


def test_a_takeover_that_was_none_locks_the_owner_once_and_the_next_one_again() -> None:
    """A new phone, its second factor, a new password and the first rent look like one."""
    player = Player(ASSUMED)
    at_home(player)
    new = PHONE | {"device_id": "phone-2"}
    player.see(login(NOON, "in", LoginSucceeded, **new))
    player.see(login(NOON + MINUTE, "otp", ChallengePassed, reason="otp", **new))
    player.see(login(NOON + HOUR, "new", CredentialChanged, reason="password", **new))
    assert (rent(player, NOON + 2 * HOUR, **new), state(player)) == (Outcome.BLOCK, "restricted")
    found(player, NOON + 3 * HOUR, "takeover")
    assert rent(player, NOON + 4 * HOUR, **new) < Outcome.HOLD
    assert state(player) == "active"
    assert all("takeover/" not in hit.rule for hit in player.prepared.hits)
    player.see(login(NOON + 5 * HOUR, "thief", LoginSucceeded, asn=999, user_agent="Firefox", **THIEF))
    player.see(login(NOON + 5 * HOUR + MINUTE, "newer", CredentialChanged, reason="password", **THIEF))
    assert (rent(player, NOON + 6 * HOUR, **THIEF), state(player)) == (Outcome.BLOCK, "restricted")


def test_a_risky_account_that_was_none_is_doubted_no_more_for_what_was_before() -> None:
    player = Player(ASSUMED)
    at_home(player)
    player.see(login(NOON, "in", LoginSucceeded, asn=999, user_agent="Firefox", **THIEF))
    sent = paid(NOON + HOUR, "w1", 90_000, WithdrawalRequested, card_token="card", **THIEF)
    assert [each.outcome for each in player.see(sent) if type(each) is DecisionMade] == ["hold"]
    assert state(player) == "restricted"
    found(player, NOON + 2 * HOUR, "account_risk")
    further = THIEF | {"country": "BR", "device_id": "box-2"}
    again = paid(NOON + 3 * HOUR, "w2", 300_000, WithdrawalRequested, card_token="card", **further)
    assert [each.outcome for each in player.see(again) if type(each) is DecisionMade] == ["review"]
    assert len({hit.rule for hit in player.prepared.hits}) > 1, "two signals once more"
    assert state(player) == "active"


def travelling(player: Player) -> None:
    """The owner abroad, on a new device, whose factor comes late: a withdrawal is held, and the case is F21."""
    at_home(player)
    player.see(login(NOON, "abroad", LoginSucceeded, asn=5, user_agent="Firefox", **ABROAD))
    player.see(paid(NOON + MINUTE, "abroad", 90_000, WithdrawalRequested, card_token="own", **ABROAD))
    assert (state(player), player.obligations["a1"].cases[-1].flow) == ("restricted", "F21")


@pytest.mark.parametrize("answers", [True, False], ids=["with a stolen second factor", "without one"])
@pytest.mark.parametrize("ended", [False, True], ids=["on an open case", "on one that ended days ago"])
def test_who_comes_in_after_what_a_case_tells_of_is_doubted_after_the_word_on_it(ended: bool, answers: bool) -> None:
    """A thief comes while the case of yesterday is still to be read, or long after it has ended."""
    player = Player(ASSUMED)
    travelling(player)
    told_ms, thief_ms = NOON + MINUTE, NOON + 20 * HOUR
    if ended:
        found(player, NOON + HOUR, "account_risk", "resolve")
        thief_ms = NOON + 8 * DAY
    player.see(login(thief_ms, "in", LoginSucceeded, asn=999, user_agent="Firefox", **THIEF))
    if answers:
        player.see(login(thief_ms + MINUTE, "sms", ChallengePassed, reason="sms", **THIEF))
    player.see(login(thief_ms + 2 * MINUTE, "new", CredentialChanged, reason="password", **THIEF))
    found(player, thief_ms + 10 * MINUTE, "account_risk")
    assert player.obligations["a1"].legit_ms == told_ms
    for part in range(3):
        _, outcome = asked(player, thief_ms + (15 + part) * MINUTE, part, 18_000, **THIEF)
        assert outcome >= Outcome.HOLD
    assert state(player) == "restricted"


@pytest.mark.parametrize("who", ["a thief", "the owner"])
def test_while_somebody_else_is_in_a_change_that_was_the_owners_stays_a_sign(who: str) -> None:
    """A thief who only comes in, after all that the case tells of; the owner abroad is asked again, too."""
    player = Player(ASSUMED)
    at_home(player)
    player.see(login(NOON, "in", LoginSucceeded, asn=5, user_agent="Firefox", **ABROAD))
    player.see(login(NOON + HOUR, "new", CredentialChanged, reason="password", **ABROAD))
    where = THIEF if who == "a thief" else ABROAD
    asked_again = player.see(login(NOON + 3 * HOUR, "later", LoginSucceeded, asn=9, user_agent="Firefox", **where))
    assert [each.outcome for each in asked_again if type(each) is DecisionMade] == ["step_up"]
    found(player, NOON + 4 * HOUR, "takeover")
    _, outcome = asked(player, NOON + 5 * HOUR, 1, 18_000, **where)
    assert any(hit.rule.startswith("takeover/") for hit in player.prepared.hits) is (who == "a thief")
    assert (outcome >= Outcome.HOLD) is (who == "a thief")


@pytest.mark.parametrize("word", ["a check", "an analyst's"])
@pytest.mark.parametrize("late_ms", [0, 5 * MINUTE], ids=["in order", "delivered after it"])
def test_a_change_is_covered_by_the_word_that_is_newer_whichever_is_heard_first(late_ms: int, word: str) -> None:
    player = Player(ASSUMED)
    at_home(player)
    new = PHONE | {"device_id": "phone-2"}
    player.see(login(NOON, "in", LoginSucceeded, **new))
    player.see(login(NOON + MINUTE, "otp", ChallengePassed, reason="otp", **new))
    changed = login(NOON + HOUR, "new", CredentialChanged, reason="password", **new)
    if not late_ms:
        player.see(changed)
    if word == "a check":
        player.see(identity(NOON + HOUR + 2 * MINUTE, passed=True))
    else:
        player.see(login(NOON + HOUR + MINUTE, "mail", CredentialChanged, reason="email", **new))
        found(player, NOON + HOUR + 2 * MINUTE, "takeover")
    if late_ms:
        player.pass_until(NOON + HOUR + late_ms)
        player.see(changed)
    was = state(player)
    assert was == ("recovering" if word == "a check" else "active")  # a check lifts no lower limits
    assert rent(player, NOON + 2 * HOUR, **new) < Outcome.HOLD
    assert state(player) == was
    player.see(login(NOON + 3 * HOUR, "newer", CredentialChanged, reason="phone", **new))
    assert rent(player, NOON + 4 * HOUR, **new) == Outcome.BLOCK, "a change after the word"


@pytest.mark.parametrize("why", ["about something else", "under a freeze"])
def test_one_person_ends_no_doubt_by_a_case_about_something_else_nor_under_a_freeze(why: str) -> None:
    player = Player(ASSUMED)
    at_home(player)
    came_in(player)
    if why == "under a freeze":
        player.see(event(UserReport, NOON + 3 * MINUTE, "stolen", channel="phone", kind="stolen"))
        found(player, NOON + HOUR, "takeover")
    else:
        for number in range(12):
            player.see(login(NOON + 3 * MINUTE + number * 1000, f"f{number}", LoginFailed, **PHONE))
        found(player, NOON + HOUR, "ladder")
    assert player.obligations["a1"].legit_ms == 0
    assert rent(player, NOON + 2 * HOUR, **THIEF) == Outcome.BLOCK
    assert any(hit.rule.startswith("takeover/") for hit in player.prepared.hits)
