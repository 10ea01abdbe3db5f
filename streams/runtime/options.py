"""Where does a worker run and how does it pace itself? Plain values; `streams.settings` fills them from outside."""

from __future__ import annotations

from typing import Literal

import msgspec

from streams.contracts.topics import Names


class Security(msgspec.Struct, frozen=True, kw_only=True):
    """How every Kafka client of the process authenticates and encrypts."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = "SCRAM-SHA-512"
    username: str = ""  # of OAUTHBEARER the client's id
    password: str = ""  # of OAUTHBEARER the client's secret
    token_file: str = ""  # OAUTHBEARER: holds the current token, renewed by whoever mounts it ...
    token_url: str = ""  # ... or the endpoint that gives one
    scope: str = ""
    ca_file: str = ""  # empty = the system's certificate authorities
    certificate_file: str = ""  # of the client, for mutual TLS
    key_file: str = ""
    key_password: str = ""

    def __repr__(self) -> str:
        return f"Security(protocol={self.protocol!r}, username={self.username!r}, password='***')"


class RuntimeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the Kafka side of a worker can be told."""

    bootstrap: str = "127.0.0.1:9092"  # comma separated
    app_id: str = "paywarden"  # consumer group; transactional ids derive from it
    instance_id: str = ""  # static membership: a restart within the member timeout moves nothing; empty = dynamic
    topic_prefix: str = ""  # of every physical topic name ...
    topic_names: dict[str, str] = {}  # ... except of these, by logical name
    security: Security = Security()

    # Membership. Brokers refuse less than 6 s; heartbeats come from a thread of their own, six per timeout.
    member_timeout_s: float = 10.0
    # The longest a take-over may last, doubled: the whole group waits for it. 300 s restores 25 million rows.
    rebalance_timeout_s: float = 300.0
    # A worker that the group has not taken in by then ends: a dead member is waited for as long as a rebalance at most.
    join_s: float = 330.0

    # Fetching. 64 KiB or 10 ms, whichever comes first: Faust's own 1 byte / 1.5 s kept the broker at 116 % CPU.
    fetch_min_bytes: int = 64 * 1024
    fetch_max_wait_ms: int = 10
    # Per partition. Must hold the largest record that a topic accepts (inputs: 8 MiB), or that record stops everything.
    fetch_max_bytes: int = 8 * 1024 * 1024
    batch_records: int = 200  # handed to the agent as one stream event: Faust's 50-180 us are then < 1 us each

    # Buffering. A topic-partition is paused above the first and resumed below the second: a few batches of look-ahead.
    pause_above: int = 4_000
    resume_below: int = 1_000

    # Running. A slice of 250 records is at most 25 ms of the event loop at 100 us each; pages and timers fit between.
    slice_records: int = 250
    group_records: int = 5_000  # a group closes at this size although more is ready; commit cost is then < 10 us each
    tick_s: float = 0.1  # how often merging asks again whether it still has to wait for a silent input
    idle_tick_s: float = 1.0  # how often an idle partition's clock follows the wall clock; each time is one transaction

    # Committing.
    # The next commit begins when this many times the length of the last has passed: idle, and while records wait.
    idle_pace_factor: float = 1.0
    busy_pace_factor: float = 3.0
    # Below the transaction timeout, so that the worker gives up before the broker aborts behind its back.
    commit_deadline_s: float = 10.0
    # How long a dead owner can hold back read_committed readers when nobody takes its partitions over.
    transaction_timeout_s: float = 15.0
    group_offsets_s: float = 1.0  # the group's offsets are a hint for lag tools; correctness does not depend on them
    hold_s: float = 0.0  # crash tests: keep every transaction open this long, so that kills land inside one

    # Looking after itself.
    web_host: str = "127.0.0.1"
    web_port: int = 6066  # 0 = no pages
    stalled_s: float = 60.0  # liveness: input waits and nothing was committed for this long

    @property
    def names(self) -> Names:
        """How this deployment calls its topics."""
        return Names(self.topic_prefix, self.topic_names)


class PartitionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one partition treats order, time and bad records."""

    merge: Literal["live", "strict"] = "live"
    clock: Literal["live", "replay"] = "live"
    lateness_ms: int = 900_000
    # An event may be this far ahead of its record timestamp (or, live, of its arrival); beyond, its clock is wrong.
    future_ms: int = 300_000
    told_every_ms: int = 200
    dead_letter_share: float = 0.2
    dead_letter_window: int = 10_000
    feed_again: str = "paywarden dead-letters replay"  # the command that takes up this agent's dead letters
    # Strays come from a producer with another partitioner, which scatters nearly all of its records; 5 % of the last
    # 1,000 is far above any accident and is reached after a second of traffic.
    stray_share: float = 0.05
    stray_window: int = 1_000
    # Nothing is kept by key, so a position stays good when the inputs get more partitions.
    any_count: bool = False
    resident: int = 10_000  # decoded states kept; at 21 KiB each (docs/performance.md) 210 MB
    # Off where nobody commits: states are encoded only to leave memory, and there is no way back from an event on which
    # the core raises.
    durable: bool = True


class AgentOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one agent differs from another."""

    changelog: str  # logical topic name
    outputs: tuple[str, ...] = ()  # topics whose partition numbers follow the inputs', checked at start
    # Topics with a number of partitions of their own: a record goes where the hash of its key says.
    spread: tuple[str, ...] = ()
    pace_s: float = 0.02  # least time from one commit to the next; protects the broker, lets events share a transaction
    partition: PartitionOptions = PartitionOptions()
