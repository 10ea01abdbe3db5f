"""Does a lock reach the payment system, and its release too, whoever dies between command and acknowledgement?"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest
from support.broker import ON_KAFKA
from support.broker_client import Cluster
from support.chaos import EXPECTED
from support.happenings import HOUR, MINUTE, NOON, SECOND, event, login
from support.product import Product, backtest, difference, state_difference

from producers.answers import COMMANDS, replies
from producers.feed import Outgoing, outgoing
from producers.writer import KafkaWriter
from streams.contracts.accounts import IdentityVerified, UserReport
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.base import Event
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.contracts.registry import decode
from streams.contracts.topics import MERGED, physical
from streams.runtime.logic import Emit

STEP_MS = 10 * MINUTE
ACCOUNTS = 6
WORKER = "w1"
_TOPICS = {kind: topic.name for topic in MERGED for kind in topic.types}


def told(account: int) -> Iterator[Event]:
    """Everybody is locked at noon; a third is let in by a second factor, a third by identity, a third is frozen."""
    who = f"a{account}"
    home_ms = NOON - HOUR + account * SECOND
    yield login(home_ms, f"{who}-home", LoginSucceeded, account_id=who, device_id="phone")
    for guess in range(10):  # on a device that is known: strangers are only asked for a second factor
        at_ms = NOON + guess * 20 * SECOND + account * SECOND
        yield login(at_ms, f"{who}-{guess}", account_id=who, device_id="phone")
    later_ms = NOON + 25 * MINUTE + account * SECOND
    match account % 3:
        case 0:
            yield event(ChallengePassed, later_ms, who, account_id=who, ip="198.51.100.1", device_id="phone")
        case 1:
            yield event(
                IdentityVerified,
                later_ms,
                who,
                account_id=who,
                level=3,
                passed=True,
                method="face_and_document",
                actor="kyc",
                role="idv",
            )
        case _:
            yield event(UserReport, later_ms, who, account_id=who, channel="phone", kind="stolen")
    # Time goes on, so that what nobody acknowledged is sent again.
    for minutes in (35, 45):
        yield login(NOON + minutes * MINUTE, f"{who}-{minutes}", account_id=f"other-{account}", device_id="home")


def feed() -> list[Outgoing]:
    events = sorted((each for account in range(ACCOUNTS) for each in told(account)), key=lambda each: each.occurred_at)
    return [outgoing(_TOPICS[type(each)], each) for each in events]


def heard(topic: str, value: bytes | None) -> list[Outgoing]:
    """The payment system's answers; it misses the first request of half of the accounts' commands."""
    command = decode(topic, value)
    if isinstance(command, ActionRequested) and command.attempt == 1 and command.account_id in ("a3", "a4", "a5"):
        return []
    return list(replies(topic, value))


def respond(emit: Emit) -> list[tuple[str, bytes, bytes, int]]:
    return [(each.topic, each.key, each.value, each.timestamp_ms) for each in heard(emit.topic, emit.value)]


class PaymentSystem:
    """Reads committed commands, and before it answers new ones the worker that gave them dies."""

    def __init__(self, product: Product, writer: KafkaWriter) -> None:
        self._product, self._writer = product, writer
        self._answered: set[tuple[str, int, int]] = set()
        self.blows = [SIGKILL, SIGTERM, SIGKILL, SIGKILL]  # the last ones fall between unlock and acknowledgement

    def answer(self) -> bool:
        """Whether anything new was asked."""
        asked = [
            (topic, record)
            for topic in COMMANDS
            for record in self._product.cluster.read(
                physical(self._product.prefix, topic), partitions=self._product.partitions
            )
            if (topic, record.partition, record.offset) not in self._answered
        ]
        if not asked:
            return False
        dies = bool(self.blows)
        if dies:
            self._die(self.blows.pop(0))
        for number, (topic, record) in enumerate(asked):
            if dies and number == len(asked) // 2:  # one half is answered while nobody runs, the other meanwhile
                self._writer.flush()
                self._product.start(WORKER)
            for reply in heard(topic, record.value):
                self._writer.send_keyed(reply, self._product.partitions)
            self._answered.add((topic, record.partition, record.offset))
        self._writer.flush()
        return True

    def _die(self, how: int) -> None:
        process = self._product.workers[WORKER]
        process.send_signal(how)
        status = process.wait(30)
        assert status in EXPECTED, self._product.logs()


@ON_KAFKA
@pytest.mark.timeout(300)
def test_no_lock_and_no_unlock_is_lost_or_doubled(bootstrap: str, tmp_path: Path) -> None:
    product = Product(
        Cluster(bootstrap), tmp_path, f"s{uuid.uuid4().hex[:8]}", partitions=2, step_ms=STEP_MS, ack="required"
    )
    product.create_topics()
    records = feed()
    wanted, states = backtest(records, product.partitions, product.policy, step_ms=STEP_MS, respond=respond)
    try:
        product.start(WORKER)
        with KafkaWriter(bootstrap, prefix=product.prefix) as writer:
            payment_system = PaymentSystem(product, writer)
            product.replay(records, agents=("accounts",), answer=payment_system.answer)
        found = product.published()
        assert difference(wanted, found) == "", product.logs()
        assert state_difference(states["accounts"], product.states("accounts")) == ""
        commands = [
            decode("account.actions", record.value)
            for record in product.cluster.read(physical(product.prefix, "account.actions"), partitions=2)
        ]
        locks = [
            decode("account.locks", record.value)
            for record in product.cluster.read(physical(product.prefix, "account.locks"), partitions=2)
        ]
    finally:
        product.end()
    assert payment_system.blows == [], "all of them fell between a command and its answer"
    told_once(commands)
    agree(commands, locks)


def told_once(commands: list[ActionRequested]) -> None:
    """A command may be repeated, as the next attempt of itself and never as a second first one."""
    attempts: defaultdict[str, list[int]] = defaultdict(list)
    for command in commands:
        attempts[command.action_id].append(command.attempt)
    assert all(each == list(range(1, len(each) + 1)) for each in attempts.values())
    assert max(map(len, attempts.values())) == 2, "what was missed once was asked for once more"


def agree(commands: list[ActionRequested], locks: list[LocksState]) -> None:
    """Both sides believe the same in the end, and every step of each account was told once."""
    versions: defaultdict[str, list[int]] = defaultdict(list)
    for state in locks:
        versions[state.account_id].append(state.version)
    assert all(new == old + 1 for each in versions.values() for old, new in pairwise(each))
    newest = {state.account_id: state for state in locks}
    ours = {who: {(lock.action, lock.status) for lock in newest[who].locks} for who in newest}
    theirs = {
        command.account_id: command.action for command in commands if command.action in ("lock", "unlock", "freeze")
    }
    for account in range(ACCOUNTS):
        who = f"a{account}"
        if account % 3 == 2:
            assert ("freeze", "effective") in ours[who]
            assert theirs[who] == "freeze"
        else:
            assert ours[who] == set()
            assert theirs[who] == "unlock"
