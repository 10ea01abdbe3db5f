"""Do the same records give the same rows, in whatever order and however often they come?"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from support.events import any_of
from support.stores import START_MS, case, content, load, record

from streams.adapters.case_store import people, queries
from streams.adapters.case_store.errors import StoreError
from streams.adapters.case_store.queries import Sought
from streams.adapters.case_store.rows import Record
from streams.adapters.case_store.store import CaseStore
from streams.adapters.case_store.tables import METADATA, WORDS
from streams.contracts.accounts import AccountProfile
from streams.contracts.actions import Lock, LocksState
from streams.contracts.base import from_ms
from streams.contracts.cases import (
    AccountErased,
    ActionRejected,
    CaseVersion,
    Entities,
    NotificationRequested,
    RemarkRecorded,
)
from streams.contracts.registry import encode

CASES, SNAPSHOT, LOCKS, NOTICES = (
    "support.cases",
    "support.cases.snapshot",
    "account.locks",
    "customer.notifications",
)


def at(step: int) -> Any:
    return from_ms(START_MS + step * 60_000)


def story() -> list[Record]:
    """Cases of three accounts, locks, messages, a refusal, a tombstone and an erasure, and life after both."""
    versions = [
        case(f"case_{name}{number}", version, entities=Entities(account_id=name), priority=f"P{version % 4 + 1}")
        for name in ("ada", "bo", "cy")
        for number in (1, 2)
        for version in (1, 2, 3, 4)
    ]
    again = [case("case_bo1", 9, entities=Entities(account_id="bo")), case("case_ada3", 9)]
    records = [record(topic, each) for each in (*versions, *again) for topic in (CASES, SNAPSHOT)]
    records.append(record(SNAPSHOT, START_MS + 5 * 60_000, key="case_bo1"))
    records.append(record(SNAPSHOT, START_MS + 6 * 60_000, key="case_cy2"))
    for step in (1, 2, 8):
        held = Lock(
            action_id=f"act_{step}", action="lock", scope="all", status="effective", reason_class="x", since=at(1)
        )
        for name in ("ada", "bo"):
            records.append(
                record(LOCKS, LocksState(occurred_at=at(step), account_id=name, version=step, locks=(held,)))
            )
            notice = NotificationRequested(
                occurred_at=at(step),
                notification_id=f"ntf_{name}{step}",
                account_id=name,
                template="t",
                zh="您好",
                en="hello",
                not_after=at(9),
                case_id=f"case_{name}1",
            )
            records.append(record(NOTICES, notice))
            answer = ActionRejected(
                occurred_at=at(step),
                event_id=f"evt_{name}{step}",
                account_id=name,
                case_id=f"case_{name}1",
                action="note",
                cause="role",
                text="no",
            )
            records.append(record(CASES, answer))
    erased = AccountErased(
        occurred_at=at(7), event_id="ers_1", account_id="ada", actor="mei", second_actor="jo", case_ids=("case_ada1",)
    )
    records += [record(LOCKS, START_MS + 7 * 60_000, key="ada"), record(CASES, erased)]
    records.append(Record(CASES, 3, 17, b"k", b"{not json", START_MS))
    return records


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(1, 40), st.floats(0, 1), st.sampled_from((0.5, 1.0)))
def test_order_repetition_cuts_and_filling_change_nothing(
    store: CaseStore, seed: int, size: int, repeated: float, filled: float
) -> None:
    store.clear()
    load(store, story())
    wanted = content(store)
    random = Random(seed)
    shuffled = [each for each in story() for _ in range(1 + (random.random() < repeated))]
    random.shuffle(shuffled)
    store.clear()
    load(store, shuffled, size)
    assert content(store) == wanted
    store.clear()
    load(store, shuffled, size, lambda: random.random() < filled)
    assert content(store) == wanted


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(any_of(CaseVersion))
def test_every_case_that_the_contract_allows_is_kept_as_published(store: CaseStore, any_case: CaseVersion) -> None:
    store.clear()
    load(store, [record(CASES, any_case)])
    with store.reading() as connection:
        (kept,) = queries.bodies(connection)
        assert kept[1] == encode(any_case)


def test_an_older_version_never_overwrites(store: CaseStore) -> None:
    load(store, [record(SNAPSHOT, case(version=7, status="in_progress"))])
    load(store, [record(CASES, case(version=3, status="assigned"))])
    with store.reading() as connection:
        (line,) = queries.ranked(connection, queries.Filters(), 10).lines
        assert (line.version, line.status) == (7, "in_progress")
        assert [each.version for each in queries.versions(connection, "case_a")] == [3, 7]
        assert queries.case_body(connection, "case_a") == encode(case(version=7, status="in_progress"))


def test_who_is_erased_is_nowhere_not_even_in_the_file(store: CaseStore) -> None:
    load(
        store,
        [
            record(SNAPSHOT, case("case_secret", subject="Zebrafisch 斑马鱼", entities=Entities(account_id="leaver"))),
            record(LOCKS, LocksState(occurred_at=at(1), account_id="leaver", version=1, state="restricted")),
            record(
                CASES,
                RemarkRecorded(
                    occurred_at=at(1),
                    event_id="e1",
                    account_id="leaver",
                    case_id="case_secret",
                    action="note",
                    actor="mei",
                    role="analyst",
                    text="Zebrafisch",
                ),
            ),
            record(SNAPSHOT, case("case_b", entities=Entities(account_id="stayer"))),
        ],
    )
    receipt = AccountErased(occurred_at=at(5), event_id="ers_1", account_id="leaver", actor="mei", second_actor="jo")
    load(store, [record(CASES, receipt)])
    with store.reading() as connection:
        assert queries.case_body(connection, "case_secret") is None
        assert queries.search(connection, "斑马", 5).lines == ()
        found = queries.account(connection, "leaver")
        assert found is not None
        assert (found.cases, found.lock_state, found.erased_ms) == ((), None, START_MS + 5 * 60_000)
        assert queries.case_body(connection, "case_b") is not None
    # What is read again from a topic that still has it does not come back; a new beginning is one.
    late = case("case_secret", 1, subject="Zebrafisch", entities=Entities(account_id="leaver"))
    new = case("case_new", 8, entities=Entities(account_id="leaver"))
    load(store, [record(CASES, late), record(CASES, new)])
    with store.reading() as connection:
        found = queries.account(connection, "leaver")
        assert found is not None
        assert [line.case_id for line in found.cases] == ["case_new"]
    if store.engine.dialect.name == "sqlite":
        path = str(store.engine.url.database)
        for name in (path, f"{path}-wal"):
            with open(name, "rb") as file:
                raw = file.read()
            assert b"ebrafisch" not in raw
            assert "斑".encode() not in raw


def test_what_is_not_understood_is_noted_with_its_place(store: CaseStore) -> None:
    written = store.write([Record(CASES, 2, 99, b"k", b'{"type":"case.version.v9"}', 1)], {("x", 2): 100})
    assert written.refused == 1
    assert store.positions() == {("x", 2): 100}
    assert [row[:4] for row in content(store)["refused"]] == [(CASES, 2, 99, "unknown_type")]


def test_what_does_not_come_from_topics_outlives_a_rebuild(store: CaseStore) -> None:
    with store.writing() as connection:
        people.put_user(connection, people.User("mei", "admin", "hash", 1))
    load(store, story())
    store.clear()
    assert not any(content(store).values())
    with store.reading() as connection:
        assert [each.name for each in people.users(connection)] == ["mei"]


def test_positions_only_move_forward(store: CaseStore) -> None:
    store.write([], {("t", 0): 10})
    store.write([], {("t", 0): 4, ("t", 1): 2})
    assert store.positions() == {("t", 0): 10, ("t", 1): 2}


def test_a_batch_that_fails_leaves_nothing(store: CaseStore) -> None:
    load(store, [record(SNAPSHOT, case())])
    before = content(store), store.positions()
    with store.writing() as connection:
        connection.execute(text(f"ALTER TABLE {WORDS} RENAME TO elsewhere"))
    try:
        with pytest.raises(Exception, match="case store does not answer"):
            store.write([record(SNAPSHOT, case(version=2))], {("t", 0): 5})
    finally:
        with store.writing() as connection:
            connection.execute(text(f"ALTER TABLE elsewhere RENAME TO {WORDS}"))
    assert (content(store), store.positions()) == before


# SQLite does not tell of indexes of expressions; PostgreSQL does, and is compared whole.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_migrations_make_the_tables_of_the_code(store: CaseStore) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, METADATA)
    ours = set(METADATA.tables)
    assert [each for each in differences if not isinstance(each, tuple) or getattr(each[1], "name", "") in ours] == []


def test_a_store_of_a_newer_release_is_refused(store: CaseStore) -> None:
    with store.writing() as connection:
        current = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(StoreError, match="newer release"):
            store.migrate()
    finally:
        with store.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :current"), {"current": current})


@pytest.mark.parametrize(
    ("url", "says"),
    [("nonsense", "not a database URL"), ("mysql://a/b", "not"), ("sqlite:////nowhere/at/all.db", "no folder")],
)
def test_an_unusable_url_is_one_sentence(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        CaseStore(url)


def test_contact_references_are_those_of_the_newest_profile_in_any_order(store: CaseStore) -> None:
    def profile(minute: int, *references: str) -> Record:
        said = AccountProfile(
            event_id=f"p{minute}",
            source="t",
            occurred_at=from_ms(START_MS + minute * 60_000),
            account_id="ada",
            contact_channels=references,
        )
        return record("account.profiles", said, minute, key="ada")

    def found(reference: str) -> tuple[str, ...]:
        with store.reading() as connection:
            return queries.sought(connection, Sought(reference=reference), 10)[0]

    old, new, none = profile(1, "tel.1"), profile(2, "tel.2", "tel.3", "13800138000"), profile(3)
    for order in ((old, new), (new, old), (new, old, new)):
        store.clear()
        load(store, order, 1)
        assert (found("tel.1"), found("tel.2"), found("tel.3")) == ((), ("ada",), ("ada",))
        assert found("13800138000") == (), "a number is no reference"
    load(store, [none, new], 1)
    assert found("tel.2") == ()
    store.clear()
    load(store, [new, record("account.profiles", START_MS + 240_000, key="ada"), new], 1)
    assert found("tel.2") == (), "a deleted profile does not come back"
