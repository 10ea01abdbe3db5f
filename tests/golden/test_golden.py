"""Would a support engineer agree with what came of this day of events?

A story is a folder: README.md tells it, events.jsonl is what happened, expected.jsonl is everything that PayWarden
answered, in order. story.toml is there when the story needs another policy, a model's scores, a wall clock, time
that passes after the last event, or both agents because it is about many accounts. `pytest tests/golden
--update-golden` rewrites expected.jsonl; the diff is the review.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.flows_page import FLOWS, unended, unshown
from support.play import NO_MODEL, play, policy
from support.scenes import Scene, enforcing

from producers.feed import outgoing
from streams.contracts.base import Event, to_ms
from streams.contracts.decisions import DecisionMade
from streams.contracts.registry import TYPES
from streams.contracts.topics import MERGED
from streams.contracts.triage import PaymentTriaged
from streams.core.declines.profiles import packaged_profiles
from streams.core.declines.table import packaged
from streams.core.obligations import FINISHED
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import Effect, Prepared

STORIES = sorted(path.parent for path in Path(__file__).parent.glob("*/events.jsonl"))
_EVENT: Any = reduce(or_, (kind for kind in TYPES.values() if issubclass(kind, Event)))
_TOPICS = {kind: topic.name for topic in MERGED for kind in topic.types}
_DECODER = msgspec.json.Decoder(_EVENT)


class Story(msgspec.Struct, forbid_unknown_fields=True):
    """story.toml."""

    policy: str = ""
    now: datetime | None = None
    until: datetime | None = None
    scores: dict[str, float] = msgspec.field(default_factory=dict)  # by event id
    step_s: int = 0  # 0: of the accounts agent alone; else of both, which hear from each other after each step
    only: tuple[str, ...] = ()  # types of what is answered that the story is about; none: all


def told(folder: Path) -> list[str]:
    """The effects of the story, one JSON text each."""
    file = folder / "story.toml"
    story = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}, Story)
    events = [_DECODER.decode(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]

    if story.step_s:
        assert story.now is None, "both agents have no wall clock here"
        assert not story.scores, "both agents have no scorer here"
        return [msgspec.json.encode(_steady(effect)).decode() for effect in _by_both(events, story)]

    def score(prepared: Prepared) -> Score | ScoreUnavailable:
        value = story.scores.get(prepared.event.event_id)
        return NO_MODEL if value is None else Score(value, "story")

    effects = play(
        events,
        policy(story.policy),
        score,
        now_ms=to_ms(story.now) if story.now is not None else None,
        until_ms=to_ms(story.until) if story.until is not None else None,
    )
    return [msgspec.json.encode(_steady(effect)).decode() for effect in effects]


def _by_both(events: list[Any], story: Story) -> list[Any]:
    """What both agents published of one partition."""
    last_ms = to_ms(events[-1].occurred_at)
    settle_ms = to_ms(story.until) - last_ms if story.until is not None else 0
    scene = Scene(enforcing(story.policy), partitions=1, step_ms=story.step_s * 1000, responder=False)
    scene.play((outgoing(_TOPICS[type(event)], event) for event in events), settle_ms)
    return [effect for effect in scene.told() if not story.only or effect.__struct_config__.tag in story.only]


def _steady(effect: Effect) -> Effect:
    """Without the hashes that change with every threshold, feature and table: they would hide what a change did."""
    if isinstance(effect, DecisionMade):
        return msgspec.structs.replace(effect, policy="-", feature_set="-")
    if isinstance(effect, PaymentTriaged):
        return msgspec.structs.replace(effect, table="-")
    return effect


@pytest.mark.parametrize("folder", STORIES, ids=lambda folder: folder.name)
def test_story(folder: Path, request: pytest.FixtureRequest) -> None:
    expected = folder / "expected.jsonl"
    lines = told(folder)
    if request.config.getoption("--update-golden"):
        expected.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert lines == expected.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("folder", STORIES, ids=lambda folder: folder.name)
def test_every_story_is_told(folder: Path) -> None:
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# ")


def test_every_flow_is_shown_to_its_end() -> None:
    assert len(FLOWS) == 46
    assert unshown() == []
    assert unended() == []


def test_every_cause_is_played_to_its_end() -> None:
    folder = Path(__file__).parent / "every_cause"
    told = [msgspec.json.decode(line) for line in (folder / "expected.jsonl").read_text(encoding="utf-8").splitlines()]
    no_failures = {"approved", "card_product_info"}
    causes = {each["cause"] for each in told if each["type"] == "payment.triaged.v1"}
    assert causes == set(packaged().causes) - no_failures
    coded = {
        packaged().entries[(code.source, code.code)].cause.cause
        for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
        for code in getattr(_DECODER.decode(line), "codes", ())
    }
    assert no_failures < coded
    story = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"`{cause}`" in story for cause in no_failures)
    last = {each["case_id"]: each.get("status") for each in told if each["type"] == "case.version.v1"}
    assert {case for case, status in last.items() if status not in FINISHED} == set()


@pytest.mark.parametrize("profile", sorted(packaged_profiles().by_id))
def test_every_profile_has_a_story_from_its_codes_to_a_closed_case(profile: str) -> None:
    lines = (Path(__file__).parent / f"profile_{profile}/expected.jsonl").read_text(encoding="utf-8").splitlines()
    told = [msgspec.json.decode(line) for line in lines]
    stated = packaged_profiles().by_id[profile]
    contacts = [each["contact"] for each in told if each.get("contact", {}).get("profile") == profile]
    assert contacts
    assert {each["page"] for each in contacts} == {stated.support.page}
    assert {each.get("phone") for each in contacts} == {stated.support.phone}
    kinds = {each["case_type"] for each in told if each["type"] == "case.version.v1"}
    wanted = {"refund_late"}
    wanted |= {"topup_not_credited"} if stated.topup and stated.kind == "wallet" else set()
    wanted |= {"withdrawal_delay"} if stated.withdrawal else set()
    assert kinds == wanted
    ends = {each["case_id"]: each.get("status") for each in told if each["type"] == "case.version.v1"}
    assert set(ends.values()) <= {"resolved", "surveyed", "closed"}
