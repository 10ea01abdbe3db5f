"""Does a history that is told to nobody leave the same memory as one that was decided, and nothing that was said?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest
from support.product import backtest, enforcing, story

from producers.feed import Outgoing
from streams.adapters.policy_file import load_schedule
from streams.agents.accounts import Account
from streams.agents.history import HistoryFold
from streams.app import accounts_logic, entities_logic
from streams.contracts.partitioning import partition_of
from streams.contracts.topics import DEAD_LETTERS, ENTITY_RISK, SIGNALS
from streams.core.entities.state import EntityState
from streams.core.pipeline import next_due_ms
from streams.runtime.logic import Record
from streams.runtime.options import PartitionOptions
from streams.runtime.position import POSITION_KEY, SHARED_KEY, read_position
from streams.runtime.states import read_row

PARTITIONS = 3
HOUR_MS = 3_600_000
ACTING = ("account.actions", "account.locks", "customer.notifications", "psp.commands")


def folded(records: list[Outgoing], policy: Path, *, step_ms: int = HOUR_MS) -> HistoryFold:
    """All of `records` in steps, handed over one minute after the last of them."""
    policies = load_schedule([policy])
    accounts = accounts_logic(policies)
    fold = HistoryFold(
        accounts,
        entities_logic(policies, None),
        policies,
        options=PartitionOptions(),
        partitions=PARTITIONS,
        inputs=accounts.inputs,
        now_ms=records[-1].timestamp_ms + 60_000,
    )
    offsets: dict[tuple[str, int], int] = defaultdict(int)
    steps: dict[int, dict[tuple[str, int], list[Record]]] = defaultdict(lambda: defaultdict(list))
    for topic, key, value, at_ms in records:
        place = (topic, partition_of(key, PARTITIONS))
        steps[at_ms // step_ms + 1][place].append(Record(*place, offsets[place], at_ms, key, value))
        offsets[place] += 1
    for step in sorted(steps):
        fold.fold(steps[step], step * step_ms)
    fold.finish()
    return fold


def accounts_of(fold: HistoryFold) -> Iterable[tuple[bytes, Account]]:
    for engine in fold.accounts:
        for key, raw in fold.rows("accounts", engine.number, {}).items():
            if key not in (POSITION_KEY, SHARED_KEY) and not key.startswith(b"\x01"):
                yield key, engine.logic.load(key, read_row(raw).state)


@pytest.fixture(scope="module")
def history() -> list[Outgoing]:
    """Five days that end in attacks and in debits that nobody explains."""
    records = story("account_takeover", "card_testing", "debited_but_failed")
    return [record for record in records if record.timestamp_ms > records[-1].timestamp_ms - 5 * 24 * HOUR_MS]


@pytest.fixture(scope="module")
def fold(history: list[Outgoing], tmp_path_factory: pytest.TempPathFactory) -> HistoryFold:
    return folded(history, enforcing(tmp_path_factory.mktemp("fold")))


def test_the_same_is_remembered_as_if_it_had_been_decided(
    history: list[Outgoing], fold: HistoryFold, tmp_path: Path
) -> None:
    policy = enforcing(tmp_path)
    published, states = backtest(history, PARTITIONS, policy)
    acted = {topic for topic, _ in published}
    assert {"account.actions", "account.locks", "customer.notifications"} <= acted  # these stories are worth a lock
    load = accounts_logic(load_schedule([policy])).load
    decided = {key: load(key, raw) for key, raw in states["accounts"].items() if not key.startswith(b"\x01")}
    remembered = dict(accounts_of(fold))
    assert remembered.keys() == decided.keys()
    assert len(remembered) > 50
    differing = [key for key in remembered if remembered[key].observations != decided[key].observations]
    assert differing == []


def test_nothing_that_was_said_is_left(fold: HistoryFold) -> None:
    assert not set(ACTING) & fold.unsaid.keys()  # not even in memory was anybody locked or written to
    assert fold.unsaid["fraud.decisions"] > 500
    assert fold.was_open.total() > 0
    for key, account in accounts_of(fold):
        owed = account.obligations
        said = (owed.cases, owed.holds, owed.locks, owed.outbox, owed.ended, owed.notices, owed.memberships)
        assert not any(said), key
        assert owed.locks_version == 0
    for engine in fold.entities:
        for key, raw in engine.states.encoded():
            state = engine.logic.load(key, raw)
            assert isinstance(state, EntityState)
            assert not state.ended
            assert not (state.health and state.health.incidents)
            assert all(part is None or part.threat.case is None for part in (state.spray, state.testing, state.site))


def test_what_is_still_to_come_stays(history: list[Outgoing], tmp_path: Path) -> None:
    """A history that ends between a debit and the end of its grace: the worker has to look when the time comes."""
    middle = len(history) // 4
    debit = next(at for at in range(middle, len(history)) if b'"direction":"debit"' in history[at].value)
    cut = folded(history[: debit + 1], enforcing(tmp_path))
    waiting = 0
    for key, account in accounts_of(cut):
        due_ms = next_due_ms(account.obligations)
        assert due_ms is None or due_ms > cut.accounts[partition_of(key, PARTITIONS)].clock_ms, key
        waiting += any(debit.payment_id for debit in account.obligations.debits)
    assert waiting == 1


def test_all_signals_reached_the_entities(fold: HistoryFold) -> None:
    """What waited for the clock of the quietest partition is handled before the hand-over."""
    for engine in fold.entities:
        assert engine.backlog == 0
    regulars = [
        state
        for engine in fold.entities
        for key, raw in engine.states.encoded()
        if (state := engine.logic.load(key, raw)).spray is not None and state.spray.regulars
    ]
    assert regulars  # addresses from which customers usually come


def test_the_inputs_are_read_on_exactly_at_the_hand_over(fold: HistoryFold) -> None:
    ends = {"payments.transactions": 900, "auth.logins": 0, ENTITY_RISK.name: 12}
    position = read_position(fold.rows("accounts", 1, ends)[POSITION_KEY])
    assert position.offsets == {"payments.transactions": 899, ENTITY_RISK.name: 11}
    position = read_position(fold.rows("entities", 1, {SIGNALS.name: 5})[POSITION_KEY])
    assert (position.offsets, position.high) == ({SIGNALS.name: 4}, 4)


def test_bad_records_are_kept_for_the_dead_letters(history: list[Outgoing], tmp_path: Path) -> None:
    bad = history[0]._replace(value=b"{no json")
    fold = folded([bad, *history[:50]], enforcing(tmp_path))
    (letter,) = [each for letters in fold.dead_letters.values() for each in letters]
    assert letter.topic == DEAD_LETTERS.name
    assert b"undecodable" in dict(letter.headers)["reason"]


def test_the_length_of_a_step_changes_no_memory_of_accounts(history: list[Outgoing], tmp_path: Path) -> None:
    some = history[:600]
    hourly, daily = (
        {key: each.observations for key, each in accounts_of(folded(some, enforcing(tmp_path), step_ms=step_ms))}
        for step_ms in (HOUR_MS, 24 * HOUR_MS)
    )
    assert hourly == daily
