"""Which incidents, cases and locks are there now? Read from the topics, as any subscriber could."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import Any, get_args

import click
import msgspec
from rich import box
from rich.table import Column, Table

from streams.adapters.policy_file import load_schedule
from streams.cli.cluster import ask, cluster_options, settings_of
from streams.cli.terminal import say, say_json, terminal
from streams.contracts.actions import ActionKind, LocksState
from streams.contracts.cases import CaseVersion, Priority, Queue
from streams.contracts.topics import LOCKS, TOPICS, physical
from streams.core.cases.review import LOSS, ReviewQueue, review_queue
from streams.core.incidents.cases import TYPOLOGY as OUTAGE
from streams.core.messages.render import money
from streams.runtime.options import RuntimeOptions
from streams.runtime.reading import scan, spans
from streams.runtime.topics_admin import usable_partitions

ENDED = frozenset({"closed", "withdrawn", "merged", "resolved"})
_ID_WIDTH = 34  # of a case id
_SNAPSHOT = TOPICS["support.cases.snapshot"]

_decode = msgspec.json.Decoder(CaseVersion).decode
_decode_locks = msgspec.json.Decoder(LocksState).decode

_most = click.option("--max", "most", type=click.IntRange(min=1), default=20, show_default=True, help="The newest.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object per case, as it lies on the topic.")
_all = click.option("--all", "ended", is_flag=True, help="Also those that have ended.")


@click.command()
@_all
@_most
@_json
@cluster_options
def incidents(ended: bool, most: int, as_json: bool, **options: Any) -> None:
    """What is down: gateway, issuer, network, merchant, release; since when, how many customers, which codes.

    \b
    Examples:
      paywarden incidents
      paywarden incidents --all --max 5 --json
    """
    settings = settings_of(options)
    found = [case for case in ask(settings, newest(settings.runtime())) if case.cause_family == OUTAGE]
    shown = choose(found, ended=ended, most=most)
    if as_json:
        _print_json(shown)
        return
    if not shown:
        say("no incident is open" if not ended else "no incidents")
        return
    table = _table("since", "state", _right("customers"), _right("failures"), "what is down")
    for case in shown:
        table.add_row(
            _instant(case.created_at),
            _lines(case.sub_status or case.status, case.priority),
            f"{case.counters.get('users', 0):,}",
            f"{case.counters.get('failures', 0):,}",
            _lines(case.subject, ", ".join(case.codes[:3]), case.case_id),
        )
    terminal().print(table)


@click.command()
@click.option("--queue", "queues", multiple=True, type=click.Choice(get_args(Queue)), help="Repeatable.")
@click.option("--priority", "priorities", multiple=True, type=click.Choice(get_args(Priority)), help="Repeatable.")
@click.option("--incident", help="Only cases that are linked to this incident.")
@click.option(
    "--by",
    type=click.Choice(["priority", "loss"]),
    default="priority",
    show_default=True,
    help="loss: the review queue of today.",
)
@click.option(
    "--capacity", type=click.IntRange(min=0), help="Of --by loss: cases a day; default: reviews_per_day of the policy."
)
@_all
@_most
@_json
@cluster_options
def cases(
    queues: tuple[str, ...],
    priorities: tuple[str, ...],
    incident: str | None,
    by: str,
    capacity: int | None,
    ended: bool,
    most: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Support cases in their newest version. Accounts are shown by id, customers' texts are not.

    With --by loss it is the review queue: open cases of security by expected loss, as many as analysts can look at
    today, less those that they have worked on already.

    \b
    Examples:
      paywarden cases --queue security --priority P1
      paywarden cases --by loss
      paywarden cases --incident inc_gt4... --all --json
    """
    settings = settings_of(options)
    found = [
        case
        for case in ask(settings, newest(settings.runtime()))
        if (not queues or case.queue in queues)
        and (not priorities or case.priority in priorities)
        and (incident is None or incident in (case.incident_id, case.case_id))
    ]
    if by == "loss":
        if capacity is None:
            capacity = load_schedule(settings.policy_files).policies[-1].model.costs.reviews_per_day
        wanted = queues or ("security",)
        _review(review_queue([case for case in found if case.queue in wanted], capacity), capacity, most, as_json)
        return
    shown = choose(found, ended=ended, most=most)
    if as_json:
        _print_json(shown)
        return
    if not shown:
        say("no such case")
        return
    table = _table("opened", "flow", "queue", "status", "case")
    for case in shown:
        table.add_row(
            _instant(case.created_at),
            _lines(case.priority, case.flow),
            case.queue,
            case.status,
            _lines(case.case_type, case.subject, case.case_id),
        )
    terminal().print(table)


def _review(queue: ReviewQueue, capacity: int, most: int, as_json: bool) -> None:
    shown = queue.today[:most]
    if as_json:
        _print_json(shown)
        return
    if shown:
        table = _table(_right("expected loss USD"), "opened", "amount", "reasons", "case")
        for case in shown:
            amount, currency = case.amount_minor, case.currency
            table.add_row(
                money(case.counters.get(LOSS, 0), "USD").removeprefix("USD "),
                _lines(_instant(case.created_at), case.priority),
                "" if amount is None or currency is None else money(amount, currency),
                _lines(", ".join(case.reason_codes[:4]), ", ".join(case.rules[:2])),
                _lines(case.case_type, case.subject, case.case_id),
            )
        terminal().print(table)
    left = sum(case.counters.get(LOSS, 0) for case in queue.beyond)
    told = f"{len(queue.today)} to look at on {queue.day}, {queue.worked} of {capacity} were worked on"
    if queue.beyond:
        told += f"; {len(queue.beyond)} wait beyond the capacity, expected to lose {money(left, 'USD')}"
    say(told if shown or queue.beyond else "nothing to look at")


@click.command()
@click.option("--account", help="Only the locks of this account.")
@click.option("--action", "actions", multiple=True, type=click.Choice(get_args(ActionKind)), help="Repeatable.")
@click.option("--all", "released", is_flag=True, help="Also accounts that are free again.")
@click.option("--max", "most", type=click.IntRange(min=1), default=50, show_default=True, help="Those that end first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per account, as it lies on the topic.")
@cluster_options
def locks(
    account: str | None, actions: tuple[str, ...], released: bool, most: int, as_json: bool, **options: Any
) -> None:
    """What is locked, for whom, why, and until when: those that end first are first.

    With --all also the accounts whose last lock has ended, the newest first, and what ended it where that was told with
    it; every step that a lock has taken stands on the topic account.locks and on its case.

    \b
    Examples:
      paywarden locks
      paywarden locks --action freeze
      paywarden locks --account acct_42 --all --json
    """
    settings = settings_of(options)
    states = [
        state
        for state in ask(settings, newest_locks(settings.runtime()))
        if account is None or state.account_id == account
    ]
    shown = [
        (lock.expires_at, state, lock)
        for state in states
        for lock in state.locks
        if not actions or lock.action in actions
    ]
    shown.sort(key=lambda row: (row[0] is None, row[0] or row[2].since, row[1].account_id, row[2].action_id))
    free = [state for state in states if released and not actions and not state.locks]
    free.sort(key=lambda state: (state.occurred_at, state.account_id), reverse=True)
    left_over = max(0, most - len(shown))
    if as_json:
        for state in dict.fromkeys([*(state for _, state, _ in shown[:most]), *free[:left_over]]):
            say_json(msgspec.json.encode(state))
        return
    if not shown and not free:
        say("no such lock" if released or account or actions else "nothing is locked")
        return
    table = _table("ends", "since", "lock", "account")
    for ends, state, lock in shown[:most]:
        table.add_row(
            "by people" if ends is None else _instant(ends),
            _instant(lock.since),
            _lines(f"{lock.action} {lock.scope}", lock.applies_to),
            _lines(state.account_id, f"{lock.reason_class}, {lock.status}"),
        )
    for state in free[:left_over]:
        ended_by = f"by {state.trigger} ({state.actor})" if state.trigger and state.actor else ""
        was = f"was {state.was}" if state.was else ""
        table.add_row(_instant(state.occurred_at), "", _lines("released", was), _lines(state.account_id, ended_by))
    terminal().print(table)
    more = len(shown) + len(free) - most
    if more > 0:
        say(f"{more:,} more: --max")


def _table(*columns: Column | str) -> Table:
    """A table that can be read on 80 columns: each row has several lines, and the last column is never cut."""
    *before, last = columns
    return Table(*before, Column(str(last), overflow="fold", min_width=_ID_WIDTH), box=box.SIMPLE_HEAD, pad_edge=False)


def _right(name: str) -> Column:
    return Column(name, justify="right")


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d}\n{at:%H:%M:%S}"


async def newest(options: RuntimeOptions) -> list[CaseVersion]:
    """The newest version of every case that the snapshot topic holds."""
    found: dict[str, CaseVersion] = {}
    async for key, value in _records(options, _SNAPSHOT.name):
        if value is None:  # closed long ago
            found.pop(key, None)
            continue
        case = _decode(value)
        known = found.get(case.case_id)
        if known is None or case.version >= known.version:
            found[case.case_id] = case
    return list(found.values())


async def newest_locks(options: RuntimeOptions) -> list[LocksState]:
    """The newest state of the locks of every account that the topic holds."""
    found: dict[str, LocksState] = {}
    async for key, value in _records(options, LOCKS.name):
        if value is None:  # the account was erased
            found.pop(key, None)
            continue
        state = _decode_locks(value)
        known = found.get(state.account_id)
        if known is None or state.version >= known.version:
            found[state.account_id] = state
    return list(found.values())


async def _records(options: RuntimeOptions, topic: str) -> AsyncIterator[tuple[str, bytes | None]]:
    name = physical(options.names, topic)
    spanned = await spans(options, await usable_partitions(options, [name]))
    if not spanned:
        return
    async with aclosing(scan(options, {tp: span.begin for tp, span in spanned.items()})) as records:
        async for record in records:
            yield (record.key or b"").decode(), record.value


def choose(found: Iterable[CaseVersion], *, ended: bool, most: int) -> list[CaseVersion]:
    """The newest `most`, the most urgent first; without `ended` only those that somebody has to work on."""
    wanted = [case for case in found if ended or case.status not in ENDED]
    wanted.sort(key=lambda case: (case.created_at, case.case_id))
    return sorted(wanted[-most:], key=lambda case: (case.priority, case.created_at, case.case_id))


def _print_json(shown: Iterable[CaseVersion]) -> None:
    for case in shown:
        say_json(msgspec.json.encode(case))
