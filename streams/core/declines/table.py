"""What does a code of a payment source mean: cause, party at fault, retry advice, who acts, what may be said?

Two tables are shipped as data: 72 causes and the codes of 20 sources that map to them. A code row names its cause and
only what differs from it. Everything a reader of a row relies on is checked when the tables are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from streams.contracts.base import Label, ShortText
from streams.contracts.triage import Disclosure, FaultParty, MoneyState, RetryVerdict
from streams.core.tables import TableError, converted, rows

HealthScope = Literal["issuer", "gateway", "network", "merchant", "platform"]
Queue = Literal["self_service", "technical", "accounting", "policy", "security", "none"]
WhoActs = Literal["customer", "platform", "merchant", "issuer", "payee", "network", "none"]
Basis = Literal["network_rule", "vendor_doc", "policy_default"]
Per = Literal["payment", "day", "month", "year", "life"]  # what a limit counts together
Seconds = Annotated[int, Meta(ge=0, le=366 * 86_400)]
Flow = Annotated[str, Meta(pattern="^(F[0-4][0-9])?$")]

UNKNOWN = "unknown_error"
ISO = "iso8583_1987"
# ISO 8583:1987 leaves these to the networks: 82 is a wrong CVV at Visa and a policy decline at Mastercard.
PRIVATE_USE = frozenset(str(code) for code in range(76, 90))


def spelled(source: str) -> str:
    """A source as the tables spell it: capitals and blanks around it are one system's habit, not another source."""
    return source.strip().lower()


class Cause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One unified cause: the defaults of every code that maps to it, and what the customer reads."""

    cause: Label
    fault_party: FaultParty
    retryable: RetryVerdict
    earliest_retry_s: Seconds | None
    max_retries: Annotated[int, Meta(ge=0, le=100)]  # automatic ones, with the same instrument
    retry_window_s: Seconds | None
    who_acts: WhoActs
    queue: Queue
    priority: Annotated[int, Meta(ge=1, le=4)]  # P1 .. P4, before amount, repeated contact or vulnerability raise it
    disclosure: Disclosure
    money_state: MoneyState
    health_scope: HealthScope | None  # whose health a failure counts against
    flow: Flow
    ue_family: Label | None
    name_zh: Annotated[str, Meta(min_length=2, max_length=30)]  # for a list of causes; as discreet as the sentence
    name_en: Annotated[str, Meta(min_length=2, max_length=40)]
    zh: Annotated[str, Meta(min_length=2, max_length=200)]
    en: Annotated[str, Meta(min_length=2, max_length=250)]

    @property
    def is_failure(self) -> bool:
        """Whether a payment has failed because of it; approvals and remarks about a card product are none."""
        return self.fault_party != "none" or self.retryable != "n/a"

    @property
    def is_crime(self) -> bool:
        """Whether it says that a thief may be at work: nothing is retried then."""
        return self.fault_party == "fraud" or (self.queue == "security" and self.retryable == "never")

    @property
    def has_debited(self) -> bool:
        """Whether it says that money was taken although the payment failed: that has to be looked for at once."""
        return self.is_failure and self.money_state == "moved"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What one code of one source means. `own` rows come from the deployment and go before every other."""

    source: Label
    code: Label
    cause: Cause
    meaning: str
    retryable: RetryVerdict
    earliest_retry_s: int | None
    max_retries: int
    money_state: MoneyState
    limit_per: Per | None  # of a limit that was reached, where the code says which
    basis: Basis
    network_category: int | None
    confidence: str
    ref: str
    note: str
    own: bool = False

    @property
    def says_failed(self) -> bool:
        """Whether the code reports a failure; approvals and remarks about a card product do not."""
        return self.cause.is_failure


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of codes.csv."""

    source: Label
    code: Label
    cause: Label
    meaning: Annotated[ShortText, Meta(min_length=1)]
    retryable: RetryVerdict | None = None
    earliest_retry_s: Seconds | None = None
    max_retries: Annotated[int, Meta(ge=0, le=100)] | None = None
    money_state: MoneyState | None = None
    limit_per: Per | None = None
    basis: Basis | None = None
    network_category: Annotated[int, Meta(ge=1, le=4)] | None = None
    network_cap: str | None = None
    confidence: Literal["high", "medium", "low"] = "high"
    ref: str | None = None
    note: str | None = None


class _Line(NamedTuple):
    """A row, whether a deployment wrote it, and its line in that file."""

    row: _Row
    own: bool
    number: int


class DeclineTable(msgspec.Struct, frozen=True):
    """All causes and codes, read and checked."""

    causes: Mapping[str, Cause]
    entries: Mapping[tuple[str, str], Entry]
    lines: Mapping[tuple[str, str], _Line]  # what the entries were made of: another cause table makes others of it
    digest: str  # of the texts it was read from

    def find(self, source: str, code: str) -> Entry | None:
        """The row of a code as its source writes it: its leading zeros and capitals matter, the source's do not."""
        return self.entries.get((spelled(source), code))

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(source for source, _ in self.entries))

    def codes_of(self, source: str) -> tuple[str, ...]:
        return tuple(code for each, code in self.entries if each == spelled(source))


def read_table(
    causes: str,
    codes: str,
    *,
    base: DeclineTable | None = None,
    causes_name: str = "causes.csv",
    codes_name: str = "codes.csv",
) -> DeclineTable:
    """The tables in two CSV texts, laid over `base` where a deployment has rows of its own. Raises TableError."""
    known = dict(base.causes) if base is not None else {}
    for line, cause in _causes(causes, causes_name):
        _check_cause(cause, f"{causes_name} line {line}")
        _check_against(known.get(cause.cause), cause, cause.cause, f"{causes_name} line {line}")
        known[cause.cause] = cause
    if UNKNOWN not in known:
        raise TableError(f"there is no cause {UNKNOWN}", causes_name, "add it: codes that nobody knows need it")
    lines = dict(base.lines) if base is not None else {}
    fresh: dict[tuple[str, str], int] = {}
    for line, row in rows(codes, _Row, codes_name):
        where = f"{codes_name} line {line}"
        parsed = converted(row, _Row, where)
        parsed = msgspec.structs.replace(parsed, source=spelled(parsed.source))
        key = parsed.source, parsed.code
        if key in fresh:
            raise TableError(
                f"{parsed.source} {parsed.code} is also on line {fresh[key]}", where, "keep one row per code"
            )
        if parsed.cause not in known:
            raise TableError(f"there is no cause {parsed.cause!r}", where, f"use one of the causes of {causes_name}")
        _check_row(parsed, known[parsed.cause], where)
        shipped = base.entries.get(key) if base is not None else None
        if shipped is not None and shipped.says_failed and not known[parsed.cause].is_failure:
            raise TableError(
                f"{parsed.source} {parsed.code} reports a failure, and {parsed.cause} is none",
                where,
                "name the cause of the failure; a code without one would be unknown",
            )
        if shipped is not None:
            _check_against(shipped.cause, known[parsed.cause], f"{parsed.source} {parsed.code}", where)
        fresh[key] = line
        lines[key] = _Line(parsed, base is not None, line)
    entries = {key: _entry(line.row, known[line.row.cause], own=line.own) for key, line in lines.items()}
    seed = base.digest if base is not None else ""
    digest = hashlib.blake2b((seed + causes + codes).encode(), digest_size=6).hexdigest()
    return DeclineTable(known, entries, lines, digest)


@cache
def packaged() -> DeclineTable:
    """The tables as they are shipped."""
    folder = files(__package__).joinpath("data")
    return read_table(
        folder.joinpath("causes.csv").read_text(encoding="utf-8"),
        folder.joinpath("codes.csv").read_text(encoding="utf-8"),
    )


def _causes(text: str, name: str) -> Iterator[tuple[int, Cause]]:
    """Every column of a cause is required; an empty one says "none"."""
    none = dict.fromkeys(field.encode_name for field in msgspec.structs.fields(Cause))
    for line, row in rows(text, Cause, name):
        yield line, converted({**none, "flow": "", **row}, Cause, f"{name} line {line}")


def _check_cause(cause: Cause, where: str) -> None:
    retries = cause.retryable in ("later", "query_first") or cause.max_retries > 0
    if cause.retryable in ("never", "n/a") and (cause.max_retries or cause.earliest_retry_s is not None):
        raise TableError(f"{cause.cause} is {cause.retryable} and has retries", where, "set max_retries to 0")
    if retries and cause.max_retries > 0 and cause.fault_party == "fraud":
        raise TableError(f"{cause.cause} is fraud and may be retried", where, "set retryable to never")
    if cause.fault_party == "fraud" and cause.disclosure != "generic":
        raise TableError(f"{cause.cause} tells a thief why", where, "set disclosure to generic")


def _check_against(shipped: Cause | None, cause: Cause, what: str, where: str) -> None:
    """What an overlay may not soften: a sign of theft, and that money was taken."""
    if shipped is None:
        return
    if shipped.is_crime and not cause.is_crime:
        problem = f"{what} is a sign of theft ({shipped.cause}), and here it is none"
        raise TableError(problem, where, "name a cause of fraud, or leave the packaged row as it is")
    if shipped.has_debited and not cause.has_debited:
        problem = f"{what} says that money was taken ({shipped.cause}), and here it does not"
        raise TableError(problem, where, "name a cause whose money_state is moved, or leave the packaged row as it is")


def _check_row(row: _Row, cause: Cause, where: str) -> None:
    if not f"{row.source}{row.code}".isprintable():
        raise TableError("its source or code has characters that nobody can see", where, "write it as it comes")
    if row.code != row.code.strip():
        raise TableError("its code begins or ends with a blank, so it matches nothing", where, "remove the blank")
    if cause.has_debited and row.money_state not in (None, "moved"):
        raise TableError(
            f"{row.source} {row.code} says that money was taken ({cause.cause}), and its money_state is another",
            where,
            "leave money_state empty",
        )
    if cause.is_crime and (row.retryable not in (None, "never") or row.max_retries):
        raise TableError(
            f"{row.source} {row.code} is fraud ({cause.cause}) and may be retried",
            where,
            "leave retryable and max_retries empty",
        )


def _entry(row: _Row, cause: Cause, *, own: bool) -> Entry:
    verdict = row.retryable or cause.retryable
    ends = verdict in ("never", "n/a")
    earliest_s = cause.earliest_retry_s if row.earliest_retry_s is None else row.earliest_retry_s
    retries = cause.max_retries if row.max_retries is None else row.max_retries
    return Entry(
        source=row.source,
        code=row.code,
        cause=cause,
        meaning=row.meaning,
        retryable=verdict,
        earliest_retry_s=None if ends else earliest_s,
        max_retries=0 if ends else retries,
        money_state=row.money_state or cause.money_state,
        limit_per=row.limit_per,
        basis=row.basis or "policy_default",
        network_category=row.network_category,
        confidence=row.confidence,
        ref=row.ref or "",
        note=row.note or "",
        own=own,
    )
