"""Does the snapshot of a case go 90 days after it ended, and only then, whoever owns it?"""

from __future__ import annotations

from typing import Any

from support.entities import Entity, login
from support.entities import policy as entities_policy
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.agents.publish import publish
from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Watermark, to_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import TransferFailed, TransferRequested
from streams.core.cases.shelf import ENDED_MAX, Ended, SnapshotDropped, shelve


def mark(at_ms: int) -> Any:
    return event(Watermark, at_ms, at_ms, account_id="-")


def dropped(effects: list[Any]) -> list[tuple[str, int]]:
    return [(each.case_id, to_ms(each.occurred_at)) for each in effects if isinstance(each, SnapshotDropped)]


CLOSES_MS = 8 * DAY  # after it was resolved: the survey a day later, a week for its answer


def money_case(player: Player, at_ms: int, number: int = 1) -> str:
    """A case about money that came back an hour after it was missed; its id."""
    about = {"method": "wallet_balance", "payment_id": f"p{number}"}
    line = {"entry_id": f"l{number}", "amount_minor": 1000, "currency": "EUR", "payment_id": f"p{number}"}
    told = [
        paid(at_ms, f"{number}a", kind=TransferRequested, **about),
        event(LedgerPosted, at_ms + SECOND, number, direction="debit", **line),
        mark(at_ms + HOUR),
        event(LedgerPosted, at_ms + HOUR, f"{number}b", direction="credit", **line),
    ]
    effects = [each for happening in told for each in player.see(happening)]
    cases = [each for each in effects if isinstance(each, CaseVersion) and each.entities.payment_id == f"p{number}"]
    assert [case.status for case in cases] == ["classified", "resolved"]
    return cases[0].case_id


def test_an_account_s_case_goes_90_days_after_it_ended() -> None:
    player = Player(policy())
    case_id = money_case(player, NOON)
    ended_ms = NOON + HOUR + CLOSES_MS
    assert dropped(player.pass_until(ended_ms + 90 * DAY - 1)) == []
    assert dropped(player.pass_until(ended_ms + 90 * DAY)) == [(case_id, ended_ms + 90 * DAY)]
    assert dropped(player.pass_until(ended_ms + 900 * DAY)) == []


def test_a_case_that_lives_again_stays() -> None:
    player = Player(policy())
    case_id = money_case(player, NOON)
    again = event(
        LedgerPosted, NOON + DAY, "x", direction="debit", entry_id="x", amount_minor=1, currency="EUR", payment_id="p1"
    )
    failed = paid(NOON + DAY, "1c", kind=TransferFailed, method="wallet_balance", payment_id="p1")
    effects = [*player.see(failed), *player.see(again), *player.see(mark(NOON + DAY + 5 * MINUTE))]
    assert [case.status for case in effects if isinstance(case, CaseVersion)] == ["reopened"]
    assert dropped(player.pass_until(NOON + 200 * DAY)) == []
    assert player.obligations["a1"].case(case_id) is not None


def test_the_account_is_kept_until_then_and_its_list_is_bounded() -> None:
    player = Player(policy())
    for number in range(ENDED_MAX + 3):
        money_case(player, NOON + number * 8 * DAY // ENDED_MAX, number)
    assert len(player.obligations["a1"].ended) <= ENDED_MAX
    assert player.obligations["a1"].forgets_ms() is None
    player.stored()
    player.pass_until(NOON + 200 * DAY)
    assert player.obligations["a1"].forgets_ms() is not None


def test_the_oldest_makes_room_with_its_tombstone() -> None:
    ended: list[Ended] = []
    for number in range(ENDED_MAX):
        assert shelve(ended, f"case_{number}", NOON + number, finished=True) is None
    gone = shelve(ended, "case_new", NOON + DAY, finished=True)
    assert gone is not None
    assert (gone.case_id, to_ms(gone.occurred_at)) == ("case_0", NOON + DAY)
    assert shelve(ended, "case_5", NOON + DAY, finished=False) is None
    assert len(ended) == ENDED_MAX - 1


def test_an_attack_s_case_goes_90_days_after_it_was_quiet() -> None:
    address = Entity(entities_policy())
    address.play([login(f"user{number}", number) for number in range(8)])
    effects = address.wait(100_000)
    (closed,) = [each for each in effects if isinstance(each, CaseVersion)]
    assert closed.status == "closed"
    assert dropped(address.wait(89 * 86_400)) == []
    assert dropped(address.wait(92 * 86_400)) == [(closed.case_id, to_ms(closed.occurred_at) + 90 * DAY)]


def test_what_is_written_is_a_deletion_under_the_case_s_key() -> None:
    player = Player(policy())
    case_id = money_case(player, NOON)
    (tombstone,) = [each for each in player.pass_until(NOON + 99 * DAY) if isinstance(each, SnapshotDropped)]
    (record,) = publish(tombstone, lambda *_: None)
    assert (record.topic, record.key, record.value) == ("support.cases.snapshot", case_id.encode(), None)
    assert record.timestamp_ms == NOON + HOUR + CLOSES_MS + 90 * DAY


def test_a_case_that_people_work_on_makes_no_room_for_others() -> None:
    ended: list[Ended] = []
    for number in range(ENDED_MAX):
        assert shelve(ended, f"case_{number}", NOON + number, finished=False, handed_over=True) is None
    gone = shelve(ended, "case_over", NOON + DAY, finished=True)
    assert gone is not None
    assert gone.case_id == "case_over"
    assert shelve(ended, "case_more", NOON + DAY, finished=False, handed_over=True) is None, "no snapshot goes early"
    assert [each.case_id for each in ended] == [*(f"case_{number}" for number in range(1, ENDED_MAX)), "case_more"]
