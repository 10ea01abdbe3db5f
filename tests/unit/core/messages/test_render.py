from __future__ import annotations

import re

import pytest

from streams.core.messages.render import MESSAGES, TemplateError, instant, money, parse_messages, render

SAMPLES = {
    "money": "CNY 128.00",
    "instant": "2026-04-01T12:20:00Z",
    "word": "unusual_activity",
    "words": "ask.order,ask.time",
    "id": "case_x",
    "said": "Which shop was it?",
    "count": "3",
    "name": "method.card",
    "names": "method.card,method.of_your_own",
    "article": "refund-time@1",
}


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (12800, "CNY", "CNY 128.00"),
        (5, "EUR", "EUR 0.05"),
        (1500, "JPY", "JPY 1,500"),
        (1234567, "KWD", "KWD 1,234.567"),
    ],
)
def test_money_has_the_decimals_of_its_currency(minor: int, currency: str, text: str) -> None:
    assert money(minor, currency) == text


@pytest.mark.parametrize("name", sorted(MESSAGES.template))
class TestEveryTemplate:
    def test_renders_in_both_languages(self, name: str) -> None:
        template = MESSAGES.template[name]
        text = render(name, {key: SAMPLES[kind] for key, kind in template.parameters.items()}, "Asia/Shanghai")
        assert re.search(r"[\u4e00-\u9fff]", text.zh)
        assert not re.search(r"[\u4e00-\u9fff]", text.en)
        assert "{" not in text.zh + text.en

    def test_says_nothing_internal(self, name: str) -> None:
        template = MESSAGES.template[name]
        assert not re.search(r"(?i)score|model|rule|threshold|velocity|模型|规则|评分", template.zh + template.en)

    def test_asks_for_no_secret_and_has_no_link(self, name: str) -> None:
        template = MESSAGES.template[name]
        assert not re.search(r"(?i)https?://|your code|OTP|验证码是", template.zh + template.en)


def test_times_are_the_customers() -> None:
    text = render("fraud_alert.login", {"time": instant(1_775_044_800_000)}, "Asia/Shanghai")
    assert "20:00 on 1 Apr" in text.en
    assert "4月1日20:00" in text.zh


def test_a_name_that_nobody_has_put_into_words_stands_for_itself() -> None:
    parameters = {"method": "method.of_your_own", "rate": "3", "window": "60", "code": "code.visa/03"}
    text = render("merchant_incident.method.began", parameters, "UTC")
    assert "with of_your_own fell" in text.en
    assert "visa/03" in text.zh


def test_a_zone_that_does_not_exist_is_utc_and_says_so() -> None:
    assert "12:00 UTC" in render("fraud_alert.login", {"time": instant(1_775_044_800_000)}, "Mars/Olympus").en


def test_half_filled_messages_are_refused() -> None:
    with pytest.raises(KeyError):
        render("fraud_alert.login", {}, "UTC")
    with pytest.raises(TemplateError):
        parse_messages('[words]\n[template.x]\nflow="F1"\nkind="advice"\nparameters={}\nzh="{a}"\nen="a"\n')
