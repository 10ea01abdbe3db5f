"""Which tables does the case store have, and which of them come from topics?

Bodies are the values of records, byte for byte; every other column of a row is a function of the body, so a row can be
made again from its record. Times are milliseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
    text,
)

METADATA: Final = MetaData()

# What waits for a person, for somebody else, or for nobody.
WORK: Final = 0
WAITING: Final = 1
DONE: Final = 2


def _id(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[str]:
    return Column(name, String(128), nullable=nullable, primary_key=primary_key)


def _label(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), nullable=nullable)


def _ms(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


_RANK: Final = ("less_urgent", "loss_band", "due_ms", "created_ms", "case_id")
_FILTERED: Final = (
    "priority",
    "worked_day",
    "assignee",
    "first_response_due_ms",
)  # looked at in the index, so that only rows of the page are fetched

# The newest version of each case. `number` is the order in which the store met the cases, and the row of the index of
# words.
CASES: Final = Table(
    "cases",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    _id("case_id"),
    Column("version", BigInteger, nullable=False),
    _ms("at_ms"),
    _label("owner"),
    Column("shadow", Boolean, nullable=False),
    _label("queue"),
    _label("priority"),
    _label("status"),
    _label("sub_status", nullable=True),
    _label("finding"),
    _label("case_type"),
    _label("flow"),
    _label("cause_family"),
    Column("subject", String(256), nullable=False),
    _id("account_id", nullable=True),
    _id("payment_id", nullable=True),
    _id("incident_id", nullable=True),
    _id("parent_id", nullable=True),
    _id("assignee", nullable=True),
    Column("amount_minor", BigInteger, nullable=True),
    Column("currency", String(3), nullable=True),
    _label("money_state", nullable=True),
    _ms("created_ms"),
    _ms("first_response_due_ms", nullable=True),  # while nobody has answered
    _ms("next_update_due_ms", nullable=True),
    _ms("resolution_due_ms", nullable=True),
    # The rank of streams/core/cases/review.py, as columns that sort upwards.
    Column("stage", Integer, nullable=False),  # WORK, WAITING, DONE; in observe mode DONE: nobody works on it
    Column("less_urgent", Boolean, nullable=False),
    Column("loss_rank", BigInteger, nullable=False),  # minus the expected loss in US cents
    Column("loss_band", Integer, nullable=False),  # minus the band of the expected loss
    Column("due_ms", BigInteger, nullable=False),
    Column("worked_day", Integer, nullable=True),  # days since 1970-01-01 of an operator's last line
    Index("cases_by_id", "case_id", unique=True),
    Index("cases_ranked", "stage", *_RANK, *_FILTERED),
    Index("cases_ranked_in_queue", "queue", "stage", *_RANK, *_FILTERED),
    Index("cases_of_account", "account_id"),
)


def _where_known(name: str, *columns: str, of: Table = CASES) -> None:
    """An index for a column that most rows do not have: it costs nothing where there is nothing."""
    known = of.c[columns[0]].is_not(None)
    Index(name, *(of.c[column] for column in columns), sqlite_where=known, postgresql_where=known)


_where_known("cases_of_incident", "incident_id", "stage", *_RANK)
_where_known("cases_of_parent", "parent_id")
_where_known("cases_of_assignee", "assignee", "stage", *_RANK)
_where_known("cases_by_worked_day", "worked_day")
_where_known("cases_by_amount", "amount_minor")
# Literal, so that a query that says the same in the same words can use the index.
OF_ENTITIES: Final[ColumnClause[Any]] = literal_column("owner = 'entity'")
ESCALATED: Final[ColumnClause[Any]] = literal_column("sub_status = 'escalated'")
_ranked = ("stage", *_RANK)
Index("cases_escalated", *(CASES.c[each] for each in _ranked), sqlite_where=ESCALATED, postgresql_where=ESCALATED)
# The rest is in observe mode, and asked for only where a person wants to see that.
Index(
    "cases_by_time",
    CASES.c.at_ms,
    CASES.c.case_id,
    sqlite_where=text("shadow IS 0"),
    postgresql_where=text("shadow IS false"),
)
for _index, *_columns in (
    ("cases_of_entities", "stage", "created_ms", "case_id"),
    ("entities_by_time", "at_ms", "case_id"),
):
    Index(_index, *(CASES.c[each] for each in _columns), sqlite_where=OF_ENTITIES, postgresql_where=OF_ENTITIES)

VERSIONS: Final = Table(
    "versions",
    METADATA,
    _id("case_id", primary_key=True),
    Column("version", BigInteger, primary_key=True),
    _ms("at_ms"),
    Column("body", LargeBinary, nullable=False),
)

# Cases whose versions are kept and whose row is not made yet: a store that is filled makes the rows last.
UNBUILT: Final = Table(
    "unbuilt",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("case_id", String(128), nullable=False, unique=True),
)

LOCK_STATES: Final = Table(
    "lock_states",
    METADATA,
    _id("account_id", primary_key=True),
    Column("version", BigInteger, nullable=False),
    _ms("at_ms"),
    _label("state"),
    Column("body", LargeBinary, nullable=False),
)

LOCKS: Final = Table(
    "locks",
    METADATA,
    _id("account_id", primary_key=True),
    _id("action_id", primary_key=True),
    _label("action"),
    _label("scope"),
    _label("status"),
    _label("reason_class"),
    _ms("since_ms"),
    _ms("expires_ms", nullable=True),
    Index("locks_by_end", "expires_ms", "account_id"),
)

NOTIFICATIONS: Final = Table(
    "notifications",
    METADATA,
    _id("notification_id", primary_key=True),
    _id("account_id"),
    _id("case_id", nullable=True),
    _ms("at_ms"),
    _label("template"),
    Column("body", LargeBinary, nullable=False),
    Index("notifications_of_account", "account_id", "at_ms"),
    Index("notifications_of_case", "case_id"),
    Index("notifications_by_time", "at_ms", "notification_id"),
)

# What became of an operator's request that was not carried out; one that was is a version of its case.
REJECTIONS: Final = Table(
    "rejections",
    METADATA,
    _id("event_id", primary_key=True),
    _id("account_id"),
    _id("case_id", nullable=True),
    _ms("at_ms"),
    _label("action"),
    _label("cause"),
    Column("text", String(256), nullable=False),
    Index("rejections_of_case", "case_id"),
    Index("rejections_of_account", "account_id"),
)

RECEIPTS: Final = Table(
    "receipts",
    METADATA,
    _id("event_id", primary_key=True),
    _id("account_id"),
    _ms("at_ms"),
    Column("body", LargeBinary, nullable=False),
)

# What was deleted on purpose, and up to which event time: what comes later on another topic must not bring it back.
GONE: Final = Table(
    "gone",
    METADATA,
    Column("kind", String(16), primary_key=True),  # case, locks, account
    _id("id", primary_key=True),
    _ms("at_ms"),
    Index("gone_by_time", "at_ms"),
)

# What happened on an account lately, one short row for each: streams/adapters/case_store/activity.py.
ACTIVITY: Final = Table(
    "activity",
    METADATA,
    _id("account_id", primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    _id("event_id", primary_key=True),
    _label("kind"),
    _label("label", nullable=True),
    _id("subject_id", nullable=True),
    Column("amount_minor", BigInteger, nullable=True),
    Column("currency", String(3), nullable=True),
    _id("merchant_id", nullable=True),
    _id("payee_id", nullable=True),
    _id("card_token", nullable=True),
    _id("device_id", nullable=True),
    Column("ip", String(45), nullable=True),
    Column("country", String(2), nullable=True),
    Column("detail", Text, nullable=True),
    _id("order_id", nullable=True),
    sqlite_with_rowid=False,  # the rows of an account lie together, in their order
)
# With what a page counts, so that it need not look at each row.
for _name in ("payee_id", "card_token", "device_id", "ip"):
    _where_known(f"activity_of_{_name}", _name, "at_ms", "kind", of=ACTIVITY)
# By what somebody on the telephone can say of a payment.
_where_known("activity_of_order_id", "order_id", of=ACTIVITY)
_where_known("activity_of_subject_id", "subject_id", of=ACTIVITY)
_where_known("activity_by_amount", "amount_minor", "at_ms", of=ACTIVITY)
_where_known("activity_of_merchant_id", "merchant_id", "at_ms", "kind", of=ACTIVITY)
# Literal, so that a query that says the same in the same words is counted in the order of the index.
DAY_OF: Final[ColumnClause[Any]] = literal_column("(at_ms / 86400000)")
_of_merchants = ACTIVITY.c.merchant_id.is_not(None)
Index(
    "activity_of_merchant_by_day",
    ACTIVITY.c.merchant_id,
    DAY_OF,
    *(ACTIVITY.c[each] for each in ("kind", "label", "currency", "amount_minor")),
    sqlite_where=_of_merchants,
    postgresql_where=_of_merchants,
)

# Records that could not be understood, by place; they stay on their topic.
REFUSED: Final = Table(
    "refused",
    METADATA,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    _label("reason"),
    Column("detail", Text, nullable=False),
)

# The next offset to read of each partition; it moves in the transaction of the rows that it stands for.
POSITIONS: Final = Table(
    "positions",
    METADATA,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
)

# The index of words is made by the first migration, in the form of each database.
WORDS: Final = "case_words"

# By which references to telephone, mail and the like an account is reached, as its newest profile says; without a
# reference there is the row with none, so that an older profile is known when it comes again.
CONTACTS: Final = Table(
    "contacts",
    METADATA,
    _id("account_id", primary_key=True),
    Column("reference", String(64), primary_key=True),
    _ms("at_ms"),
    Index("contacts_by_reference", "reference"),
)

FROM_TOPICS: Final = (
    CASES,
    VERSIONS,
    UNBUILT,
    LOCK_STATES,
    LOCKS,
    NOTIFICATIONS,
    REJECTIONS,
    RECEIPTS,
    CONTACTS,
    GONE,
    ACTIVITY,
    REFUSED,
    POSITIONS,
)

# Not from topics: local accounts of the console, and who is signed in.
USERS: Final = Table(
    "users",
    METADATA,
    _id("name", primary_key=True),
    _label("role"),
    Column("password_hash", String(256), nullable=False),
    _ms("added_ms"),
)

SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("token_hash", String(64), primary_key=True),
    _id("name"),
    _ms("began_ms"),
    _ms("seen_ms"),
)

# Sign-ins with the company's provider that were ended lately: none counts twice, at whichever console.
SPENT: Final = Table(
    "spent_sign_ins",
    METADATA,
    Column("state_hash", String(64), primary_key=True),
    _ms("at_ms"),
)

# From where people have signed in, so that strangers shut nobody out there: streams/console/passwords.py.
PLACES: Final = Table(
    "known_places",
    METADATA,
    _id("name", primary_key=True),
    Column("place_hash", String(64), primary_key=True),
    _ms("at_ms"),
)

# Other services that may ask; a token is shown once and kept as a hash.
API_TOKENS: Final = Table(
    "api_tokens",
    METADATA,
    _id("name", primary_key=True),
    _label("role"),
    Column("token_hash", String(64), nullable=False),
    Column("unmasked", Boolean, nullable=False),
    Column("per_minute", Integer, nullable=False),
    _ms("added_ms"),
    _ms("expires_ms", nullable=True),
    Index("api_tokens_by_hash", "token_hash", unique=True),
)

# What was sent to the topic of actions, so that what became of it can be asked for by its id.
SENT_ACTIONS: Final = Table(
    "sent_actions",
    METADATA,
    _id("event_id", primary_key=True),
    _id("case_id"),
    _label("action"),
    Column("expected_version", BigInteger, nullable=False),
    _id("actor"),
    _ms("at_ms"),
    Column("batch", String(64), nullable=True),  # of those that were sent together
    Index("sent_actions_by_time", "at_ms"),
    Index("sent_actions_of_case", "case_id"),
)
_BATCHED: Final = SENT_ACTIONS.c.batch.is_not(None)
Index("sent_actions_of_batch", SENT_ACTIONS.c.batch, sqlite_where=_BATCHED, postgresql_where=_BATCHED)

# Files that cases refer to. They come from a topic that forgets them before their case ends, so `rebuild` leaves them.
ATTACHMENTS: Final = Table(
    "attachments",
    METADATA,
    _id("case_id", primary_key=True),
    Column("sha256", String(64), primary_key=True),
    _id("account_id"),
    _id("event_id"),
    Column("reference", String(256), nullable=False),
    _label("kind"),
    _label("media_type", nullable=True),
    Column("size_bytes", BigInteger, nullable=True),
    _id("actor"),
    _label("role"),
    _ms("at_ms"),
    Index("attachments_of_account", "account_id"),
)

# What was said about cases, masked. It comes from a topic that forgets it before its case ends, so `rebuild` leaves it.
REMARKS: Final = Table(
    "remarks",
    METADATA,
    _id("case_id", primary_key=True),
    _id("event_id", primary_key=True),
    _id("account_id"),
    _ms("at_ms"),
    _label("action"),
    _id("actor"),
    _label("role"),
    Column("text", Text, nullable=False),
    Index("remarks_of_account", "account_id", "at_ms"),
    Index("remarks_of_event", "event_id"),
)

# Filters of the queue under a name: of a person, or shared by a supervisor with everybody.
VIEWS: Final = Table(
    "views",
    METADATA,
    _id("owner", primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("query", String(512), nullable=False),
    Column("shared", Boolean, nullable=False),
)

# What one shift said to the next about a case; whose the case is the case says.
HANDOVERS: Final = Table(
    "handovers",
    METADATA,
    _id("event_id", primary_key=True),
    _id("case_id"),
    _id("giver"),
    _id("receiver", nullable=True),  # nobody: whoever comes next
    Column("note", String(512), nullable=False),
    _ms("at_ms"),
    Index("handovers_to", "receiver", "at_ms"),
    Index("handovers_of_case", "case_id"),
)

# Who did and saw what; each row holds the hash of the one before it. Rows are only ever added.
AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    _ms("at_ms"),
    _id("actor"),
    _label("role"),
    _label("kind"),
    Column("subject", String(160), nullable=False),
    Column("outcome", Integer, nullable=False),
    Column("detail", String(512), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

# Secrets of the deployment that nobody has set: streams/adapters/case_store/keys.py.
KEYS: Final = Table(
    "keys",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("key", String(64), nullable=False),
)

# How far each endpoint of webhooks has read; it moves in the transaction of what was queued.
WEBHOOK_POSITIONS: Final = Table(
    "webhook_positions",
    METADATA,
    Column("endpoint", String(64), primary_key=True),
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
)

# What is to be posted; `next_ms` is null for what was given up.
WEBHOOK_QUEUE: Final = Table(
    "webhook_queue",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _label("endpoint"),
    _id("subject"),  # in its order: a case, or an account
    Column("idempotency_key", String(192), nullable=False),
    _label("type"),
    Column("is_replay", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    _ms("next_ms", nullable=True),
    Column("problem", String(200), nullable=False),
    _ms("at_ms"),
    Column("body", LargeBinary, nullable=False),
    Index("webhook_queue_of_subject", "endpoint", "subject", "number"),
    Index("webhook_queue_by_subject", "subject"),
)
