"""Is something down, of what is it the fault, and is it over? Asked once per bucket, when all partitions have told it.

Detectors A (Bernoulli CUSUM), B (binomial confirmation), C (silence) and D (slowness) of domain 3.2, the localisation
of their common root, and the states of `streams.core.incidents.transitions`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from streams.contracts.base import from_ms
from streams.contracts.cases import Evidence
from streams.core.entities.feeds import Standing
from streams.core.entities.policies import HealthPolicy
from streams.core.ids import incident_id
from streams.core.incidents import counting, silence
from streams.core.incidents.keys import CHALLENGE, PLATFORM, dimension_of, group_of, parts_of
from streams.core.incidents.localise import EXPLAINED, Beside, Excess, explains, further, roots, unexplained
from streams.core.incidents.slowness import end_minute
from streams.core.incidents.state import INCIDENTS_MAX, RECENT_MAX, SLOTS, HealthCounters, Incident, KeyHealth
from streams.core.incidents.statistics import (
    binomial_tail,
    cusum,
    distinct,
    shifted,
    threshold,
)
from streams.core.incidents.transitions import CLOSED, DOWN, FLUCTUATING, HEALTHY, RECOVERING, step

MINUTE_MS = 60_000
DAY_MS = 86_400_000
HEARD = Standing()
# The statistic stops here, in multiples of its threshold: what rose in an outage must also fall again after it.
CUSUM_MOST = 1.2
# Certain to 1 in 1,000 that the root fails no more than usual, and no sooner than after so many attempts.
CLEAR = math.log(1_000.0)
CLEAR_TRIALS = 10
# And to 1 in 6 (ten good attempts in a row) that it fails no more than usual rather than a quarter as often as it did:
# of the last minute, or of so many attempts.
PART = math.log(6.0)
PART_TRIALS = 30


def look(
    health: HealthCounters, at_ms: int, policy: HealthPolicy, evidence_max: int, payments: Standing = HEARD
) -> None:
    """Everything that time and the fresh buckets say up to `at_ms`; what changed is noted on the incidents.

    `payments` is how the feed stands that attempts come from.
    """
    counting.roll_hours(health, at_ms, policy)
    h = threshold(health.per_day, policy.false_alarm_days)
    fresh, health.fresh = health.fresh, {}
    for key, (trials, failures) in fresh.items():
        _follow(health, key, trials, failures, h, at_ms, policy)
    minute_ms = at_ms - at_ms % MINUTE_MS
    minute = minute_ms != health.minute_ms
    if minute:
        health.minute_ms = minute_ms
        for entry in health.keys.values():
            if entry.speed is not None and (entry.speed.spans or entry.speed.slow):
                end_minute(entry.speed, at_ms, policy.slow_sigmas)
    if policy.enabled:
        _judge(health, fresh, h, at_ms, policy, evidence_max)
        if minute:
            _time(health, at_ms, policy, evidence_max)
        absence = silence.is_proof(health, at_ms, payments, policy)
        if minute and absence:
            _listen(health, at_ms, policy, evidence_max)
        for incident in list(health.incidents.values()):
            if payments.silent_from_ms:
                _withdraw(incident, payments.silent_from_ms, at_ms, evidence_max)
            _age(health, incident, fresh.get(incident.root, (0, 0)), absence, at_ms, policy, evidence_max)
    idle = at_ms - health.newest_ms > DAY_MS and not health.incidents
    health.due_ms = 0 if idle else minute_ms + MINUTE_MS


def _follow(
    health: HealthCounters, key: str, trials: int, failures: int, h: float, at_ms: int, policy: HealthPolicy
) -> None:
    """Detector A for one key, and what may be learnt from the bucket."""
    entry = health.keys.get(key)
    if entry is None:
        return
    learnt = entry.learnt
    if not learnt.p0:
        counting.begin(health, key, policy)
    p0 = learnt.p0
    before = entry.cusum
    entry.cusum = min(CUSUM_MOST * h, cusum(before, trials, failures, p0, shifted(p0, policy.odds_ratio)))
    if not entry.cusum:
        entry.onset_ms = 0
    elif not before:
        entry.onset_ms = at_ms - policy.bucket_s * 1000
    entry.streak = entry.streak + failures if failures == trials else 0
    if entry.cusum >= h / 4:
        entry.recent = [*entry.recent[1 - RECENT_MAX :], (at_ms, trials, failures)]
    elif entry.recent:
        entry.recent = []
    if entry.cusum < h / 2:
        # What an outage does must not become the normal.
        learnt.hour_trials += trials
        learnt.hour_failures += failures


def _judge(
    health: HealthCounters,
    fresh: dict[str, tuple[int, int]],
    h: float,
    at_ms: int,
    policy: HealthPolicy,
    evidence_max: int,
) -> None:
    """Which alarms are new, what is their root, and is it confirmed?"""
    hot = [
        key
        for key in {**fresh, **health.incidents}
        if (entry := health.keys.get(key)) is not None
        and _alarmed(entry, h, policy)
        and not _is_by_few(key, entry, at_ms, policy)
    ]
    root_of: dict[str, str] = {}
    for group in sorted({group_of(key) for key in hot}) if hot else ():
        mine = [key for key in hot if group_of(key) == group]
        root_of |= _judge_group(health, mine, group, h, at_ms, policy, evidence_max)
    for incident in health.incidents.values():
        root = root_of.get(incident.root)
        if incident.state == FLUCTUATING and incident.cause != "slowness" and root != incident.root:
            _end_suspicion(health, incident, root, at_ms, policy, evidence_max)


def _end_suspicion(
    health: HealthCounters, incident: Incident, root: str | None, at_ms: int, policy: HealthPolicy, evidence_max: int
) -> None:
    """What was never confirmed is part of something else (`root`), was real and small, or was nothing."""
    entry = health.keys.get(incident.root)
    if root is not None:
        explained_by = health.incidents[root]
        incident.part_of = explained_by.incident_id if explained_by.opened_ms else ""
        move(incident, "explained", at_ms, root, evidence_max)
    elif entry is not None and _was_real(incident, entry, policy):
        said = f"{incident.failed} of {incident.attempts} attempts failed, {entry.learnt.p0:.1%} are usual"
        move(incident, "subsided", at_ms, said, evidence_max)
    else:
        move(incident, "calmed", at_ms, "back to normal", evidence_max)
    if incident.opened_ms and entry is not None:
        entry.cusum, entry.onset_ms = 0.0, 0


def _was_real(incident: Incident, entry: KeyHealth, policy: HealthPolicy) -> bool:
    """Whether more failed since the alarm than any chance: what raised the alarm was chosen because it is bad."""
    tail = binomial_tail(incident.attempts, incident.failed, entry.learnt.p0)
    return tail < -policy.tail_log10 * math.log(10.0)


def _judge_group(
    health: HealthCounters,
    hot: list[str],
    group: str,
    h: float,
    at_ms: int,
    policy: HealthPolicy,
    evidence_max: int,
) -> dict[str, str]:
    """The root of each alarm of one group; the roots, which are their own, are at least a suspicion now."""
    since_ms = _since(health, hot, at_ms, policy)
    slot = counting.slot_of(since_ms - 1, policy)  # a bucket that ends where a slot does is in the one before
    prefix = f"{group}@" if group else ""

    def excess(key: str) -> Excess:
        return _excess(health, prefix, key, since_ms, policy)

    def within(key: str) -> Callable[[str], Excess]:
        recent = health.keys[prefix + key].recent
        return partial(_excess, health, prefix, since_ms=recent[0][0] if recent else since_ms, policy=policy)

    def excess_of(key: str) -> float:
        return excess(key).excess if prefix + key in health.keys else 0.0

    open_ = [
        incident
        for incident in health.incidents.values()
        if incident.state in (DOWN, RECOVERING) and group_of(incident.root) == group
    ]
    standing = [excess(incident.root[len(prefix) :]) for incident in open_ if incident.root in health.keys]
    suspects, dropped = [], []
    enough = (1.0 - EXPLAINED) * min(excess_of(key[len(prefix) :]) for key in hot)
    unproven = [key for key in _unproven(health, group) if excess_of(key[len(prefix) :]) >= enough]
    for key in dict.fromkeys((*hot, *_warm(health, group, h, policy), *unproven)):
        incident = health.incidents.get(key)
        entry = health.keys[key]
        if (incident is not None and incident.state == DOWN) or _is_by_few(key, entry, at_ms, policy):
            continue
        suspect = excess(key[len(prefix) :])
        if incident is not None and incident.state == RECOVERING:
            if key in hot and _confirmed(key, entry, at_ms, policy):
                move(incident, "relapsed", at_ms, _measured(entry, slot), evidence_max)
            continue
        if suspect.excess > 0.0 and not unexplained((suspect,), standing, excess_of):
            dropped.append(suspect.key)
            continue
        suspects += unexplained((suspect,), standing, excess_of)
    beside = Beside(within, [each.key for each in standing], dropped)
    loud = [each for each in (*suspects, *map(excess, dropped)) if prefix + each.key in hot]
    found = {
        prefix + root: explained
        for root in roots(suspects, excess_of, beside=beside)
        or further([key for key in dropped if prefix + key in hot], beside)
        if (explained := [each for each in loud if each.key == root or explains(excess(root), each, excess_of)])
    }
    for key in dropped:
        if prefix + key not in found:
            # Neither an alarm of its own nor a new normal, as long as the root is down.
            entry = health.keys[prefix + key]
            entry.cusum = min(entry.cusum, h / 2)
    for key, explained in sorted(found.items()):
        entry = health.keys[key]
        # A key of little history is granted many failures. What it does to a key that is known proves it all the same.
        proofs = [key, *(prefix + each.key for each in explained)] if _is_unproven(entry) else [key]
        incident = health.incidents.get(key)
        if incident is None:
            if len(health.incidents) >= INCIDENTS_MAX:
                continue
            incident = _new(health, key, "failures", entry.onset_ms or at_ms, at_ms, _measured(entry, slot))
            continue  # one more bucket: the first one may have met only some of those that are concerned
        sure = any(_confirmed(each, health.keys[each], at_ms, policy) for each in proofs)
        if incident.state in (FLUCTUATING, CLOSED) and sure:
            _confirm(incident, "failures", at_ms, _measured(entry, slot), evidence_max)
    root_of = {prefix + each.key: key for key, explained in found.items() for each in explained}
    for key in dropped:
        down = [one.root for one in open_ if explains(excess(one.root[len(prefix) :]), excess(key), excess_of)]
        root_of.setdefault(prefix + key, (down or [one.root for one in open_])[0])
    return root_of | {key: key for key in found}


def _confirm(incident: Incident, cause: str, at_ms: int, said: str, evidence_max: int) -> None:
    """It is down, or down again; what is counted of it begins there."""
    if incident.state == FLUCTUATING:
        incident.attempts = incident.failed = 0
    incident.reopened += incident.state == CLOSED
    incident.cause = cause
    move(incident, "confirmed", at_ms, said, evidence_max)


def _excess(health: HealthCounters, prefix: str, key: str, since_ms: int, policy: HealthPolicy) -> Excess:
    """Failures of a key above what is normal since then; none of one that is not watched."""
    entry = health.keys.get(prefix + key)
    if entry is None:
        return Excess(key, 0.0, 0.0)
    if entry.recent and not _is_unproven(entry):  # whose buckets are kept late: many failures are granted to it
        n = sum(trials for ended_ms, trials, _ in entry.recent if ended_ms >= since_ms)
        f = sum(failures for ended_ms, _, failures in entry.recent if ended_ms >= since_ms)
    else:
        n, f, _ = counting.totals(entry, counting.slot_of(since_ms, policy))
    return Excess(key, n, f - n * entry.learnt.likely)


def _since(health: HealthCounters, hot: list[str], at_ms: int, policy: HealthPolicy) -> int:
    """Since when the alarm with the most failures is suspicious: the time over which keys are compared."""
    worst = max(hot, key=lambda key: (sum(failures for _, _, failures in health.keys[key].recent), key))
    recent = health.keys[worst].recent
    began_ms = recent[0][0] if recent else at_ms
    return max(at_ms - policy.window_s * 1000, began_ms)


def _warm(health: HealthCounters, group: str, h: float, policy: HealthPolicy) -> list[str]:
    """Keys half way to an alarm. One of them may be the root: a pair collects evidence later than its sides."""
    return [
        key
        for key, entry in health.keys.items()
        if (entry.cusum >= h / 2 or entry.streak >= policy.streak // 2) and group_of(key) == group
    ]


def _unproven(health: HealthCounters, group: str) -> list[str]:
    """Keys of too little history to raise an alarm soon. One of them may be the root of others': a new release."""
    return [key for key, entry in health.keys.items() if _is_unproven(entry) and entry.slots and group_of(key) == group]


def _is_unproven(entry: KeyHealth) -> bool:
    return entry.learnt.likely < entry.learnt.p0


def _alarmed(entry: KeyHealth, h: float, policy: HealthPolicy) -> bool:
    return entry.cusum >= h or entry.streak >= policy.streak


def _is_by_few(key: str, entry: KeyHealth, at_ms: int, policy: HealthPolicy) -> bool:
    """Whether only few customers fail with a second factor: whoever guesses at codes is no outage, however often."""
    if dimension_of(key) != CHALLENGE:
        return False
    _, _, failing = counting.totals(entry, counting.slot_of(at_ms - policy.window_s * 1000, policy))
    return distinct(failing) < policy.min_users


def _confirmed(key: str, entry: KeyHealth, at_ms: int, policy: HealthPolicy) -> bool:
    """Detector B: many trials of many customers, and more failures than any chance; or a long run of nothing else."""
    since_ms = max(at_ms - policy.window_s * 1000, entry.onset_ms)
    n, f, failing = counting.totals(entry, counting.slot_of(since_ms, policy))
    users = distinct(failing) if failing else f  # meters do not know who it was
    if entry.streak >= policy.streak_any and dimension_of(key) != CHALLENGE:
        return True
    if users < policy.min_users:
        return False
    if entry.streak >= policy.streak:
        return True
    if _is_no_chance(n, f, entry, policy.tail_log10, policy):
        return True
    # A slot has also what was good before the onset, which hides an outage as short as a slot. Buckets that were chosen
    # because they are bad prove less: they have to be twice as unlikely (in digits), and say nothing of a long trouble.
    slot_ms = policy.window_s * 1000 // SLOTS
    is_short = bool(entry.recent) and at_ms - entry.recent[0][0] <= 2 * slot_ms
    return is_short and _is_no_chance(*_summed(entry.recent), entry, 2.0 * policy.tail_log10, policy)


def _is_no_chance(n: int, f: int, entry: KeyHealth, digits: float, policy: HealthPolicy) -> bool:
    p0 = entry.learnt.p0
    return (
        n >= policy.min_attempts
        and f >= n * max(policy.times_baseline * p0, p0 + policy.above_baseline)
        and binomial_tail(n, f, p0) < -digits * math.log(10.0)
    )


def _suspect(
    health: HealthCounters,
    suspects: list[Excess],
    cause: str,
    at_ms: int,
    evidence_max: int,
    *,
    confirmed: bool = False,
) -> list[str]:
    """Opens suspicions about the roots of `suspects`, unless something that is open explains them; the roots."""
    excess_of = _excess_within(suspects)
    by_key = {each.key: each for each in suspects}
    standing = [by_key.get(incident.root, _without_end(incident.root)) for incident in _open(health)]
    retired = [each for each in suspects if health.keys[each.key].retired]
    suspects = [each for each in suspects if each not in retired]
    found = roots(unexplained(suspects, [*standing, *retired], excess_of), excess_of)
    for root in found:
        incident = health.incidents.get(root)
        said = f"{by_key[root].share:.0%} {_WORDS[cause]}"
        if incident is None:
            if len(health.incidents) >= INCIDENTS_MAX:
                continue
            incident = _new(health, root, cause, at_ms, at_ms, said)
        if confirmed and incident.state in (FLUCTUATING, CLOSED):
            _confirm(incident, cause, at_ms, said, evidence_max)
    return found


def _excess_within(suspects: list[Excess]) -> Callable[[str], float]:
    """The excess of a key among `suspects`. Pairs are neither timed nor missed: all of both parts may be theirs."""
    by_key = {each.key: each.excess for each in suspects}

    def excess_of(key: str) -> float:
        return by_key.get(key) or min(map(excess_of, parts_of(key)), default=0.0)

    return excess_of


def _open(health: HealthCounters) -> list[Incident]:
    return [each for each in health.incidents.values() if each.state in (DOWN, RECOVERING) and not group_of(each.root)]


def _without_end(root: str) -> Excess:
    """Of what is down for another cause nobody knows how much it explains: all of it."""
    return Excess(root, 1.0, float("inf"))


# Where it is down, and not because anybody fails.
_AS_IT_IS = {(DOWN, "silence"): "it is silent", (DOWN, "slowness"): "it is slow"}
_WORDS = {"silence": "of the usual attempts are missing", "slowness": "of the answers are late"}


def _time(health: HealthCounters, at_ms: int, policy: HealthPolicy, evidence_max: int) -> None:
    """Detector D: what is slow for long enough, what is the root of it, and what is as fast as usual again?"""
    slow = {
        key: Excess(key, *entry.speed.lately)
        for key, entry in health.keys.items()
        if entry.speed is not None and entry.speed.slow >= policy.slow_windows
    }
    found = _suspect(health, list(slow.values()), "slowness", at_ms, evidence_max)
    excess_of = _excess_within(list(slow.values()))
    known = [*_open(health), *(health.incidents[root] for root in found if root in health.incidents)]
    for incident in health.incidents.values():
        if incident.state != FLUCTUATING or incident.cause != "slowness" or incident.root in found:
            continue
        if incident.root not in slow:
            move(incident, "eased", at_ms, "back to normal", evidence_max)
            continue
        mine = slow[incident.root]
        for root in known:
            other = slow.get(root.root, _without_end(root.root))
            # Windows are not equally long: where it ends, what is timed slowly is late for longer than what shared it.
            if other.share >= mine.share and explains(other, mine, excess_of):
                incident.part_of = root.incident_id if root.opened_ms else ""
                move(incident, "explained", at_ms, root.root, evidence_max)
                break


def _listen(health: HealthCounters, at_ms: int, policy: HealthPolicy, evidence_max: int) -> None:
    """Detector C: who should be heard and is not?"""
    missing = silence.missing(health, at_ms, policy)
    if missing:
        _suspect(health, missing, "silence", at_ms, evidence_max, confirmed=True)


def _withdraw(incident: Incident, silent_from_ms: int, at_ms: int, evidence_max: int) -> None:
    """Where the feed was silent before it, a silence is the feed's."""
    if incident.cause == "silence" and incident.state == DOWN and incident.state_ms > silent_from_ms:
        move(incident, "withdrawn", at_ms, f"nothing new is heard of {silence.FEED}", evidence_max)


def _age(
    health: HealthCounters,
    incident: Incident,
    fresh: tuple[int, int],
    absence: bool,
    at_ms: int,
    policy: HealthPolicy,
    evidence_max: int,
) -> None:
    """What time and the root's newest trials do to an incident; `absence`: whether it means something now."""
    trials, failures = fresh
    entry = health.keys.get(incident.root)
    if trials:
        incident.tried_ms = at_ms
    match incident.state:
        case "fluctuating":
            if at_ms > incident.state_ms:
                incident.attempts += trials
                incident.failed += failures
            if not incident.opened_ms and at_ms - incident.state_ms >= policy.degraded_s * 1000:
                incident.changed.append("opened")
        case "down":
            incident.attempts += trials
            incident.failed += failures
            if incident.cause == "silence":
                is_over = entry is None or (absence and silence.is_heard(entry, at_ms, policy))
            else:
                is_over = _is_over(incident, entry, trials, failures, at_ms, policy)
            if is_over:
                calm(health, incident)
                move(incident, "recovered", at_ms, "attempts succeed as usual", evidence_max)
            elif incident.cause != "silence" and at_ms - incident.tried_ms >= policy.deserted_s * 1000:
                _desert(health, incident, entry, at_ms, policy, evidence_max)
        case "recovering":
            if (
                incident.cause == "silence"
                and absence
                and entry is not None
                and silence.is_silent(entry, at_ms, policy)
            ):
                move(incident, "relapsed", at_ms, "silent again", evidence_max)
            elif at_ms - incident.state_ms >= policy.close_after_s * 1000:
                move(incident, "quiet", at_ms, f"normal for {policy.close_after_s} s", evidence_max)
        case "closed":
            if at_ms - incident.state_ms >= policy.reopen_s * 1000:
                del health.incidents[incident.root]
        case _:
            pass


def _desert(
    health: HealthCounters,
    incident: Incident,
    entry: KeyHealth | None,
    at_ms: int,
    policy: HealthPolicy,
    evidence_max: int,
) -> None:
    """Nobody tries any more: it is over, unless it is missed, for whoever fails long enough is sent nothing."""
    if entry is None or not silence.is_missed(incident.root, entry, at_ms, policy):
        calm(health, incident)
        move(incident, "deserted", at_ms, "nobody tries any more", evidence_max)
        return
    incident.cause = "silence"
    note(incident, "fell_silent", incident.incident_id, at_ms, "all of the usual attempts are missing", evidence_max)
    incident.changed.append("cause silence")


def _is_over(
    incident: Incident, entry: KeyHealth | None, trials: int, failures: int, at_ms: int, policy: HealthPolicy
) -> bool:
    """Reverse CUSUM, the usual share of failures against this outage's; or 50 trials nearly as good as ever."""
    if entry is None:
        return True
    if not trials:
        return False
    p0 = entry.learnt.p0
    share = min(0.98, max(shifted(p0, policy.odds_ratio), incident.failed / incident.attempts))
    incident.clear = max(
        0.0,
        incident.clear + failures * math.log(p0 / share) + (trials - failures) * math.log((1.0 - p0) / (1.0 - share)),
    )
    incident.clear_trials = incident.clear_trials + trials if incident.clear else 0
    if not incident.clear:
        incident.clear_ms = at_ms
    since_ms = at_ms - policy.window_s * 1000 // 5
    if incident.clear >= CLEAR and incident.clear_trials >= CLEAR_TRIALS:
        # Better than the outage is not as good as usual: it may have come back in part only.
        part = max(shifted(p0, policy.odds_ratio), share / 4.0)
        lately = [each for each in entry.recent if each[0] > incident.clear_ms]
        minute = [each for each in lately if each[0] > since_ms]
        n, f = _summed(minute) if _summed(minute)[0] >= PART_TRIALS else _summed(lately)
        calm_already = not entry.recent  # its own statistic has fallen
        if calm_already or f * math.log(p0 / part) + (n - f) * math.log((1.0 - p0) / (1.0 - part)) >= PART:
            return True
    # Of its own time only: what was good before it went down says nothing.
    slot = max(counting.slot_of(since_ms, policy), counting.slot_of(incident.state_ms, policy) + 1)
    n, f, _ = counting.totals(entry, slot)
    return n >= policy.recovered_trials and (n - f) >= 0.95 * (1.0 - p0) * n


def _summed(buckets: list[tuple[int, int, int]]) -> tuple[int, int]:
    return sum(trials for _, trials, _ in buckets), sum(failures for _, _, failures in buckets)


def retire(health: HealthCounters, incident: Incident) -> bool:
    """People say that the silence of the root is meant: it is no incident until the root is heard as usual again.

    False for what is not silent: it is in service.
    """
    entry = health.keys.get(incident.root)
    if entry is None or incident.cause != "silence" or incident.state != DOWN:
        return False
    entry.retired = True
    return True


def calm(health: HealthCounters, incident: Incident) -> None:
    """The outage raised the statistics of everything that shares its traffic: they start again."""
    group = group_of(incident.root)
    for key, entry in health.keys.items():
        if entry.cusum and group_of(key) == group:
            entry.cusum = 0.0
            entry.onset_ms = entry.streak = 0
            entry.recent = []
    incident.clear = 0.0
    incident.clear_trials = incident.clear_ms = 0


def _new(health: HealthCounters, root: str, cause: str, since_ms: int, at_ms: int, said: str) -> Incident:
    incident = health.incidents[root] = Incident(
        incident_id=incident_id("outage", root, f"{cause}/{since_ms}"),
        root=root,
        cause=cause,
        since_ms=since_ms,
        state=step(HEALTHY, "alarmed").after,
        state_ms=at_ms,
        tried_ms=at_ms,
    )
    incident.evidence.append(Evidence(at=from_ms(at_ms), kind="alarmed", event_id=incident.incident_id, text=said))
    return incident


def move(incident: Incident, on: str, at_ms: int, said: str, evidence_max: int) -> None:
    """One step of the table, with its line on the timeline."""
    row = step(incident.state, on)
    incident.state, incident.state_ms, incident.ending = row.after, at_ms, row.ending
    incident.changed.append(f"state {row.after}")
    why = _AS_IT_IS.get((row.after, incident.cause)) or row.why
    note(incident, on, incident.incident_id, at_ms, f"{why}: {said}"[:256], evidence_max)


def note(incident: Incident, kind: str, event_id: str, at_ms: int, text: str, evidence_max: int) -> None:
    """One more line of its timeline; the first one stays, and of the others the oldest make room."""
    incident.evidence.append(Evidence(at=from_ms(at_ms), kind=kind, event_id=event_id, text=text))
    while len(incident.evidence) > evidence_max:
        del incident.evidence[1 if len(incident.evidence) > 1 else 0]
        incident.evidence_dropped += 1


def _measured(entry: KeyHealth, slot: int) -> str:
    n, f, users = counting.totals(entry, slot)
    who = f" of {min(distinct(users), f)} customers" if users else ""  # estimated from a map of bits
    return f"{f} of {n} attempts{who} failed, {entry.learnt.likely:.1%} are usual"


def platform_share(health: HealthCounters, incident: Incident, at_ms: int, policy: HealthPolicy) -> float:
    """Failures on the root as a share of all attempts of the platform in the last window; 0 for a meter."""
    entry, platform = health.keys.get(incident.root), health.keys.get(PLATFORM)
    if entry is None or platform is None or group_of(incident.root):
        return 0.0
    slot = counting.slot_of(at_ms - policy.window_s * 1000, policy) + 1
    _, failures, _ = counting.totals(entry, slot)
    attempts, _, _ = counting.totals(platform, slot)
    return failures / attempts if attempts else 0.0
