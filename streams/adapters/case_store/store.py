"""How do records become rows, once each, whatever order and however often they come?

One transaction holds the rows of a batch and the offsets after it. A store that is killed goes on after its last
commit; a record that is read twice changes nothing: versions are kept by case and number, the newest is the case, and
what was deleted stays deleted up to the event time of its deletion.

A store that is filled keeps versions first and makes their cases last: of a case with ten versions one row and one
entry in the index of words are written, not ten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    ColumnClause,
    Connection,
    Engine,
    Table,
    and_,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from streams.adapters.case_store import tables
from streams.adapters.case_store.activity import PER_ACCOUNT
from streams.adapters.case_store.errors import StoreError, StoreUnreachable
from streams.adapters.case_store.rows import (
    Batch,
    Record,
    attachment_row,
    batch_of,
    case_row,
    contact_rows,
    lock_rows,
    lock_state_row,
    notification_row,
    receipt_row,
    rejection_row,
    remark_row,
    storable,
    version_row,
    without_nul,
)
from streams.adapters.case_store.tables import WORDS
from streams.adapters.case_store.words import drop_words, searchable, write_words
from streams.contracts.cases import CaseVersion

# One name in a cluster of PostgreSQL for "somebody writes this store"; any constant does.
_WRITER: Final = 7_041_988_211
_CHUNK: Final = 500  # parameters of one IN; SQLite allowed 999 for long
_BUILT: Final = 5_000  # cases of one transaction while others wait to write

_NOBODY: Final = (0, -1)  # number and version of a case without a row

decode_case = msgspec.json.Decoder(CaseVersion).decode

Position = tuple[str, int]  # physical topic, partition


class Written(NamedTuple):
    """What a batch changed."""

    cases: frozenset[str]  # whose newest version is another now, or that are gone
    accounts: frozenset[str]  # whose locks, messages or answers are
    refused: int


class CaseStore:
    """The store behind one URL. Readers open connections of their own; one writer at a time, the others wait."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries, which all see the same state. Raises StoreUnreachable."""
        with _reached(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer interleaves with. Raises StoreUnreachable."""
        with _reached(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER})
            yield connection

    def migrate(self) -> None:
        """Brings the tables to this release's form. Raises StoreError if a newer release wrote them."""
        config = _alembic()
        with self.writing() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
            if current is not None and current not in known:
                raise StoreError(
                    f"the case store was written by a newer release (revision {current}): deploy that release again, "
                    "or name another store in PAYWARDEN_STORE_URL and run `paywarden store load`."
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def positions(self) -> dict[Position, int]:
        """The next offset of every partition that was read."""
        with self.reading() as connection:
            rows = connection.execute(select(tables.POSITIONS)).all()
        return {(row.topic, row.partition): row.next_offset for row in rows}

    def clear(self) -> None:
        """Forgets everything that comes from topics, and nothing else."""
        with self.writing() as connection:
            for table in tables.FROM_TOPICS:
                connection.execute(delete(table))
            connection.execute(text(f"DELETE FROM {WORDS}"))

    def is_unfilled(self) -> bool:
        """Whether there are no cases yet, or not all of those that `write` was to leave to `build`."""
        with self.reading() as connection:
            return _has_unbuilt(connection) or connection.scalar(select(tables.CASES.c.number).limit(_ONE)) is None

    def write(self, records: Sequence[Record], positions: Mapping[Position, int], *, fills: bool = False) -> Written:
        """Takes in `records` and, with them, the offsets after them. `fills` leaves the cases to `build`."""
        batch = batch_of(records)  # outside the transaction: decoding takes as long as writing
        with self.writing() as connection:
            touched = _forget(connection, batch)
            gone = _gone(connection, batch)
            newest = _write_versions(connection, batch, gone)
            if fills:
                unbuilt = [{"case_id": case_id} for case_id in (*newest, *touched)]
                _insert_new(connection, tables.UNBUILT, unbuilt)
                changed: set[str] = set()
            else:
                changed = _write_cases(connection, newest, _newest(connection, touched))
            accounts = _write_accounts(connection, batch, gone)
            _write_activity(connection, batch, gone)
            _write_contacts(connection, batch, gone)
            for table, rows in (
                (tables.RECEIPTS, [receipt_row(*each) for each in batch.receipts.values()]),
                (tables.REFUSED, [storable(each._asdict()) for each in batch.refused]),
            ):
                _insert_new(connection, table, rows)
            _move(connection, positions)
        if batch.receipts:
            self._scrub()
        return Written(frozenset(changed), frozenset(accounts), len(batch.refused))

    def build(self) -> Written | None:
        """Makes some thousand of the cases that `write` left, in the order they came; None if none are left."""
        unbuilt = tables.UNBUILT
        with self.writing() as connection:
            waiting = connection.execute(select(unbuilt).order_by(unbuilt.c.number).limit(_BUILT)).all()
            if not waiting:
                return None
            newest = _newest(connection, [row.case_id for row in waiting])
            erased = _erase(connection, newest)
            newest |= _newest(connection, erased)
            changed = _write_cases(connection, {}, newest)
            connection.execute(delete(unbuilt).where(unbuilt.c.number <= waiting[-1].number))
        if erased:
            self._scrub()
        return Written(frozenset(changed), frozenset(), 0)

    def forget_before(self, at_ms: int, activity_ms: int) -> None:
        """Drops messages, answers and notes about deletions that are older: they left their topics long ago.

        And what happened on accounts before `activity_ms`.
        """
        with self.writing() as connection:
            connection.execute(delete(tables.ACTIVITY).where(tables.ACTIVITY.c.at_ms < activity_ms))
            old = [tables.NOTIFICATIONS, tables.REJECTIONS, tables.SENT_ACTIONS, tables.HANDOVERS]
            if not _has_unbuilt(connection):  # `build` asks whose cases are to be erased
                old.append(tables.GONE)
            for table in old:
                connection.execute(delete(table).where(table.c.at_ms < at_ms))

    def _scrub(self) -> None:
        """Deleted text is still in the segments of the index and in SQLite's log; an erased person is nowhere."""
        if self.engine.dialect.name != "sqlite":
            return  # of PostgreSQL vacuum does it
        with self.writing() as connection:
            connection.exec_driver_sql(f"INSERT INTO {WORDS} ({WORDS}) VALUES ('optimize')")
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
        if kind == "postgresql" and parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if kind not in ("sqlite", "postgresql"):
            raise StoreError(f"PAYWARDEN_STORE_URL: {kind} is not supported; use sqlite:///FILE or postgresql://...")
        engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=kind == "postgresql")
    except (ArgumentError, NoSuchModuleError):
        raise StoreError(
            "PAYWARDEN_STORE_URL: not a database URL; for example sqlite:////var/lib/paywarden/cases.db or "
            "postgresql://user@host/cases."
        ) from None
    if kind == "sqlite":
        if parsed.database not in (None, "", ":memory:") and not Path(str(parsed.database)).parent.is_dir():
            raise StoreError(
                f"PAYWARDEN_STORE_URL: there is no folder {Path(str(parsed.database)).parent}; make it or name another."
            )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """The driver would begin transactions late and by itself, so that what was read first might be stale."""
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",  # readers do not wait for the writer
        "synchronous=NORMAL",  # a lost last commit is read again: its offsets went with it
        "busy_timeout=30000",
        "secure_delete=ON",  # what was deleted is overwritten
        "cache_size=-65536",
        "wal_autocheckpoint=16384",  # 64 MiB: pages that every batch changes are copied once for several
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _reached() -> Iterator[None]:
    """What the database says when it is not there or full, in one sentence and without the values of a row."""
    try:
        yield
    except DBAPIError as error:
        raise StoreUnreachable(
            f"the case store does not answer ({type(error.orig).__name__}: {_first_line(error.orig)}); "
            "is PAYWARDEN_STORE_URL right, and does the database run?"
        ) from None


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0][:200]


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("streams.adapters.case_store") / "migrations"))
    return config


# --- What one batch does -------------------------------------------------------------------------------------------


def _forget(connection: Connection, batch: Batch) -> set[str]:
    """Notes what is gone and deletes it; cases that had rows and may have lost the newest."""
    if not batch.gone:
        return set()
    rows = [storable({"kind": kind, "id": what, "at_ms": at_ms}) for (kind, what), at_ms in batch.gone.items()]
    _upsert(connection, tables.GONE, rows, if_greater="at_ms")
    touched: set[str] = set()
    lock_states, locks = tables.LOCK_STATES, tables.LOCKS
    for row in rows:
        kind, what, at_ms = row["kind"], row["id"], row["at_ms"]
        if kind in ("case", "account"):
            of_account = select(tables.CASES.c.case_id).where(tables.CASES.c.account_id == what)
            touched |= _forget_versions(connection, [what] if kind == "case" else connection.scalars(of_account), at_ms)
            queued = tables.WEBHOOK_QUEUE
            connection.execute(delete(queued).where(queued.c.subject == what, queued.c.at_ms <= at_ms))
            for table in (tables.NOTIFICATIONS, tables.REJECTIONS, tables.ATTACHMENTS, tables.REMARKS):
                connection.execute(delete(table).where(table.c[f"{kind}_id"] == what, table.c.at_ms <= at_ms))
        if kind == "account":
            done = tables.ACTIVITY
            connection.execute(delete(done).where(done.c.account_id == what, done.c.at_ms <= at_ms))
            # Others paid this person: what they did stays, whom they paid goes.
            paid = update(done).where(done.c.payee_id == what, done.c.at_ms <= at_ms)
            connection.execute(paid.values(payee_id=None))
        if kind in ("profile", "account"):
            contacts = tables.CONTACTS
            connection.execute(delete(contacts).where(contacts.c.account_id == what, contacts.c.at_ms <= at_ms))
        if kind in ("locks", "account"):
            old = and_(lock_states.c.account_id == what, lock_states.c.at_ms <= at_ms)
            if connection.execute(delete(lock_states).where(old)).rowcount:
                connection.execute(delete(locks).where(locks.c.account_id == what))
    return touched


def _forget_versions(connection: Connection, case_ids: Iterable[str], at_ms: int) -> set[str]:
    """Deletes what was said about these cases up to `at_ms`; those of which something was known."""
    versions = tables.VERSIONS
    touched: set[str] = set()
    for chunk in _chunks(list(case_ids)):
        old = and_(versions.c.case_id.in_(chunk), versions.c.at_ms <= at_ms)
        touched.update(connection.scalars(select(versions.c.case_id).where(old).distinct()))
        connection.execute(delete(versions).where(old))
        queued = tables.WEBHOOK_QUEUE
        connection.execute(delete(queued).where(queued.c.subject.in_(chunk), queued.c.at_ms <= at_ms))
        for sent in (tables.SENT_ACTIONS, tables.HANDOVERS):
            connection.execute(delete(sent).where(sent.c.case_id.in_(chunk), sent.c.at_ms <= at_ms))
    return touched


def _erase(connection: Connection, newest: Left) -> list[str]:
    """Deletes of cases that are not built yet what came before the erasure of their account; which cases."""
    of_account: dict[str, list[str]] = defaultdict(list)
    for case_id, known in newest.items():
        if known is not None and known[0].entities.account_id is not None:
            of_account[without_nul(known[0].entities.account_id)].append(case_id)
    erased: set[str] = set()
    for (kind, what), at_ms in _known_gone(connection, of_account).items():
        if kind == "account":
            erased |= _forget_versions(connection, of_account[what], at_ms)
    return sorted(erased)


def _gone(connection: Connection, batch: Batch) -> dict[tuple[str, str], int]:
    """What is known to be gone of what the batch is about."""
    cases = {case.case_id for case, _ in batch.versions.values()}
    accounts = {case.entities.account_id for case, _ in batch.versions.values()} | set(batch.locks)
    accounts |= set(batch.profiles)
    for attached in batch.attachments.values():
        accounts.add(attached.account_id)
        cases.add(attached.case_id)
    for remark in batch.remarks.values():
        accounts.add(remark.account_id)
        cases.add(remark.case_id)
    for answer in batch.rejections.values():
        accounts.add(answer.account_id)
        cases.add(answer.case_id or "")
    for notice, _ in batch.notifications.values():
        accounts.add(notice.account_id)
        cases.add(notice.case_id or "")
    for each in batch.activity.values():
        accounts.update((each["account_id"], each["payee_id"]))
    return _known_gone(connection, {without_nul(each) for each in {*cases, *accounts} if each})


def _known_gone(connection: Connection, ids: Iterable[str]) -> dict[tuple[str, str], int]:
    """Kind and id of what is gone, with the event time of that."""
    found: dict[tuple[str, str], int] = {}
    if connection.scalar(select(tables.GONE.c.at_ms).limit(_ONE)) is None:
        return found
    for chunk in _chunks(sorted(ids)):
        for row in connection.execute(select(tables.GONE).where(tables.GONE.c.id.in_(chunk))):
            found[row.kind, row.id] = row.at_ms
    return found


def _is_gone(gone: Mapping[tuple[str, str], int], row: Mapping[str, Any], *kinds: str) -> bool:
    """Whether the deletion of the row's case or account came at its time or later."""
    if not gone:
        return False
    return any(
        row["at_ms"] <= gone.get((kind, row.get("case_id" if kind == "case" else "account_id") or ""), -1)
        for kind in kinds
    )


Newest = dict[str, tuple[CaseVersion, bytes]]  # by the id of the case
Left = dict[str, tuple[CaseVersion, bytes] | None]  # the newest that is kept, of each that was asked for


def _write_versions(connection: Connection, batch: Batch, gone: Mapping[tuple[str, str], int]) -> Newest:
    """Adds the versions; the newest of each case."""
    rows = []
    newest: Newest = {}
    for case, body in batch.versions.values():
        row = version_row(case, body)
        if gone and _is_gone(gone, {"account_id": case.entities.account_id, **row}, "case", "account"):
            continue
        rows.append(row)
        known = newest.get(row["case_id"])
        if known is None or case.version > known[0].version:
            newest[row["case_id"]] = (case, body)
    _insert_new(connection, tables.VERSIONS, rows)
    return newest


def _write_cases(connection: Connection, newer: Newest, left: Left) -> set[str]:
    """Makes the newest version the case; the cases that look different now. What is `left` is made again anyway."""
    newest = newer | {case_id: each for case_id, each in left.items() if each is not None}
    cases = tables.CASES
    stored: dict[str, tuple[int, int]] = {}  # number, version
    for chunk in _chunks(sorted({*newest, *left})):
        for found in connection.execute(
            select(cases.c.case_id, cases.c.number, cases.c.version).where(cases.c.case_id.in_(chunk))
        ):
            stored[found.case_id] = (found.number, -1 if found.case_id in left else found.version)
    lost = [case_id for case_id in left if case_id not in newest]
    _drop_cases(connection, [stored[case_id][0] for case_id in lost if case_id in stored])
    last = connection.scalar(select(func.max(cases.c.number))) or 0
    rows, words = [], []
    for case_id, (case, body) in newest.items():
        number, version = stored.get(case_id, _NOBODY)
        if case.version <= version:
            continue
        if not number:
            last = number = last + 1
        rows.append({"number": number, **case_row(case, body)})
        words.append((number, searchable(case)))
    _upsert(connection, cases, rows)
    write_words(connection, words)
    return {row["case_id"] for row in rows} | set(lost)


def _newest(connection: Connection, case_ids: Iterable[str]) -> Left:
    """The newest version that is kept of each of these cases, in their order; None if none is."""
    versions = tables.VERSIONS
    found: Left = dict.fromkeys(case_ids)
    for chunk in _chunks(list(found)):
        last = select(versions.c.case_id, func.max(versions.c.version).label("version"))
        newest = last.where(versions.c.case_id.in_(chunk)).group_by(versions.c.case_id).subquery()
        joined = versions.join(
            newest, and_(versions.c.case_id == newest.c.case_id, versions.c.version == newest.c.version)
        )
        for case_id, body in connection.execute(select(versions.c.case_id, versions.c.body).select_from(joined)):
            found[case_id] = (decode_case(body), body)
    return found


def _has_unbuilt(connection: Connection) -> bool:
    return connection.scalar(select(tables.UNBUILT.c.number).limit(_ONE)) is not None


def _drop_cases(connection: Connection, numbers: Sequence[int]) -> None:
    for chunk in _chunks(numbers):
        connection.execute(delete(tables.CASES).where(tables.CASES.c.number.in_(chunk)))
    drop_words(connection, numbers)


def _write_accounts(connection: Connection, batch: Batch, gone: Mapping[tuple[str, str], int]) -> set[str]:
    """Locks, messages and answers; the accounts they are about."""
    said = [(lock_state_row(state, body), state) for state, body in batch.locks.values()]
    states = {row["account_id"]: (row, state) for row, state in said if not _is_gone(gone, row, "locks", "account")}
    known: dict[str, int] = {}
    table = tables.LOCK_STATES
    for chunk in _chunks(sorted(states)):
        query = select(table.c.account_id, table.c.version).where(table.c.account_id.in_(chunk))
        known |= {found.account_id: found.version for found in connection.execute(query)}
    newer = {account: each for account, each in states.items() if each[0]["version"] > known.get(account, -1)}
    for chunk in _chunks(sorted(newer)):
        connection.execute(delete(tables.LOCKS).where(tables.LOCKS.c.account_id.in_(chunk)))
    _upsert(connection, table, [row for row, _ in newer.values()])
    _insert_new(connection, tables.LOCKS, [lock for _, state in newer.values() for lock in lock_rows(state)])
    notices = [notification_row(*each) for each in batch.notifications.values()]
    answers = [rejection_row(each) for each in batch.rejections.values()]
    changed = set(newer)
    files = [attachment_row(each) for each in batch.attachments.values()]
    for target, rows in (
        (tables.NOTIFICATIONS, notices),
        (tables.REJECTIONS, answers),
        (tables.ATTACHMENTS, files),
        (tables.REMARKS, [remark_row(each) for each in batch.remarks.values()]),
    ):
        kept = [row for row in rows if not _is_gone(gone, row, "case", "account")]
        _insert_new(connection, target, kept)
        changed |= {row["account_id"] for row in kept}
    return changed


def _write_activity(connection: Connection, batch: Batch, gone: Mapping[tuple[str, str], int]) -> None:
    """What happened on accounts, and of each only the newest."""
    rows = [row for row in batch.activity.values() if not _is_gone(gone, row, "account")]
    for row in rows if gone else ():
        if row["at_ms"] <= gone.get(("account", row["payee_id"] or ""), -1):
            row["payee_id"] = None
    if not rows:
        return
    _insert_new(connection, tables.ACTIVITY, rows)
    done = tables.ACTIVITY
    key = (done.c.account_id, done.c.at_ms, done.c.event_id)
    of_account = select(done.c.at_ms, done.c.event_id).where(done.c.account_id == bindparam("of"))
    oldest = of_account.order_by(done.c.at_ms.desc(), done.c.event_id.desc()).offset(_LAST_KEPT).limit(_ONE)
    too_old = delete(done).where(done.c.account_id == bindparam("of"), tuple_(*key[1:]) < oldest.scalar_subquery())
    _many(connection, too_old, [{"of": account} for account in {row["account_id"] for row in rows}])


def _write_contacts(connection: Connection, batch: Batch, gone: Mapping[tuple[str, str], int]) -> None:
    """The references of accounts whose profile is newer than the one that is known."""
    table = tables.CONTACTS
    told = [contact_rows(profile) for profile in batch.profiles.values()]
    rows = {each[0]["account_id"]: each for each in told if not _is_gone(gone, each[0], "profile", "account")}
    for chunk in _chunks(sorted(rows)):
        query = select(table.c.account_id, table.c.at_ms).where(table.c.account_id.in_(chunk)).distinct()
        for found in connection.execute(query).all():
            if rows[found.account_id][0]["at_ms"] < found.at_ms:
                del rows[found.account_id]
    for chunk in _chunks(sorted(rows)):
        connection.execute(delete(table).where(table.c.account_id.in_(chunk)))
    _insert_new(connection, table, [each for account in rows.values() for each in account])


def _move(connection: Connection, positions: Mapping[Position, int]) -> None:
    rows = [
        {"topic": topic, "partition": partition, "next_offset": offset}
        for (topic, partition), offset in positions.items()
    ]
    _upsert(connection, tables.POSITIONS, rows, if_greater="next_offset")


def _on_conflict(connection: Connection, table: Table) -> Any:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts what is not there; what is stays as it is."""
    if rows:
        _many(connection, _on_conflict(connection, table).on_conflict_do_nothing(), rows)


def _upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, if_greater: str | None = None
) -> None:
    """Inserts, or replaces what has the same key; with `if_greater` only if that column grows."""
    if not rows:
        return
    statement = _on_conflict(connection, table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    where = None if if_greater is None else table.c[if_greater] < statement.excluded[if_greater]
    _many(connection, statement.on_conflict_do_update(index_elements=keys, set_=values, where=where), rows)


_ONE: Final[ColumnClause[int]] = literal_column("1")
_LAST_KEPT: Final[ColumnClause[int]] = literal_column(str(PER_ACCOUNT - 1))
_NAMED: Final = sqlite.dialect(paramstyle="named")


def _many(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Runs `statement` for every row. Straight to the driver: binding by name costs as much as SQLite's own work."""
    dialect = _NAMED if connection.dialect.name == "sqlite" else connection.dialect
    compiled = statement.compile(dialect=dialect, column_keys=list(rows[0]))
    connection.exec_driver_sql(str(compiled), list(rows))


def _chunks(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for begin in range(0, len(items), _CHUNK):
        yield items[begin : begin + _CHUNK]
