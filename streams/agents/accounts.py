"""How does everything that is keyed by an account run: which state, which risk, which record for which effect?"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from streams.agents.publish import publish, publish_forgotten, publish_notice, publish_signal
from streams.contracts.accounts import (
    AccountErasure,
    AccountProfile,
    CaseAction,
    CustomerConfirmed,
    SocialMention,
    UserReport,
)
from streams.contracts.base import Event, Watermark, to_ms
from streams.contracts.cases import AccountErased, CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import Login, LoginSucceeded
from streams.contracts.registry import Refusal, encode, headers_of, read
from streams.contracts.signals import AccountForgotten, ClockTold, EntityRisk
from streams.contracts.topics import ENTITY_RISK, MERGED, SIGNALS, TOPICS, inputs_of
from streams.core import erasure, pipeline
from streams.core.attacked_places import AttackedPlaces, is_attacked_place
from streams.core.declines.card_data import refusal_of_card
from streams.core.declines.samples import Samples
from streams.core.entities.feeds import FeedTallies, ended_telling, heard
from streams.core.entities.health import HealthBuckets, count_hung, count_trial, ended_bucket
from streams.core.entities.risk_state import RiskState
from streams.core.flows.social import topic_case
from streams.core.incidents import silence
from streams.core.incidents.cases import TYPOLOGY as OUTAGE
from streams.core.incidents.outages import Outages
from streams.core.intake.posts import topic_of
from streams.core.intake.topics import Topic
from streams.core.learning import BANDS_FROM
from streams.core.library import Library, packaged_library
from streams.core.locks.caps import PartitionLimits
from streams.core.locks.tenure import LOCKED, Tenure
from streams.core.login_risk.frequencies import Frequencies
from streams.core.messages.notify import MERCHANT
from streams.core.money.completeness import IDLE
from streams.core.money.delays import delays_of
from streams.core.obligations import Obligations
from streams.core.observations import Observations
from streams.core.outcome import Outcome
from streams.core.personal import DEMO_KEY, Found, guarded
from streams.core.policy import Policy, PolicySchedule
from streams.core.ranking import Ranking, judge, room_of
from streams.core.risk import BLOCK_KIND, NO_PART, RiskFact, feed_of, incident_of, stopped_rule
from streams.core.score import Score, ScoreUnavailable
from streams.core.signals import Door, door_of, lock_signal, release_signal, signals_of
from streams.core.steps import DecideContext, Effect, MerchantsFault, Prepared, Trade
from streams.metrics import (
    CASE_DEADLINES,
    CASES_HANDED_OVER,
    CHANNELS_UNLISTED,
    CONFIRMED_FRAUD_USD_CENTS,
    CONFIRMED_FRAUDS,
    CUSTOMER_DIALOGUE,
    DEBIT_BACK_SECONDS,
    DEBIT_FOUND_SECONDS,
    EFFECTS_SUPPRESSED,
    EVENTS_FORGOTTEN,
    FEES_UNJUDGED,
    FIRST_RESPONSE_SECONDS,
    INCIDENT_FAILURES,
    KNOWLEDGE_QUESTIONS,
    KNOWLEDGE_UNANSWERED,
    LABELLED_SCORES,
    LOCK_SECONDS,
    LOCKS_BEGUN,
    LOCKS_CAPPED,
    LOCKS_STANDING,
    LOGINS,
    MESSAGES_ANSWERED,
    MESSAGES_READ,
    OLDEST_LOCK,
    PERSONAL_DATA,
    RANKED_ACCOUNTS,
    SURVEY_RATINGS,
    UNKNOWN_CODES,
    UNLOCK_SECONDS,
    UNRATED_AMOUNTS,
)
from streams.ports import Places, Scorer
from streams.runtime.logic import Context, Emit, Incoming, Input, Record, Refused, Shown

# Entity risk lives beside the accounts of a partition, under keys that no account id can have.
RISK_PREFIX = b"\x01risk/"
MERGED_NAMES = frozenset(topic.name for topic in MERGED)


class Account(msgspec.Struct, array_like=True):
    """The state of one account: what was seen of it, and what is owed to it."""

    observations: Observations
    obligations: Obligations


class Shared(msgspec.Struct, array_like=True):
    """What belongs to the partition rather than to an account."""

    limits: PartitionLimits = msgspec.field(default_factory=PartitionLimits)
    health: HealthBuckets = msgspec.field(default_factory=HealthBuckets)
    feeds: FeedTallies = msgspec.field(default_factory=FeedTallies)
    stalled: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)  # feed -> (from, until)
    samples: Samples = msgspec.field(default_factory=Samples)
    outages: Outages = msgspec.field(default_factory=Outages)
    ranking: Ranking = msgspec.field(default_factory=Ranking)
    frequencies: Frequencies = msgspec.field(default_factory=Frequencies)  # of logins; `prepare` alone changes it
    tenure: Tenure = msgspec.field(default_factory=Tenure)
    blocked_until_ms: int = 0  # no block of an operator stands from then on; `prepare` alone changes it
    attacked: AttackedPlaces = msgspec.field(default_factory=AttackedPlaces)


class StalledFeed(msgspec.Struct, frozen=True, gc=False):
    """The entities agent says that a feed has stopped."""

    feed: str
    at_ms: int
    from_ms: int
    until_ms: int


class LocksStopped(msgspec.Struct, frozen=True, gc=False):
    """The entities agent says that all partitions together have locked enough."""

    rule: str
    at_ms: int
    from_ms: int
    until_ms: int


class OutageTold(msgspec.Struct, frozen=True, gc=False):
    """What the entities agent says about an outage: the whole partition has to know."""

    risk: EntityRisk
    at_ms: int


class AttackTold(msgspec.Struct, frozen=True, gc=False):
    """The entities agent says that a place is held for an attack on logins."""

    risk: EntityRisk
    at_ms: int


class Stranger(msgspec.Struct, frozen=True, gc=False):
    """An attempt that belongs to no account: it makes signals and nothing else."""

    event: Event
    at_ms: int
    incident: str  # case of the attack that it is a part of
    attacked: str  # kind of the entity that this attack is on
    about: Topic | None = None  # of a public post: what it tells of


class Forgotten(msgspec.Struct, frozen=True, gc=False):
    """An event from before its account was erased."""

    at_ms: int


# What `prepare` makes of a record.
Work = Prepared | Stranger | StalledFeed | LocksStopped | OutageTold | AttackTold | Forgotten
# What is decided about them changes what `prepare` sees of the account next.
_UNTEACHES = frozenset({AccountErasure, AccountProfile, UserReport, CustomerConfirmed, CaseAction})
_NOT_SCORED = ScoreUnavailable("not_scored")
_FLAGGED = frozenset(outcome.label for outcome in Outcome if outcome >= Outcome.STEP_UP)

_encode = msgspec.msgpack.Encoder().encode
_decode_account = msgspec.msgpack.Decoder(Account).decode
_decode_risk = msgspec.msgpack.Decoder(RiskState).decode
_decode_shared = msgspec.msgpack.Decoder(Shared).decode


def dedupe_hash(topic: str, source: str, event_id: str) -> int:
    """64 bits that stand for (topic, source, event id); stable across processes and releases: states keep it.

    Each source numbers its events by itself (CloudEvents 1.0, `id`).
    """
    return int.from_bytes(blake2b(f"{topic}\x00{source}\x00{event_id}".encode(), digest_size=8).digest())


def risk_key(kind: str, value: str) -> bytes:
    """The state key of what is known about an entity."""
    return f"\x01risk/{kind}/{value}".encode()


def _located(login: Login, places: Places) -> Login:
    """`login` with country and autonomous system of its address, where its producer did not name them."""
    if login.country is not None and login.asn is not None:
        return login
    place = places(login.ip)
    return msgspec.structs.replace(login, country=login.country or place.country, asn=login.asn or place.asn)


def _paid_until_ms(context: Context, at_ms: int) -> int:
    """Up to when every payment was heard: to the end of all that can be read, unless the feed has stopped."""
    from_ms, until_ms = context.shared.stalled.get(silence.FEED, (0, 0))
    idle_ms = 0 if from_ms <= at_ms <= until_ms else context.feeds.get(IDLE, 0)
    return max(context.feeds.get(silence.FEED, 0), idle_ms)


def _told(effect: Effect, context: Context) -> list[Emit]:
    """The records of an effect, counted."""
    if type(effect) is CaseVersion:
        delays = delays_of(effect)
        if delays.found_s is not None:
            context.observe(DEBIT_FOUND_SECONDS, delays.found_s)
        if delays.back_s is not None:
            context.observe(DEBIT_BACK_SECONDS, delays.back_s)
    if type(effect) is NotificationRequested and effect.account_id.startswith(MERCHANT):
        return publish_notice(effect, context.count, context.partitions)
    return publish(effect, context.count)


class AccountsLogic:
    """The accounts agent; see `streams.runtime.logic.Logic` for what each method promises."""

    name = "accounts"
    by_source = False

    def __init__(
        self,
        policies: PolicySchedule,
        scorer: Scorer[Prepared],
        barrier_s: int | None = None,
        library: Library | None = None,
        pseudonym_key: str = DEMO_KEY,
        places: Places | None = None,
    ) -> None:
        self._policies = policies
        self._places = places
        self._pseudonym_key = (pseudonym_key or DEMO_KEY).encode()
        self._personal: Tally[Found] = Tally()  # found while reading, counted at the next decision
        self._library = library or packaged_library()
        self._scorer = scorer
        self._barrier_s = barrier_s
        self.inputs = tuple(
            Input(
                topic.name,
                waits=topic is not ENTITY_RISK,
                required=topic.required or topic is ENTITY_RISK,
                keyed=topic is not ENTITY_RISK,
            )
            for topic in inputs_of("accounts")
        )

    # -- records and states ------------------------------------------------------------------------------------------

    def read(self, record: Record) -> Incoming | Refused:
        topic = record.topic
        if record.value is None and TOPICS[topic].compacted:  # the owner of the feed has deleted it there
            return Incoming(None, None, record.timestamp_ms, moves_clock=False)
        event = read(topic, record.key, record.value)
        if type(event) is Refusal:
            return Refused(*event)
        at_ms = to_ms(event.occurred_at)
        if type(event) is EntityRisk:
            key = None if event.typology == OUTAGE else risk_key(event.kind, event.value)
            return Incoming(event, key, at_ms, moves_clock=False)
        if type(event) is Watermark:
            return Incoming(None, None, at_ms)
        event, found = guarded(event, self._pseudonym_key, self._policies.at(at_ms).privacy.plain_ids)
        if found:
            self._personal.update(found)
        if self._places is not None and isinstance(event, Login):
            event = _located(event, self._places)
        account = event.account_id.encode() if event.known else None
        alone = type(event) in _UNTEACHES
        return Incoming(event, account, at_ms, dedupe_hash(topic, event.source, event.event_id), alone=alone)

    def new(self, key: bytes) -> Account | RiskState:
        if key.startswith(RISK_PREFIX):
            return RiskState()
        return Account(Observations(), Obligations())

    def load(self, key: bytes, raw: bytes) -> Account | RiskState:
        return _decode_risk(raw) if key.startswith(RISK_PREFIX) else _decode_account(raw)

    def dump(self, state: Account | RiskState) -> bytes:
        return _encode(state)

    def new_shared(self) -> Shared:
        return Shared()

    def load_shared(self, raw: bytes) -> Shared:
        return _decode_shared(raw)

    def dump_shared(self, shared: Shared) -> bytes:
        return _encode(shared)

    def due_ms(self, state: Account | RiskState) -> int | None:
        return pipeline.next_due_ms(state.obligations) if type(state) is Account else None

    def forgets_ms(self, state: Account | RiskState) -> int | None:
        if type(state) is Account:
            return pipeline.forgets_ms(state.observations, state.obligations)
        assert type(state) is RiskState
        return state.forgets_ms()

    # -- the three steps ---------------------------------------------------------------------------------------------

    def prepare(
        self,
        state: Any,
        incoming: Incoming,
        peek: Callable[[bytes], Any],
        late: bool,
        topic: str,
        shared: Shared,
    ) -> Work | None:
        event, at_ms = incoming.event, incoming.at_ms
        if type(event) is EntityRisk:
            if state is None:
                return OutageTold(event, at_ms)
            state.apply(event)
            if event.kind == BLOCK_KIND:
                shared.blocked_until_ms = max(shared.blocked_until_ms, to_ms(event.expires_at))
                return None
            if is_attacked_place(event):
                return AttackTold(event, at_ms)
            rule = stopped_rule(event.kind, event.value)
            if rule is not None:
                return LocksStopped(rule, at_ms, to_ms(event.effective_at), to_ms(event.expires_at))
            feed = feed_of(event.kind, event.value)
            if feed not in MERGED_NAMES:
                return None
            return StalledFeed(feed, at_ms, to_ms(event.effective_at), to_ms(event.expires_at))

        def risk(kind: str, value: str, at_ms: int) -> RiskFact | None:
            if kind == BLOCK_KIND and at_ms >= shared.blocked_until_ms:
                return None  # as nearly always
            known = peek(risk_key(kind, value))
            return None if known is None else known.fact(at_ms)

        if state is None:
            attack = incident_of(risk, event, at_ms) if isinstance(event, Login) else NO_PART
            about = None
            if isinstance(event, SocialMention) and not late:
                about = topic_of(event, at_ms, self._policies.at(at_ms).intake)
                attack = topic_case(risk, event, about, at_ms)
            return Stranger(event, at_ms, attack.case_id, attack.kind, about)
        if at_ms <= state.observations.erased_ms:
            return Forgotten(at_ms)
        return pipeline.prepare(
            state.observations, event, at_ms, risk, self._policies.at(at_ms), late, shared.frequencies
        )

    def score(self, prepared: Sequence[Work]) -> Sequence[Score | ScoreUnavailable]:
        wanted = [each for each in prepared if type(each) is Prepared and each.features is not None]
        answers = iter(self._scorer.score(wanted) if wanted else ())
        return [
            next(answers) if type(each) is Prepared and each.features is not None else _NOT_SCORED for each in prepared
        ]

    def decide(self, state: Any, prepared: Work, score: Any, context: Context) -> list[Emit]:
        if type(prepared) is OutageTold:
            context.shared.outages.apply(prepared.risk)
            return []
        if type(prepared) is AttackTold:
            context.shared.attacked.apply(prepared.risk)
            return []
        emits: list[Emit] = []
        if type(prepared) is StalledFeed:
            stalled = context.shared.stalled
            since_ms, until_ms = stalled.get(prepared.feed, (0, 0))
            # Told again before it ran out: one stall, whose timers may be due at any time since its beginning.
            goes_on = prepared.from_ms <= until_ms
            stalled[prepared.feed] = (since_ms if goes_on else prepared.from_ms, prepared.until_ms)
            return emits
        if type(prepared) is LocksStopped:
            context.shared.limits.stop(prepared.rule, prepared.from_ms, prepared.until_ms)
            return emits
        if type(prepared) is Forgotten:
            context.count(EVENTS_FORGOTTEN)
            return emits
        policy = self._policies.at(prepared.at_ms)
        while self._personal:
            found, number = self._personal.popitem()
            context.count(PERSONAL_DATA, *found, by=number)
        if type(prepared) is Stranger:
            door = Door(incident=prepared.incident, attacked=prepared.attacked)
            self._signal(emits, prepared, context, policy, flagged=False, first=True, door=door)
            return emits
        assert type(prepared) is Prepared
        flagged = False
        moment = self._moment(prepared.event.account_id, context)
        for effect in pipeline.decide(state.obligations, prepared, score, policy, moment):
            if type(effect) is DecisionMade:
                flagged = effect.outcome in _FLAGGED
                if type(prepared.event) is LoginSucceeded:
                    context.count(LOGINS, effect.outcome, "observe" if effect.shadow else "enforce")
            elif type(effect) is AccountErased:
                state.observations, state.obligations = erasure.remains(state.obligations, prepared.at_ms)
                emits += publish_forgotten(
                    AccountForgotten(
                        at_ms=context.clock_ms,
                        partition=context.partition,
                        sequence=context.next_sequence(),
                        account_id=effect.account_id,
                    )
                    for _ in range(context.partitions)
                )
            emits += _told(effect, context)
        pipeline.learn(state.observations, moment, prepared.at_ms)
        emits += self._locked(moment, prepared.event.event_id, context)
        if prepared.release:
            where = (context.clock_ms, context.partition, context.next_sequence)
            emits.append(publish_signal(release_signal(prepared.event, prepared.release, *where), context.partitions))
        door = door_of(prepared)
        first, told = prepared.subject != "", moment.told_right
        self._signal(
            emits,
            prepared,
            context,
            policy,
            flagged=flagged,
            first=first,
            door=door,
            told=told,
            answerable=moment.answerable,
            case_id=moment.post_case,
            trade=moment.trade,
            fault=moment.fault,
        )
        return emits

    def sweep(self, state: Account, event: Any, context: Context) -> None:
        return None

    def fire(self, key: bytes, state: Account, due_ms: int, context: Context) -> list[Emit]:
        moment = self._moment(key.decode(), context)
        effects = pipeline.fire(state.obligations, due_ms, self._policies.at(due_ms), moment)
        emits = [emit for effect in effects for emit in _told(effect, context)]
        return emits + self._locked(moment, f"timer/{due_ms}", context)

    def _moment(self, account_id: str, context: Context) -> DecideContext:
        return DecideContext(
            account_id,
            context.partition,
            context.partitions,
            context.now_ms,
            context.clock_ms,
            context.feeds,
            context.shared.limits,
            self._barrier_s,
            samples=context.shared.samples,
            library=self._library,
            stalled=context.shared.stalled,
            attacked=context.shared.attacked,
            outages=context.shared.outages,
            health=context.shared.health,
            ranking=context.shared.ranking,
            tenure=context.shared.tenure,
        )

    def _locked(self, moment: DecideContext, event_id: str, context: Context) -> list[Emit]:
        """Counts what was withheld and tells every lock, so that all partitions together stay within the caps."""
        for effect, why in moment.withheld:
            context.count(EFFECTS_SUPPRESSED, effect, why)
        for cap in moment.capped:
            context.count(LOCKS_CAPPED, cap)
        for state in moment.begun:
            context.count(LOCKS_BEGUN, state)
        for ended in moment.ended:
            context.observe(LOCK_SECONDS, ended.lasted_ms / 1000, ended.state, ended.end)
        if moment.unlisted:
            context.count(CHANNELS_UNLISTED, by=moment.unlisted)
        for source in moment.unread:
            context.count(UNKNOWN_CODES, source)
        for why in moment.unjudged:
            context.count(FEES_UNJUDGED, why)
        for currency in moment.unrated:
            context.count(UNRATED_AMOUNTS, currency)
        for queue in moment.handed_over:
            context.count(CASES_HANDED_OVER, queue)
        for step in moment.dialogue:
            context.count(CUSTOMER_DIALOGUE, step)
        for rating in moment.ratings:
            context.count(SURVEY_RATINGS, str(rating))
        for reader in moment.readers:
            context.count(MESSAGES_READ, reader)
        if moment.answered:
            context.count(MESSAGES_ANSWERED, by=moment.answered)
        for result in moment.questions:
            context.count(KNOWLEDGE_QUESTIONS, result)
        for theme in moment.unanswered:
            context.count(KNOWLEDGE_UNANSWERED, theme)
        for promise in moment.deadlines:
            context.count(CASE_DEADLINES, *promise)
        for queue, took_ms in moment.responses:
            context.observe(FIRST_RESPONSE_SECONDS, took_ms / 1000, queue)
        for waited_ms in moment.let_in:
            context.observe(UNLOCK_SECONDS, waited_ms / 1000)
        for band, verdict in moment.foretold:
            context.count(LABELLED_SCORES, str(BANDS_FROM[band - 1]), verdict)
        for outcome, cents in moment.frauds:
            context.count(CONFIRMED_FRAUDS, outcome)
            context.count(CONFIRMED_FRAUD_USD_CENTS, outcome, by=cents)
        signals = [
            lock_signal(event_id, moment.account_id, rule, context.clock_ms, context.partition, context.next_sequence)
            for rule in moment.locked
        ]
        return [publish_signal(signal, context.partitions) for signal in signals]

    # -- the second hop ----------------------------------------------------------------------------------------------

    def _signal(
        self,
        emits: list[Emit],
        prepared: Prepared | Stranger,
        context: Context,
        policy: Policy,
        *,
        flagged: bool,
        first: bool,
        door: Door,
        told: bool = False,
        answerable: bool = False,
        case_id: str = "",
        trade: Trade | None = None,
        fault: MerchantsFault | None = None,
    ) -> None:
        event = prepared.event
        # Stamped with the clock, not with the event's own time: a signal is never older than what `told` has promised.
        signals = signals_of(
            event,
            context.clock_ms,
            flagged=flagged,
            first=first,
            partition=context.partition,
            next_sequence=context.next_sequence,
            policy=policy.entities,
            door=door,
            times_usual=prepared.times_usual if type(prepared) is Prepared else None,
            told=told,
            answerable=answerable,
            refusal=refusal_of_card(event, self._library),
            about=prepared.about,
            case_id=case_id,
            trade=trade,
            fault=fault,
        )
        emits += [publish_signal(signal, context.partitions) for signal in signals]
        at_home = type(prepared) is Prepared and prepared.at_home
        health = context.shared.health
        count_trial(health, event, context.clock_ms, policy.entities.health, self._library, at_home=at_home)
        heard(context.shared.feeds, event, prepared.at_ms, context.clock_ms, policy.entities.feeds)

    def advance(self, from_ms: int, to_ms: int, context: Context) -> Sequence[Emit]:
        shared = context.shared
        if shared.ranking.days:
            room = room_of(self._policies.at(to_ms).model.costs.reviews_per_day, context.partitions)
            for day in judge(shared.ranking, to_ms, room):
                context.count(RANKED_ACCOUNTS, "fraud", by=day.hits)
                context.count(RANKED_ACCOUNTS, "legit", by=day.looked_at - day.hits)
        if not (shared.health.bucket_ms or shared.health.waiting or shared.feeds.since_ms):
            return ()
        policy = self._policies.at(to_ms).entities
        bucket = ended_bucket(shared.health, to_ms, context.partition, context.next_sequence, policy.health)
        count_hung(shared.health, _paid_until_ms(context, to_ms), to_ms, policy.health)
        if bucket is not None and bucket.members:
            context.count(INCIDENT_FAILURES, by=sum(member.failures for member in bucket.members))
        ended = (
            bucket,
            ended_telling(shared.feeds, to_ms, context.partition, context.next_sequence, policy.feeds),
        )
        return [publish_signal(signal, context.partitions) for signal in ended if signal is not None]

    def gauges(self, shared: Shared) -> Iterator[Shown]:
        for state in LOCKED:
            oldest_ms = shared.tenure.oldest_ms(state)
            number = shared.tenure.standing(state)
            yield Shown(LOCKS_STANDING, number or None, (state,))
            yield Shown(OLDEST_LOCK, None if oldest_ms is None else oldest_ms / 1000, (state,))

    def told(self, clock_ms: int, context: Context) -> list[Emit]:
        told = ClockTold(at_ms=clock_ms, partition=context.partition, sequence=0)
        value, headers = encode(told), headers_of(told)
        return [Emit(SIGNALS.name, b"", value, clock_ms, number, headers) for number in range(context.partitions)]
