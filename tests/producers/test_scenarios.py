"""Is every scenario valid, repeatable, and documented?"""

from __future__ import annotations

import csv
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from producers.durations import DAY_MS
from producers.errors import BadInput
from producers.feed import Outgoing
from producers.simulate.catalog import ACTS, LIMITS, ORDINARY, Scenario, scenario, scenarios
from producers.sources import fdh
from streams.contracts.base import from_ms, to_ms
from streams.contracts.registry import Refusal, decode, read

ROOT = Path(__file__).parents[2]
SMALL = {"customers": 30.0, "terminals": 60.0, "radius": 20.0}
TINY = {"customers": 5.0, "terminals": 20.0, "radius": 30.0, "days": 1.0}
EVERY = pytest.mark.parametrize("chosen", scenarios().values(), ids=lambda chosen: chosen.name)


def small(chosen: Scenario, seed: int = 7) -> list[Outgoing]:
    days = {"days": 3.0} if "label_days" not in chosen.parameters else {"days": 5.0}
    return list(chosen.records(seed, changes={**SMALL, **days}))


@EVERY
class TestEveryScenario:
    def test_same_seed_same_bytes_and_another_seed_other_accounts(self, chosen: Scenario) -> None:
        first = small(chosen)
        assert first == small(chosen)
        assert not {record.key for record in first} & {record.key for record in small(chosen, seed=8)}

    def test_every_event_is_understood_on_its_topic(self, chosen: Scenario) -> None:
        refused = [refusal for record in small(chosen) if isinstance(refusal := read(*record[:3]), Refusal)]
        assert refused == []

    def test_time_never_goes_back_and_ids_are_unique(self, chosen: Scenario) -> None:
        records = small(chosen)
        times = [record.timestamp_ms for record in records]
        assert times == sorted(times)
        ids = Counter(decode(record.topic, record.value).event_id for record in records)
        assert ids.most_common(1)[0][1] == 1

    def test_it_says_what_happens_and_what_is_expected(self, chosen: Scenario) -> None:
        assert chosen.act in ACTS
        assert chosen.story.strip()
        assert chosen.expect.verdict.endswith(".")
        assert set(chosen.expect.flows + chosen.expect.never) <= {f"F{number:02d}" for number in range(1, 47)}
        assert not set(chosen.expect.flows) & set(chosen.expect.never)
        assert chosen.settle_ms > 0

    def test_the_page_about_producers_lists_it(self, chosen: Scenario) -> None:
        page = (ROOT / "docs" / "producers.md").read_text(encoding="utf-8")
        assert f"| `{chosen.name}` | {chosen.title} |" in page


def test_every_act_is_played_by_a_scenario() -> None:
    assert {chosen.act for chosen in scenarios().values()} == set(ACTS)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="choose one of account_takeover"):
        scenario("nothing")
    with pytest.raises(BadInput, match="has no parameter 'cats'; it has customers"):
        scenario("card-testing").stage(1, changes={"cats": 1})


def test_labels_come_a_week_after_their_payments() -> None:
    labels = [record for record in small(scenario("population")) if record.topic == "risk.labels"]
    assert labels
    for record in labels:
        event = decode(record.topic, record.value)
        assert record.timestamp_ms - to_ms(event.subject_occurred_at) == 7 * DAY_MS


@pytest.mark.parametrize(("name", "kind"), [("large_amount", 1), ("compromised_terminal", 2), ("compromised_card", 3)])
def test_each_kind_of_fraud_comes_alone(name: str, kind: int) -> None:
    changes = {"customers": 200.0, "terminals": 100.0, "radius": 20.0, "days": 10.0}
    rows = list(scenario(name).rows(3, changes=changes))
    assert {row.scenario for row in rows} == {0, kind}
    assert 0 < sum(row.fraud for row in rows) < len(rows) / 4
    if kind == 1:
        assert all(row.fraud == (row.amount_minor > 220_00) for row in rows)


def test_a_population_is_written_in_the_format_of_the_handbook(tmp_path: Path) -> None:
    out = tmp_path / "week.csv"
    changes = {"customers": 100.0, "terminals": 200.0, "radius": 10.0}
    count = fdh.write(out, scenario("population").rows(7, changes=changes))
    with out.open() as file:
        assert tuple(next(csv.reader(file))) == fdh.COLUMNS
    rows = list(fdh.rows(out))
    assert len(rows) == count
    assert [row.transaction_id for row in rows] == [str(number) for number in range(count)]
    # 100 customers with up to four payments a day, two on average, over a week.
    assert 900 < count < 1_900
    assert rows[0].second < 86_400 < rows[-1].second < 7 * 86_400


def test_only_populations_are_card_payments() -> None:
    with pytest.raises(BadInput, match="only a population can be written as fdh"):
        scenario("password_spray").rows(7)


def test_the_story_of_the_lockout_is_told_as_promised() -> None:
    events = [decode(record.topic, record.value) for record in small(scenario("lockout_attack"))]
    failures = [event for event in events if getattr(event, "country", None) == "VN"]
    victim = failures[0].account_id
    assert len(failures) == 40
    assert {event.account_id for event in failures} == {victim}
    assert len({event.device_id for event in failures}) == 40
    inside = [
        event
        for event in events
        if event.account_id == victim
        and event.occurred_at > failures[0].occurred_at
        and type(event).__name__ == "LoginSucceeded"
    ]
    assert len(inside) == 2
    assert failures[0].device_id not in {event.device_id for event in inside}


def test_the_start_can_be_moved() -> None:
    start = to_ms(from_ms(1_800_000_000_000).replace(hour=0, minute=0, second=0))
    first = next(iter(scenario("normal_day").records(7, start, {**SMALL, "days": 1.0})))
    assert 0 <= first.timestamp_ms - start < DAY_MS


@EVERY
def test_every_parameter_has_a_range_that_holds_its_value_and_ends_in_a_sentence(chosen: Scenario) -> None:
    assert set(chosen.limits) <= set(chosen.parameters)
    for name in chosen.parameters:
        least, most = chosen.limits.get(name) or LIMITS.get(name, ORDINARY)
        assert 0 <= least <= chosen.parameters[name] <= most
        for value in (least - 0.1, most + 1):
            with pytest.raises(BadInput, match=f"{name} must be between"):
                chosen.stage(7, changes={name: value})
        if name != "days":
            with suppress(BadInput):  # not a failure of another kind
                list(chosen.records(7, changes={**TINY, name: least}))


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("password_spray", {"names": 3, "successes": 2}, "2 successes are too many"),
        ("dormant_wakeup", {"terminals": 1}, "more terminals"),
        ("card_testing", {"declined_share": 1.5}, "declined_share must be between 0 and 1, not 1.5"),
        ("normal_day", {"customers": -3}, "customers must be between 1 and 1,000,000, not -3"),
    ],
)
def test_values_that_make_no_story_are_refused(name: str, changes: dict[str, float], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        scenario(name).records(7, changes={**TINY, **changes})
