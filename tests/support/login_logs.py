"""What do accounts and detectors together say about a login log, attempt by attempt, and how right is it?

The truth about the attacks belongs to the tests alone: `login_truth` holds the published lists (MIT, see LICENSE there)
and nothing that is shipped can read it. An attempt is judged by what was known before it, as in a live worker whose
two agents are never a second apart.
"""

from __future__ import annotations

import csv
import lzma
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

from streams.contracts.base import from_ms, to_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.logins import ChallengePassed, LoginFailed, LoginSucceeded
from streams.contracts.signals import EntityObserved, EntityRisk
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.pipeline import fire, forgets_ms, next_due_ms, observe
from streams.core.entities.risk_state import RiskState
from streams.core.entities.state import EntityState
from streams.core.observations import Observations
from streams.core.outcome import Outcome
from streams.core.pipeline import prepare
from streams.core.policy import Policy
from streams.core.risk import SITE, SITE_KIND, RiskFact, incident_of
from streams.core.signals import Door, door_of, signals_of
from support.entities import policy

LOGS = Path(__file__).parents[2] / "producers" / "data" / "logins"
TRUTH = Path(__file__).parent / "login_truth"
HONEST = -1
CH_08, CH_11 = "ch_08_logs_log", "ch_11_logs_logs_2018"
HALF_MS = {CH_08: 1_542_326_400_000, CH_11: 1_530_489_600_000}  # 2018-11-16, 2018-07-02


class Row(NamedTuple):
    at_ms: int
    ip: str
    user: str
    failed: bool
    known: bool
    attack: int = HONEST  # number of the attack that it is a part of


class Attack(NamedTuple):
    start_ms: int
    end_ms: int
    ip: str


def _ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


def attacks(name: str) -> list[Attack]:
    with (TRUTH / f"{name}.csv").open(encoding="utf-8") as lines:
        found = [Attack(_ms(row["start"]), _ms(row["end"]), row["source_ip"]) for row in csv.DictReader(lines)]
    return sorted(found)


def rows(name: str) -> Iterator[Row]:
    """The log; in ch_08 an attempt is the attacker's by address and time, in ch_11 by time alone."""
    by_ip = name.startswith("ch_08")
    truth = attacks(name)
    starts = [attack.start_ms for attack in truth]
    with lzma.open(LOGS / f"{name}.csv.xz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            at_ms, ip = _ms(row["datetime"]), row["source_ip"]
            number = bisect_right(starts, at_ms) - 1
            inside = number >= 0 and at_ms <= truth[number].end_ms and (not by_ip or ip == truth[number].ip)
            known = row["failure_reason"] != "error_wrong_username"
            yield Row(at_ms, ip, row["username"], row["success"] != "True", known, number if inside else HONEST)


class Judged(NamedTuple):
    """How right the flags were."""

    flagged: list[Row]
    attacks: int
    found: int
    first_flag: dict[int, int]  # attack -> attempts up to and including the first flagged one
    attempts: int  # of the attackers
    attempts_flagged: int
    honest: int
    honest_flagged: int
    stolen: int  # right passwords of attackers up to the first flag
    successes: int
    minute_precision: float
    minute_recall: float
    cases: dict[str, CaseVersion]  # newest version of each
    kept: int  # largest number of entity states that were remembered at once


class Watcher:
    """Accounts, entities and what they tell each other."""

    def __init__(self, settings: Policy) -> None:
        self.policy = settings
        self.accounts: dict[str, Observations] = {}
        self.entities: dict[str, EntityState] = {}
        self.risks: dict[tuple[str, str], RiskState] = {}
        self.cases: dict[str, CaseVersion] = {}
        self.kept = 0
        self._numbers = count()

    def risk(self, kind: str, value: str, at_ms: int) -> RiskFact | None:
        known = self.risks.get((kind, value))
        return None if known is None else known.fact(at_ms)

    def see(self, row: Row) -> bool:
        """Whether the attempt was asked for more than its password."""
        number = next(self._numbers)
        kind = LoginFailed if row.failed else LoginSucceeded
        event = kind(
            event_id=f"event-{number}",
            source="test",
            occurred_at=from_ms(row.at_ms),
            account_id=row.user,
            known=row.known,
            ip=row.ip,
            username=row.user,
        )
        door = Door()
        if row.known:
            account = self.accounts.setdefault(row.user, Observations())
            prepared = prepare(account, event, row.at_ms, self.risk, self.policy)
            flagged = any(Outcome.parse(hit.outcome) >= Outcome.STEP_UP for hit in prepared.hits)
            door = door_of(prepared)
            if flagged and not row.failed and row.attack == HONEST:
                self._prove(account, row, number)
        else:
            facts = (self.risk("ip", row.ip, row.at_ms), self.risk(SITE_KIND, SITE, row.at_ms))
            flagged = any(fact is not None and fact.guessing for fact in facts)
            attack = incident_of(self.risk, event, row.at_ms)
            door = Door(incident=attack.case_id, attacked=attack.kind)
        signals = signals_of(
            event,
            row.at_ms,
            flagged=flagged,
            first=True,
            partition=0,
            next_sequence=lambda: number,
            policy=self.policy.entities,
            door=door,
        )
        for signal in signals:
            for effect in self._observe(signal):
                if isinstance(effect, EntityRisk):
                    self.risks.setdefault((effect.kind, effect.value), RiskState()).apply(effect)
                elif isinstance(effect, CaseVersion):
                    self.cases[effect.case_id] = effect
        if number % 500 == 0:
            self._forget(row.at_ms)
        return flagged

    def _prove(self, account: Observations, row: Row, number: int) -> None:
        """An owner who is asked gives the second factor; an attacker has none."""
        factor = ChallengePassed(
            event_id=f"factor-{number}",
            source="test",
            occurred_at=from_ms(row.at_ms),
            account_id=row.user,
            ip=row.ip,
        )
        prepare(account, factor, row.at_ms, self.risk, self.policy)

    def _observe(self, signal: EntityObserved) -> list[EntityEffect]:
        state = self.entities.setdefault(f"{signal.kind}/{signal.value}", EntityState())
        effects: list[EntityEffect] = []
        while (due_ms := next_due_ms(state)) is not None and due_ms <= signal.at_ms:
            effects += fire(state, due_ms, self.policy, EntityContext(0, 1, due_ms))
        return effects + observe(state, signal, self.policy, EntityContext(0, 1, signal.at_ms))

    def _forget(self, at_ms: int) -> None:
        self.kept = max(self.kept, len(self.entities))
        self.entities = {key: state for key, state in self.entities.items() if (forgets_ms(state) or at_ms + 1) > at_ms}


def judge(stream: Iterable[Row], since_ms: int = 0, settings: Policy | None = None) -> Judged:
    """Plays the whole stream; counts the attempts and attacks that begin at `since_ms` or later."""
    watcher = Watcher(settings or policy())
    flagged: list[Row] = []
    seen: dict[int, int] = {}
    stolen: dict[int, int] = {}
    first: dict[int, int] = {}
    attempts = attempts_flagged = honest = successes = 0
    attacked_minutes: set[int] = set()
    for row in stream:
        is_flagged = watcher.see(row)
        if row.at_ms < since_ms:
            continue
        if is_flagged:
            flagged.append(row)
        if row.attack == HONEST:
            honest += 1
            continue
        attempts += 1
        attempts_flagged += is_flagged
        successes += not row.failed
        attacked_minutes.add(row.at_ms // 60_000)
        seen[row.attack] = seen.get(row.attack, 0) + 1
        if row.attack not in first:
            stolen[row.attack] = stolen.get(row.attack, 0) + (not row.failed)
            if is_flagged:
                first[row.attack] = seen[row.attack]
    flagged_minutes = {row.at_ms // 60_000 for row in flagged}
    right = len(flagged_minutes & attacked_minutes)
    return Judged(
        flagged,
        len(seen),
        len(first),
        first,
        attempts,
        attempts_flagged,
        honest,
        sum(row.attack == HONEST for row in flagged),
        sum(stolen.values()),
        successes,
        right / max(1, len(flagged_minutes)),
        right / max(1, len(attacked_minutes)),
        watcher.cases,
        watcher.kept,
    )
