"""Are the posts of many customers about one thing one case, and those of one customer not?"""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from support.entities import START_MS, Entity, policy, posted

from streams.contracts.cases import ActionRejected, RemarkRecorded
from streams.contracts.signals import CaseActed, EntityObserved
from streams.core.entities import pipeline
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.social_topic import AUTHORS_MAX
from streams.core.handover import unsay_entity
from streams.core.messages.render import MESSAGES

HOUR_S = 3_600
DAY_S = 86_400
_numbers = count()


def posts(number: int, every_s: float = 60, *, authors: int = 99, begin_s: float = 0, **fields: Any) -> list[Any]:
    return [posted(f"a{each % authors}", begin_s + each * every_s, **fields) for each in range(number)]


def acts(topic: Entity, action: str, at_s: float, **fields: Any) -> list[EntityEffect]:
    number = next(_numbers)
    signal = CaseActed(
        at_ms=START_MS + int(at_s * 1000),
        partition=0,
        sequence=number,
        kind="topic",
        value="fee_issue",
        action=action,  # type: ignore[arg-type]
        **{
            "event_id": f"opr-{number}",
            "case_id": topic.cases[-1].case_id,
            "expected_version": topic.cases[-1].version,
            "actor": "ana",
            "role": "analyst",
        }
        | fields,
    )
    told = pipeline.observe(topic.state, signal, topic.policy, EntityContext(0, 4, signal.at_ms))
    topic.effects += told
    return told


def test_posts_of_many_customers_within_the_window_are_one_case_of_policy() -> None:
    topic = Entity(policy())
    topic.play(posts(9, reach=1_000))
    assert topic.effects == []
    topic.play([posted("b", 600, 1_000)])
    (case,) = topic.cases
    assert (case.case_type, case.flow, case.queue, case.owner) == ("social_escalation", "F43", "policy", "entity")
    assert (case.priority, case.status, case.subject) == ("P2", "classified", "topic/fee_issue")
    assert case.counters == {"posts": 10, "reach": 10_000, "authors": 10}
    assert case.reason_codes == ("about_F46",)
    assert "10 posts by 10 customers" in case.evidence[0].text


def test_its_words_for_the_public_answer_name_nothing_and_nobody() -> None:
    topic = Entity(policy())
    topic.play(posts(10))
    (public,) = topic.cases[0].messages
    assert MESSAGES.template[public.template].parameters == {}
    assert public.zh
    assert public.en


def test_posts_that_follow_join_it_and_are_counted() -> None:
    topic = Entity(policy())
    topic.play(posts(45, reach=10))
    assert len({case.case_id for case in topic.cases}) == 1
    assert [case.counters["posts"] for case in topic.cases] == [10, 20, 40]
    assert [case.version for case in topic.cases] == [1, 2, 3]
    topic.wait(10 * DAY_S)
    assert topic.cases[-1].counters == {"posts": 45, "reach": 450, "authors": 45}


def test_one_customer_who_posts_without_end_is_no_topic() -> None:
    topic = Entity(policy())
    topic.play(posts(500, 5, authors=4))
    assert topic.effects == []


def test_posts_that_come_slowly_are_no_topic() -> None:
    topic = Entity(policy())
    topic.play(posts(40, HOUR_S / 8))
    assert topic.effects == []


def test_it_closes_when_nobody_posts_any_more_and_what_comes_back_is_another_case() -> None:
    topic = Entity(policy())
    topic.play([*posts(10), posted("late", 20 * HOUR_S)])
    topic.wait(20 * HOUR_S + DAY_S - 1)
    assert [case.status for case in topic.cases] == ["classified"]
    topic.wait(20 * HOUR_S + DAY_S)
    assert (topic.cases[-1].status, topic.cases[-1].resolution_code) == ("closed", "quiet")
    assert topic.cases[-1].counters["posts"] == 11
    topic.play(posts(10, begin_s=3 * DAY_S))
    assert topic.cases[-1].case_id != topic.cases[0].case_id
    assert topic.cases[-1].version == 1


def test_it_is_resolved_with_what_was_answered_and_only_new_posts_count_from_then_on() -> None:
    topic = Entity(policy())
    topic.play(posts(10))
    (refused,) = acts(topic, "close", HOUR_S)
    assert isinstance(refused, ActionRejected)
    assert refused.cause == "nothing_said"
    remark, closed, *_ = acts(topic, "close", HOUR_S + 60, text="answered: the fee is given back")
    assert isinstance(remark, RemarkRecorded)
    assert closed == topic.cases[-1]
    assert (topic.cases[-1].status, topic.cases[-1].resolution_code) == ("closed", "closed_by_a_person")
    topic.play(posts(9, 10, begin_s=HOUR_S + 120))
    assert topic.cases[-1].status == "closed"
    topic.play([posted("one-more", HOUR_S + 600)])
    assert (topic.cases[-1].version, topic.cases[-1].counters["posts"]) == (1, 10)


def test_people_take_it_and_say_what_is_official() -> None:
    topic = Entity(policy())
    topic.play(posts(10))
    acts(topic, "assign", HOUR_S)
    assert (topic.cases[-1].status, topic.cases[-1].assignee) == ("assigned", "ana")
    acts(topic, "statement", HOUR_S + 60, zh="手续费将退回。", en="The fee is given back.")
    assert [each.en for each in topic.cases[-1].messages] == ["The fee is given back."]
    (refused,) = acts(topic, "close", HOUR_S + 120, role="viewer", text="done")
    assert isinstance(refused, ActionRejected)
    assert refused.cause == "role"


@pytest.mark.parametrize(("fields", "priority"), [({}, "P2"), ({"urgent": True}, "P1"), ({"reach": 10_000}, "P1")])
def test_it_is_urgent_by_what_it_is_about_or_by_how_many_read_it(fields: dict[str, Any], priority: str) -> None:
    topic = Entity(policy())
    topic.play(posts(10, **fields))
    assert [case.priority for case in topic.cases] == [priority]


def test_it_becomes_urgent_as_more_people_read_it() -> None:
    topic = Entity(policy())
    topic.play([*posts(10, reach=9_000), posted("loud", 700, 10_000), posted("quiet", 701)])
    assert [(case.priority, case.changed) for case in topic.cases] == [
        ("P2", ("opened",)),
        ("P1", ("priority P2 to P1",)),
    ]


def test_single_posts_that_are_cases_are_named_whether_they_come_before_or_after() -> None:
    topic = Entity(policy())
    topic.play([*posts(9, 10), posted("loud", 100, 20_000, case_id="case_a"), posted("again", 110, case_id="case_b")])
    topic.play([posted("again", 120, case_id="case_b")])
    linked = [line.text for line in topic.cases[-1].evidence if line.kind == "linked"]
    assert linked == ["goes with social_escalation case_a", "goes with social_escalation case_b"]
    assert [case.version for case in topic.cases] == [1, 2]


def test_accounts_are_told_while_it_is_open_and_when_it_has_ended() -> None:
    topic = Entity(policy())
    topic.play(posts(10))
    (told,) = topic.risks
    assert (told.kind, told.value, told.case_id) == ("topic", "fee_issue", topic.cases[0].case_id)
    acts(topic, "close", HOUR_S, text="answered")
    over = topic.risks[-1]
    assert (over.level, over.case_id, over.version) == ("normal", None, 2)


def test_an_observing_policy_makes_a_shadow_that_no_real_case_is_linked_with() -> None:
    watched = Entity(policy('entities.social_topic.mode = "observe"'))
    watched.play(posts(10))
    assert ([case.shadow for case in watched.cases], watched.risks) == ([True], [])
    rehearsed = Entity(policy('mode = "observe"'))
    rehearsed.play(posts(10))
    assert ([case.shadow for case in rehearsed.cases], len(rehearsed.risks)) == ([True], 1)
    off = Entity(policy("entities.social_topic.enabled = false"))
    off.play(posts(50))
    assert off.effects == []


def test_a_flood_is_remembered_in_a_bounded_size_and_forgotten_with_the_window() -> None:
    many = [posted(f"a{number}", number / 10, case_id=f"case_{number}") for number in range(5_000)]
    topic = Entity(policy())
    topic.play(many)
    assert topic.size < 16_384
    assert topic.cases[-1].counters["authors"] == pytest.approx(topic.cases[-1].counters["posts"], rel=0.3)
    assert len(topic.state.topic.case.authors) <= AUTHORS_MAX  # type: ignore[union-attr]
    one = Entity(policy("entities.social_topic.authors = 2"))
    one.play(posts(5_000, 1, authors=1))
    assert (one.cases, one.size < 2_048) == ([], True)
    assert one.state.forget_ms == one.state.newest_ms + HOUR_S * 1000


def test_a_case_that_nobody_was_told_of_goes_and_comes_again() -> None:
    topic = Entity(policy())
    topic.play(posts(10))
    assert unsay_entity(topic.state, topic.policy.entities) == ["social_escalation"]
    topic.play(posts(10, begin_s=HOUR_S))
    assert topic.cases[-1].version == 1


def test_the_merchant_whom_the_posts_name_is_on_the_case() -> None:
    topic = Entity(policy())
    topic.play(posts(10, value="incident.merchant/shop", merchant_id="shop"))
    (case,) = topic.cases
    assert (case.entities.merchant_id, case.subject) == ("shop", "topic/incident.merchant/shop")
    assert case.reason_codes == ("about_F34",)


def test_a_post_that_is_heard_a_day_late_counts_in_no_window() -> None:
    topic = Entity(policy())
    topic.play([posted("now", DAY_S)])
    late: list[EntityObserved] = posts(20, 1)
    topic.play(late)
    assert topic.effects == []


def named(number: int, every_s: float = 60, *, begin_s: float = 0, merchant: str = "shop", **fields: Any) -> list[Any]:
    """Posts by other authors that name a merchant, as the topic of the flow hears of them."""
    return [posted(f"{merchant}-{each}", begin_s + each * every_s, merchant_id=merchant, **fields) for each in
            range(number)]  # fmt: skip


def in_order(*several: list[Any]) -> list[Any]:
    return sorted((each for some in several for each in some), key=lambda each: each.at_ms)


def test_posts_that_name_one_merchant_are_added_to_those_that_name_none() -> None:
    topic = Entity(policy())
    topic.play(in_order(posts(9, 120), named(9, 120, begin_s=60)))
    assert {case.case_id for case in topic.cases} == {topic.cases[0].case_id}
    assert topic.cases[0].counters["posts"] == 10
    topic.wait(3 * DAY_S)
    assert topic.cases[-1].counters["posts"] == 18


def test_posts_that_name_different_merchants_are_not_added_up() -> None:
    topic = Entity(policy())
    topic.play(in_order(posts(4), *(named(5, begin_s=10 * number, merchant=f"m{number}") for number in range(9))))
    assert topic.effects == []


def test_posts_that_name_merchants_push_out_none_that_names_nobody() -> None:
    topic = Entity(policy())
    crowd = (named(9, 350, begin_s=number, merchant=f"m{number}") for number in range(60))
    topic.play(in_order(posts(10, 300, begin_s=100), *crowd))
    assert topic.cases
    assert topic.size < 16_384


def test_what_is_the_case_of_its_merchant_is_not_counted_with_those_that_name_none() -> None:
    topic = Entity(policy())
    topic.play(named(10))  # the case of the shop
    topic.play(in_order(posts(9, begin_s=900), named(20, begin_s=900, incident_id="inc_of_the_shop")))
    assert topic.effects == []
    topic.play([posted("b", 2_400)])
    assert topic.cases[0].counters["posts"] == 10


def test_a_post_that_is_counted_in_the_case_of_the_flow_is_not_counted_at_its_merchant() -> None:
    shop = Entity(policy())
    of_shop: dict[str, Any] = {"value": "fee_issue/shop", "merchant_id": "shop"}
    shop.play(posts(20, incident_id="inc_of_the_flow", **of_shop))
    assert shop.effects == []
    shop.play(posts(10, begin_s=HOUR_S, **of_shop))
    own = shop.cases[0].case_id
    shop.play(posts(10, begin_s=HOUR_S + 600, authors=10, incident_id=own, **of_shop))
    assert (shop.cases[-1].case_id, shop.cases[-1].counters["posts"]) == (own, 20)


def test_the_readers_of_one_author_count_once() -> None:
    topic = Entity(policy())
    topic.play([*posts(12, reach=5), *(posted("a1", 900 + each, 900) for each in range(120))])
    topic.wait(3 * DAY_S)
    assert topic.cases[-1].counters == {"posts": 132, "reach": 11 * 5 + 900, "authors": 12}
    assert {case.priority for case in topic.cases} == {"P2"}


def test_one_who_posts_without_end_keeps_it_open_no_longer() -> None:
    topic = Entity(policy())
    topic.play([*posts(10), *(posted("a1", 600 + day * 20 * HOUR_S) for day in range(1, 12))])
    assert (topic.cases[-1].status, topic.cases[-1].resolution_code) == ("closed", "quiet")


def test_another_crowd_is_told_and_begins_the_deadlines_again_where_somebody_had_answered() -> None:
    topic = Entity(policy())
    topic.play(posts(40))
    acts(topic, "statement", 2 * HOUR_S, zh="正在处理。", en="We are on it.")
    answered = topic.cases[-1]
    assert answered.sla is not None
    assert answered.sla.responded
    begin_s = 20 * HOUR_S
    topic.play([posted(f"new-{each}", begin_s + 60 * each) for each in range(30)])
    again = [case for case in topic.cases if "another crowd" in case.changed]
    assert len(again) == 1
    assert again[0].case_id == answered.case_id
    assert again[0].sla is not None
    assert not again[0].sla.responded
    assert again[0].sla.first_response_due > answered.sla.first_response_due
    assert again[0].evidence[-1].text == "another crowd: 10 posts by 10 customers within 3600 s; deadlines begin again"


def test_a_crowd_that_goes_on_is_no_other_one() -> None:
    topic = Entity(policy())
    topic.play([posted(f"b{each}", each * 120) for each in range(300)])
    assert [case.changed for case in topic.cases if "another crowd" in case.changed] == []
