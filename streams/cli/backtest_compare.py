"""What would change for people if this policy or model took the place of that one? Two backtests of the same input."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from rich.console import Console
from rich.table import Column, Table

from producers.errors import BadInput
from streams.contracts.actions import ActionRequested
from streams.contracts.cases import CaseVersion
from streams.contracts.decisions import DecisionMade
from streams.core.currencies import exponent_of
from streams.core.outcome import Outcome

LABELS_FILE = "labels.csv"
ENDED = frozenset({"resolved", "closed", "withdrawn", "merged"})
# Commands that keep a customer from his money or out of his account.
_LOCKS = frozenset({"lock", "restrict", "freeze"})
_EXAMPLES = 10
# What an outcome does about a payment.
_DONE = {
    Outcome.ALLOW: "missed",
    Outcome.NOTIFY: "notified",
    Outcome.STEP_UP: "challenged",
    Outcome.REVIEW: "seen",
    Outcome.HOLD: "stopped",
    Outcome.BLOCK: "stopped",
}

RecordT = TypeVar("RecordT")


class Payment(msgspec.Struct, frozen=True, gc=False):
    """What was decided about one movement."""

    account_id: str
    outcome: Outcome
    amount_minor: int
    currency: str
    score: float | None
    why: str  # codes of the reasons


class People(msgspec.Struct, kw_only=True):
    """What one backtest means for analysts and customers. Amounts are minor units by currency.

    Every known fraud is in one of five counts, by what was done about it. What has no label counts as neither fraud nor
    honest: it is in `alerts`, `challenged` and `notified` only.
    """

    folder: str
    model: str
    policy: str
    alerts: int = 0  # decisions that an analyst has to look at
    challenged: int = 0  # payments whose customer had to prove himself (step_up)
    notified: int = 0  # payments whose customer was told
    cases_opened: int = 0
    cases_closed: int = 0
    analyst_minutes: float = 0.0
    frauds_stopped: int = 0  # held or blocked
    frauds_challenged: int = 0  # went on only if whoever paid passed the challenge
    frauds_seen: int = 0  # reviewed: the money is gone, what follows can be stopped
    frauds_notified: int = 0  # the money is gone, and the customer was told
    frauds_missed: int = 0  # allowed, and nobody heard of it
    stopped_minor: dict[str, int] = msgspec.field(default_factory=dict)
    challenged_minor: dict[str, int] = msgspec.field(default_factory=dict)
    lost_minor: dict[str, int] = msgspec.field(default_factory=dict)  # of frauds that were seen, notified or missed
    honest_stopped: int = 0  # payments
    honest_challenged: int = 0
    honest_notified: int = 0
    customers_stopped_wrongly: int = 0  # with an honest payment that was held or blocked
    customers_challenged_wrongly: int = 0
    customers_notified_wrongly: int = 0
    customers_locked_wrongly: int = 0  # locked, and no payment of theirs is a known fraud


class Change(msgspec.Struct, kw_only=True):
    """One movement that gets another outcome."""

    subject_id: str
    account_id: str
    amount_minor: int
    currency: str
    truth: str  # fraud, legit, unknown
    before: str
    after: str
    score: float | None
    why: str


class Difference(msgspec.Struct, kw_only=True):
    """Both backtests, and the largest of what changes."""

    before: People
    after: People
    changed: int
    examples: list[Change]


def compare(before: Path, after: Path, minutes_per_case: float) -> Difference:
    """Reads both folders. Raises BadInput: one is no backtest, or they are not of the same input, record by record."""
    summaries = [_summary(folder) for folder in (before, after)]
    for folder, summary in zip((before, after), summaries, strict=True):
        if "inputs_sha256" not in summary:
            raise BadInput(f"{folder} does not say of what input it is, as earlier releases did not; run it again.")
    for key in ("records", "from", "to", "inputs_sha256"):
        if summaries[0].get(key) != summaries[1].get(key):
            what = "content" if key == "inputs_sha256" else key
            raise BadInput(f"{before} and {after} are backtests of different input ({what}); compare two of the same.")
    labels = _labels(after)
    payments = [dict(_payments(folder)) for folder in (before, after)]
    people = [
        _people(folder, summary, found, labels, minutes_per_case)
        for folder, summary, found in zip((before, after), summaries, payments, strict=True)
    ]
    old, new = payments
    changed = [name for name, payment in new.items() if name in old and old[name].outcome != payment.outcome]
    changed.sort(key=lambda name: (-new[name].amount_minor, name))
    kinds: dict[tuple[bool, bool], list[str]] = {}
    for name in changed:
        kinds.setdefault((labels.get(name) == "fraud", new[name].outcome > old[name].outcome), []).append(name)
    # The largest of each kind in turn: frauds are large, and would leave no room for the customers who are disturbed.
    turns = (name for turn in zip_longest(*kinds.values()) for name in turn if name is not None)
    chosen = set(islice(turns, _EXAMPLES))
    examples = [
        Change(
            subject_id=name,
            account_id=new[name].account_id,
            amount_minor=new[name].amount_minor,
            currency=new[name].currency,
            truth=labels.get(name, "unknown"),
            before=old[name].outcome.label,
            after=new[name].outcome.label,
            score=new[name].score,
            why=max(new[name].why, old[name].why, key=len),
        )
        for name in changed
        if name in chosen
    ]
    return Difference(before=people[0], after=people[1], changed=len(changed), examples=examples)


def show(found: Difference, console: Console) -> None:
    """The difference as tables."""
    sides = (Column("before", overflow="fold"), Column("after", overflow="fold"))
    table = Table(Column("", no_wrap=True), *sides, title="what changes for people", title_justify="left")
    rows: tuple[tuple[str, Callable[[People], str]], ...] = (
        ("model", lambda side: side.model),
        ("policy", lambda side: side.policy),
        ("alerts", lambda side: f"{side.alerts:,}"),
        ("cases opened", lambda side: f"{side.cases_opened:,}"),
        ("cases closed", lambda side: f"{side.cases_closed:,}"),
        ("analyst minutes", lambda side: f"{side.analyst_minutes:,.0f}"),
        ("payments challenged", lambda side: f"{side.challenged:,}"),
        ("payments with a notice", lambda side: f"{side.notified:,}"),
        ("honest payments stopped", lambda side: _of(side.honest_stopped, side.customers_stopped_wrongly)),
        ("honest payments challenged", lambda side: _of(side.honest_challenged, side.customers_challenged_wrongly)),
        ("honest payments with a notice", lambda side: _of(side.honest_notified, side.customers_notified_wrongly)),
        ("customers locked wrongly", lambda side: f"{side.customers_locked_wrongly:,}"),
        ("frauds stopped", lambda side: f"{side.frauds_stopped:,}"),
        ("frauds challenged", lambda side: f"{side.frauds_challenged:,}"),
        ("frauds seen afterwards", lambda side: f"{side.frauds_seen:,}"),
        ("frauds with a notice", lambda side: f"{side.frauds_notified:,}"),
        ("frauds missed", lambda side: f"{side.frauds_missed:,}"),
        ("fraud amount stopped", lambda side: _money(side.stopped_minor)),
        ("fraud amount challenged", lambda side: _money(side.challenged_minor)),
        ("fraud amount lost", lambda side: _money(side.lost_minor)),
    )
    for name, value in rows:
        table.add_row(name, value(found.before), value(found.after))
    console.print(table)
    if found.examples:
        title = f"{found.changed:,} movements get another outcome; the largest of each kind"
        # Ids are there to be looked up: they are folded, never cut.
        names = ("movement", "account", "amount", "truth", "before", "after", "reasons")
        table = Table(*(Column(name, overflow="fold") for name in names), title=title)
        for each in found.examples:
            amount = _money({each.currency: each.amount_minor})
            table.add_row(each.subject_id, each.account_id, amount, each.truth, each.before, each.after, each.why)
        console.print(table)


def _people(
    folder: Path, summary: dict[str, Any], payments: dict[str, Payment], labels: dict[str, str], minutes: float
) -> People:
    did: Counter[str] = Counter()
    frauds, honest = Counter[str](), Counter[str]()  # payments by what was done about them
    amounts: dict[str, Counter[str]] = {"stopped": Counter(), "challenged": Counter(), "lost": Counter()}
    disturbed: dict[str, set[str]] = {name: set() for name in _DONE.values()}
    bad = set()
    for name, payment in payments.items():
        done, truth = _DONE[payment.outcome], labels.get(name)
        did[done] += 1
        did["alerts"] += payment.outcome in (Outcome.REVIEW, Outcome.HOLD)
        if truth == "fraud":
            bad.add(payment.account_id)
            frauds[done] += 1
            amounts[done if done in amounts else "lost"][payment.currency] += payment.amount_minor
        elif truth == "legit":
            honest[done] += 1
            disturbed[done].add(payment.account_id)
    opened, ended = 0, {}
    for case in _records(folder / "cases.jsonl", CaseVersion):
        opened += case.version == 1
        ended[case.case_id] = case.status in ENDED
    locked = {
        action.account_id for action in _records(folder / "actions.jsonl", ActionRequested) if action.action in _LOCKS
    }
    return People(
        folder=str(folder),
        model=summary["model"],
        policy=summary["policy"][-1],
        alerts=did["alerts"],
        challenged=did["challenged"],
        notified=did["notified"],
        cases_opened=opened,
        cases_closed=sum(ended.values()),
        analyst_minutes=opened * minutes,
        frauds_stopped=frauds["stopped"],
        frauds_challenged=frauds["challenged"],
        frauds_seen=frauds["seen"],
        frauds_notified=frauds["notified"],
        frauds_missed=frauds["missed"],
        stopped_minor=dict(amounts["stopped"]),
        challenged_minor=dict(amounts["challenged"]),
        lost_minor=dict(amounts["lost"]),
        honest_stopped=honest["stopped"],
        honest_challenged=honest["challenged"],
        honest_notified=honest["notified"],
        customers_stopped_wrongly=len(disturbed["stopped"]),
        customers_challenged_wrongly=len(disturbed["challenged"]),
        customers_notified_wrongly=len(disturbed["notified"]),
        customers_locked_wrongly=len(locked - bad),
    )


def _payments(folder: Path) -> Iterator[tuple[str, Payment]]:
    for decision in _records(folder / "decisions.jsonl", DecisionMade):
        if decision.amount_minor is not None and decision.currency is not None:
            yield (
                decision.subject_id,
                Payment(
                    decision.account_id,
                    Outcome.parse(decision.outcome),
                    decision.amount_minor,
                    decision.currency,
                    decision.score,
                    " ".join(reason.code for reason in decision.reasons),
                ),
            )


class _Kind(msgspec.Struct):
    type: str


def _records(path: Path, kind: type[RecordT]) -> Iterator[RecordT]:
    """The records of one type; other types of the file are passed over."""
    wanted = kind.__struct_config__.tag  # type: ignore[attr-defined]
    of_kind, decode = msgspec.json.Decoder(_Kind).decode, msgspec.json.Decoder(kind).decode
    try:
        with path.open("rb") as lines:
            for line in lines:
                if of_kind(line).type == wanted:
                    yield decode(line)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput(f"{path} is not what a backtest of this release writes ({error}); run it again.") from None


def _summary(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.json.decode((folder / "summary.json").read_bytes(), type=dict)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput(f"{folder} holds no finished backtest ({error}); name the --out of one.") from None
    return found


def _labels(folder: Path) -> dict[str, str]:
    try:
        with (folder / LABELS_FILE).open(newline="", encoding="utf-8") as lines:
            return {row["subject_id"]: row["verdict"] for row in csv.DictReader(lines)}
    except OSError as error:
        raise BadInput(f"{folder / LABELS_FILE} cannot be read ({error.strerror}); run the backtest again.") from None


def _of(payments: int, customers: int) -> str:
    return f"{payments:,} of {customers:,} customers" if payments else "0"


def _money(amounts: dict[str, int]) -> str:
    parts = (f"{minor / 10 ** exponent_of(name):,.2f} {name}" for name, minor in sorted(amounts.items()))
    return ", ".join(parts) or "0"
