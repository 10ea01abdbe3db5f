"""How does somebody without a browser block an address, device, card, payee or merchant until a time, or lift that?

The request is the console's (`entity.block.v1`), and so are its answers: the command to the payment system, or why not.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any, Final

import click
from aiokafka import TopicPartition

from streams.adapters.clock import SystemClock
from streams.cli.cluster import BadRequest, ClusterFailed, NotAsItShouldBe, ask, cluster_options, send, settings_of
from streams.cli.store import opened_store, store_option
from streams.cli.terminal import say
from streams.console import blocking
from streams.console.actions import Refused
from streams.contracts.accounts import EntityBlock
from streams.contracts.actions import ActionRequested
from streams.contracts.base import to_ms
from streams.contracts.cases import ActionRejected
from streams.contracts.registry import decode
from streams.contracts.topics import physical
from streams.core.entities.blocks import command_id
from streams.core.roles import ANALYSTS
from streams.runtime.reading import follow, spans
from streams.runtime.topics_admin import usable_partitions
from streams.settings import Settings

_REQUESTS: Final = "operator.actions"
_ANSWERS: Final = ("account.actions", "support.cases")


_FORM: Final = "a value, a name and a role have 1 to 128 characters each, and a block ends before 2200."
_WHY: Final = {
    "refused.address": "this is no address; networks and patterns belong into a list of the policy.",
    "refused.personal": "events have a pseudonym in the place of personal data: name that, as the entity's page does.",
}


@click.command()
@click.argument("kind", type=click.Choice(blocking.KINDS))
@click.argument("value")
@click.option("--for", "hours", type=click.IntRange(1), default=24, show_default=True, help="Hours until it ends.")
@click.option("--lift", is_flag=True, help="End the block that stands instead.")
@click.option("--reason", type=click.Choice(blocking.REASONS), required=True, help="Why, as a class.")
@click.option("--actor", required=True, help="Who you are.")
@click.option("--role", type=click.Choice(sorted(ANALYSTS)), required=True, help="The role you act in.")
@click.option("--second", help="Who else agreed, where the policy asks for two people.")
@click.option("--accounts", type=click.IntRange(0), help="How many accounts use it. Default: the case store counts.")
@click.option("--within", "within_s", type=click.IntRange(1), default=60, show_default=True, help="Seconds to wait.")
@store_option
@cluster_options
def block(
    kind: str,
    value: str,
    hours: int,
    lift: bool,
    reason: str,
    actor: str,
    role: str,
    second: str | None,
    accounts: int | None,
    within_s: int,
    store: str | None,
    **cluster: Any,
) -> None:
    """Block VALUE of KIND for a time: every payment and login with it is decided like one of a list. Workers do it.

    \b
    Examples:
      paywarden block ip 203.0.113.9 --for 24 --reason card_testing --actor mei --role analyst
      paywarden block ip 203.0.113.9 --lift --reason other --actor mei --role analyst
    """
    settings = settings_of(cluster)
    if accounts is None:
        with opened_store(settings, store) as opened, opened.reading() as connection:
            accounts = blocking.used_by(connection, kind, value)
    now_ms = SystemClock().now_ms()
    try:
        request = blocking.block_of(
            kind,
            value,
            wanted="lift" if lift else "block",
            hours=hours,
            reason=reason,
            accounts=accounts,
            actor=actor,
            role=role,
            second=second,
            at_ms=now_ms,
            form=str(now_ms),
            source="paywarden-block",
        )
    except Refused as error:
        raise BadRequest(_WHY.get(str(error), _FORM)) from None
    done = ask(settings, _asked(settings, request, within_s))
    if lift:
        say(f"{done.entity} is blocked no more")
    else:
        say(
            f"{done.entity} is blocked until {done.expires_at:%Y-%m-%d %H:%M} UTC; {accounts:,} accounts used it lately"
        )


async def _asked(settings: Settings, request: EntityBlock, within_s: int) -> ActionRequested:
    """Asks and waits. Raises BadRequest if it is refused and ClusterFailed if nobody answers in time."""
    options = settings.runtime()
    names = {physical(settings.names, topic): topic for topic in _ANSWERS}
    found = await spans(options, await usable_partitions(options, list(names)))
    for name in names:
        if not any(place.topic == name for place in found):
            raise NotAsItShouldBe(f"there is no topic {name}; `paywarden topics create` makes it.")
    ends: dict[TopicPartition, int] = {place: span.end for place, span in found.items()}
    await send(settings, _REQUESTS, request, request.account_id.encode(), to_ms(request.occurred_at))
    wanted = command_id(request.kind, request.value, request.event_id)
    try:
        async with asyncio.timeout(within_s), aclosing(follow(options, ends)) as records:
            async for record in records:
                said = decode(names[record.topic], record.value or b"")
                if isinstance(said, ActionRequested) and said.action_id == wanted:
                    return said
                if isinstance(said, ActionRejected) and said.event_id == request.event_id:
                    raise BadRequest(f"not carried out: {said.text}.")
    except TimeoutError:
        pass
    raise ClusterFailed(
        f"no worker answered within {within_s} s. The request {request.event_id} is carried out when one runs."
    )
