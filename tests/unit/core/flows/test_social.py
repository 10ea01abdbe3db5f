"""Public posts and merchants' papers: who hears of them, and what may be said where everybody reads it."""

from __future__ import annotations

from functools import partial

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, MerchantApplication, SocialMention, UserMessage
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.core.messages.render import MESSAGES
from streams.core.risk import SOCIAL_TOPIC, RiskFact, RiskView
from streams.core.steps import Effect


def cases(effects: list[Effect]) -> list[CaseVersion]:
    return [each for each in effects if isinstance(each, CaseVersion)]


def templates(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if isinstance(each, NotificationRequested)]


def post(at_ms: int, number: int, reach: int, text: str | None = None, **fields: object) -> SocialMention:
    found = event(SocialMention, at_ms, number, channel="social", reach=reach, text=text, **fields)
    assert isinstance(found, SocialMention)
    return found


@pytest.mark.parametrize(("reach", "opened"), [(9_999, 0), (10_000, 1)])
def test_a_post_is_a_case_from_the_policy_s_reach_on(reach: int, opened: int) -> None:
    assert len(cases(Player(policy()).see(post(NOON, 1, reach)))) == opened


def test_posts_of_one_customer_that_many_read_together_within_the_hour_are_a_case() -> None:
    player = Player(policy())
    assert cases(player.see(post(NOON, 1, 4_000))) == []
    assert cases(player.see(post(NOON + MINUTE, 2, 4_000))) == []
    (case,) = cases(player.see(post(NOON + 2 * MINUTE, 3, 4_000)))
    assert (case.flow, case.counters["reach"]) == ("F43", 12_000)
    slow = Player(policy())
    assert [cases(slow.see(post(NOON + number * HOUR, number, 9_000))) for number in range(5)] == [[]] * 5


def test_a_flood_of_small_posts_is_counted_in_a_bounded_state() -> None:
    player = Player(policy())
    told = [cases(player.see(post(NOON + number, number, 400))) for number in range(25)]
    assert [len(each) for each in told] == [0] * 24 + [1]
    assert told[-1][0].counters["reach"] == 10_000
    for number in range(25, 200):
        player.see(post(NOON + number, number, 1))
    assert len(player.obligations["a1"].posts) <= 6


def test_its_case_is_resolved_with_the_answer_that_was_given_in_public() -> None:
    player = Player(policy())
    (case,) = cases(player.see(post(NOON, 1, 20_000)))
    about = {"action": "resolve", "case_id": case.case_id, "expected_version": 1, "actor": "ana", "role": "analyst"}
    (refused,) = player.see(event(CaseAction, NOON + HOUR, 2, **about))
    assert (refused.cause, "public" in refused.text) == ("not_answered", True)
    said = {"text": "we have answered that the fee is given back"}
    assert cases(player.see(event(CaseAction, NOON + HOUR, 3, **about | said)))[-1].status == "resolved"


def test_it_goes_to_policy_with_its_deadlines_and_says_nothing_personal_in_public() -> None:
    effects = Player(policy()).see(post(NOON, 1, 20_000, "手续费 收错了 5元"))
    (case,) = cases(effects)
    assert (case.flow, case.queue, case.priority) == ("F43", "policy", "P2")
    assert case.sla is not None
    assert (case.sla.first_response_due - case.occurred_at).total_seconds() <= 3_600  # public answer within an hour
    assert templates(effects) == ["social.private"]
    (public,) = case.messages
    assert public.template == "social.public"
    assert MESSAGES.template["social.public"].parameters == {}  # so nothing of a customer can be in it
    assert case.case_id not in public.zh + public.en


def test_what_is_urgent_by_itself_is_urgent_in_public() -> None:
    (case,) = cases(Player(policy()).see(post(NOON, 1, 20_000, "charged twice, 12.50 EUR!", language="en")))
    assert (case.priority, case.reason_codes) == ("P1", ("about_F12",))


def test_it_raises_the_open_case_that_it_is_about_once() -> None:
    player = Player(policy())
    (first,) = cases(player.see(event(UserMessage, NOON, 1, channel="chat", text="手续费 收错了 5元")))
    assert first.priority == "P3"
    told = cases(player.see(post(NOON + HOUR, 2, 50_000)))
    by_flow = {each.flow: each for each in told}
    assert by_flow[first.flow].priority == "P2"
    assert first.case_id in by_flow["F43"].evidence[-1].text
    told = cases(player.see(post(NOON + HOUR + MINUTE, 3, 90_000)))
    assert [each.flow for each in told] == ["F43"]
    assert told[0].counters["reach"] == 90_000


def test_words_of_a_post_are_not_kept() -> None:
    effects = Player(policy()).see(post(NOON, 1, 20_000, "I am Jane Roe, 13800138000, you stole 5 USD"))
    assert "Roe" not in repr(effects)
    assert "13800138000" not in repr(effects)


def application(at_ms: int, number: int, status: str, *missing: str) -> MerchantApplication:
    about = {"channel": "web", "merchant_id": "m-7", "status": status, "missing": missing}
    found = event(MerchantApplication, at_ms, number, **about)
    assert isinstance(found, MerchantApplication)
    return found


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_a_missing_paper_is_asked_for_until_the_application_is_decided(decision: str) -> None:
    player = Player(policy())
    effects = player.see(application(NOON, 1, "documents_missing"))
    (case,) = cases(effects)
    assert (case.flow, case.queue, case.priority, case.status) == ("F39", "policy", "P4", "waiting_customer")
    assert case.entities.merchant_id == "m-7"
    assert templates(effects) == ["merchant.documents"]
    reminded = player.pass_until(NOON + 4 * DAY)
    assert templates(reminded) == ["case.reminder"]
    assert cases(player.see(application(NOON + 5 * DAY, 2, "documents_received")))[-1].status == "in_progress"
    decided = player.see(application(NOON + 6 * DAY, 3, decision))
    assert (cases(decided)[-1].status, cases(decided)[-1].resolution_code) == ("resolved", decision)
    assert templates(decided)[-1] == f"merchant.{decision}"


def test_an_application_in_order_is_no_case() -> None:
    player = Player(policy())
    assert [*player.see(application(NOON, 1, "received")), *player.see(application(NOON, 2, "approved"))] == []


def fields(effects: list[Effect]) -> list[str]:
    return [each.parameters["fields"] for each in effects if isinstance(each, NotificationRequested)]


def test_the_question_names_the_papers_that_are_missing_and_again_those_that_still_are() -> None:
    player = Player(policy())
    lacking = ("business_licence", "tax_registration")
    assert fields(player.see(application(NOON, 1, "documents_missing", *lacking))) == [
        "ask.business_licence,ask.tax_registration"
    ]
    effects = player.see(application(NOON + DAY, 2, "documents_received", "tax_registration"))
    assert (fields(effects), cases(effects)[-1].status) == (["ask.tax_registration"], "waiting_customer")
    assert "still missing: tax_registration" in cases(effects)[-1].evidence[-1].text
    assert cases(player.see(application(NOON + 2 * DAY, 3, "documents_received")))[-1].status == "in_progress"


def test_an_application_is_decided_within_three_business_days_of_having_everything() -> None:
    player = Player(policy('[money]\nhome_currency = "EUR"\n'))
    player.see(application(NOON, 1, "documents_missing"))  # a Wednesday
    (case,) = cases(player.see(application(NOON + DAY, 2, "documents_received")))  # Thursday; then Easter
    assert case.sla is not None
    assert case.sla.resolution_due.date().isoformat() == "2026-04-09"


def topic_told(value: str, case_id: str) -> RiskView:
    def look(kind: str, name: str, at_ms: int) -> RiskFact | None:
        return RiskFact(1, typology=SOCIAL_TOPIC, case_id=case_id) if (kind, name) == ("topic", value) else None

    return look


def test_a_post_that_many_read_stays_a_case_and_belongs_to_that_of_its_topic() -> None:
    player = Player(policy(), risk=topic_told("duplicate_charge", "inc_1"))
    (case,) = cases(player.see(post(NOON, 1, 20_000, "charged twice, 12.50 EUR!", language="en")))
    assert (case.case_type, case.flow, case.incident_id) == ("social_escalation", "F43", "inc_1")
    assert [line.text for line in case.evidence if line.kind == "joined_incident"] == ["part of inc_1"]
    stranger = Player(policy(), risk=topic_told("fee_issue", "inc_1"))
    (other,) = cases(stranger.see(post(NOON, 1, 20_000, "charged twice")))
    assert other.incident_id is None


def told_later(told: dict[str, str], kind: str, value: str, at_ms: int) -> RiskFact | None:
    return topic_told(value, told.get(value, ""))(kind, value, at_ms)


def test_a_case_that_was_there_before_its_topic_belongs_to_it_from_the_next_post_on() -> None:
    told = {"duplicate_charge": ""}
    look = partial(told_later, told)
    player = Player(policy(), risk=look)
    player.see(post(NOON, 1, 20_000, "charged twice"))
    told["duplicate_charge"] = "inc_1"
    (case,) = cases(player.see(post(NOON + MINUTE, 2, 20_000, "charged twice")))
    assert (case.version, case.incident_id, "incident" in case.changed) == (2, "inc_1", True)


def test_posts_about_a_merchant_belong_to_the_topic_of_that_merchant() -> None:
    look = topic_told("duplicate_charge/shop", "inc_1")
    for merchant_id, expected in (("shop", "inc_1"), ("other", None), (None, None)):
        player = Player(policy(), risk=look)
        (case,) = cases(player.see(post(NOON, 1, 20_000, "charged twice", merchant_id=merchant_id)))
        assert case.incident_id == expected
