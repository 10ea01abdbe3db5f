"""What does the pure core answer to a list of events of one partition, timers included, without any runtime?

`play` does what the runtime does, as plainly as possible: events in the given order, timers due at or before an event
fired before it, the clock moved by events and watermarks alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event, Watermark, to_ms
from streams.contracts.logins import LoginSucceeded
from streams.contracts.payments import PaymentSucceeded
from streams.contracts.topics import MERGED
from streams.core import pipeline
from streams.core.attacked_places import AttackedPlaces
from streams.core.declines.samples import Samples
from streams.core.locks.caps import PartitionLimits
from streams.core.login_risk.frequencies import Frequencies
from streams.core.obligations import Obligations
from streams.core.observations import Observations
from streams.core.policy import Policy, parse_policy
from streams.core.risk import RiskView, no_risk
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import DecideContext, Effect, Prepared
from support.happenings import DAY, HOUR, NOON, event, login, paid

NO_MODEL = ScoreUnavailable("no_model")
DEFAULT = files("streams.core").joinpath("policy.default.toml").read_text(encoding="utf-8")
ENFORCE = 'mode = "enforce"\n'
PHONE: dict[str, Any] = {"device_id": "phone", "ip": "203.0.113.7", "country": "CN"}  # where `settled` is at home
_TOPICS = {kind: topic.name for topic in MERGED for kind in topic.types}


@cache
def policy(*overrides: str) -> Policy:
    """The default policy, enforcing, with TOML texts laid over it."""
    return parse_policy(DEFAULT, ENFORCE, *overrides)


class Saved(msgspec.Struct, array_like=True):
    """What a worker has when it starts again."""

    observations: dict[str, Observations]
    obligations: dict[str, Obligations]
    limits: PartitionLimits
    samples: Samples
    frequencies: Frequencies
    feeds: dict[str, int]
    stalled: dict[str, tuple[int, int]]
    clock_ms: int


_save = msgspec.msgpack.Encoder().encode
_revive = msgspec.msgpack.Decoder(Saved).decode


class Player:
    """One partition: accounts' states, the clock, the feeds. Give it events with `see`, time with `pass_until`."""

    def __init__(
        self,
        policy: Policy,
        scorer: Callable[[Prepared], Score | ScoreUnavailable] = lambda _: NO_MODEL,
        risk: RiskView = no_risk,
        *,
        now_ms: int | None = None,
        partition: int = 0,
        partitions: int = 1,
        barrier_s: int | None = None,
    ) -> None:
        self.policy = policy
        self.observations: dict[str, Observations] = {}
        self.obligations: dict[str, Obligations] = {}
        self.limits = PartitionLimits()
        self.samples = Samples()
        self.frequencies = Frequencies()
        self.feeds: dict[str, int] = {}
        self.stalled: dict[str, tuple[int, int]] = {}  # what the entities agent would have told
        self.attacked = AttackedPlaces()  # the same
        self.clock_ms = 0
        self.prepared: Prepared  # the newest event, as the rules saw it
        self._scorer = scorer
        self._risk = risk
        self._now_ms = now_ms
        self._partition = partition
        self._partitions = partitions
        self._barrier_s = barrier_s

    def see(self, event: Event) -> list[Effect]:
        """What comes of one event, timers due before it included."""
        at_ms = to_ms(event.occurred_at)
        late = at_ms < self.clock_ms - self.policy.lateness_s * 1000
        if type(event) is Watermark:  # written to every input
            self.feeds = {topic.name: max(at_ms, self.feeds.get(topic.name, 0)) for topic in MERGED}
            return self.pass_until(at_ms)
        topic = _TOPICS[type(event)]
        self.feeds[topic] = max(at_ms, self.feeds.get(topic, 0))
        effects = self.pass_until(at_ms)
        observations = self.observations.setdefault(event.account_id, Observations())
        obligations = self.obligations.setdefault(event.account_id, Obligations())
        prepared = pipeline.prepare(observations, event, at_ms, self._risk, self.policy, late, self.frequencies)
        self.prepared = prepared
        score = self._scorer(prepared) if prepared.features is not None else NO_MODEL
        context = self._context(event.account_id)
        effects += pipeline.decide(obligations, prepared, score, self.policy, context)
        pipeline.learn(observations, context, at_ms)
        return effects

    def pass_until(self, at_ms: int) -> list[Effect]:
        """Fires what is due up to `at_ms`, in the order (due, account), and moves the clock."""
        effects: list[Effect] = []
        while due := min(self._due(at_ms), default=None):
            due_ms, account_id = due
            self.clock_ms = max(self.clock_ms, due_ms)
            owed = self.obligations[account_id]
            effects += pipeline.fire(owed, due_ms, self.policy, self._context(account_id))
        self.clock_ms = max(self.clock_ms, at_ms)
        return effects

    def stored(self) -> int:
        """Bytes of the largest account's obligations; a round trip through them must change nothing."""
        sizes = [0]
        for account_id, owed in self.obligations.items():
            raw = msgspec.msgpack.encode(owed)
            assert msgspec.msgpack.decode(raw, type=Obligations) == owed, account_id
            sizes.append(len(raw))
        return max(sizes)

    def saved(self) -> bytes:
        """Everything that outlives a worker, as it is stored."""
        return _save(
            Saved(
                self.observations,
                self.obligations,
                self.limits,
                self.samples,
                self.frequencies,
                self.feeds,
                self.stalled,
                self.clock_ms,
            )
        )

    @classmethod
    def revived(cls, raw: bytes, policy: Policy, risk: RiskView = no_risk) -> Player:
        """A new worker that knows nothing but what was saved."""
        saved, player = _revive(raw), cls(policy, risk=risk)
        for name in Saved.__struct_fields__:
            setattr(player, name, getattr(saved, name))
        return player

    def _due(self, at_ms: int) -> Iterable[tuple[int, str]]:
        for account_id, owed in self.obligations.items():
            due_ms = pipeline.next_due_ms(owed)
            if due_ms is not None and due_ms <= at_ms:
                yield due_ms, account_id

    def _context(self, account_id: str) -> DecideContext:
        now_ms = self.clock_ms if self._now_ms is None else self._now_ms
        return DecideContext(
            account_id,
            self._partition,
            self._partitions,
            now_ms,
            self.clock_ms,
            self.feeds,
            self.limits,
            self._barrier_s,
            stalled=self.stalled,
            samples=self.samples,
            attacked=self.attacked,
        )


def play(
    events: Iterable[Event],
    policy: Policy,
    scorer: Callable[[Prepared], Score | ScoreUnavailable] = lambda _: NO_MODEL,
    *,
    now_ms: int | None = None,
    until_ms: int | None = None,
) -> list[Effect]:
    """Every effect of `events` in order, and of the timers due up to `until_ms`.

    `now_ms` fixes the wall clock (a backfill); without it now is the event-time clock, as in replay.
    """
    player = Player(policy, scorer, now_ms=now_ms)
    effects = [effect for event in events for effect in player.see(event)]
    return effects + player.pass_until(until_ms) if until_ms is not None else effects


def settled(rules: Policy | None = None) -> Player:
    """Somebody at home who has logged in and paid on twenty days, and has 600.00; locks need no acknowledgement."""
    player = Player(rules or policy('[locks]\nack = "assumed"\n'))
    for day in range(20):
        at_ms = NOON - (40 - day) * DAY
        player.see(login(at_ms, f"home-{day}", LoginSucceeded, asn=100, user_agent="wallet/5.3", **PHONE))
        player.see(paid(at_ms + HOUR, f"home-{day}", 5_000, PaymentSucceeded, merchant_id="m1", **PHONE))
    credit = {"entry_id": "b", "direction": "credit", "amount_minor": 60_000, "currency": "EUR", "kind": "posting"}
    player.see(event(LedgerPosted, NOON - DAY, "b", **credit))
    return player
