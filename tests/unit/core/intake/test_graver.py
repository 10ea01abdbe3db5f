"""Is a debit for a failed payment, or somebody else at the account, for people, whatever else the message is about?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.play import policy

from models.training.texts.writing import handwritten, written
from streams.core.intake import graver
from streams.core.intake.reading import Reading, folded, read
from streams.core.intake.topics import TOPICS

TAKEN = """\
转账失败，对方说到账了
转账失败 户名不符 钱还没回来三天了
code expired but the shop got the money
付款码失效没付成，银行却扣了200元
二维码过期了，但钱已经扣走
卡被拒绝了可是钱已经扣了
余额不足付款失败但钱被扣了
余额不足，钱却被划走了
提示余额不足，结果还是扣款成功
卡过期付不了，账单上还是扣了88
不支持这张卡，可是扣了我的钱
转账失败说姓名不符，但是钱没退回来
验证码过期支付失败，但是钱扣了
QR code expired but money was deducted
card declined yet i got charged
expired card error but my bank shows the charge
insufficient balance error, yet 50 usd left my account
The payment was declined, and I was still charged 30 euros
transfer failed because of the name but the money never came back
limit exceeded, but 20 EUR was taken from my card
it said insufficient funds but my bank took out $30
my card was refused, they still took 40 pounds
payment failed and the money is gone""".splitlines()
NOT_TAKEN = """\
余额不足付款失败，会扣钱吗
付款码过期，没扣钱
付款失败扣了吗
余额不足扣款失败
余额不足，没有扣款
余额不够，扣不了
银行卡过期了，自动扣款不成功怎么办
二维码失效了没被扣款吧
付款失败，钱会不会被扣
扣款的卡过期了
code expired, was I charged?
card declined, not charged
card declined, nothing was taken
will I be charged if the code expired
Insufficient funds, have I been charged?
my card expired and could not be charged
subscription failed: card could not be debited
it took 10 minutes and then insufficient funds""".splitlines()

SOMEBODY_ELSE = """\
forgot password, and somebody changed my phone number
QR code expired, then 300 USD was stolen from me
how do I change my bound card? someone added a card that is not mine
balance too low but I had 5000 yesterday and did not spend it
余额不足，可是我的钱被人偷了
忘记密码了，登录发现手机号被换了
怎么解绑银行卡？有人给我绑了一张卡
I forgot my password and the recovery number isn't my number
password reset mails keep coming
忘记密码了，联系我的那个客服号码是真的吗
怎么绑卡，网上贷款的人让我绑
验证码收不到，而且我的卡绑定被别人换了""".splitlines()


def reading(text: str) -> Reading:
    return read(text, datetime(2026, 11, 3, tzinfo=UTC), policy().intake)


@pytest.mark.parametrize("text", TAKEN)
def test_whoever_was_debited_is_not_told_why_payments_fail(text: str) -> None:
    assert graver.tells_of_debit(folded(text))
    found = reading(text)
    assert not found.answer
    assert found.topic.flow not in graver.FAILED


@pytest.mark.parametrize("text", NOT_TAKEN)
def test_a_question_and_a_no_are_no_debit(text: str) -> None:
    assert not graver.tells_of_debit(folded(text))


def test_what_others_write_about_failed_payments_tells_of_none() -> None:
    about = [each for each in (*written(1), *handwritten()) if each.flow in graver.FAILED]
    assert len(about) > 500
    assert [each.text for each in about if graver.tells_of_debit(folded(each.text))] == []


@pytest.mark.parametrize("text", SOMEBODY_ELSE)
def test_who_tells_of_somebody_else_is_answered_by_security(text: str) -> None:
    found = reading(text)
    assert not found.answer
    assert found.topic.queue == "security"
    assert found.topic.priority <= 2


@pytest.mark.parametrize(
    "text",
    [
        "got a code i didnt ask for",
        "收到一个我没要的验证码",
        "forgot password and i get codes i did not request",
        "how do I set up face id; someone else's face works",
    ],
)
def test_who_asks_while_somebody_else_is_at_the_account_is_read_by_security(text: str) -> None:
    found = reading(text)
    assert (found.topic.queue, found.topic.priority, found.answer) == ("security", 2, "")


@pytest.mark.parametrize("text", ["can I open an account in my name", "how long is a code valid", "验证码要填在哪里"])
def test_who_asks_about_codes_and_names_tells_of_nobody(text: str) -> None:
    assert not graver.tells_of_others(folded(text))


URGENT = {
    ("security", 1): """\
I forgot my password. Also my wallet shows a payment I dont recognise
忘了密码，手机也丢了
老公手机丢地铁上了，微信支付宝都登着
my ex still knows my pin and keeps buying stuff
does paypal work with you, my paypal got drained through your wallet
怎么设置双重验证，今天早上有陌生设备登录
忘记密码，骗子说是银行让我把屏幕共享给他看了
怎么解绑银行卡？卡昨天丢了
how to add another card, mine was cloned at a gas station
nobody but me should be able to log in, yet there is a login from Lagos
怎么注销,还有我看到巴西的登录""",
    ("security", 2): """\
忘密码，我妹在用我号
密码忘了，重置时发现绑定手机不是我的号
如何查看登录记录，好像有别人
how do I see my devices, one is not mine
how do I reset my pin, my roommate figured it out""",
    ("accounting", 2): """\
QR expired, cashier scanned again, both went through
二维码过期了但是钱少了
扫码失败，钱花出去了
给我妈转了3000，显示已到账，可她说一分没收到
forgot password but 40 EUR went to Lagos
how do I turn off auto pay, it took 3 payments yesterday""",
}


@pytest.mark.parametrize(
    ("queue", "priority", "text"),
    [(queue, priority, text) for (queue, priority), texts in URGENT.items() for text in texts.splitlines()],
)
def test_what_nobody_understood_is_as_urgent_as_what_it_tells_of(queue: str, priority: int, text: str) -> None:
    found = reading(text)
    assert (found.topic.queue, found.topic.priority, found.answer) == (queue, priority, "")


@pytest.mark.parametrize("text", ["what happens if my phone is stolen", "万一手机丢了怎么办", "how do I add a card"])
def test_a_question_about_a_theft_is_none(text: str) -> None:
    assert not graver.tells_of_robbery(folded(text))


def test_what_others_ask_for_themselves_tells_of_nobody_else() -> None:
    about = {flow for flow, topic in TOPICS.items() if topic.answer} | graver.FAILED
    texts = [each.text for each in (*written(1), *handwritten()) if each.flow in about]
    assert len(texts) > 1_000
    assert [text for text in texts if graver.tells_of_others(folded(text))] == []
    assert [text for text in texts if graver.tells_of_robbery(folded(text))] == []


def test_hardly_anybody_with_a_simple_question_was_told_to_do_something() -> None:
    about = {flow for flow, topic in TOPICS.items() if topic.answer} - {"F40"}
    texts = [each.text for each in (*written(1), *handwritten()) if each.flow in about]
    assert [text for text in texts if graver.was_told_to(folded(text))] == []


GAVE_AWAY = """\
received a mail from you that asks for my pin, did it, what now
got a text asking for my password and I typed it in, is that bad?
an email told me to confirm my pin, I did, was it you?
is the mail asking for my pin from you? I answered it
your email wanted my pin so I sent it
is this text from you? already filled everything in
is it safe to give my code to support? I just did
is it normal that support asks for the code? I said it on the phone
I put my password in the page of the link, what now
put my pin into a strange page, how do I reset it
a stranger knows my pin, how do I change it
前任知道我的密码,怎么重置
密码被人看到了,怎么改
someone called asking for my otp and I read it out
I entered my details on a page from a text message
邮件让我填密码，我填了
你们发邮件让我填密码，我填了，怎么办
短信里的链接是你们的吗？我已经填了卡号
这个电话是你们打的吗？我按他说的都弄了
把验证码告诉客服了要紧吗
有人打电话问我要验证码，我就给他了""".splitlines()
GAVE_NOTHING = """\
I was asked for my password and did not give it
someone asked for my code, I did not give it
support told me to change my password, I did, still cannot log in
cashier asked for my pay code, I gave it, what next
the guy from support asked for the last four digits of my card, I told him
the app asked for my pin, I entered it and it says wrong
got the code and entered it, thanks
是不是你们发邮件让我填密码？我没填
有人打电话问我要验证码，我举报了
客服让我改密码，我弄好了，还是要验证
付款时让我输密码，我输了提示错误
APP要我填验证码，我填了还是登不上""".splitlines()


@pytest.mark.parametrize("text", GAVE_AWAY)
def test_who_gave_a_secret_away_is_in_the_hands_of_security_however_the_question_reads(text: str) -> None:
    found = reading(text)
    assert (found.topic.flow, found.topic.priority, found.answer) == ("F23", 1, "")


@pytest.mark.parametrize("text", GAVE_NOTHING)
def test_who_gave_nothing_away_or_gave_it_to_us_has_lost_no_account(text: str) -> None:
    assert reading(text).topic.flow != "F23"


@pytest.mark.parametrize(
    "text", ["did you write to me? I replied", "is it normal to be called by support? I did it all"]
)
def test_a_question_about_safety_of_who_has_done_what_was_wanted_stays_open(text: str) -> None:
    topic = reading(text).topic
    assert (topic.queue, topic.priority) == ("security", 2)


BESIDE = {
    ("F25", 1): """\
my voucher did not arrive and someone is using my card
优惠券没到，而且有人在用我的卡
how do I close my account, my balance of 500 went missing
怎么注销账号，我里面五百块没了
Where can I see my limit? also 300 disappeared yesterday
怎么看限额，另外昨天三百块不见了
5 stars! By the way two payments to a shop I don't know
五星好评！顺便问下有两笔不认识的商户扣款
great app but you stole 50 from me
应用不错，就是把我五十块钱弄没了
Thanks for the help yesterday. Btw 80 euros are gone again
谢谢你们。不过昨天又少了八十
怎么改密码？另外昨天少了三百块
how do I download the app? 200 euros vanished
what's my limit? someone spent 900 from my card last night
限额怎么看?昨晚有人刷了我九百
how do I get an invoice, somebody took 50 off my balance
发票怎么开，有人花了我三百块""",
    ("F23", 1): """\
邮箱被人改了，登不上去了
有人把我绑定的手机号换了
someone changed my email and now i am out
someone swapped the phone number on my account
my email was changed by a hacker
I lost my phone. How do I change my number?
手机丢了，怎么换号
我按短信点进去填了验证码""",
    ("F24", 2): """\
got a code by text but i wasn't logging in
login code arrived that I never asked for
收到验证码可是我根本没在登录""",
}
BESIDE_NOTHING = """\
F28 my phone number changed, how do I update it
F28 I lost my phone number, how do I change it
F28 my email was changed by mistake, how do I fix it
F28 我换了手机号，怎么改绑定
F29 what should I do if I lose my phone
F32 my points disappeared
F32 积分没了怎么办
F32 优惠券不见了
F18 my transaction history disappeared
F18 账单记录不见了
F02 where can I see my limit
F02 怎么看限额
F42 where do I see my fees, 2024 statement is gone
F10 支付页面卡死，钱没了
F08 验证码一直没收到，登录不了""".splitlines()


@pytest.mark.parametrize(
    ("flow", "priority", "text"),
    [(flow, priority, text) for (flow, priority), texts in BESIDE.items() for text in texts.splitlines()],
)
def test_a_theft_said_beside_a_question_is_worked_as_a_theft_in_either_language(
    flow: str, priority: int, text: str
) -> None:
    topic = reading(text).topic
    assert (topic.flow, topic.queue, topic.priority) == (flow, "security", priority)


@pytest.mark.parametrize("line", BESIDE_NOTHING)
def test_what_only_looks_like_a_theft_stays_where_it_belongs(line: str) -> None:
    flow, text = line.split(" ", 1)
    assert reading(text).topic.flow == flow


def test_hardly_anybody_else_tells_of_money_that_is_gone() -> None:
    texts = [each.text for each in (*written(1), *handwritten()) if each.flow not in ("F23", "F25")]
    assert [text for text in texts if reading(text).by in ("rule missing", "rule taken_over")] == []


@pytest.mark.parametrize(
    "text",
    [
        "What happens if somebody steals my phone?",
        "what if my card gets stolen one day",
        "如果手机被偷了怎么办",
        "要是账号被盗了你们赔吗",
        "万一手机丢了怎么办",
    ],
)
def test_who_asks_what_a_theft_would_mean_is_read_by_a_person_and_raises_no_alarm(text: str) -> None:
    found = reading(text)
    assert (found.by, found.topic.queue, found.topic.priority, found.answer) == ("person", "security", 3, "")


@pytest.mark.parametrize(
    "text",
    [
        "如果手机被偷了怎么办,刚才在地铁上被偷的",
        "我昨天手机丢了,要是被盗刷了怎么办",
        "what happens if my phone is stolen? it was stolen an hour ago",
        "if somebody stole my phone can they pay",
        "手机被偷了怎么办",
    ],
)
def test_a_theft_is_one_whatever_its_writer_asks_of_what_may_follow(text: str) -> None:
    topic = reading(text).topic
    assert (topic.queue, topic.priority) == ("security", 1)


@pytest.mark.parametrize(
    "text",
    [
        "工资周一发的,钱包里没有",
        "公司说工资发了,我没收到",
        "朋友给我转了五百,没收到",
        "my pay was sent on Monday and is not in the wallet",
        "wages never came",
        "my friend sent me 300 and I never got it",
    ],
)
def test_what_somebody_has_sent_and_is_not_there_is_missing_money(text: str) -> None:
    topic = reading(text).topic
    assert (topic.flow, topic.queue, topic.priority) == ("F13", "accounting", 2)


@pytest.mark.parametrize(
    "text", ["余额少了五十是因为买了游戏,能开发票吗", "my balance is 50 less because I bought a game"]
)
def test_money_whose_use_the_message_names_is_not_gone(text: str) -> None:
    assert reading(text).topic.queue != "security"


@pytest.mark.parametrize(
    "text",
    [
        "余额不对",
        "余额有问题",
        "余额显示不对",
        "钱包余额跟我记的不一样",
        "余额有误",
        "余额够但是提示余额不足",
        "wrong balance",
        "my wallet balance is wrong",
        "my balance looks wrong",
        "the balance is incorrect",
        "balance shows less than it should",
        "my balance is wrong, payment declined for insufficient funds",
    ],
)
def test_a_wrong_balance_is_looked_at_by_accounting_and_not_answered_with_how_to_top_up(text: str) -> None:
    found = reading(text)
    assert (found.topic.queue, found.topic.priority, found.answer) == ("accounting", 2, "")


@pytest.mark.parametrize("text", ["余额不足", "balance too low", "where do I see my balance", "余额不足付不了"])
def test_a_low_balance_is_no_wrong_one(text: str) -> None:
    assert reading(text).topic.queue == "self_service"
