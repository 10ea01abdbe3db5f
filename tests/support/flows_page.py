"""Which story and which scenario shows a flow from its events to its end? A page that is generated from them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import msgspec

from producers.simulate.catalog import scenarios

GOLDEN = Path(__file__).parents[1] / "golden"
# Of failed payments, money and incidents; the others belong to logins, locks, fraud and service.
FLOWS = {
    "F01": "not enough money",
    "F02": "limit reached",
    "F03": "outcome unknown",
    "F04": "issuer, bank or gateway down",
    "F05": "merchant's system",
    "F06": "wrong payee",
    "F07": "card data, refusals",
    "F08": "extra verification",
    "F09": "repeated failures",
    "F10": "debited, not confirmed",
    "F11": "wrong amount",
    "F12": "charged twice",
    "F13": "top-up not credited",
    "F14": "withdrawal late",
    "F15": "refund and its wait",
    "F16": "refund promise broken",
    "F17": "refund came back",
    "F18": "records delayed",
    "F34": "incident of a merchant",
    "F35": "incident of a channel",
    "F36": "bill not posted",
    "F37": "method not supported",
    "F38": "payment code expired",
    "F41": "sent to the wrong person",
    "F46": "wrong fee",
}
_HEAD = """# Flows and the stories that show them

Generated from `tests/golden` and `producers/scenarios`; do not edit. `make docs` writes it again.

A story is a day of events with everything that PayWarden answers: triage, cases, messages, and how the case ends. A
scenario is played by `paywarden simulate` against both agents, and its test says what has to become of it.

| flow | about | stories | scenarios |
|---|---|---|---|
"""


def stories() -> dict[str, list[str]]:
    """Story names by flow: of a triage or a case in what is expected; the story of every cause counts for none."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(GOLDEN.glob("*/expected.jsonl")):
        told = [msgspec.json.decode(line) for line in file.read_text(encoding="utf-8").splitlines()]
        flows = {each["flow"] for each in told if each["type"] in ("payment.triaged.v1", "case.version.v1")}
        name = file.parent.name
        # A story is named after its flow where it has one; the flows that it passes on its way are not its subject.
        own = name[:3].upper() if name[:1] == "f" and name[1:3].isdigit() else None
        for flow in sorted(flows if own is None else flows & {own} or {own}):
            if name != "every_cause":
                found[flow].append(name)
    return found


def played() -> dict[str, list[str]]:
    """Scenario names by the flow that they are about."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, scenario in scenarios().items():
        for flow in scenario.expect.flows:
            found[flow].append(name)
    return found


def flows_page() -> str:
    """The whole page."""
    told, acted = stories(), played()
    rows = []
    for flow, about in FLOWS.items():
        links = ", ".join(f"[{name}](../tests/golden/{name}/README.md)" for name in told.get(flow, []))
        scenes = ", ".join(f"`{name}`" for name in acted.get(flow, []))
        rows.append(f"| {flow} | {about} | {links or '-'} | {scenes or '-'} |")
    causes = "[every_cause](../tests/golden/every_cause/README.md) plays each of the unified causes to its end."
    return _HEAD + "\n".join(rows) + f"\n\n{causes}\n"
