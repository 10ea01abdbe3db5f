from __future__ import annotations

from typing import Any

import pytest
from support.happenings import NOON, paid
from support.play import play, policy

from streams.contracts.payments import Code, PaymentFailed
from streams.contracts.triage import PaymentTriaged
from streams.core.policy import PolicyError

HERE = """
[unknown]
silent_s = 0
[money.methods]
CN = ["alipay", "card", "bank_transfer", "paypal"]
other = ["card", "paypal"]
"""


def said(text: str = HERE, **more: Any) -> tuple[str, str]:
    fields: dict[str, Any] = {"codes": (Code(source="paypal", code="PPCO"),), "method": "paypal", "region": "CN"}
    failed = paid(NOON, 1, kind=PaymentFailed, **fields | more)
    (found,) = [each for each in play([failed], policy(text)) if isinstance(each, PaymentTriaged)]
    return found.text.zh, found.text.en


def test_whose_method_does_not_work_here_hears_which_do() -> None:
    zh, en = said()
    assert en.endswith("You can use: Alipay, card, bank transfer.")
    assert zh.endswith("可用方式：支付宝、银行卡、银行转账。")


@pytest.mark.parametrize("region", ["US", None])
def test_elsewhere_it_is_the_list_of_everywhere_else(region: str | None) -> None:
    assert said(region=region)[1].endswith("You can use: card.")


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("[unknown]\nsilent_s = 0\n", {}),
        (HERE, {"region": "US", "codes": (Code(source="iso8583_1987", code="51"),)}),
        (HERE.replace('other = ["card", "paypal"]', 'other = ["paypal"]'), {"region": "US"}),
    ],
    ids=["nothing is known", "another cause", "nothing else works"],
)
def test_otherwise_nobody_is_told_of_methods(text: str, more: dict[str, Any]) -> None:
    assert "You can use" not in said(text, **more)[1]


def test_a_refusal_that_must_not_be_explained_lists_nothing() -> None:
    """A payment stopped by regulation would be stopped by any other way of paying too."""
    assert "You can use" not in said(codes=(Code(source="iso8583_1987", code="93"),), network="visa", method="card")[1]


def test_a_list_has_an_end() -> None:
    with pytest.raises(PolicyError):
        policy(f"[money.methods]\nCN = {[f'method-{number}' for number in range(13)]}".replace("'", '"'))
