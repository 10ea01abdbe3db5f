"""How often are attackers with the right password stopped, for how many second factors of honest customers?

Half a year of logins of a made-up population (`producers/simulate/login_population.py` says what is assumed) runs
through the core as in a partition that enforces: what a rule doubts teaches nothing until the owner has given the
second factor, which the owner does. Attacks are measured where they would happen and leave no trace. Thresholds come
from one population, figures from another that is four times as large. Owners name their device and user agent in every
login; targeted attackers are judged a second and third time as if they left the device out, or both. The second half of
the time counts, for customers with at least two earlier logins; of the owners' logins one in four is scored.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from producers.simulate.login_population import ATTACKERS, Attempt, LoginPopulation, Who
from streams.adapters.policy_file import default_text
from streams.cli.terminal import say_json, terminal
from streams.contracts.base import from_ms
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.core.basis import basis_of
from streams.core.features import features_of
from streams.core.login_risk.context import context_of
from streams.core.login_risk.frequencies import Frequencies
from streams.core.login_risk.score import ratio_of
from streams.core.login_risk.training import is_doubted
from streams.core.observations import Observations
from streams.core.outcome import Outcome
from streams.core.pipeline import prepare
from streams.core.policy import Policy, parse_policy
from streams.core.risk import no_risk
from streams.core.rules import evaluate, outcome_of
from streams.runtime.collector import look_rarely

DAY_MS: Final = 86_400_000
START_MS: Final = 20_430 * DAY_MS  # in December 2025
EARLIER_LOGINS: Final = 2
TUNED: Final = 4  # the population for thresholds is so much smaller
SCORED: Final = 4  # one in so many logins of owners: scoring four feeds is half of the time
ASKED: Final = (0.01, 0.02, 0.05)
BANDS: Final = (0.95, 0.99, 0.999)
# What the events name beside the address and the user agent: device id, round-trip time.
FEEDS: Final = {
    "address, user agent": (False, False),
    "and round-trip time": (False, True),
    "and device": (True, False),
    "all of them": (True, True),
}
FULL: Final = "all of them"
TARGETED: Final[Who] = "targeted"
# What an attacker may leave out although events could name it: device id, user agent.
SILENT: Final = {"no device": (False, True), "no device, no user agent": (False, False)}
EXACTLY: Final = "targeted_exactly"


class Measured(msgspec.Struct):
    """Scores by feed and by who logged in, and what all rules of the policy together made of them."""

    logins: int = 0
    customers: int = 0
    scores: dict[str, dict[Who, array[float]]] = {}
    silent: dict[str, array[float]] = {}  # of targeted attackers, by what they leave out
    judged: Counter[Who] = msgspec.field(default_factory=Counter)
    stopped: Counter[Who] = msgspec.field(default_factory=Counter)


@click.command("logins")
@click.option("--users", type=click.IntRange(100), default=50_000, show_default=True, help="Customers.")
@click.option("--days", type=click.IntRange(20), default=180, show_default=True, help="The second half counts.")
@click.option("--attacks", type=click.IntRange(1), default=10_000, show_default=True, help="Of each kind.")
@click.option("--tune", type=int, default=1, show_default=True, help="Seed of the population for thresholds.")
@click.option("--report", "report_seed", type=int, default=2, show_default=True, help="Seed of the one that is judged.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def bench_logins(users: int, days: int, attacks: int, tune: int, report_seed: int, as_json: bool) -> None:
    """Measure login risk: attackers stopped at 1, 2 and 5 % second factors, and the percentiles for the policy.

    \b
    Examples:
      paywarden bench logins
      paywarden bench logins --users 2500 --days 90 --attacks 500
    """
    if tune == report_seed:
        raise click.UsageError("Figures from the population that thresholds were chosen on prove nothing: other seeds.")
    look_rarely()
    policy = enforcing()
    with Progress(console=terminal(stderr=True), transient=True, disable=as_json) as progress:

        def measured(seed: int, number: int, kinds: int) -> Measured:
            task = progress.add_task(f"population {seed}", total=days)
            return measure(
                LoginPopulation(seed, users=number, days=days, start_ms=START_MS),
                policy,
                days=days,
                attacks=kinds,
                told=lambda day: progress.update(task, completed=day),
            )

        chosen = measured(tune, max(100, users // TUNED), 0)
        judged = measured(report_seed, users, attacks)
    found = table_of(chosen, judged)
    if as_json:
        say_json(msgspec.json.format(msgspec.json.encode(found)))
    else:
        show(found, terminal())


def enforcing() -> Policy:
    """The packaged policy, acting: only then does the score's own doubt keep a login from teaching."""
    return parse_policy(default_text(), 'mode = "enforce"\n')


def measure(
    population: LoginPopulation,
    policy: Policy,
    *,
    days: int,
    attacks: int,
    told: Callable[[int], None] = lambda day: None,
) -> Measured:
    """Plays the population; `told` hears of every day."""
    half_ms = START_MS + days // 2 * DAY_MS
    accounts: dict[int, Observations] = {}
    earlier: Counter[int] = Counter()
    frequencies = Frequencies()
    found = Measured(
        scores={feed: {who: array("d") for who in ("owner", *ATTACKERS)} for feed in FEEDS},
        silent={silence: array("d") for silence in SILENT},
    )
    today = -1
    for number, attempt in enumerate(population.attempts(attacks, days // 2)):
        if attempt.at_ms // DAY_MS != today:
            today = attempt.at_ms // DAY_MS
            told(today - START_MS // DAY_MS)
        event = _event(LoginSucceeded, number, attempt)
        account = accounts.setdefault(attempt.user, Observations())
        counts = attempt.at_ms >= half_ms and earlier[attempt.user] >= EARLIER_LOGINS
        if counts and (attempt.who != "owner" or number % SCORED == 0):
            for feed, score in _scores(account, event, today, frequencies):
                found.scores[feed][attempt.who].append(score)
        if counts and attempt.who == TARGETED:
            for silence, score in _silent_scores(account, event, today, frequencies):
                found.silent[silence].append(score)
        if attempt.who == "owner":
            prepared = prepare(account, event, attempt.at_ms, no_risk, policy, frequencies=frequencies)
            hits = prepared.hits
            if is_doubted(hits, prepared.features, policy):
                proof = _event(ChallengePassed, number, attempt)
                prepare(account, proof, attempt.at_ms, no_risk, policy, frequencies=frequencies)
            earlier[attempt.user] += 1
            found.logins += 1
        elif counts:
            basis = basis_of(policy, attempt.at_ms)
            features = features_of(account, event, attempt.at_ms, no_risk, basis, frequencies)
            hits = evaluate(event, attempt.at_ms, features, policy)
        if counts:
            found.judged[attempt.who] += 1
            found.stopped[attempt.who] += outcome_of(hits) >= Outcome.STEP_UP
    found.customers = len(earlier)
    return found


def _event(kind: type[Any], number: int, attempt: Attempt) -> Any:
    return kind(
        event_id=f"{kind.__name__}-{number}",
        source="bench",
        occurred_at=from_ms(attempt.at_ms),
        account_id=f"account-{attempt.user}",
        ip=attempt.ip,
        asn=attempt.asn,
        country=attempt.country,
        user_agent=attempt.user_agent,
        device_id=attempt.device_id,
        rtt_ms=attempt.rtt_ms,
    )


def _scores(
    account: Observations, event: LoginSucceeded, day: int, frequencies: Frequencies
) -> Iterator[tuple[str, float]]:
    """The score as it would be if the events named so much and no more."""
    history = account.login_history
    if history is None:
        return
    whole = context_of(event)
    for feed, (device, pace) in FEEDS.items():
        context = whole._replace(device=whole.device if device else None, pace=whole.pace if pace else None)
        # A feed without device ids never had any to remember.
        known = history if device else msgspec.structs.replace(history, devices=b"")
        score = ratio_of(known, context, day, frequencies)
        if score is not None:
            yield feed, score


def _silent_scores(
    account: Observations, event: LoginSucceeded, day: int, frequencies: Frequencies
) -> Iterator[tuple[str, float]]:
    """The score of the same attack when its program names less than the owner's does."""
    if account.login_history is None:
        return
    whole = context_of(event)
    for silence, (device, agent) in SILENT.items():
        context = whole._replace(device=whole.device if device else None, agent=whole.agent if agent else None)
        score = ratio_of(account.login_history, context, day, frequencies)
        if score is not None:
            yield silence, score


def table_of(chosen: Measured, judged: Measured) -> dict[str, Any]:
    """Shares of `judged` that reach the thresholds of `chosen`."""
    feeds: dict[str, Any] = {}
    for feed in FEEDS:
        ordinary, own = (sorted(measured.scores[feed]["owner"]) for measured in (chosen, judged))
        rows = {}
        for asked in ASKED:
            threshold = _quantile(ordinary, 1.0 - asked)
            shares: dict[str, float] = {who: _share(scores, threshold) for who, scores in judged.scores[feed].items()}
            # Whoever compares systems at 2 % means 2 %: this threshold is the judged population's own.
            shares[EXACTLY] = _share(judged.scores[feed][TARGETED], _quantile(own, 1.0 - asked))
            rows[f"{asked:.0%}"] = {who: round(share, 4) for who, share in shares.items()}
        feeds[feed] = rows
    thresholds = {asked: _quantile(sorted(chosen.scores[FULL]["owner"]), 1.0 - asked) for asked in ASKED}
    ordinary = sorted(chosen.scores[FULL]["owner"])
    return {
        "customers": judged.customers,
        "logins": judged.logins,
        "judged": dict(judged.judged),
        "stopped_at": feeds,
        "targeted_silent_at": {
            silence: {f"{asked:.0%}": round(_share(scores, least), 4) for asked, least in thresholds.items()}
            for silence, scores in judged.silent.items()
        },
        "percentiles": {f"{100 * share:g}": float(f"{_quantile(ordinary, share):.2g}") for share in BANDS},
        "default_policy": {who: round(judged.stopped[who] / number, 4) for who, number in judged.judged.items()},
    }


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _share(scores: array[float], threshold: float) -> float:
    return sum(score >= threshold for score in scores) / max(1, len(scores))


def show(found: dict[str, Any], console: Console) -> None:
    """The results as a table and a piece of policy."""
    console.print(
        f"{found['customers']:,} customers, {found['logins']:,} logins; counted: "
        + ", ".join(f"{number:,} of {who}" for who, number in found["judged"].items()),
        highlight=False,
    )
    table = Table("events name", "asked of owners", "owners", *ATTACKERS, "targeted, owners exactly")
    for feed, rows in found["stopped_at"].items():
        for asked, shares in rows.items():
            table.add_row(feed, asked, *(f"{shares[who]:.2%}" for who in ("owner", *ATTACKERS, EXACTLY)))
            feed = ""
    console.print(table)
    for silence, rows in found["targeted_silent_at"].items():
        stopped = ", ".join(f"{share:.2%} at {asked}" for asked, share in rows.items())
        console.print(f"targeted attackers who name {silence}: {stopped}", highlight=False)
    whole = found["default_policy"]
    console.print(
        "all rules of the default policy: " + ", ".join(f"{share:.2%} of {who}" for who, share in whole.items()),
        highlight=False,
    )
    console.print(f"\\[rules.login_risk]\nratios = {list(found['percentiles'].values())}", highlight=False)
