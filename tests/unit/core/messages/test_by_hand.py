"""May people write this to customers? What a thief would have them write is refused, what work needs is not."""

from __future__ import annotations

import pytest

from streams.core.cases.remarks import question_refusal
from streams.core.messages import by_hand

REFUSED = {
    "secret": (
        "身份证后六位是什么",
        "请提供卡的后四位",
        "把短信里的数字告诉我",
        "你的密 码是什么",
        "请告诉我您的验 证 码",
        "give me the six digits we texted you",
        "please type your p a s s w o r d",
        "Your pass\u200bword, please",
        "Which code did you get? The code we sent you, please",
        "ＰＩＮ？",
    ),
    "link": (
        "go to bit.ly/3abc",
        "打开 evil。com 查看",
        "click evil.example",
        "see shop.wallet-help.top",
        "HTTPS://x",
        "weixin://dl/chat",
    ),
    "elsewhere": (
        "加微信 wx12345",
        "添加QQ 1234567 联系",
        "请联系我的微信",
        "微信号 abc",
        "Please message me on WhatsApp",
        "write to us by Telegram instead",
    ),
    "personal": ("Call 138 0013 8000", "写信到 help@shop.example"),
}
ASKED = (
    "Which shop was it, and when?",
    "您是用微信支付付的款吗？",
    "Did you pay by WeChat Pay or with a card?",
    "您是几点付的款？金额是 12.50 元吗？",
    "Please send a screenshot of the order. We look into it today.",
    "请上传身份证照片。",
    "Was the amount 3.000,50 EUR or 300.50?",
    "Where did the shopping take place?",
)


@pytest.mark.parametrize(("cause", "text"), [(cause, text) for cause, texts in REFUSED.items() for text in texts])
def test_what_a_thief_would_ask_is_refused(cause: str, text: str) -> None:
    found = question_refusal(text)
    assert found is not None
    assert found[0] == cause
    assert text not in found[1]


@pytest.mark.parametrize("text", ASKED)
def test_what_a_case_needs_is_asked(text: str) -> None:
    assert question_refusal(text) is None


def test_a_statement_may_speak_of_codes_that_come_late() -> None:
    text = "验证码短信可能延迟。Texts with codes may be late. We never ask for your password."
    assert by_hand.refusal(text, "an official statement") is None
