from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import NO_MODEL, Player, play, policy

from streams.contracts.accounts import CustomerConfirmed, UserReport
from streams.contracts.base import Event
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.logins import ChallengePassed, CredentialChanged, DeviceBound, LoginSucceeded
from streams.contracts.payments import CardBound, PaymentSucceeded, TransferFailed, TransferRequested, TransferSucceeded
from streams.core.cases.review import LOSS, at_stake_minor
from streams.core.flows.trail import DONE_LOSS, SUSPECT_PAYMENTS
from streams.core.obligations import TRAIL_BYTES, Obligations, crowded
from streams.core.observations import known_since_ms
from streams.core.outcome import Outcome
from streams.core.score import Score

HOME: dict[str, Any] = {"ip": "198.51.100.4", "device_id": "phone"}
THIEF: dict[str, Any] = {"ip": "203.0.113.9", "device_id": "box"}
ASSUMED = policy('[locks]\nack = "assumed"\n')


def at_home() -> list[Event]:
    return [event(LoginSucceeded, NOON - (9 - day) * DAY, day, **HOME) for day in range(8)]


def entered(at_ms: int = NOON, number: int = 100) -> Event:
    return event(LoginSucceeded, at_ms, number, **THIEF)


def stolen(at_ms: int) -> Event:
    return event(UserReport, at_ms, "stolen", channel="phone", language="en", kind="stolen")


def last_case(*events: Event) -> CaseVersion:
    order = sorted([*at_home(), *events], key=lambda each: each.occurred_at)
    versions = [each for each in play(order, ASSUMED) if type(each) is CaseVersion]
    return next(each for each in reversed(versions) if each.merged_into is None)


def lines(case: CaseVersion) -> list[str]:
    return [line.event_id for line in case.evidence]


def test_a_report_of_theft_lists_what_happened_since_the_first_suspicious_login() -> None:
    before = paid(NOON - HOUR, "own", device_id="phone")
    small = [paid(NOON + number * HOUR, number, device_id="box") for number in (1, 2)]
    bound = login(NOON + MINUTE, "bound", DeviceBound, **THIEF)
    case = last_case(before, entered(), bound, *small, stolen(NOON + 2 * DAY))
    assert lines(case) == [
        "LoginSucceeded-100",
        "DeviceBound-bound",
        "PaymentSucceeded-1",
        "PaymentSucceeded-2",
        "UserReport-stolen",
    ]
    assert case.counters[SUSPECT_PAYMENTS] == 2


def test_what_is_older_than_the_policy_says_is_nobodys_suspicion() -> None:
    case = last_case(entered(), paid(NOON + HOUR, 1, device_id="box"), stolen(NOON + 8 * DAY))
    assert lines(case) == ["UserReport-stolen"]


def test_an_owner_at_home_leaves_no_trail() -> None:
    case = last_case(paid(NOON, 1, device_id="phone"), stolen(NOON + HOUR))
    assert lines(case) == ["UserReport-stolen"]


def test_who_denies_a_payment_gets_the_same_list() -> None:
    denied = event(CustomerConfirmed, NOON + DAY, 1, answer="no", payment_id="p7", channel="app", language="en")
    assert "LoginSucceeded-100" in lines(last_case(entered(), paid(NOON + HOUR, 7, device_id="box"), denied))


def test_a_flood_of_payments_loses_neither_the_login_nor_the_count() -> None:
    many = [paid(NOON + number * MINUTE, "x" * 100 + str(number), device_id="box") for number in range(1, 60)]
    case = last_case(entered(), *many, stolen(NOON + DAY))
    assert lines(case)[0] == "LoginSucceeded-100"
    assert case.counters[SUSPECT_PAYMENTS] == 59


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["login", "card", "change", "pay"]), st.integers(1, 128)), max_size=40))
def test_it_stays_within_its_bytes(moves: list[tuple[str, int]]) -> None:
    player = Player(ASSUMED)
    for happening in at_home():
        player.see(happening)
    for number, (move, length) in enumerate(moves):
        at_ms, name = NOON + number * MINUTE, f"{number}".rjust(length, "x")[:100]
        made: dict[str, Event] = {
            "login": event(LoginSucceeded, at_ms, name, **THIEF),
            "card": event(CardBound, at_ms, name, card_token="t"),
            "change": login(at_ms, name, CredentialChanged, reason="phone", **THIEF),
            "pay": paid(at_ms, name, kind=PaymentSucceeded),
        }
        player.see(made[move])
        owed: Obligations = player.obligations["a1"]
        assert not crowded(owed.trail, 16, TRAIL_BYTES)
    player.stored()


def told(*events: Event) -> list[str]:
    effects = play([*at_home(), *events], ASSUMED)
    return [each.template for each in effects if type(each) is NotificationRequested]


def changed(at_ms: int, reason: str = "phone", **where: Any) -> Event:
    return login(at_ms, reason, CredentialChanged, reason=reason, **where)


def test_the_owner_hears_of_every_change() -> None:
    effects = play([*at_home(), changed(NOON, **HOME)], ASSUMED)
    (note,) = [each for each in effects if type(each) is NotificationRequested]
    assert note.template == "security_change.at_home_limited"
    assert note.parameters["setting"] == "setting.phone"
    assert "phone number" in note.en.lower()


def test_words_of_others_reach_no_message() -> None:
    effects = play([*at_home(), changed(NOON, "call +1 555 now", **HOME)], ASSUMED)
    (note,) = [each for each in effects if type(each) is NotificationRequested]
    assert note.parameters == {"setting": "setting.settings"}


def test_one_change_by_a_stranger_closes_after_a_quiet_day_and_a_second_one_is_urgent() -> None:
    quiet = last_case(entered(), changed(NOON + MINUTE, **THIEF))
    assert (quiet.flow, quiet.priority, quiet.status) == ("F28", "P3", "auto_answered")
    pattern = last_case(entered(), changed(NOON + MINUTE, **THIEF), changed(NOON + HOUR, "password", **THIEF))
    assert (pattern.case_id, pattern.priority, pattern.status) == (quiet.case_id, "P1", "classified")


def test_a_card_counts_within_a_day_of_a_suspicious_login_only() -> None:
    card = event(CardBound, NOON + 2 * HOUR, 1, card_token="t")
    assert told(card) == ["card_change"]
    assert told(entered(), card) == ["security_change.limited"]
    assert told(entered(NOON - DAY), card) == ["card_change"]


def test_a_theft_makes_the_case_about_settings_the_case_of_the_takeover() -> None:
    change = last_case(entered(), changed(NOON + MINUTE, **THIEF))
    theft = last_case(entered(), changed(NOON + MINUTE, **THIEF), stolen(NOON + HOUR))
    assert (theft.case_id, theft.case_type, theft.flow, theft.priority) == (
        change.case_id,
        "account_takeover",
        "F23",
        "P1",
    )
    assert theft.status == "classified"


def test_a_transfer_makes_it_too_and_is_what_the_case_is_about() -> None:
    far = paid(NOON + HOUR, "t", 990_000, TransferRequested, counterparty_id="mule", device_id="box")
    history = [paid(NOON - day * DAY, f"h{day}", device_id="phone") for day in range(8, 0, -1)]
    case = last_case(*history, entered(), changed(NOON + MINUTE, **THIEF), far)
    assert (case.flow, case.entities.payment_id, case.entities.device_id) == ("F23", "pt", "box")
    assert (case.amount_minor, case.currency) == (990_000, "EUR")
    assert case.status == "classified"


def waits(days: int) -> tuple[Player, CaseVersion]:
    """A thief is asked for a second factor, has it, waits so many days, and takes money in three parts."""
    player = Player(ASSUMED)
    where = {**THIEF, "country": "US"}
    for day in range(20):
        player.see(event(LoginSucceeded, NOON - (40 - day) * DAY, f"h{day}", country="CN", **HOME))
    player.see(event(LoginSucceeded, NOON, 100, **where))
    player.see(event(ChallengePassed, NOON + MINUTE, 100, reason="sms", **where))
    later = NOON + days * DAY
    for number in range(3):
        player.see(paid(later + number * HOUR, number, 15_000, TransferRequested, device_id="box", counterparty_id="m"))
    versions = [each for each in player.see(stolen(later + DAY)) if type(each) is CaseVersion]
    return player, versions[-1]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 28))
def test_a_thief_who_waits_is_on_the_case_and_no_known_device_afterwards(days: int) -> None:
    player, case = waits(days)
    assert lines(case)[0] == "LoginSucceeded-100"
    assert case.counters[SUSPECT_PAYMENTS] == 3
    assert known_since_ms(player.observations["a1"], "box") == 0
    assert known_since_ms(player.observations["a1"], "phone") > 0


def test_what_was_doubted_a_month_ago_is_over() -> None:
    assert "LoginSucceeded-100" not in lines(waits(31)[1])


def test_an_old_suspicion_does_not_hide_a_new_one() -> None:
    """A new phone, and six days later another one: the trail goes on with that when the first is forgotten."""
    again = event(LoginSucceeded, NOON + 6 * DAY, 200, ip="192.0.2.77", device_id="box-2")
    spent = [paid(NOON + day * DAY + HOUR, day, device_id="box") for day in (0, 6)]
    case = last_case(entered(), again, *spent, stolen(NOON + 8 * DAY))
    assert lines(case) == ["LoginSucceeded-200", "PaymentSucceeded-6", "UserReport-stolen"]


def emptied(*amounts: int, answered: int) -> CaseVersion:
    """The payments of a takeover, of which the payment system carries `answered` out although they were blocked."""
    before = [paid(NOON - day * DAY, f"b{day}", 5_000, device_id="phone", merchant_id="m") for day in range(1, 9)]
    events = [*before, entered(), changed(NOON + MINUTE, "password", **THIEF)]
    for number, amount in enumerate(amounts):
        at_ms, about = NOON + HOUR + number * MINUTE, {"device_id": "box", "counterparty_id": f"mule{number}"}
        events.append(paid(at_ms, number, amount, TransferRequested, **about))
        if number < answered:
            events += [paid(at_ms + step, f"{number}", amount, TransferSucceeded, **about) for step in (1_000,)]
    return last_case(*events)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(20_000, 90_000), min_size=1, max_size=24), st.data())
def test_what_leaves_although_it_was_blocked_is_lost(amounts: list[int], data: st.DataObject) -> None:
    answered = data.draw(st.integers(0, len(amounts)))
    case, costs = emptied(*amounts, answered=answered), ASSUMED.model.costs
    each = [at_stake_minor(1.0, Outcome.ALLOW, amount, "EUR", ASSUMED, NOON) for amount in amounts[:answered]]
    assert (case.case_type, case.counters[LOSS]) == ("account_takeover", max(sum(each), costs.takeover_minor["USD"]))
    assert case.counters.get(DONE_LOSS, 0) == sum(each)


def test_a_thief_found_later_has_taken_what_left_although_it_was_blocked() -> None:
    """The trail remembers it for a report that comes afterwards; a failure is no loss, and nothing counts twice."""
    strict = policy('[locks]\nack = "assumed"\n', "[model.payment]\nblock = 0.99\n")
    player = Player(strict, lambda prepared: Score(0.999, "m") if prepared.subject == "transfer" else NO_MODEL)
    for happening in [*at_home(), entered()]:
        player.see(happening)
    for number, kind in enumerate((TransferSucceeded, TransferFailed, TransferSucceeded)):
        for step in (TransferRequested, kind, kind):
            player.see(paid(NOON + HOUR, number, 90_000 + number, step, device_id="box", event_id=f"{number}{step}"))
    case = [each for each in player.see(stolen(NOON + DAY)) if type(each) is CaseVersion and not each.merged_into][-1]
    each = [at_stake_minor(1.0, Outcome.ALLOW, amount, "EUR", ASSUMED, NOON) for amount in (90_000, 90_002)]
    assert case.counters[LOSS] == sum(each)


def says(at_ms: int, answer: str, case_id: str, **where: Any) -> Event:
    channel = "phone" if answer == "no" else "app"
    return event(CustomerConfirmed, at_ms, answer, answer=answer, case_id=case_id, channel=channel, **where)


def held_and_confirmed(player: Player) -> None:
    """The stolen phone asks for a payment that is held, and says yes to it."""
    player.see(paid(NOON + HOUR, "large", 60_000, TransferRequested, counterparty_id="mule", **HOME))
    alert = next(case for case in player.obligations["a1"].cases if case.payment_id == "plarge")
    player.see(says(NOON + HOUR + MINUTE, "yes", alert.case_id, device_id="phone"))
    assert alert.finding == "false_alarm"
    player.see(paid(NOON + HOUR + 2 * MINUTE, "large", 60_000, TransferSucceeded, counterparty_id="mule", **HOME))


def taken_at_home() -> Player:
    player = Player(ASSUMED, lambda prepared: Score(0.9, "m") if prepared.at_ms == NOON + HOUR else NO_MODEL)
    player.see(paid(NOON - 10 * DAY, "own", **HOME))
    for happening in at_home():
        player.see(happening)
    player.see(changed(NOON, "phone", **HOME))
    held_and_confirmed(player)
    player.see(paid(NOON + 2 * HOUR, "small", 9_000, TransferSucceeded, counterparty_id="mule", **HOME))
    return player


def test_who_denies_a_change_at_home_has_all_since_then_in_one_case() -> None:
    player = taken_at_home()
    owed = player.obligations["a1"]
    assert owed.trail == []
    change, alert = owed.cases
    player.see(says(NOON + 3 * HOUR, "no", change.case_id))
    assert (change.flow, change.priority) == ("F23", 1)
    assert change.counters[SUSPECT_PAYMENTS] == 2
    moved = [line.event_id for line in change.lines if line.kind.startswith("transfer.")]
    assert moved == ["TransferRequested-large", "TransferSucceeded-small"]
    assert change.counters[LOSS] >= 690_00
    assert (alert.finding, alert.parent_id) == ("unset", change.case_id)
    assert (alert.status, alert.resolution) == ("closed", "passed_on")
    later = player.pass_until(NOON + 3 * DAY)
    assert all(each.template != "case.survey" for each in later if type(each) is NotificationRequested)
    player.stored()


def test_a_report_of_theft_takes_the_changes_at_home_into_its_case() -> None:
    player = taken_at_home()
    change, alert = player.obligations["a1"].cases
    player.see(stolen(NOON + 3 * HOUR))
    player.see(changed(NOON + 4 * HOUR, "email", **HOME))
    assert player.obligations["a1"].cases == [change, alert]
    assert (change.flow, change.counters[SUSPECT_PAYMENTS]) == ("F23", 2)
    assert "email changed" in change.lines[-1].text


def test_the_owners_own_change_is_no_doubt_when_somebody_else_came_in_later() -> None:
    own = changed(NOON - 2 * HOUR, "password", **HOME)
    case = last_case(own, paid(NOON - HOUR, "own", **HOME), entered(), paid(NOON + HOUR, 1), stolen(NOON + DAY))
    assert lines(case)[:3] == ["LoginSucceeded-100", "PaymentSucceeded-1", "UserReport-stolen"]
    assert [line.kind for line in case.evidence[3:]] == ["case.merged"], "what asked about the payment goes on here"


def test_a_postcard_about_a_change_at_home_lists_nothing() -> None:
    player = taken_at_home()
    change, alert = player.obligations["a1"].cases
    player.see(event(CustomerConfirmed, NOON + DAY, "no", answer="no", case_id=change.case_id, channel="email"))
    assert SUSPECT_PAYMENTS not in change.counters
    assert alert.finding == "false_alarm"
