"""A customer writes: which case it joins or opens, what is answered, what it can never do."""

from __future__ import annotations

import pytest
from support.happenings import DAY, MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import CaseAction, UserMessage
from streams.contracts.actions import ActionRequested
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.core.steps import Effect


def said(player: Player, at_ms: int, text: str, **fields: object) -> list[Effect]:
    return player.see(event(UserMessage, at_ms, at_ms, channel="chat", text=text, **fields))


def case_of(effects: list[Effect]) -> CaseVersion:
    (case,) = [each for each in effects if isinstance(each, CaseVersion)]
    return case


def templates(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if isinstance(each, NotificationRequested)]


def test_a_message_opens_a_case_with_what_it_names_and_asks_for_the_rest() -> None:
    effects = said(Player(policy()), NOON, "重复扣款 扣了我两次 128元")
    case = case_of(effects)
    assert (case.flow, case.queue, case.priority, case.category) == ("F12", "accounting", "P2", "accounting")
    assert (case.amount_minor, case.currency, case.channel, case.confidence) == (12_800, "CNY", "chat", 0.95)
    assert templates(effects) == ["contact.asked"]
    assert [each.parameters["fields"] for each in effects if isinstance(each, NotificationRequested)] == ["ask.order"]


@pytest.mark.parametrize(
    ("text", "flow", "asked"),
    [
        ("all payments at our shop fail", "F34", "ask.time"),
        ("店里所有顾客都付不了款", "F34", "ask.time"),
        ("the terminals in our 4 stores refuse every card", "F34", "ask.time"),
        ("我们连锁店的收银台全都刷不了卡", "F34", "ask.time"),
        ("I sent it to the wrong person", "F41", "ask.payee,ask.amount,ask.time"),
        ("转错人了", "F41", "ask.payee,ask.amount,ask.time"),
        ("charged twice", "F12", "ask.order,ask.amount"),
        ("钱扣了，订单显示失败", "F10", "ask.order,ask.amount,ask.time"),
        ("top up not arrived", "F13", "ask.amount,ask.time"),
        ("someone else used my card, I did not make this payment", "F25", "ask.amount,ask.time"),
    ],
)
def test_what_is_urgent_is_somebodys_at_once_and_its_details_are_asked_for_beside_that(
    text: str, flow: str, asked: str
) -> None:
    player = Player(policy())
    effects = said(player, NOON, text)
    case = case_of(effects)
    assert (case.flow, case.status, templates(effects)) == (flow, "classified", ["contact.asked"])
    assert [each.parameters["fields"] for each in effects if isinstance(each, NotificationRequested)] == [asked]
    later = [each for each in player.pass_until(NOON + 20 * DAY) if isinstance(each, CaseVersion)]
    assert any("clock resolution 100%" in each.changed for each in later), "its clocks run"
    assert later[-1].status == "classified", "and nobody closes it unread"


def test_an_outage_that_says_since_when_lacks_nothing() -> None:
    effects = said(Player(policy()), NOON, "API keeps returning 502 since 10:00, our checkout is dead")
    case = case_of(effects)
    assert (case.flow, case.queue, case.priority, case.status) == ("F34", "technical", "P2", "classified")
    assert templates(effects) == ["contact.received"]


def test_a_new_alarm_is_no_answer_to_what_was_asked_beside() -> None:
    player = Player(policy())
    asked = case_of(said(player, NOON, "钱扣了，订单显示失败"))
    alarm = case_of(said(player, NOON + MINUTE, "昨天手机被偷了"))
    assert (alarm.queue, alarm.case_id != asked.case_id) == ("security", True)


def test_what_was_asked_for_joins_the_case_and_a_second_contact_raises_it_once() -> None:
    player = Player(policy())
    opened = case_of(said(player, NOON, "charged twice, 12.50 EUR"))
    joined = case_of(said(player, NOON + MINUTE, "order A2026040112345"))
    assert (joined.case_id, joined.entities.order_id) == (opened.case_id, "A2026040112345")
    again = case_of(said(player, NOON + 2 * MINUTE, "charged twice!!"))
    assert (again.case_id, again.priority) == (opened.case_id, "P1")


def test_another_order_is_another_case() -> None:
    player = Player(policy())
    one = case_of(said(player, NOON, "charged twice for order A2026040112345"))
    two = case_of(said(player, NOON + MINUTE, "charged twice for order B2026040112345"))
    assert one.case_id != two.case_id
    assert case_of(said(player, NOON + 2 * MINUTE, "any news on order A2026040112345")).case_id == one.case_id


def test_a_simple_question_is_answered_once_and_then_goes_to_a_person() -> None:
    player = Player(policy())
    effects = said(player, NOON, "I forgot my password")
    assert (case_of(effects).status, templates(effects)) == ("auto_answered", ["answer.F19"])
    effects = said(player, NOON + MINUTE, "I still forgot my password")
    assert (case_of(effects).status, templates(effects)) == ("classified", [])


def test_an_observing_policy_and_a_backfill_answer_nobody() -> None:
    shadow = said(Player(policy('mode = "observe"\n')), NOON, "I forgot my password")
    assert (case_of(shadow).shadow, templates(shadow)) == (True, [])
    old = said(Player(policy(), now_ms=NOON + 30 * DAY), NOON, "I forgot my password")
    assert (case_of(old).status, templates(old)) == ("classified", [])


def test_words_lock_nothing() -> None:
    effects = said(Player(policy()), NOON, "my account was hacked, freeze it")
    assert case_of(effects).priority == "P1"
    assert templates(effects) == ["contact.stolen"]
    assert not [each for each in effects if isinstance(each, ActionRequested)]


@pytest.mark.parametrize("text", ["you say my password was changed. I did not do that", "手机号被换绑了,不是本人操作"])
def test_who_disowns_a_change_has_a_case_of_a_takeover_and_is_told_once_how_to_freeze(text: str) -> None:
    player = Player(policy())
    effects = said(player, NOON, text)
    case = case_of(effects)
    assert (case.flow, case.case_type, case.queue, case.priority) == ("F23", "account_takeover", "security", "P1")
    assert templates(effects) == ["contact.stolen"]
    again = said(player, NOON + MINUTE, text)
    assert (case_of(again).case_id, templates(again)) == (case.case_id, [])


def test_a_case_about_a_change_becomes_one_of_a_takeover_when_its_customer_disowns_it() -> None:
    player = Player(policy())
    asked = case_of(said(player, NOON, "how do I change my phone number"))
    assert (asked.flow, asked.priority) == ("F28", "P3")
    effects = said(player, NOON + MINUTE, "I did not change my phone number")
    case = case_of(effects)
    assert (case.case_id, case.flow, case.case_type, case.priority) == (asked.case_id, "F23", "account_takeover", "P1")
    assert templates(effects) == ["contact.stolen"]


@pytest.mark.parametrize("names_it", [True, False])
@pytest.mark.parametrize("text", ["never mind, please cancel my request", "撤销我的投诉", "谢谢,不用处理了,已经解决"])
def test_a_customer_takes_back_what_was_asked_for(text: str, names_it: bool) -> None:
    player = Player(policy())
    case = case_of(said(player, NOON, "charged twice"))
    effects = said(player, NOON + MINUTE, text, **({"case_id": case.case_id} if names_it else {}))
    ended = case_of(effects)
    assert (ended.case_id, ended.status, ended.resolution_code) == (case.case_id, "withdrawn", "by_customer")
    assert templates(effects) == ["contact.withdrawn"]
    assert not [each for each in said(player, NOON + DAY, text, case_id=case.case_id) if isinstance(each, CaseVersion)]
    assert not [each for each in player.pass_until(NOON + 30 * DAY) if isinstance(each, NotificationRequested)]


def test_no_word_ends_a_case_of_security_or_one_that_events_have_opened() -> None:
    player = Player(policy())
    alarm = case_of(said(player, NOON, "my account was hacked"))
    effects = said(player, NOON + MINUTE, "never mind, please cancel my request", case_id=alarm.case_id)
    kept = case_of(effects)
    assert (kept.case_id, kept.status, kept.evidence[-1].kind) == (alarm.case_id, alarm.status, "contact.withdrawn")
    assert templates(effects) == []


def test_which_of_several_cases_is_taken_back_is_for_a_person_to_say() -> None:
    player = Player(policy())
    opened = [case_of(said(player, NOON, "charged twice")), case_of(said(player, NOON, "提现没到"))]
    effects = said(player, NOON + MINUTE, "please cancel my request, I withdraw it")
    assert {case_of(effects).case_id} <= {each.case_id for each in opened}
    assert case_of(effects).status != "withdrawn"


def test_without_a_case_a_request_that_is_taken_back_is_read_by_a_person() -> None:
    case = case_of(said(Player(policy()), NOON, "please cancel my request, I withdraw it"))
    assert (case.case_type, case.status) == ("inquiry.unread", "recorded")


@pytest.mark.parametrize(
    "text",
    [
        "my problem is still not solved",
        "don't cancel my request",
        "问题解决了吗",
        "请不要关闭我的工单,钱还没到",
        "不要取消我的投诉",
        "等问题解决了再联系我",
        "商家让我撤销投诉才退款",
        "I hope this is resolved soon",
        "tell me when it is solved",
        "Nobody should close my case before I get the money",
        "your agent wanted to close my case, I refuse",
        "close this case with a refund today",
        "please cancel my request to raise the limit",
        "I do not need help from a robot, give me a person",
        "please delete my last message, I wrote the wrong order number",
    ],
)
def test_who_still_waits_takes_nothing_back(text: str) -> None:
    player = Player(policy())
    case = case_of(said(player, NOON, "charged twice"))
    effects = said(player, NOON + MINUTE, text, case_id=case.case_id)
    assert [each.status for each in effects if isinstance(each, CaseVersion)] == ["classified"]


@pytest.mark.parametrize(
    "text",
    ["不需要你们查了,直接退钱", "it is solved, you say. the 45.90 is not here", "never mind, the shop is pizza roma"],
)
def test_who_takes_back_and_says_more_is_for_a_person_to_judge(text: str) -> None:
    player = Player(policy())
    case = case_of(said(player, NOON, "charged twice"))
    kept = case_of(said(player, NOON + MINUTE, text, case_id=case.case_id))
    assert (kept.case_id, kept.status) == (case.case_id, case.status)
    assert "contact.perhaps_withdrawn" in [each.kind for each in kept.evidence]


@pytest.mark.parametrize(
    ("text", "flow"),
    [
        ("充值500没到账,问题解决了告诉我", "F13"),
        ("my top up of 500 has not arrived, let me know once this is settled", "F13"),
        ("my account was hacked, it is solved when I am in again", "F23"),
        ("my account was hacked. never mind the app", "F23"),
    ],
)
def test_what_is_said_beside_a_taking_back_counts(text: str, flow: str) -> None:
    player = Player(policy())
    said(player, NOON, "charged twice")
    found = [each for each in said(player, NOON + MINUTE, text) if isinstance(each, CaseVersion)]
    assert flow in [each.flow for each in found]
    assert "withdrawn" not in [each.status for each in found]


@pytest.mark.parametrize(
    "text",
    [
        "You say it is solved, the 45.90 is not here",
        "I do not agree that this is solved",
        "客服说问题已经解决了,钱没到账",
    ],
)
def test_a_protest_opens_a_resolved_case_again(text: str) -> None:
    player = Player(policy())
    case = case_of(said(player, NOON, "charged twice"))
    fields = {"case_id": case.case_id, "expected_version": 1, "actor": "kim", "role": "analyst", "resolution": "fixed"}
    player.see(event(CaseAction, NOON + MINUTE, 1, action="resolve", **fields))
    again = case_of(said(player, NOON + DAY, text, case_id=case.case_id))
    assert (again.case_id, again.status) == (case.case_id, "reopened")


@pytest.mark.parametrize(
    "text", ["It is not solved, the money is not back", "还没解决,钱没到", "reopen my case please"]
)
def test_a_case_that_was_taken_back_is_opened_again_by_a_message_that_names_it(text: str) -> None:
    player = Player(policy())
    case = case_of(said(player, NOON, "charged twice"))
    assert case_of(said(player, NOON + MINUTE, "never mind")).status == "withdrawn"
    again = case_of(said(player, NOON + DAY, text, case_id=case.case_id))
    assert (again.case_id, again.status, again.resolution_code) == (case.case_id, "reopened", None)


def test_a_message_about_a_payment_joins_the_open_case_of_that_payment() -> None:
    player = Player(policy())
    player.see(paid(NOON, 1, kind=payments.PaymentRequested, merchant_id="m1"))
    one = case_of(said(player, NOON + MINUTE, "refund please", payment_id="p1"))
    assert (one.entities.payment_id, one.amount_minor) == ("p1", 1000)
    two = case_of(said(player, NOON + 2 * MINUTE, "charged twice", payment_id="p1"))
    assert (two.case_id, two.evidence[-1].text) == (one.case_id, "from chat")


def test_an_answer_to_a_question_of_an_analyst_takes_the_case_up_again() -> None:
    player = Player(policy())
    case = case_of(said(player, NOON, "charged twice"))
    ask = {"action": "ask", "case_id": case.case_id, "expected_version": 1, "actor": "kim", "role": "analyst"}
    assert case_of(player.see(event(CaseAction, NOON + MINUTE, 1, **ask))).status == "waiting_customer"
    assert case_of(said(player, NOON + 2 * MINUTE, "here it is", case_id=case.case_id)).status == "in_progress"


def test_a_customer_for_whom_the_order_is_not_over_opens_its_ended_case_again() -> None:
    """By the order alone, whatever kind of trouble the words are, and only while the policy lets them."""
    order = "A2026040112345"

    def ended() -> tuple[Player, CaseVersion]:
        player = Player(policy())
        opened = case_of(said(player, NOON, f"charged twice, 12.50 EUR, order {order}"))
        fields = {"case_id": opened.case_id, "expected_version": opened.version, "actor": "mei", "role": "analyst"}
        resolved = case_of(player.see(event(CaseAction, NOON + MINUTE, 1, action="resolve", **fields)))
        return player, resolved

    for words in ("still not refunded!", "重复扣款 还没退给我", "charged twice, any news on"):
        player, resolved = ended()
        player.pass_until(NOON + DAY + 2 * MINUTE)  # its survey went out
        again = case_of(said(player, NOON + 2 * DAY, f"{words} order {order}"))
        assert (again.case_id, again.status, again.finding) == (resolved.case_id, "reopened", resolved.finding), words
    late, resolved = ended()
    late.pass_until(NOON + 30 * DAY)
    assert case_of(said(late, NOON + 30 * DAY, f"still not refunded! order {order}")).case_id != resolved.case_id
    for words in (
        "still not refunded! order B2026040112345",
        "still not refunded!",
        f"my account was hacked, they bought order {order}",
    ):
        player, resolved = ended()
        assert case_of(said(player, NOON + DAY, words)).case_id != resolved.case_id, words
    player, resolved = ended()
    thanks = said(player, NOON + DAY, f"thank you, great service! order {order}")
    assert all(each.case_id != resolved.case_id for each in thanks if isinstance(each, CaseVersion))


def test_an_empty_message_and_a_late_one_open_nothing() -> None:
    player = Player(policy())
    assert said(player, NOON, "  ") == []
    player.pass_until(NOON + 30 * DAY)
    assert said(player, NOON + MINUTE, "charged twice") == []


@pytest.mark.parametrize(
    "text",
    [
        "Is this sms with link http://paywarden-login.evil.example/in?u=ada really from you?",
        "please look at http://paywarden-login.evil.example/in, they want my card there",
    ],
)
def test_a_page_that_a_customer_was_sent_waits_for_security_with_its_address_told_safely(text: str) -> None:
    effects = said(Player(policy()), NOON, text)
    case = case_of(effects)
    assert (case.queue, case.priority, case.status in ("classified", "recorded")) == ("security", "P2", True)
    (told,) = [each.text for each in case.evidence if each.kind == "page.reported"]
    assert "hxxp://paywarden-login[.]evil[.]example/in" in told
    assert "http://" not in told + "".join(each.text for each in case.evidence)


def test_a_question_of_privacy_is_answered_and_a_page_that_follows_it_is_not() -> None:
    player = Player(policy())
    assert case_of(said(player, NOON, "who can see my data?")).status == "auto_answered"
    case = case_of(said(player, NOON + MINUTE, "is www.data-check.example really from you?"))
    assert (case.status, case.priority) == ("classified", "P1"), "P2, and one more for the second contact"
    assert "page.reported" in [each.kind for each in case.evidence]
