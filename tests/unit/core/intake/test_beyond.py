"""Is a general answer given only to who says no more than what it is about, whatever else people may add?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.play import policy

from models.training.texts.writing import handwritten, written
from streams.core.intake.reading import Reading, read
from streams.core.intake.text_model import packaged_text_model
from streams.core.intake.topics import TOPICS

ADDED = """\
忘记密码，骗子说是银行让我共享屏幕给他看了
忘了支付密码，刚才有个客服让我念了验证码
密码忘了，重置时看到绑定的手机不是我的号
密码忘了，有人转走了我的钱
忘了密码，顺便问下退款怎么还没到
付款码过期，收银员让我付了两遍
付款码被人拍照了怎么办
付款码过期了，但是显示已支付
二维码失效怎么办，有人扫了我的码付了500
余额不足付不了，但我卡里明明有两千
付款失败提示余额不足，结果银行短信说支出128元
余额不足？我昨天刚充的1000呢
怎么解绑银行卡？卡昨天丢了
怎么更换绑定的银行卡，之前的卡被冻结了
怎么设置双重验证，今天早上有陌生设备登录
跨境支付不支持？可是信用卡账单出来了一笔1200港币
转账姓名不符，可是对方收到了
forgot my password, the reset link went to an email that isnt mine
I forgot the password. Also my refund did not come
forgot password, somebody has my phone
I never requested a password reset but got three of them tonight
can not log in, my phone was lost
card expired message, still my statement has it
my card was declined but the merchant says they have the money
payment declined for insufficient funds even though I topped up 200 yesterday and it never showed
it said insufficient funds but now my statement lists the 64.20 EUR purchase twice
how do I change my card? I lost it yesterday
how to add another card, mine was cloned at a gas station
QR expired, cashier scanned again, both went through
barcode won't scan so I paid by cash, but the app took it as well
the code on my phone expired at the till and the cashier says I must pay again although my app shows paid
how do I turn on 2fa, somebody is in my account right now
name mismatch on transfer yet the recipient got nothing and my balance is down
wrong account name, transfer failed, refund has not come for 5 days
转账说户名错误，可钱出去了
提示卡过期，可银行那边显示付成功
expired card error, bank app shows it as paid
付款码别人能用吗？我的好像被人截图了
insufficient funds but I have 500 in there
QR expired but I paid 300""".splitlines()
PLAIN = """\
余额不足付不了
忘了密码，怎么办
忘记登录密码怎么重置
付款码过期了
怎么换绑银行卡
forgot my password, please help
my card has expired and the payment was declined
the qr code does not scan
how do I unlink my card""".splitlines()


def reading(text: str) -> Reading:
    return read(text, datetime(2026, 11, 3, tzinfo=UTC), policy().intake)


@pytest.mark.parametrize("text", ADDED)
def test_who_adds_something_is_read_by_a_person(text: str) -> None:
    assert not reading(text).answer


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_question_is_answered_at_once(text: str) -> None:
    assert reading(text).answer


@pytest.mark.parametrize("language", ["zh", "en"])
def test_many_questions_that_nobody_trained_on_are_answered(language: str) -> None:
    unseen = [each for each in written(0) if each.part == "held_out"] + handwritten()
    about = [each for each in unseen if each.language == language and TOPICS[each.flow].answer]
    assert len(about) > 100
    assert sum(bool(reading(each.text).answer) for each in about) >= 0.4 * len(about)


def test_what_stands_behind_a_long_preface_counts_as_well() -> None:
    assert reading("忘了密码怎么办").answer
    assert not reading("忘了密码怎么办" + "谢谢" * 400 + "骗子共享屏幕").answer


def test_words_are_strange_by_subject() -> None:
    model = packaged_text_model()
    assert model.strange_words("I forgot my passwords", "F19") == ()
    assert model.strange_words("骗了", "F19") == ("骗",)
    assert model.strange_words("forgot", "F99") == ("forgot",)
