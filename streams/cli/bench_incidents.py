"""How soon are outages noticed, how often is one seen that is none, and is the root the right one?

On the detectors alone: seeded traffic in buckets of five seconds, through the same functions that the entities agent
calls. The traffic is made here and shares nothing with the detectors but the keys' names.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from statistics import mean
from time import process_time
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from streams.adapters.policy_file import default_text
from streams.cli.terminal import say_json, terminal
from streams.contracts.signals import HealthBucket, Trial
from streams.core.entities.policies import HealthPolicy
from streams.core.incidents.baseline import Learnt
from streams.core.incidents.counting import count_bucket
from streams.core.incidents.detector import look
from streams.core.incidents.keys import Route, keys_of
from streams.core.incidents.state import HealthCounters, KeyHealth
from streams.core.incidents.statistics import shifted
from streams.core.incidents.transitions import DOWN, HEALTHY
from streams.core.policy import parse_policy

START_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z, a Monday
BUCKET_MS = 5_000
HOUR_MS = 3_600_000
BUCKETS_PER_HOUR = HOUR_MS // BUCKET_MS
EVIDENCE_MAX = 50
# Domain section 3.2: 2,000 keys with 5,000 attempts a day and one false alarm in ten days; h is 18.4 then.
PER_DAY = 2_000 * 5_000.0
USUAL_SHARES = (0.02, 0.05, 0.1, 0.2)
GIVE_UP_TRIALS = 20_000


class Delay(msgspec.Struct, kw_only=True):
    """How long one kind of degradation goes on before it is noticed: mean and 95th percentile over the runs."""

    usual_share: float
    degradation: str
    per_s: float
    alarm_trials: tuple[float, float]
    alarm_s: tuple[float, float]
    incident_trials: tuple[float, float] | None  # None: not confirmed as an outage, as intended for small shifts
    incident_s: tuple[float, float] | None
    incident_share: float  # of the runs


class Calm(msgspec.Struct, kw_only=True):
    """Ordinary traffic: whatever is found there is false."""

    keys: int
    per_day: int  # attempts of each key
    days: int
    trials: int
    suspicions: int
    incidents: int
    state_bytes: int
    us_per_bucket: float


class Localised(msgspec.Struct, kw_only=True):
    """Random outages: was the first incident's root the one that broke?"""

    outages: int
    found: int
    right: int
    more: int  # incidents besides the first one
    wrong: list[tuple[str, str]]  # (what broke, what was said)
    median_s: float


class Together(msgspec.Struct, kw_only=True):
    """Two random outages of different parts, the second up to three minutes behind the first."""

    pairs: int
    right: int  # both parts were named, and nothing else
    wrong: list[tuple[str, str, str]]  # (what broke, what broke behind it, what was said)


class InPart(msgspec.Struct, kw_only=True):
    """Outages that are over only in part for ten minutes, and then wholly."""

    outages: int
    flipped: int  # said to recover while they still went on
    recovered: int  # said to recover within ten minutes of the end
    median_s: float  # from the end to that


class Slow(msgspec.Struct, kw_only=True):
    """Parts that get worse over a quarter of an hour: is each one incident, with its own root?"""

    outages: int
    found: int
    right: int
    more: int
    wrong: list[tuple[str, str]]


@click.command(
    name="incidents",
    epilog="""
\b
Examples:
  paywarden bench incidents
  paywarden bench incidents --days 30 --keys 2000 --per-day 500 --json
""",
)
@click.option("--runs", type=click.IntRange(10), default=100, show_default=True, help="Of each degradation.")
@click.option("--days", type=click.IntRange(0), default=2, show_default=True, help="Of ordinary traffic; 0: none.")
@click.option("--keys", type=click.IntRange(1), default=2_000, show_default=True, help="That carry it.")
@click.option("--per-day", type=click.IntRange(1), default=500, show_default=True, help="Attempts of each key.")
@click.option("--outages", type=click.IntRange(0), default=120, show_default=True, help="Random ones, to localise.")
@click.option("--pairs", type=click.IntRange(0), default=40, show_default=True, help="Of outages at once.")
@click.option("--partial", type=click.IntRange(0), default=8, show_default=True, help="Outages that end in part first.")
@click.option("--gradual", type=click.IntRange(0), default=12, show_default=True, help="Outages that begin slowly.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def incidents(
    runs: int,
    days: int,
    keys: int,
    per_day: int,
    outages: int,
    pairs: int,
    partial: int,
    gradual: int,
    seed: int,
    as_json: bool,
) -> None:
    """Measure the incident detectors: delay, false incidents, localisation. No broker, no agents, a fixed seed.

    The policy is the packaged one. docs/incidents.md shows the figures beside those of the literature.
    """
    policy = parse_policy(default_text()).entities.health
    found: dict[str, Any] = {"seed": seed, "delays": list(delays(policy, runs, seed))}
    if days:
        found["calm"] = calm(policy, keys, per_day, days, seed)
    if outages:
        found["localised"] = localised(policy, outages, seed)
    if pairs:
        found["together"] = together(policy, pairs, seed)
    if partial:
        found["in_part"] = in_part(policy, partial, seed)
    if gradual:
        found["slow"] = slow(policy, gradual, seed)
    if as_json:
        say_json(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        show(found, terminal())


def delays(policy: HealthPolicy, runs: int, seed: int) -> Iterator[Delay]:
    """Attempts and seconds from the first bad bucket to the alarm and to the incident."""
    for usual in USUAL_SHARES:
        trebled = shifted(usual, policy.odds_ratio)  # the shift that the CUSUM is made for, and twice as much
        shares = {"x2": 2 * usual, "x3": 3 * usual, "p1": trebled, "2 p1": 2 * trebled, "100 %": 1.0}
        for name, share in shares.items():
            for per_s in (1.0, 20.0):
                rng = random.Random(f"{seed}/{usual}/{name}/{per_s}")
                results = [_delay(policy, rng, usual, share, int(per_s * BUCKET_MS / 1000)) for _ in range(runs)]
                opened = [opened for _, opened in results if opened is not None]
                confirmed = len(opened) / runs
                alarms = [alarm for alarm, _ in results]
                yield Delay(
                    usual_share=usual,
                    degradation=name,
                    per_s=per_s,
                    alarm_trials=_spread([alarm * per_s * 5 for alarm in alarms]),
                    alarm_s=_spread([alarm * 5.0 for alarm in alarms]),
                    incident_trials=_spread([at * per_s * 5 for at in opened]) if opened else None,
                    incident_s=_spread([at * 5.0 for at in opened]) if opened else None,
                    incident_share=confirmed,
                )


def _delay(policy: HealthPolicy, rng: random.Random, usual: float, share: float, trials: int) -> tuple[int, int | None]:
    """(buckets to the alarm, buckets to the incident or None) of one run on one key with a long history."""
    key = "gateway:measured"
    health = HealthCounters(hour=START_MS // HOUR_MS, per_day=PER_DAY, minute_ms=START_MS)
    health.keys[key] = KeyHealth(learnt=Learnt(trials=1e6, failures=1e6 * usual, hours=1_000, p0=usual))
    at_ms = START_MS
    alarm = None
    most = GIVE_UP_TRIALS // trials
    for bucket in range(1, most + 1):
        failures = sum(rng.random() < share for _ in range(trials))
        failing = 0
        for _ in range(failures):
            failing |= 1 << rng.randrange(63)
        count_bucket(health, _bucket(at_ms, {key: [trials, failures, failing]}), policy)
        at_ms += BUCKET_MS
        # The hour does not end: what is measured is the delay, not how an outage is kept out of the normal.
        look(health, START_MS + (at_ms - START_MS) % HOUR_MS if at_ms - START_MS < HOUR_MS else at_ms, policy, 1)
        if alarm is None and health.incidents:
            alarm = bucket
        if any(incident.state == DOWN for incident in health.incidents.values()):
            return alarm or bucket, bucket
        if alarm is not None and bucket > 4 * alarm + 60:
            return alarm, None
    return alarm or most, None


def calm(policy: HealthPolicy, keys: int, per_day: int, days: int, seed: int) -> Calm:
    """Ordinary days: every key has its own share of failures, which moves over the day, and its own hours."""
    rng = random.Random(f"{seed}/calm")
    names = [f"issuer:{number}" for number in range(keys)]
    shares = [min(0.2, max(0.005, rng.lognormvariate(-3.5, 0.7))) for _ in names]
    peaks = [rng.randrange(24) for _ in names]
    health = HealthCounters()
    suspicions = opened = trials = 0
    seen: set[str] = set()
    spent = 0.0
    for hour in range(days * 24):
        buckets: list[dict[str, list[int]]] = [{} for _ in range(BUCKETS_PER_HOUR)]
        for name, share, peak in zip(names, shares, peaks, strict=True):
            away = min((hour - peak) % 24, (peak - hour) % 24) / 12  # 0 at the peak, 1 opposite
            share_now = share * (1.5 - away)
            for _ in range(_poisson(rng, per_day / 24 * (1.6 - 1.2 * away))):
                counts = buckets[rng.randrange(BUCKETS_PER_HOUR)].setdefault(name, [0, 0, 0])
                counts[0] += 1
                if rng.random() < share_now:
                    counts[1] += 1
                    counts[2] |= 1 << rng.randrange(63)
        at_ms = START_MS + hour * HOUR_MS
        for counted in buckets:
            trials += sum(count[0] for count in counted.values())
            signal = _bucket(at_ms, counted)
            at_ms += BUCKET_MS
            began = process_time()
            count_bucket(health, signal, policy)
            look(health, at_ms, policy, EVIDENCE_MAX)
            spent += process_time() - began
            for incident in list(health.incidents.values()):
                name = f"{incident.incident_id}/{incident.reopened}"
                if name not in seen:
                    seen.add(name)
                    suspicions += 1
                opened += f"state {DOWN}" in incident.changed
                incident.changed = []
                if incident.state == HEALTHY:
                    del health.incidents[incident.root]
    return Calm(
        keys=keys,
        per_day=per_day,
        days=days,
        trials=trials,
        suspicions=suspicions,
        incidents=opened,
        state_bytes=len(msgspec.msgpack.encode(health)),
        us_per_bucket=round(spent / (days * 24 * BUCKETS_PER_HOUR) * 1e6, 1),
    )


GATEWAYS, ISSUERS, NETWORKS, MERCHANTS, REGIONS, RELEASES = 8, 40, 3, 60, 8, 6
METHODS = ("card", "wallet_balance", "qr")
USUAL = 0.03
_BUSY = {
    "gateway": [f"gateway-{number}" for number in range(GATEWAYS)],
    "issuer": [f"issuer-{number}" for number in range(6)],
    "merchant": [f"merchant-{number}" for number in range(6)],
    "region": [f"region-{number}" for number in range(REGIONS)],
    "app": [f"5.{number}" for number in range(RELEASES)],
}


def localised(policy: HealthPolicy, outages: int, seed: int) -> Localised:
    """Random outages of random parts, each between a half and all of its payments, on a site that is well known."""
    rng = random.Random(f"{seed}/localise")
    raw, at_ms = _warm(policy, rng)
    right = more = 0
    wrong: list[tuple[str, str]] = []
    after: list[float] = []
    for _ in range(outages):
        broken = keys_of(_route(rng))
        root = rng.choice(broken)
        share = rng.uniform(0.5, 1.0)
        roots, bucket = _break(policy, raw, at_ms, rng, root, share)
        if not roots:
            wrong.append((root, "nothing"))
            continue
        after.append(bucket * BUCKET_MS / 1000)
        more += len(roots) - 1
        if roots[0] == root:
            right += 1
        else:
            wrong.append((root, roots[0]))
    after.sort()
    return Localised(
        outages=outages,
        found=len(after),
        right=right,
        more=more,
        wrong=wrong,
        median_s=after[len(after) // 2] if after else 0.0,
    )


def together(policy: HealthPolicy, pairs: int, seed: int) -> Together:
    """Parts that carry enough to be found within minutes, nine of ten of whose payments fail."""
    rng = random.Random(f"{seed}/together")
    raw, at_ms = _warm(policy, rng)
    wrong = []
    for _ in range(pairs):
        first, second = (f"{dimension}:{rng.choice(_BUSY[dimension])}" for dimension in rng.sample(list(_BUSY), 2))
        behind = rng.randrange(37)
        health = msgspec.msgpack.decode(raw, type=HealthCounters)
        said: set[str] = set()
        for bucket in range(behind + 30):
            broken = {first, second} if bucket >= behind else {first}
            said |= _down_after(policy, health, at_ms + bucket * BUCKET_MS, rng, broken)
        if said != {first, second}:
            wrong.append((first, second, ", ".join(sorted(said))))
    return Together(pairs=pairs, right=pairs - len(wrong), wrong=wrong)


def _down_after(
    policy: HealthPolicy, health: HealthCounters, at_ms: int, rng: random.Random, broken: set[str]
) -> set[str]:
    """What is down after one more bucket."""
    counted = _traffic(rng, lambda keys: USUAL if broken.isdisjoint(keys) else 0.9)
    count_bucket(health, _bucket(at_ms, counted), policy)
    look(health, at_ms + BUCKET_MS, policy, EVIDENCE_MAX)
    for incident in list(health.incidents.values()):
        if incident.state == HEALTHY:
            del health.incidents[incident.root]
    return {incident.root for incident in health.incidents.values() if incident.state == DOWN}


def in_part(policy: HealthPolicy, outages: int, seed: int) -> InPart:
    """Three minutes of which nine in ten fail, ten of a fifth to a half, ten as usual."""
    rng = random.Random(f"{seed}/part")
    raw, at_ms = _warm(policy, rng)
    flipped = 0
    after: list[float] = []
    for _ in range(outages):
        root = _random_part(rng)
        rest = rng.uniform(0.2, 0.5)
        site = _Site(policy, raw, at_ms, rng)
        for bucket in range(156):
            site.see({root: 0.9 if bucket < 36 else rest})
        flipped += f"{root} recovering" in site.told
        for bucket in range(120):
            site.see({})
            if f"{root} recovering" in site.told:
                after.append((bucket + 1) * BUCKET_MS / 1000)
                break
    after.sort()
    return InPart(
        outages=outages, flipped=flipped, recovered=len(after), median_s=after[len(after) // 2] if after else 0.0
    )


def slow(policy: HealthPolicy, outages: int, seed: int) -> Slow:
    """From the usual share to between a quarter and all within a quarter of an hour, and five minutes of that."""
    rng = random.Random(f"{seed}/slow")
    raw, at_ms = _warm(policy, rng)
    found = right = more = 0
    wrong: list[tuple[str, str]] = []
    for _ in range(outages):
        root = _random_part(rng)
        worst = rng.uniform(0.25, 1.0)
        site = _Site(policy, raw, at_ms, rng)
        for bucket in range(240):
            site.see({root: USUAL + (worst - USUAL) * min(1.0, bucket / 180)})
        found += bool(site.down)
        more += max(0, len(site.down) - 1)
        if site.down == [root]:
            right += 1
        else:
            wrong.append((root, ", ".join(site.down) or "nothing"))
    return Slow(outages=outages, found=found, right=right, more=more, wrong=wrong)


class _Site:
    """A well-known site; `down` are the roots of its incidents in the order in which they were confirmed."""

    def __init__(self, policy: HealthPolicy, raw: bytes, at_ms: int, rng: random.Random) -> None:
        self._policy, self._at_ms, self._rng = policy, at_ms, rng
        self._health = msgspec.msgpack.decode(raw, type=HealthCounters)
        self.down: list[str] = []
        self.told: set[str] = set()  # root and state

    def see(self, broken: dict[str, float]) -> None:
        """One bucket in which these shares of these keys' payments fail."""

        def failing(keys: list[str]) -> float:
            return max((share for key, share in broken.items() if key in keys), default=USUAL)

        count_bucket(self._health, _bucket(self._at_ms, _traffic(self._rng, failing)), self._policy)
        self._at_ms += BUCKET_MS
        look(self._health, self._at_ms, self._policy, EVIDENCE_MAX)
        for incident in list(self._health.incidents.values()):
            self.told.add(f"{incident.root} {incident.state}")
            if incident.state == DOWN and incident.root not in self.down:
                self.down.append(incident.root)
            if incident.state == HEALTHY:
                del self._health.incidents[incident.root]


def _random_part(rng: random.Random) -> str:
    """One of those with a payment every second or so."""
    dimension = rng.choice(list(_BUSY))
    return f"{dimension}:{rng.choice(_BUSY[dimension])}"


def _warm(policy: HealthPolicy, rng: random.Random) -> tuple[bytes, int]:
    health = HealthCounters()
    at_ms = START_MS
    for _ in range(2 * BUCKETS_PER_HOUR):
        count_bucket(health, _bucket(at_ms, _traffic(rng, lambda _: USUAL)), policy)
        at_ms += BUCKET_MS
        look(health, at_ms, policy, EVIDENCE_MAX)
    return msgspec.msgpack.encode(health), at_ms


def _break(
    policy: HealthPolicy, raw: bytes, at_ms: int, rng: random.Random, root: str, share: float
) -> tuple[list[str], int]:
    """The roots of the incidents, in the order in which they opened within a minute of the first, and when that was."""
    health = msgspec.msgpack.decode(raw, type=HealthCounters)
    roots: list[str] = []
    first = 0
    for bucket in range(1, 241):
        counted = _traffic(rng, lambda keys: share if root in keys else USUAL)
        count_bucket(health, _bucket(at_ms, counted), policy)
        at_ms += BUCKET_MS
        look(health, at_ms, policy, EVIDENCE_MAX)
        for incident in list(health.incidents.values()):
            if incident.state == DOWN and incident.root not in roots:
                roots.append(incident.root)
                first = first or bucket
            if incident.state == HEALTHY:
                del health.incidents[incident.root]
        if first and bucket >= first + 12:
            break
    return roots, first


def _route(rng: random.Random) -> Route:
    issuer = min(ISSUERS - 1, int(rng.expovariate(0.1)))
    return Route(
        rng.choice(METHODS),
        f"gateway-{rng.randrange(GATEWAYS)}",
        f"issuer-{issuer}",
        f"network-{issuer % NETWORKS}",
        f"merchant-{min(MERCHANTS - 1, int(rng.expovariate(0.08)))}",
        f"region-{rng.randrange(REGIONS)}",
        f"5.{rng.randrange(RELEASES)}",
    )


def _traffic(rng: random.Random, failing: Callable[[list[str]], float], trials: int = 150) -> dict[str, list[int]]:
    """A bucket of 30 attempts a second."""
    counted: dict[str, list[int]] = {}
    for _ in range(trials):
        keys = keys_of(_route(rng))
        failed = rng.random() < failing(keys)
        bit = 1 << rng.randrange(63)
        for key in keys:
            counts = counted.setdefault(key, [0, 0, 0])
            counts[0] += 1
            if failed:
                counts[1] += 1
                counts[2] |= bit
    return counted


def _bucket(at_ms: int, counted: dict[str, list[int]]) -> HealthBucket:
    return HealthBucket(
        at_ms=at_ms + BUCKET_MS - 1,
        partition=0,
        sequence=0,
        bucket_ms=at_ms,
        trials=tuple(
            Trial(key=key, attempts=n, failures=f, users=n, failing=failing) for key, (n, f, failing) in counted.items()
        ),
    )


def _poisson(rng: random.Random, expected: float) -> int:
    """Close enough above 10, exact below: the sum of exponential waits."""
    if expected > 30.0:
        return max(0, round(rng.gauss(expected, expected**0.5)))
    count, waited = 0, rng.expovariate(1.0)
    while waited < expected:
        count += 1
        waited += rng.expovariate(1.0)
    return count


def _spread(values: list[float]) -> tuple[float, float]:
    values.sort()
    return round(mean(values), 1), values[min(len(values) - 1, int(0.95 * len(values)))]


def show(found: dict[str, Any], console: Console) -> None:
    """The results as tables."""
    table = Table("usual", "then", "attempts/s", "alarm: attempts", "alarm: s", "incident: attempts", "incident: s")
    for delay in found["delays"]:
        opened = "" if delay.incident_trials is None else _pair(delay.incident_trials)
        if opened and delay.incident_share < 1:
            opened += f" ({delay.incident_share:.0%} of runs)"
        table.add_row(
            f"{delay.usual_share:.0%}",
            delay.degradation,
            f"{delay.per_s:g}",
            _pair(delay.alarm_trials),
            _pair(delay.alarm_s),
            opened or "suspicion only",
            "" if delay.incident_s is None else _pair(delay.incident_s),
        )
    console.print("delay, mean / 95th percentile")
    console.print(table)
    if "calm" in found:
        quiet = found["calm"]
        console.print(
            f"{quiet.days} ordinary days on {quiet.keys:,} keys with {quiet.per_day:,} attempts a day "
            f"({quiet.trials:,} trials): {quiet.suspicions} suspicions, {quiet.incidents} incidents; state "
            f"{quiet.state_bytes / 1e6:.2f} MB, {quiet.us_per_bucket:,.0f} us per bucket",
            highlight=False,
        )
    if "localised" in found:
        each = found["localised"]
        console.print(
            f"{each.outages} random outages: {each.found} found, root right in {each.right}, {each.more} further "
            f"incidents, half of them found within {each.median_s:g} s",
            highlight=False,
        )
        _show_wrong(each.wrong, "broke", console)
    if "together" in found:
        _show_together(found["together"], console)
    if "in_part" in found:
        part = found["in_part"]
        console.print(
            f"{part.outages} outages that ended in part first: {part.flipped} said to recover before they did, "
            f"{part.recovered} within ten minutes of the end, half of them within {part.median_s:g} s",
            highlight=False,
        )
    if "slow" in found:
        slowly = found["slow"]
        console.print(
            f"{slowly.outages} slow outages: {slowly.found} found, one incident with the right root in {slowly.right}, "
            f"{slowly.more} further incidents",
            highlight=False,
        )
        _show_wrong(slowly.wrong, "got worse", console)


def _show_wrong(wrong: Sequence[tuple[str, str]], happened: str, console: Console) -> None:
    for root, said in wrong:
        console.print(f"  {root} {happened}, {said} was said", highlight=False)


def _show_together(both: Together, console: Console) -> None:
    console.print(
        f"{both.pairs} pairs of outages at once: both roots and nothing else in {both.right}", highlight=False
    )
    for first, second, said in both.wrong:
        console.print(f"  {first}, then {second}: {said} was said", highlight=False)


def _pair(values: tuple[float, float]) -> str:
    return f"{values[0]:,.0f} / {values[1]:,.0f}"
