"""Which story and which scenario shows a flow from its events to its end? A page that is generated from them."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from producers.simulate.catalog import scenarios
from streams.core.cases.dialogue import NO_FURTHER_QUESTION
from streams.core.flows.names import FLOWS
from streams.core.obligations import FINISHED
from support.play import policy

GOLDEN = Path(__file__).parents[1] / "golden"
_HEAD = """# Flows and the stories that show them

Generated from `tests/golden` and `producers/scenarios`; do not edit. `make docs` writes it again.

A story is a day of events with everything that PayWarden answers: triage, cases, messages, and how the case ends. A
scenario is played by `paywarden simulate` against both agents, and its test says what has to become of it.

All that a row says comes from what its stories expect: queues and priorities of their cases, the last status of each
with its resolution, and whether a survey was sent (*sent*), follows a day after the case is resolved (*due*), or never
does (*never*: self-service, what one answer has settled, and the flows that `cases.survey.not_flows` of the default
policy names). *Answered at once* is a triage without a case of its own; it ends when the customer pays after all
(*paid*), when the money is back in the ledger (*returned*), or with the incident that the failure is part of (*incident
closed*). Cases about many accounts end when what they are about is over, and nobody is asked about them.

| flow | about | queue | priority | ends | survey | stories | scenarios |
|---|---|---|---|---|---|---|---|
"""


class Seen(msgspec.Struct):
    """What the stories of one flow show of its cases."""

    stories: list[str] = msgspec.field(default_factory=list)
    queues: set[str] = msgspec.field(default_factory=set)
    priorities: set[str] = msgspec.field(default_factory=set)
    ends: set[str] = msgspec.field(default_factory=set)
    answered: set[str] = msgspec.field(default_factory=set)  # ends of failures without a case
    surveyed: bool = False
    of_accounts: bool = False  # not of an attack or outage, about which nobody is asked


class FlowWithoutStory(Exception):
    """A flow of `FLOWS` is shown by no story, or by none to its end.

    Operator action: write one in tests/golden; the page lists all flows, so it is not generated without.
    """


@cache
def _told() -> dict[str, Seen]:
    """By flow, from the story of every cause too, but that one is listed nowhere."""
    found: defaultdict[str, Seen] = defaultdict(Seen)
    for file in sorted(GOLDEN.glob("*/expected.jsonl")):
        told = [msgspec.json.decode(line) for line in file.read_text(encoding="utf-8").splitlines()]
        cases = [each for each in told if each["type"] == "case.version.v1"]
        flows = {each["flow"] for each in told if each["type"] in ("payment.triaged.v1", "case.version.v1")}
        name = file.parent.name
        # A story is named after its flow where it has one; the flows that it passes on its way are not its subject.
        own = name[:3].upper() if name[:1] == "f" and name[1:3].isdigit() else None
        for flow in sorted(flows if own is None else flows & {own} or {own}):
            if name != "every_cause":
                found[flow].stories.append(name)
                own_cases = [each for each in cases if each["flow"] == flow or flow in ANY_CASE]
                _note(found[flow], own_cases)
                if not own_cases:
                    found[flow].answered |= _ends_of_failures(file.parent, told, flow)
    return found


def _ends_of_failures(folder: Path, told: list[dict[str, Any]], flow: str) -> set[str]:
    """How failures end that have no case: what their customers, the ledger or an incident told after them."""
    events = [msgspec.json.decode(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    failures = [each for each in told if each["type"] == "payment.triaged.v1" and each["flow"] == flow]
    ends = set()
    for failure in failures:
        later = [
            each
            for each in events
            if each["account_id"] == failure["account_id"] and each["occurred_at"] > failure["occurred_at"]
        ]
        if any(each["type"] in ("payment.succeeded.v1", "transfer.succeeded.v1") for each in later):
            ends.add("paid")
        if any(each.get("direction") == "credit" and each.get("payment_id") == failure["payment_id"] for each in later):
            ends.add("returned")
    if failures and any(each.get("case_type") in _INCIDENTS and each.get("status") == "closed" for each in told):
        return {"incident closed"}
    return ends


_INCIDENTS = ("incident.channel", "incident.merchant")


# Not kinds of cases, but parts of every case: their stories' cases are those of other flows.
ANY_CASE = ("F44", "F45")


def _note(seen: Seen, cases: list[dict[str, Any]]) -> None:
    last = {each["case_id"]: each for each in cases}
    seen.queues |= {each["queue"] for each in last.values()}
    seen.priorities |= {each["priority"] for each in cases}
    seen.of_accounts |= any(each.get("owner", "account") == "account" for each in cases)
    seen.surveyed |= any(each.get("status") == "surveyed" for each in cases)
    for each in last.values():
        status, resolution = each.get("status", "classified"), each.get("resolution_code")
        if status in FINISHED:
            seen.ends.add(f"{status} ({resolution})" if resolution else status)


def stories() -> dict[str, list[str]]:
    """Story names by flow: of a triage or a case in what is expected; the story of every cause counts for none."""
    return {flow: seen.stories for flow, seen in _told().items()}


def played() -> dict[str, list[str]]:
    """Scenario names by the flow that they are about."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, scenario in scenarios().items():
        for flow in scenario.expect.flows:
            found[flow].append(name)
    return found


def unshown() -> list[str]:
    """Flows without a story."""
    return [flow for flow in FLOWS if not stories().get(flow)]


def unended() -> list[str]:
    """Flows of whose cases no story shows the end, or if they have none, of whose failures."""
    return [flow for flow, seen in sorted(_told().items()) if not (seen.ends if seen.queues else seen.answered)]


def flows_page() -> str:
    """The whole page."""
    if missing := [*unshown(), *unended()]:
        raise FlowWithoutStory(f"no story shows {', '.join(missing)} to its end: write one in tests/golden")
    told, acted = _told(), played()
    rows = []
    for flow, about in FLOWS.items():
        seen = told.get(flow, Seen())
        links = ", ".join(f"[{name}](../tests/golden/{name}/README.md)" for name in seen.stories)
        scenes = ", ".join(f"`{name}`" for name in acted.get(flow, []))
        if seen.queues:
            queue, priority = ", ".join(sorted(seen.queues)), ", ".join(sorted(seen.priorities))
            ends, survey = ", ".join(sorted(seen.ends)), _survey(flow, seen)
        else:
            queue, priority, survey = "-", "-", "never"
            ends = f"answered at once; {', '.join(sorted(seen.answered))}"
        rows.append(
            f"| {flow} | {about} | {queue} | {priority} | {ends} | {survey} | {links or '-'} | {scenes or '-'} |"
        )
    causes = (
        "[every_cause](../tests/golden/every_cause/README.md) plays each of the unified causes to its end, and says "
        "which two are no failures."
    )
    return _HEAD + "\n".join(rows) + f"\n\n{causes}\n"


def _survey(flow: str, seen: Seen) -> str:
    survey = policy().cases.survey
    if seen.surveyed:
        return "sent"
    if not seen.of_accounts:
        return "never"
    if seen.ends == {f"closed ({NO_FURTHER_QUESTION})"}:
        return "never"
    return "due" if seen.queues & set(survey.queues) and flow not in survey.not_flows else "never"
