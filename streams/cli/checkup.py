"""What is right and what is wrong with a deployment, given what was found? Pure, so that every verdict has a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from streams.adapters.flow_feeds import FlowState
from streams.cli.rights import Role
from streams.contracts.base import Event, Watermark, from_ms, to_ms
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import Refusal, read
from streams.contracts.topics import MERGED, TOPICS, Names, Naming, Topic, ingest_changelog, physical
from streams.core.personal import DEMO_KEY, KEPT, guarded
from streams.core.personal import Found as Personal
from streams.ingest.source import Source
from streams.runtime.survey import HIDDEN, GroupFacts, Survey, TopicFacts
from streams.settings import Settings

Status = Literal["good", "note", "warn", "bad"]
# As the engine: an event further ahead of its record, or of now, than this is a dead letter.
FUTURE_MS: Final = 300_000
STRAY_SHARE: Final = 0.05
# A feed that is this far behind has stopped, or is a replay.
STALE_MS: Final = 3_600_000
_DISREGARDED: Final = frozenset({"compression.type", "segment.bytes", "min.cleanable.dirty.ratio"})  # cost, not sense
_MOST_NAMED: Final = 12  # of rights that are missing; who lacks more is somebody else


class Check(msgspec.Struct, frozen=True):
    """One line of the checklist."""

    name: str
    status: Status
    says: str
    next_step: str = ""


class Found(NamedTuple):
    """A record of an input, as a sample: where it lay and what it said."""

    partition: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int


class Sample(msgspec.Struct):
    """What the newest records of one input say."""

    records: int = 0  # without watermarks
    strays: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    newest_ms: int = 0  # newest record time
    ahead_ms: int = 0  # how far the worst event was ahead of its record
    fields: set[str] = msgspec.field(default_factory=set)  # optional fields that some record filled
    personal: set[Personal] = msgspec.field(default_factory=set)  # ids that hold what is personal


def sample_of(topic: str, records: Iterable[Found], partitions: int) -> Sample:
    """Read records as a worker would, and compare their place with the hash of their key."""
    sample = Sample()
    for record in records:
        sample.newest_ms = max(sample.newest_ms, record.timestamp_ms)
        event = read(topic, record.key, record.value)
        if type(event) is Watermark:
            continue
        sample.records += 1
        if record.key is not None and partition_of(record.key, partitions) != record.partition:
            sample.strays += 1
        if type(event) is Refusal:
            sample.refused[event.reason] += 1
            continue
        assert isinstance(event, Event)
        sample.personal.update(guarded(event, b"", ())[1])
        sample.ahead_ms = max(sample.ahead_ms, to_ms(event.occurred_at) - record.timestamp_ms)
        sample.fields |= {name for name in event.__struct_fields__ if getattr(event, name) not in (None, ())}
    return sample


def broker_checks(found: Survey) -> Iterator[Check]:
    """Do the brokers know everything that the runtime relies on?"""
    if found.lacks:
        yield Check(
            "brokers",
            "bad",
            f"cannot do: {', '.join(found.lacks)}",
            "use Apache Kafka 3.5 or newer, or a broker that speaks the same requests",
        )
    else:
        yield Check("brokers", "good", "answer, and know transactions, read_committed and static membership")


def topic_checks(found: Survey, settings: Settings, hidden: Collection[str] = ()) -> Iterator[Check]:
    """Is every topic there, alike in partitions, and kept as the table says?

    Args:
        hidden: physical names of topics that this user may not see, so that nobody knows whether they are there.
    """
    there = {
        topic.name: found.topics[name]
        for topic in TOPICS.values()
        if (name := physical(settings.names, topic.name)) in found.topics
    }
    yield _presence(there, {name for name in TOPICS if physical(settings.names, name) in hidden})
    if not there:
        return
    yield _co_partitioning(there)
    leaderless = [name for name, facts in there.items() if facts.leaderless]
    if leaderless:
        yield Check("leaders", "bad", f"partitions without a leader: {', '.join(leaderless)}", "mend the brokers")
    if not any(facts.configs for facts in there.values()):
        says = "this user may not read them (DESCRIBE_CONFIGS, which the operator's role has)"
        yield Check("topic settings", "note", says, "as that user: paywarden doctor --role operator")
        return
    differing = list(_config_checks(there, settings))
    yield from differing or [Check("topic settings", "good", "as the table of topics wants them")]


def _presence(there: Mapping[str, TopicFacts], hidden: Collection[str]) -> Check:
    missing = [topic for name, topic in TOPICS.items() if name not in there and name not in hidden]
    needed = [topic.name for topic in missing if topic.direction != "input" or topic.required]
    if needed:
        return Check("topics", "bad", f"missing: {', '.join(needed)}", "paywarden topics create")
    if missing:
        names = ", ".join(topic.name for topic in missing)
        return Check("topics", "warn", f"optional inputs are missing: {names}", "paywarden topics create")
    if hidden:
        return Check("topics", "note", f"{len(there)} exist; this user may not see the other {len(hidden)}")
    return Check("topics", "good", f"all {len(TOPICS)} exist")


def _co_partitioning(there: Mapping[str, TopicFacts]) -> Check:
    counts = Counter(facts.partitions for facts in there.values())
    usual = counts.most_common(1)[0][0]
    odd = [f"{name}={facts.partitions}" for name, facts in there.items() if facts.partitions != usual]
    if odd:
        return Check(
            "co-partitioning",
            "bad",
            f"{usual} partitions, but {', '.join(odd)}: an account would be torn apart",
            "create the odd ones again with the same number; runbook: WrongPartitions",
        )
    return Check("co-partitioning", "good", f"every topic has {usual} partitions")


def _config_checks(there: Mapping[str, TopicFacts], settings: Settings) -> Iterator[Check]:
    for name, facts in there.items():
        topic = TOPICS[name]
        wanted = topic.replay_configs if settings.clock == "replay" else topic.configs
        for key, value in wanted.items():
            actual = facts.configs.get(key)
            if actual is None or actual == value or key in _DISREGARDED:
                continue
            check = _config_check(topic, key, value, actual)
            if check is not None:
                yield check


def _config_check(topic: Topic, key: str, wanted: str, actual: str) -> Check | None:
    change = f"set {key}={wanted} on {topic.name}"
    match key:
        case "cleanup.policy":
            if topic.compacted:
                return Check(
                    "topic settings", "bad", f"{topic.name} is not compacted ({actual}): rows would be lost", change
                )
            return Check("topic settings", "bad", f"{topic.name} is compacted: events of a key would vanish", change)
        case "message.timestamp.type":
            status: Status = "bad" if topic.direction == "input" else "warn"
            return Check(
                "topic settings",
                status,
                f"{topic.name} stamps records on arrival ({actual}): their order would not be that of the events",
                change,
            )
        case "retention.ms":
            if _at_least(actual, wanted):
                return None
            return Check("retention", "warn", f"{topic.name} keeps {_days(actual)}, not {_days(wanted)}", change)
        case "max.message.bytes":
            if _at_least(actual, wanted):
                return None
            return Check("topic settings", "warn", f"{topic.name} takes at most {actual} bytes a record", change)
        case _:
            return Check("topic settings", "warn", f"{topic.name} has {key}={actual}", change)


def _at_least(actual: str, wanted: str) -> bool:
    """-1 is for ever."""
    return int(actual) == -1 or (int(wanted) != -1 and int(actual) >= int(wanted))


def _days(milliseconds: str) -> str:
    return "for ever" if milliseconds == "-1" else f"{int(milliseconds) / 86_400_000:g} days"


def rights_check(role: Role, lacking: Sequence[str], who: str, *, told: bool) -> Check:
    """May this user do what its role needs?

    Args:
        lacking: the rights of the role that it does not have, as `lacking_rights` names them.
        who: the user, in words.
        told: the brokers say what a user may do.
    """
    if lacking:
        named = ", ".join(lacking[:_MOST_NAMED])
        more = f" and {len(lacking) - _MOST_NAMED} more rights" if len(lacking) > _MOST_NAMED else ""
        return Check(
            "rights",
            "bad",
            f"{who} may not {named}{more}, which the role {role.name} needs",
            "grant it as `paywarden topics export` prints it, or name the role of this user with --role",
        )
    if not told:
        return Check("rights", "note", "the brokers do not say what this user may do")
    return Check("rights", "good", f"{who} has all {len(role.rights)} rights of the role {role.name}")


def ingest_checks(found: Survey, source: Source, called: Names, file: str, hidden: Collection[str]) -> Iterator[Check]:
    """Is everything there that `paywarden ingest run` of this source needs?

    Args:
        file: as the user named it, for the next step.
        hidden: physical names of topics that this user may not see.
    """
    changelog = physical(called, ingest_changelog(source.name).name)
    written = [physical(called, plan.topic) for plan in source.plans.values()]
    absent = {name for name in (*source.topics, changelog, *written) if name not in found.topics and name not in hidden}
    steps = (
        (source.topics, f"correct `topics` in {file}, or have it created by its owner"),
        ((changelog,), f"paywarden topics create --ingest {file}"),
        (written, "paywarden topics create"),
    )
    for names, step in steps:
        if missing := sorted(absent.intersection(names)):
            yield Check("topics", "bad", f"missing: {', '.join(missing)}", step)
    counts = {name: found.topics[name].partitions for name in (*source.topics, changelog) if name in found.topics}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name}={count}" for name, count in counts.items())
        says = f"not the same number of partitions: {listed}"
        yield Check("topics", "bad", says, "give each topic a file of its own; to the positions' topic add partitions")
    elif not absent and not hidden:
        yield Check("topics", "good", f"{source.name} has what it reads, writes and remembers its position in")


def sample_checks(samples: Mapping[str, Sample], settings: Settings, now_ms: int) -> Iterator[Check]:
    """Partitioner, refusals, and clocks, by a few records of every input."""
    looked = {topic: sample for topic, sample in samples.items() if sample.records}
    if not looked:
        yield Check("samples", "note", "the inputs are empty: partitioner and clocks of producers are not known yet")
        return
    strays = {topic: each for topic, each in looked.items() if each.strays}
    for topic, each in strays.items():
        yield Check(
            "partitioner",
            "bad" if each.strays > STRAY_SHARE * each.records else "warn",
            f"{topic}: {each.strays} of {each.records} records are not where murmur2 of their key puts them",
            "librdkafka: partitioner=murmur2_random; Sarama: a hash partitioner of its own. Runbook: wrong_partition",
        )
    if not strays:
        yield Check("partitioner", "good", f"murmur2 in {', '.join(looked)}")
    refused = {topic: each.refused for topic, each in looked.items() if each.refused}
    for topic, reasons in refused.items():
        listed = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        yield Check("records", "warn", f"{topic}: {listed} of {looked[topic].records} would be dead letters", "runbook")
    if not refused:
        yield Check(
            "records", "good", f"{sum(each.records for each in looked.values())} sampled records are understood"
        )
    yield from _clock_checks(looked, settings, now_ms)
    yield from _personal_checks(looked, settings)


def _personal_checks(looked: Mapping[str, Sample], settings: Settings) -> Iterator[Check]:
    """Which ids hold card numbers, identity numbers, telephone numbers or e-mail addresses?"""
    found = sorted({(topic, *each) for topic, sample in looked.items() for each in sample.personal})
    for topic, field, kind in found:
        does = "travels as it is, because others join by it" if field in KEPT else "is replaced by a pseudonym"
        yield Check(
            "ids",
            "warn",
            f"{topic}: {field} holds what looks like a number or address ({kind}); it {does}",
            "docs/privacy.md",
        )
    if found and settings.secret("pseudonym_key") in ("", DEMO_KEY):
        says = "the pseudonyms of personal data are made with the public key"
        yield Check("ids", "warn", says, "set PAYWARDEN_PSEUDONYM_KEY, the same for every worker")
    if not found:
        yield Check(
            "ids", "good", "no sampled id looks like a card number, identity number, telephone number or e-mail"
        )


def _clock_checks(looked: Mapping[str, Sample], settings: Settings, now_ms: int) -> Iterator[Check]:
    wrong = False
    for topic, each in looked.items():
        ahead_ms = max(each.ahead_ms, each.newest_ms - now_ms if settings.clock == "live" else 0)
        if ahead_ms > FUTURE_MS:
            wrong = True
            says = f"{topic}: events are {ahead_ms / 1000:,.0f} s ahead of their records or of this machine"
            yield Check("clocks", "bad", says, "set the producer's clock, or this machine's; runbook: future")
        elif settings.clock == "live" and now_ms - each.newest_ms > STALE_MS:
            wrong = True
            says = f"{topic}: the newest record is of {from_ms(each.newest_ms):%Y-%m-%d %H:%M} UTC"
            yield Check("clocks", "warn", says, "if it is a replay, run workers with PAYWARDEN_CLOCK=replay")
    if not wrong:
        yield Check("clocks", "good", "no record is ahead of its time")


def feed_checks(
    states: Sequence[FlowState], feeds: Iterable[str], missing: Iterable[str], unread: Collection[str] = ()
) -> Iterator[Check]:
    """What do silent feeds switch off? Those that this user may not read (`unread`) may well have events."""
    silent = [topic for topic in MERGED if topic.name not in set(feeds)]
    if not silent:
        yield Check("feeds", "good", "every input has events")
    absent = set(missing)
    for topic in silent:
        if topic.name in unread:
            yield Check("feeds", "note", f"{topic.name} may not be read by this user")
            continue
        off = [each.flow.id for each in states if topic.name in each.feeds_missing]
        word = "does not exist" if topic.name in absent else "has no events in the sample"
        yield Check(
            "feeds",
            "warn" if off or topic.required else "note",
            f"{topic.name} {word}" + (f": off are {', '.join(off)}" if off else ""),
            f"ask the owner ({topic.owner}) to send it" if off else "",
        )
    thin = [each for each in states if each.flow.watched and not each.off and each.fields_missing]
    for each in thin:
        says = f"{each.flow.id} {each.flow.name} sees less: nobody fills {', '.join(each.fields_missing)}"
        yield Check("fields", "note", says)


def group_check(group: GroupFacts, called: Naming, command: str = "paywarden worker") -> Check:
    """Are there workers, and do they keep up?"""
    if group.state == HIDDEN:
        return Check("workers", "note", "this user may not see their group")
    of_ours = {physical(called, name): name for name in TOPICS}
    lag = {of_ours.get(name, name): count for name, count in group.lag.items() if count}
    behind = ", ".join(f"{name} {count:,}" for name, count in sorted(lag.items(), key=lambda item: -item[1])[:4])
    if not group.members:
        if behind:
            return Check("workers", "warn", f"none is running, and input waits: {behind}", command)
        return Check("workers", "note", "none is running", command)
    says = f"{group.members} in the group ({group.state})"
    if group.state not in ("Stable", "STABLE"):
        return Check("workers", "warn", says, "wait; if it stays so, read the logs: runbook PaywardenNotReady")
    return Check("workers", "good", f"{says}; " + (f"lag {behind}" if behind else "no lag"))
