"""What would PayWarden have said about these files? The workers' agents over records in memory, without a broker."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from models.artifact import ModelError
from producers.answers import replies
from producers.errors import BadInput
from producers.feed import WATERMARK_KEY, Barrier, expand, stepped
from producers.inputs import Format, InputOptions, read_inputs
from producers.sources.fdh import Release
from producers.sources.logins import DEMO_KEY
from streams.adapters.champions import replay_scorer
from streams.adapters.model_scorer import RULES_ONLY
from streams.adapters.overlay import load_library
from streams.adapters.policy_file import load_schedule
from streams.agents.accounts import risk_key
from streams.agents.offline import OfflineRun, Published
from streams.app import accounts_logic, entities_logic
from streams.cli.backtest_compare import LABELS_FILE, compare
from streams.cli.backtest_compare import show as show_difference
from streams.cli.replay import Duration, Instant
from streams.contracts.accounts import LabelRecorded
from streams.contracts.base import from_ms
from streams.contracts.decisions import DecisionMade
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import decode
from streams.core.outcome import Outcome
from streams.core.policy import PolicySchedule
from streams.core.risk import SITE, SITE_KIND, RiskFact, RiskView
from streams.core.steps import Prepared
from streams.ports import Scorer
from streams.runtime.collector import look_rarely
from streams.runtime.logic import Emit
from streams.runtime.partition import Partition
from streams.settings import load_settings

# Which file a topic's records go to. Signals and entity risk stay inside.
FILES = {
    "fraud.decisions": "decisions.jsonl",
    "support.cases": "cases.jsonl",
    "account.actions": "actions.jsonl",
    "account.locks": "locks.jsonl",
    "customer.notifications": "notifications.jsonl",
    "psp.commands": "commands.jsonl",
    "paywarden.dead-letters": "dead_letters.jsonl",
}
WRITTEN = (*FILES.values(), "scores.csv", "flags.csv", LABELS_FILE, "summary.json")
FLAGGED = frozenset(outcome.label for outcome in Outcome if outcome >= Outcome.STEP_UP)


class _Attempt(msgspec.Struct):
    """The fields of a login event that flags.csv needs."""

    event_id: str
    ip: str = ""
    known: bool = True


_decode_attempt = msgspec.json.Decoder(_Attempt).decode


class Results:
    """Writes what is published, as it is published, and counts it."""

    def __init__(self, folder: Path, stack: ExitStack, file_format: Format) -> None:
        self.counts: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.unscored: Counter[str] = Counter()
        self.cases: Counter[str] = Counter()
        self._addresses: dict[str, str] = {}  # of the login attempts of this step: decisions do not carry them
        self.files: dict[str, IO[bytes]] = {
            topic: stack.enter_context((folder / name).open("wb")) for topic, name in FILES.items()
        }
        scores = stack.enter_context((folder / "scores.csv").open("w", newline=""))
        flags = stack.enter_context((folder / "flags.csv").open("w", newline=""))
        labels = stack.enter_context((folder / LABELS_FILE).open("w", newline="", encoding="utf-8"))
        self._scores, self._flags, self._labels = csv.writer(scores), csv.writer(flags), csv.writer(labels)
        self._labels.writerow(["subject_id", "verdict"])
        # The columns that the public evaluators of the two data sets read.
        self._scores.writerow(["TRANSACTION_ID" if file_format == "fdh" else "subject_id", "score"])
        self._flags.writerow(["datetime", "source_ip", "event_id", "outcome"])

    def came_from(self, value: bytes, at_ms: int, risk: RiskView) -> None:
        """Note the address of a login attempt until its decision is written.

        An attempt on a name that does not exist gets no decision. It is flagged where it would be stopped: at an
        address that is held for guessing, or while the whole site is attacked.
        """
        try:
            attempt = _decode_attempt(value)
        except msgspec.DecodeError:
            return  # it becomes a dead letter, not a flag
        if attempt.known:
            self._addresses[attempt.event_id] = attempt.ip
            return
        for why, kind, name in (("hostile-address", "ip", attempt.ip), ("attacked-site", SITE_KIND, SITE)):
            fact = risk(kind, name, at_ms)
            if fact is not None and fact.guessing:
                self._flags.writerow([from_ms(at_ms).isoformat(), attempt.ip, attempt.event_id, why])
                return

    def turned_out(self, value: bytes) -> None:
        """Note a verdict, for whoever compares this backtest with another."""
        label = decode("risk.labels", value)
        if isinstance(label, LabelRecorded):
            self._labels.writerow([label.subject_id, label.verdict])

    def step_ended(self) -> None:
        self._addresses.clear()

    def __call__(self, published: Published) -> None:
        emit = published.emit
        stream = self.files.get(emit.topic)
        if stream is None or emit.value is None:
            return
        stream.write(emit.value)
        stream.write(b"\n")
        self.counts[emit.topic] += 1
        if emit.topic == "fraud.decisions":
            self._decision(emit.value)
        elif emit.topic == "support.cases":
            case = msgspec.json.decode(emit.value)
            if case.get("version") == 1:
                self.cases[case["case_type"]] += 1

    def _decision(self, value: bytes) -> None:
        decision = decode("fraud.decisions", value)
        if not isinstance(decision, DecisionMade):
            return
        self.outcomes[decision.outcome] += 1
        if decision.score_unavailable is not None:
            self.unscored[decision.score_unavailable] += 1
        for hit in decision.hits:
            self.rules[hit.rule] += 1
        if decision.subject != "login":
            self._scores.writerow([decision.subject_id, _suspicion(decision)])
        elif decision.outcome in FLAGGED:
            ip = self._addresses.get(decision.event_id, "")
            self._flags.writerow([decision.occurred_at.isoformat(), ip, decision.event_id, decision.outcome])


@contextmanager
def results_folder(folder: Path) -> Iterator[None]:
    """Makes the folder of a backtest; after a failure what the backtest made is gone, so that it can be run again.

    Results of an earlier backtest in it are replaced, so a failure removes those as well: half of them would be wrong.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for name in WRITTEN:
            with suppress(OSError):
                (folder / name).unlink()
        for each in made:
            with suppress(OSError):  # somebody else has put something in
                each.rmdir()
        raise


def _suspicion(decision: DecisionMade) -> float:
    """The model's probability; without a model the rules' outcome and number of hits, as a rank between 0 and 1."""
    if decision.score is not None:
        return decision.score
    return round(Outcome.parse(decision.outcome) / 6 + min(len(decision.hits), 9) / 60, 6)


def known_risk(partition: Partition, kind: str, value: str, at_ms: int) -> RiskFact | None:
    """What an accounts partition knows about an entity: a `RiskView` once the partition is given."""
    state = partition.states.peek(risk_key(kind, value))
    return None if state is None else state.fact(at_ms)


def respond(emit: Emit) -> list[tuple[str, bytes, bytes, int]]:
    """The payment system's answers to one record, as (topic, key, value, record timestamp)."""
    assert emit.value is not None
    return [(each.topic, each.key, each.value, each.timestamp_ms) for each in replies(emit.topic, emit.value)]


def run_backtest(
    inputs: tuple[Path, ...],
    file_format: Format,
    options: InputOptions,
    out: Path,
    *,
    partitions: int,
    barrier_ms: int,
    settle_ms: int,
    policies: PolicySchedule,
    responder: bool,
    console: Console,
    quiet: bool,
    scorer: Scorer[Prepared] | None = None,
) -> dict[str, Any]:
    """Run both agents over the files and write what they publish to `out`; returns what summary.json holds.

    Raises BadInput with a sentence for a file that cannot be used.
    """
    began = time.perf_counter()
    settings = load_settings()
    records = 0
    first_ms = last_ms = None
    # The first record shows what is wrong with most files: then an earlier backtest in this folder stays.
    source = read_inputs(inputs, file_format, options)
    first = next(source)
    with results_folder(out), ExitStack() as stack:
        results = Results(out, stack, file_format)
        run = OfflineRun(
            accounts_logic(
                policies,
                scorer,
                barrier_s=barrier_ms // 1000,
                library=load_library(settings.overlay),
                pseudonym_key=settings.secret("pseudonym_key"),
            ),
            entities_logic(policies, barrier_ms // 1000),
            partitions,
            results,
            partition_of_key=partition_of,
            respond=respond if responder else None,
        )
        progress = stack.enter_context(
            nullcontext()
            if quiet
            else Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,} records"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
        )
        task = None if progress is None else progress.add_task("backtest", total=None)
        feed = stepped(chain((first,), source), barrier_ms, settle_ms)
        for item in expand(feed, partitions):
            if isinstance(item, Barrier):
                run.settle()
                results.step_ended()
                if progress is not None and task is not None:
                    day = f"{from_ms(item.at_ms):%Y-%m-%d %H:%M}"
                    progress.update(task, completed=records, description=f"backtest {day}")
                continue
            if item.topic == "auth.logins":
                results.came_from(item.value, item.timestamp_ms, partial(known_risk, run.accounts[item.partition]))
            elif item.topic == "risk.labels":
                results.turned_out(item.value)
            run.write(item.topic, item.partition, item.key, item.value, item.timestamp_ms)
            if item.key != WATERMARK_KEY:
                records += 1
                first_ms = item.timestamp_ms if first_ms is None else first_ms
                last_ms = item.timestamp_ms
        run.settle()
        seconds = time.perf_counter() - began
        summary = {
            "records": records,
            "from": None if first_ms is None else from_ms(first_ms).isoformat(),
            "to": None if last_ms is None else from_ms(last_ms).isoformat(),
            "partitions": partitions,
            "barrier_s": barrier_ms // 1000,
            "policy": [policy.policy_hash for policy in policies.policies],
            "mode": policies.policies[-1].mode,
            "model": RULES_ONLY if scorer is None else scorer.model_id,
            "published": {name: results.counts[topic] for topic, name in FILES.items()},
            "outcomes": {outcome.label: results.outcomes[outcome.label] for outcome in Outcome},
            "unscored": dict(sorted(results.unscored.items())),
            "rules": dict(sorted(results.rules.items())),
            "cases": dict(sorted(results.cases.items())),
            "states": sum(len(partition.states) for partition in run.accounts),  # accounts and known entities
            "seconds": round(seconds, 2),
            "records_per_s": round(records / seconds) if seconds else 0,
        }
        (out / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    return summary


def show(summary: dict[str, Any], console: Console, out: Path) -> None:
    """The summary as tables."""
    console.print(
        f"{summary['records']:,} records from {summary['from']} to {summary['to']} in {summary['seconds']} s "
        f"({summary['records_per_s']:,}/s), mode {summary['mode']}, model {summary['model']}",
        highlight=False,
    )
    for title, counts in (
        ("decisions", summary["outcomes"]),
        ("cases opened", summary["cases"]),
        ("rules that fired", summary["rules"]),
        ("written to " + str(out), summary["published"]),
    ):
        table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
        for name, number in counts.items():
            if number:
                table.add_row(name, f"{number:,}")
        if table.row_count:
            console.print(table)


@click.command(
    epilog="""
\b
Examples:
  paywarden backtest events.jsonl --format jsonl --out out/
  paywarden backtest transactions.csv.xz --format fdh --start 2018-07-25 --end 2018-08-15 --out out/
  paywarden backtest transactions.csv.xz --format fdh --model models/fdh-1a2b3c4d5e --out out/
  paywarden backtest events.jsonl --format jsonl --policy stricter.toml --out new/ --compare out/
  paywarden backtest ch_08_logs_log.csv --format logins --policy stricter.toml --out out/
"""
)
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "file_format", required=True, type=click.Choice(["fdh", "logins", "jsonl"]))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the results.")
@click.option("--partitions", type=click.IntRange(1, 4096), default=4, show_default=True)
@click.option("--barrier", "barrier_ms", type=Duration(), default="1d", show_default=True, help="As in replay.")
@click.option("--settle", "settle_ms", type=Duration(), default="0s", help="Event time after the last event.")
@click.option("--policy", "policy_files", multiple=True, type=click.Path(path_type=Path), help="Over the default.")
@click.option(
    "--model", "model_dir", type=click.Path(path_type=Path), help="Folder of the model that scores; else rules only."
)
@click.option(
    "--shadow",
    "shadow_dirs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of a model that scores beside it; its answers are decision.shadowed.v1 in decisions.jsonl.",
)
@click.option("--start", type=Instant(), help="Leave out what happened before; UTC.")
@click.option("--end", type=Instant(), help="Leave out what happened at this time or later; UTC.")
@click.option("--label-delay", type=Duration(), default="7d", show_default=True, help="fdh: when the truth is known.")
@click.option("--label-release", type=click.Choice(["exact", "day-end"]), default="exact", show_default=True)
@click.option("--malformed", type=click.Choice(["send", "stop"]), default="send", show_default=True, help="jsonl.")
@click.option("--responder/--no-responder", default=True, help="Let a stand-in payment system acknowledge actions.")
@click.option(
    "--compare",
    "before",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The --out of an earlier backtest of the same input: say what changes for people.",
)
@click.option("--minutes-per-case", type=click.FloatRange(min=0.0), default=10.0, show_default=True, help="--compare.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of tables.")
def backtest(
    inputs: tuple[Path, ...],
    file_format: Format,
    out: Path,
    partitions: int,
    barrier_ms: int,
    settle_ms: int,
    policy_files: tuple[Path, ...],
    model_dir: Path | None,
    shadow_dirs: tuple[Path, ...],
    start: int | None,
    end: int | None,
    label_delay: int,
    label_release: Release,
    malformed: Any,
    responder: bool,
    before: Path | None,
    minutes_per_case: float,
    as_json: bool,
) -> None:
    """Run both agents over INPUTS without a broker and write what they would publish.

    The same code as the workers, in strict order and replay time: for the same input, policy, partitions and barrier
    the workers publish these records, byte for byte. Writes decisions.jsonl, cases.jsonl, actions.jsonl, locks.jsonl,
    notifications.jsonl, commands.jsonl, dead_letters.jsonl, scores.csv, flags.csv, labels.csv and
    summary.json.
    """
    if barrier_ms <= 0 or barrier_ms % 1000:
        raise click.UsageError("--barrier must be a positive number of whole seconds.")
    options = InputOptions(
        start_ms=start,
        end_ms=end,
        label_delay_ms=label_delay,
        label_release=label_release,
        pseudonym_key=DEMO_KEY,
        malformed=malformed,
    )
    console = Console(stderr=as_json)
    look_rarely()
    policies = load_schedule(policy_files)
    try:
        scorer = replay_scorer(model_dir, policies, shadow_dirs, load_settings().models_dir)
    except ModelError as error:  # unlike a worker, a backtest without its model would answer another question
        raise BadInput(str(error)) from None
    try:
        if out.exists() and any(out.iterdir()) and not (out / "summary.json").exists():
            raise BadInput(f"{out} holds other files; name an empty folder or an earlier backtest's.")
        summary = run_backtest(
            inputs,
            file_format,
            options,
            out,
            partitions=partitions,
            barrier_ms=barrier_ms,
            settle_ms=settle_ms,
            policies=policies,
            responder=responder,
            console=console,
            quiet=as_json,
            scorer=scorer,
        )
    except OSError as error:  # inputs have their own sentences
        raise BadInput(f"{out} cannot be written: {error.strerror or error}; name a folder that can.") from error
    difference = None if before is None else compare(before, out, minutes_per_case)
    if as_json:
        told = summary if difference is None else summary | {"compared": difference}
        click.echo(msgspec.json.encode(told).decode())
        return
    show(summary, console, out)
    if difference is not None:
        show_difference(difference, console)
