"""How is a person forgotten, and what proves it?

The request is an event like any other, so it takes effect exactly once, in its place among the account's other events,
and a rebuilt state has forgotten as well. This command writes it, waits for the answer and looks whether it is true.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
from aiokafka import TopicPartition
from rich.console import Console
from rich.table import Table

from streams.adapters.clock import SystemClock
from streams.cli.cluster import BadRequest, ClusterFailed, NotAsItShouldBe, ask, cluster_options, send, settings_of
from streams.cli.outputs import OutFile
from streams.cli.parts import rows_of_agent
from streams.cli.published_policies import who
from streams.cli.terminal import say_json, terminal
from streams.contracts.accounts import AccountErasure
from streams.contracts.base import from_ms, to_ms
from streams.contracts.cases import AccountErased, ActionRejected
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import decode
from streams.contracts.topics import CASES_SNAPSHOT, ERASED_WITHIN_S, LOCKS, TOPICS, changelog_of, physical
from streams.core.ids import erasure_id
from streams.core.roles import SUPERVISORS
from streams.runtime.reading import follow, scan, spans
from streams.runtime.topics_admin import usable_partitions
from streams.settings import Settings

_REQUESTS, _ANSWERS = "operator.actions", "support.cases"


class Receipt(msgspec.Struct, kw_only=True):
    """What was forgotten, what of it can still be read where, and until when."""

    account: str
    request: str
    erased_at: datetime
    actor: str
    second_actor: str
    why: str
    forgotten: dict[str, int]
    case_ids: tuple[str, ...]
    state_bytes_before: int
    state_bytes_after: int  # a mark that keeps late records from teaching it again; it goes after 30 days
    still_readable: list[str]  # compacted topics on which the newest record of the account or its cases is not gone
    gone_by: dict[str, datetime | None]  # topic -> when its last record about the account is deleted; None: never


@click.command()
@click.argument("account")
@click.option("--second", required=True, help="Who else agreed: two people erase.")
@click.option("--out", type=OutFile(), help="Write the receipt to a JSON file.")
@click.option("--within", "within_s", type=click.IntRange(1), default=60, show_default=True, help="Seconds to wait.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON; implies --yes.")
@who(SUPERVISORS)
@cluster_options
def erase(
    account: str,
    second: str,
    out: Path | None,
    within_s: int,
    yes: bool,
    as_json: bool,
    actor: str,
    role: str,
    why: str,
    **cluster: Any,
) -> None:
    """Forget everything about ACCOUNT: habits, payments, cases, locks. Running workers carry it out.

    It is refused while a lock stands, a case is open or money is on its way. Records on topics that are not compacted
    leave with their retention, which the receipt dates; PayWarden cannot delete what other systems keep.

    \b
    Examples:
      paywarden erase customer-17 --actor mei --role supervisor --second jo --why "letter of 10 March"
    """
    settings = settings_of(cluster)
    if not (yes or as_json):
        click.confirm(f"Forget {account} for good?", abort=True)
    now = from_ms(SystemClock().now_ms())
    try:
        request = msgspec.convert(
            {
                "type": "account.erasure.v1",
                "event_id": erasure_id(account, actor, now.isoformat()),
                "source": "paywarden-erase",
                "occurred_at": now,
                "account_id": account,
                "actor": actor,
                "role": role,
                "second_actor": second,
                "why": why,
            },
            AccountErasure,
        )
    except msgspec.ValidationError as error:
        raise BadRequest(f"the request cannot be written: {error}.") from None
    receipt = ask(settings, _erased(settings, request, within_s))
    written = msgspec.json.format(msgspec.json.encode(receipt), indent=2) + b"\n"
    if out is not None:
        try:
            out.write_bytes(written)
        except OSError as error:
            raise BadRequest(f"erased, but the receipt cannot be written to {out}: {error.strerror}.") from error
    if as_json:
        say_json(written, nl=False)
    else:
        _show(receipt, terminal())
    if receipt.still_readable:
        raise SystemExit(1)


async def _erased(settings: Settings, request: AccountErasure, within_s: int) -> Receipt:
    """Asks, waits and looks. Raises BadRequest if it is refused and ClusterFailed if nobody answers in time."""
    options = settings.runtime()
    key = request.account_id.encode()
    answers = physical(settings.names, _ANSWERS)
    span = await spans(options, await usable_partitions(options, [answers]))
    if not span:
        raise NotAsItShouldBe(f"there is no topic {answers}; `paywarden topics create` makes it.")
    number = partition_of(key, len(span))
    place = TopicPartition(answers, number)
    before = (await rows_of_agent(settings, "accounts", number)).get(key)
    await send(settings, _REQUESTS, request, key, to_ms(request.occurred_at))
    answer: AccountErased | ActionRejected | None = None
    try:
        async with asyncio.timeout(within_s), aclosing(follow(options, {place: span[place].end})) as records:
            async for record in records:
                said = decode(_ANSWERS, record.value or b"")
                if isinstance(said, AccountErased | ActionRejected) and said.event_id == request.event_id:
                    answer = said
                    break
    except TimeoutError:
        raise ClusterFailed(
            f"no worker answered within {within_s} s. The request {request.event_id} stands and is carried out when "
            "one runs; ask again then, for the receipt."
        ) from None
    if isinstance(answer, ActionRejected):
        raise BadRequest(f"not erased: {answer.text}.")
    assert answer is not None
    after = (await rows_of_agent(settings, "accounts", number)).get(key)
    return Receipt(
        account=request.account_id,
        request=request.event_id,
        erased_at=answer.occurred_at,
        actor=request.actor,
        second_actor=request.second_actor,
        why=request.why,
        forgotten=answer.forgotten,
        case_ids=answer.case_ids,
        state_bytes_before=len(before or b""),
        state_bytes_after=len(after or b""),
        still_readable=await _readable(settings, number, key, answer),
        gone_by=_gone_by(answer.occurred_at),
    )


async def _readable(settings: Settings, number: int, key: bytes, answer: AccountErased) -> list[str]:
    """Compacted topics whose newest record of the account or of one of its cases is not a tombstone."""
    options = settings.runtime()
    found = []
    for topic, keys in ((LOCKS, {key}), (CASES_SNAPSHOT, {case_id.encode() for case_id in answer.case_ids})):
        place = TopicPartition(physical(settings.names, topic.name), number)
        newest: dict[bytes, bytes | None] = {}
        async with aclosing(scan(options, {place: 0})) as records:
            async for record in records:
                if record.key in keys:
                    newest[record.key] = record.value
        if any(value is not None for value in newest.values()):
            found.append(topic.name)
    return found


def _gone_by(erased_at: datetime) -> dict[str, datetime | None]:
    """When the last record about the account leaves each topic; compacted ones of others stay with their owners."""
    gone: dict[str, datetime | None] = {}
    ours = {changelog_of("accounts").name, LOCKS.name, CASES_SNAPSHOT.name}
    for topic in TOPICS.values():
        if topic.key not in ("account_id", "case_id") and topic.name not in ours:
            continue
        kept_s = ERASED_WITHIN_S if topic.name in ours else topic.retention_s
        gone[topic.name] = None if kept_s is None else erased_at + timedelta(seconds=kept_s)
    return gone


def _show(receipt: Receipt, console: Console) -> None:
    console.print(
        f"{receipt.account} was forgotten at {receipt.erased_at:%Y-%m-%d %H:%M:%S} UTC, asked for by {receipt.actor} "
        f"and {receipt.second_actor}: {receipt.request}"
    )
    forgotten = ", ".join(f"{count:,} {name}" for name, count in receipt.forgotten.items()) or "nothing was known"
    console.print(
        f"forgotten: {forgotten}; state {receipt.state_bytes_before:,} bytes, now a mark of "
        f"{receipt.state_bytes_after:,} for 30 days"
    )
    for topic in receipt.still_readable:
        console.print(f"STILL READABLE on {topic}: ask again, and tell whoever operates the brokers")
    table = Table("topic", "its last record about the account is gone by")
    for topic, at in receipt.gone_by.items():
        table.add_row(topic, "when its owner deletes it" if at is None else f"{at:%Y-%m-%d %H:%M}")
    console.print(table)
