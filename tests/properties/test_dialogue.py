"""What holds for the dialogue of a case and its customer, in whatever order, however often and however late?"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, NOON, event
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, SurveyAnswered, UserMessage
from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.core.steps import Effect

TEXTS = ("charged twice, 12.50 EUR, order A2026040112345", "I forgot my password", "the blue one", "提现没到账", None)
MOVES = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([HOUR, DAY, 3 * DAY, 8 * DAY])),
    st.tuples(st.just("say"), st.sampled_from(TEXTS), st.booleans()),
    st.tuples(st.sampled_from(["ask", "resolve", "reopen", "assign"])),
    st.tuples(st.just("rate"), st.integers(1, 5), st.booleans()),
    st.tuples(st.just("again"), st.integers(0, 20)),  # an earlier event once more, as it was
    st.tuples(st.just("late"), st.integers(0, 20)),  # and one that was on its way for minutes
)


def played(moves: list[tuple[Any, ...]]) -> list[Effect]:
    """Everything told, with 60 quiet days at the end."""
    player, at_ms, effects, seen = Player(policy()), NOON, [], []
    for number, (kind, *given_) in enumerate([("say", TEXTS[0], False), *moves]):
        at_ms += 1_000
        cases = [each for each in effects if isinstance(each, CaseVersion)]
        newest = cases[-1].case_id if cases else None
        match kind:
            case "wait":
                at_ms += given_[0]
                effects += player.pass_until(at_ms)
                continue
            case "say":
                about = {"channel": "chat", "text": given_[0], "case_id": newest if given_[1] else None}
                happening = event(UserMessage, at_ms, number, **about)
            case "rate":
                about = {"channel": "chat", "score": given_[0], "case_id": newest if given_[1] else None}
                happening = event(SurveyAnswered, at_ms, number, **about)
            case "again":
                happening = seen[given_[0] % len(seen)]
            case "late":
                about = {"channel": "chat", "text": "the blue one", "case_id": newest}
                happening = event(UserMessage, at_ms - given_[0] * 60_000, number, **about)
            case action:
                version = cases[-1].version
                about = {"case_id": newest, "expected_version": version, "actor": "ana", "role": "analyst"}
                happening = event(CaseAction, at_ms, number, action=action, **about)
        seen.append(happening)
        effects += player.see(happening)
    player.stored()
    return effects + player.pass_until(at_ms + 60 * DAY)


@settings(max_examples=150, deadline=None)
@given(st.lists(MOVES, max_size=25))
def test_one_survey_no_reminder_after_an_answer_and_nothing_waits_for_ever(moves: list[tuple[Any, ...]]) -> None:
    status: dict[str, str] = {}
    reminded: Counter[str] = Counter()
    surveys: Counter[str] = Counter()
    rating: dict[str, int] = {}
    last_survey_ms = 0
    for effect in played(moves):
        if isinstance(effect, CaseVersion):
            if "message case.question" in effect.changed or effect.status != "waiting_customer":
                reminded[effect.case_id] = 0
            status[effect.case_id] = effect.status
            if effect.csat is not None:
                assert rating.setdefault(effect.case_id, effect.csat) == effect.csat, "the first rating stays"
        elif isinstance(effect, NotificationRequested) and effect.template == "case.reminder":
            assert status[str(effect.case_id)] == "waiting_customer", "nobody who has answered is reminded"
            reminded[str(effect.case_id)] += 1
            assert reminded[str(effect.case_id)] <= 2
        elif isinstance(effect, NotificationRequested) and effect.template == "case.survey":
            surveys[str(effect.case_id)] += 1
            assert str(effect.case_id) not in rating
            at_ms = to_ms(effect.occurred_at)
            assert not last_survey_ms or at_ms >= last_survey_ms + 30 * DAY
            last_survey_ms = at_ms
    assert all(number == 1 for number in surveys.values())
    waits = {"waiting_customer", "auto_answered", "resolved", "surveyed"}
    assert not waits & set(status.values()), "60 days later nothing waits for the customer any more"
