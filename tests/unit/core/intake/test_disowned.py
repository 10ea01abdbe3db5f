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
    "fraud_alert.stolen_code",
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
        "I DIDNT CHANGE MY PASSWORD",
        "my password was changed, i didnt do it",
        "there is a device in my list I don't know",
        "谁改了我的密码",
        "提示密码已变更,我没有改过密码",
        "my phone number was changed, I did not change my number",
        "密码怎么变了",
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


@pytest.mark.parametrize(
    "text",
    [
        "My phone was replaced under warranty, how do I sign in without my old one",
        "my phone was repaired, data is deleted, I can't sign in without my codes",
        "sign-in from abroad does not work without my sim",
        "I did not add a card, the bank account was linked, why",
        "my card was replaced by the bank and I have not added it",
        "My card was removed when it expired, I did not ask for it",
        "my e-mail is registered but I did not get a confirmation, I never signed up twice",
        "Why does it say I have added a card twice",
        "I did not change my card",
        "I never added a card",
        "we did not add any payee",
        "I haven't added a payee",
        "I have not linked a card",
        "I have not replaced my phone",
        "why does it say I removed the coupon",
        "why do you say I changed the amount",
        "Why does the app say I have added too many cards",
        "My new card was added without asking for a code, is that normal?",
        "the device is registered but not by me alone, my wife uses it too",
        "The limit of my card was changed by the bank, not me",
        "My phone is updated, now I cannot sign in without my face",
        "there was a payment fee I was not asked about, I did not want that",
        "There was a payment that was not from me but from my colleague, can you send me the invoice",
        "为什么显示我更换设备要重新登录",
        "怎么说我修改次数太多",
        "为什么提示我绑卡失败",
        "为什么提示我绑定的手机号无效",
        "为什么显示我绑定的银行卡已过期",
        "怎么显示我加入会员失败",
        "怎么显示我改签失败",
        "为什么提示我换一张卡支付",
        "怎么提示我换个时间再试",
        "怎么提示我改用余额支付",
        "怎么提示我修改支付密码要人脸",
        "为什么提示我修改限额失败",
        "为什么说我加载失败",
        "系统怎么提示我重置密码",
        "我没绑银行卡",
        "我没有换手机",
        "没有加收款人",
        "邮箱绑定成功,不是我的邮箱地址写错了",
        "手机号换绑失败,非本人实名",
        "手机换了,没有登录过新手机",
        "密码重置链接没收到,我没有操作过",
        "号码更换了,谁改的手续怎么办",
        "手机号更换要本人去吗,非本人行不行",
        "手机号变更了,没有做过实名,要怎么做",
        "新手机登录不上,我没改过密码",
        "手机关机后没做任何操作,付款失败",
        "银行卡关联不上,没有做过人脸",
        "新收款人转账失败,我没有做过实名",
        "收款人加了之后转账要等24小时,我没有申请过",
        "设备更换后红包不见了,我没有动过",
        "有一笔付款失败,我没有操作错误",
        "有一笔支付扣了手续费,我没有同意",
        "有一笔付款我没操作完就退出了",
        "别人用我500块红包",
    ],
)
def test_who_asks_about_a_change_a_card_or_a_failure_raises_no_alarm(text: str) -> None:
    found = reading(text)
    assert found.topic.priority > 1
    assert found.by not in ("rule disowned", "rule not_me")


def test_hardly_anybody_else_disowns_a_change() -> None:
    texts = [each.text for each in (*written(1), *handwritten()) if TOPICS[each.flow].queue != "security"]
    assert [text for text in texts if reading(text).by == "rule disowned"] == []
