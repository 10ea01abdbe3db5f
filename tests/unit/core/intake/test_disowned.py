"""What is made of the answers to our own security messages: it was not me."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from support.play import policy

from models.training.texts.writing import handwritten, written
from streams.core.intake.reading import Reading, read
from streams.core.intake.topics import TOPICS
from streams.core.messages.render import MESSAGES

# Messages that say what was done at the account, and that it may have been somebody else.
_DISOWNABLE = re.compile(r"非本人|\bnot you\b|\bwas this you\b|\bthey yours\b")
# Nobody got in, nothing was changed, or the message is about what we have done ourselves.
_STOPPED = (
    "account_locked.password",
    "account_locked.own_device",
    "unlocked",
    "identity.renew",
    "login_issue.reset",
    "account_takeover",
    "fraud_alert.prompts",
    "fraud_alert.login_stopped",
    "credential_attack.exposed",
    "fraud_alert.not_made",
    "unauthorised.",
)
_FILLED = {"amount": "45.90 EUR", "time": "14:05", "until": "18:00", "count": "3"}
_SETTINGS = [name for name in MESSAGES.words if name.startswith("setting.")]
_EN = (
    "you say: {quote}. I did not do that",
    "{quote}, but it was not me",
    "I got a message: {quote}. I never asked for this",
    "{quote} without my knowledge",
    "{quote}? that wasn't me",
    "hello, {quote}, not by me, what now",
)
_ZH = (
    "你们说{quote},我没有操作过",
    "{quote},不是本人操作",
    "收到短信说{quote},不是我弄的",
    "{quote}?我没做过",
    "{quote},我完全不知情",
    "你好,{quote},不是我,怎么办",
)


def reading(text: str) -> Reading:
    return read(text, datetime(2026, 11, 3, tzinfo=UTC), policy().intake)


def _quotes(language: str) -> list[str]:
    """What the messages say was done, as their reader repeats it."""
    quotes: dict[str, None] = {}
    for name, template in MESSAGES.template.items():
        text = getattr(template, language)
        if template.kind not in ("security", "advice") or not _DISOWNABLE.search(text) or name.startswith(_STOPPED):
            continue
        said = re.split(r"[。：]|[.:](?:\s|$)|，(?:为保护|是否|最迟)|, so |: was", text)[0]
        for setting in _SETTINGS if "{setting}" in said else [""]:
            word = getattr(MESSAGES.words[setting], language) if setting else ""
            quotes[said.format_map(_FILLED | {"setting": word})] = None
    return [re.sub(r"\byour\b", "my", each.replace("您", "我")) for each in quotes]


@pytest.mark.parametrize(
    "text",
    [
        *(shape.format(quote=quote) for quote in _quotes("en") for shape in _EN),
        *(shape.format(quote=quote) for quote in _quotes("zh") for shape in _ZH),
        "you say my password was changed. I did not do that",
        "my phone number was changed without me",
        "I got a message that my phone number was changed but I never asked for it",
        "it says a new device was added, not mine",
        "I did not change my phone number",
        "手机号被换绑了,不是本人操作",
        "邮箱被换了,我没换",
        "我没有申请换绑手机,但收到换绑成功的短信",
        "短信说我密码改了,我没改过",
        "我没换过手机号",
        "我没有改密码",
        "提示新设备登录,我没有登录",
        "为什么说我改了密码",
        "收到邮件说password changed 不是我",
        "双重验证被关了，不是我关的",
    ],
)
def test_whoever_did_not_do_what_we_told_them_of_is_worked_by_security_at_once(text: str) -> None:
    found = reading(text)
    assert (found.topic.queue, found.topic.priority, found.answer) == ("security", 1, "")


@pytest.mark.parametrize(
    "text",
    [
        "I haven't changed my password but it says wrong password",
        "我没改过密码,但是提示密码错误",
        "I changed my phone number and did not get a code",
        "I have a new phone and did not log in yet, what happens to my limit",
        "my phone number was changed by mistake, not by me but by my carrier, how do I fix it",
        "我换手机号了,还没有换绑,收不到验证码",
        "密码改了没改成功",
        "my card was added but I did not get the bonus",
        "如果密码被改了不是我操作的怎么办",
        "我没绑过卡,怎么绑",
        "手机号改不了,不是我的问题吧",
        "there was a payment to the shop and it did not arrive",
        "有一笔付款商家没收到",
    ],
)
def test_who_did_it_or_has_another_trouble_raises_no_alarm(text: str) -> None:
    assert reading(text).topic.priority > 1


def test_hardly_anybody_else_disowns_a_change() -> None:
    texts = [each.text for each in (*written(1), *handwritten()) if TOPICS[each.flow].queue != "security"]
    assert [text for text in texts if reading(text).by == "rule disowned"] == []
