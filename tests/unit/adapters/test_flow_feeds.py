"""Does the table of flows know every flow, name real feeds and fields, and say which flows this release watches?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from streams.adapters.flow_feeds import flow_states, flows
from streams.contracts.topics import MERGED, TOPICS
from streams.core.declines.table import packaged

PAYMENTS, LOGINS, LEDGER = "payments.transactions", "auth.logins", "ledger.entries"


def test_the_table_holds_the_46_flows() -> None:
    assert [flow.id for flow in flows()] == [f"F{number:02d}" for number in range(1, 47)]


def test_feeds_and_fields_exist() -> None:
    inputs = {topic.name for topic in MERGED}
    for flow in flows():
        assert flow.feeds, flow.id
        assert inputs.issuperset(flow.feeds), flow.id
        for each in flow.fields:
            topic, _, field = each.partition(":")
            assert any(field in kind.__struct_fields__ for kind in TOPICS[topic].types), each  # type: ignore[attr-defined]


def test_watched_flows_are_those_that_the_core_opens_cases_of_or_triages() -> None:
    core = Path(str(files("streams.core")))
    paths = [
        path
        for kind in ("*.py", "*.toml")
        for path in core.rglob(kind)
        if path.name not in ("templates.toml", "names.py")
    ]
    # A customer may write about any flow. Watched by that alone are those that nothing else could tell of.
    # Articles are answers, and open nothing.
    written = _named(path for path in paths if path.parent.name == "intake")
    named = _named(path for path in paths if path.parent.name not in ("intake", "knowledge"))
    named |= {cause.flow for cause in packaged().causes.values() if cause.flow}
    named |= {flow.id for flow in flows() if tuple(flow.feeds) == ("support.requests",) and flow.id in written}
    assert {flow.id for flow in flows() if flow.watched} == named


def _named(paths: Iterable[Path]) -> set[str]:
    """Flows of these files; whose cases nobody is asked about is no sign that there are any."""
    texts = (re.sub(r"not_flows = .*", "", path.read_text(encoding="utf-8")) for path in paths)
    return {found for text in texts for found in re.findall(r'"(F\d{2})"', text)}


def test_a_missing_feed_switches_off_what_needs_it_and_nothing_else() -> None:
    states = {state.flow.id: state for state in flow_states({PAYMENTS, LOGINS})}
    assert states["F10"].feeds_missing == (LEDGER,)
    assert not states["F20"].off
    assert all(state.off == bool(set(state.flow.feeds) - {PAYMENTS, LOGINS}) for state in states.values())


def test_a_field_that_nobody_fills_is_named_only_where_its_feed_is_there() -> None:
    states = {state.flow.id: state for state in flow_states({PAYMENTS}, {f"{PAYMENTS}:device_id"})}
    assert f"{PAYMENTS}:device_id" not in states["F30"].fields_missing
    assert f"{PAYMENTS}:card_token" in states["F30"].fields_missing
    assert states["F26"].fields_missing == ()
