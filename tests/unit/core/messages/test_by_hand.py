"""May people write this to customers? What a thief would have them write is refused, what work needs is not."""

from __future__ import annotations

import pytest

from streams.core.cases.question import text_refusal
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
        *("what is the code", "tell us the code", "code please", "P I N please", "p4ssw0rd please", "your SSN"),
        *("请把短信转发给我", "截图发一下刚才的短信", "驗證碼是多少", "密碼是多少", "安全码", "有效期和背面三个数字"),
        *("信用卡背面的三个数字", "卡正面的数字", "证件号码是什么", "护照号码是什么", "passport number please"),
        *("mother's maiden name", "please forward the text message to me", "请告诉我mi ma"),
        "send a screenshot of the message you just received",
        "Did you give anyone your password? What was it?",
        "Did you give anyone your password? Please tell us.",
        "有没有把验证码告诉别人？是多少？",
        "Has anyone seen our code, and what is it?",
        "您可以把验证码告诉客服以外的其他人吗",
    ),
    "link": (
        "go to bit.ly/3abc",
        "打开 evil。com 查看",
        "click evil.example",
        "see shop.wallet-help.top",
        "HTTPS://x",
        "weixin://dl/chat",
        *(
            "访问 1.2.3.4/pay",
            "go to 10.1/pay",
            "访问 支付.中国",
            "evil(.)com",
            "evil[.]com",
            "go to evil dot com",
            "evil点com",
        ),
        *("evil .com", "hxxp evil com", "请扫描二维码", "scan the QR code we sent you", "shop.例子"),
    ),
    "elsewhere": (
        "加微信联系",
        "添加QQ 联系",
        "请联系我的微信",
        "微信号 abc",
        "Please message me on WhatsApp",
        "write to us by Telegram instead",
        *(
            "加V：abc123",
            "加我V信",
            "搜索微信公众号“钱包客服”",
            "our telegram is @helper",
            "DM us on Instagram",
            "加群 12345",
        ),
        *("请拨打我们的热线", "打 95188 转人工", "威❤信 abc", "add our wechat", "加薇 abc"),
    ),
    "money": (
        *("请把钱转到安全账户", "please install AnyDesk", "屏幕共享一下", "请将余额转入 李雷 的账户"),
        *("Transfer your money to another account", "请下载向日葵远程"),
    ),
    "personal": ("Call 138 0013 8000", "写信到 help@shop.example", "Call [phone]", "添加QQ 1234567 联系"),
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
    "Did you give anyone your password?",
    "你有没有把验证码告诉别人？",
    "有人向您要过验证码吗？",
    "Did somebody ask you to move money to a safe account?",
    "Did you enter a code on a web site?",
    "What error code did you see?",
    "Is the card ending in 1234 yours?",
    "您是扫码支付的吗？",
    "1.请问是您本人付款吗？",
    "Which app version is it, e.g. 8.2.1?",
    "您收到了几位客服的电话？",
    "Did you contact the merchant? You paid by WeChat",
    "Was it on 2026-11-27 at 15:30?",
    "订单 202611271234 是您的吗",
)


@pytest.mark.parametrize(("cause", "text"), [(cause, text) for cause, texts in REFUSED.items() for text in texts])
def test_what_a_thief_would_ask_is_refused(cause: str, text: str) -> None:
    found = text_refusal(text)
    assert found is not None
    assert found[0] == cause
    assert text not in found[1]


@pytest.mark.parametrize("text", ASKED)
def test_what_a_case_needs_is_asked(text: str) -> None:
    assert text_refusal(text) is None


def test_a_statement_may_speak_of_codes_that_come_late() -> None:
    text = "验证码短信可能延迟。Texts with codes may be late. We never ask for your password."
    assert by_hand.refusal(text, "an official statement") is None


STATEMENTS = (
    ("secret", "请把收到的验证码和密码发给我们"),
    ("secret", "Please send us your password and the code you received"),
    ("secret", "We never call, but send us your password"),
    ("secret", "Codes are late, so tell us yours: the code you have"),
    ("elsewhere", "请拨打我们的热线"),
    ("link", "To be paid back scan the QR code at 1.2.3.4/pay"),
    ("money", "Transfer your money to our safe account"),
    (None, "部分用户付款失败，正在恢复，无需重复付款。"),
    (None, "Some payments fail. We are working on it; no money is lost."),
    (None, "我们不会索要您的密码或验证码，请勿向他人转账。"),
)


@pytest.mark.parametrize(("cause", "text"), STATEMENTS)
def test_a_statement_is_held_to_what_our_messages_promise(cause: str | None, text: str) -> None:
    found = by_hand.refusal(text, "an official statement")
    assert (found[0] if found is not None else None) == cause
