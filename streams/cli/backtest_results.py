"""What does a backtest write, and what does it count?"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from producers.durations import DAY_MS, MINUTE_MS
from producers.feed import Placed
from producers.inputs import Format
from streams.agents.accounts import risk_key
from streams.agents.offline import Published
from streams.cli.backtest_compare import LABELS_FILE
from streams.contracts.accounts import LabelRecorded
from streams.contracts.base import from_ms
from streams.contracts.decisions import DecisionMade, DecisionShadowed
from streams.contracts.registry import decode
from streams.core.outcome import Outcome
from streams.core.risk import SITE, SITE_KIND, RiskFact, RiskView
from streams.runtime.partition import Partition

# How long a step is, unless its user says so: timers and incidents are read minute by minute, and models learn by days.
STEP_MS: dict[Format, int] = {"jsonl": MINUTE_MS, "fdh": DAY_MS, "logins": DAY_MS}
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
        self.shadows: dict[str, Counter[str]] = {}  # by watched model
        self.records = 0
        self.first_ms: int | None = None
        self.last_ms: int | None = None
        self._inputs = hashlib.sha256()
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

    def read(self, record: Placed) -> None:
        """One more record of the inputs."""
        at_ms = record.timestamp_ms
        for part in (record.topic.encode(), record.key, record.value, at_ms.to_bytes(8, signed=True)):
            self._inputs.update(len(part).to_bytes(4))
            self._inputs.update(part)
        self.records += 1
        self.first_ms = at_ms if self.first_ms is None else self.first_ms
        self.last_ms = at_ms

    def step_ended(self) -> None:
        self._addresses.clear()

    def summary(self) -> dict[str, Any]:
        """What came in and what went out, counted."""
        return {
            "records": self.records,
            "from": None if self.first_ms is None else from_ms(self.first_ms).isoformat(),
            "to": None if self.last_ms is None else from_ms(self.last_ms).isoformat(),
            "inputs_sha256": self._inputs.hexdigest(),  # of every record, in the order in which it was fed
            "published": {name: self.counts[topic] for topic, name in FILES.items()},
            "outcomes": {outcome.label: self.outcomes[outcome.label] for outcome in Outcome},
            "unscored": dict(sorted(self.unscored.items())),
            "rules": dict(sorted(self.rules.items())),
            "cases": dict(sorted(self.cases.items())),
            # What watched models would have decided; `differs` counts where it is not what was decided.
            "shadows": {name: dict(sorted(found.items())) for name, found in sorted(self.shadows.items())},
        }

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
        if isinstance(decision, DecisionShadowed):
            seen = self.shadows.setdefault(decision.model_id, Counter())
            seen.update((decision.outcome, "differs") if decision.outcome != decision.decided else (decision.outcome,))
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
