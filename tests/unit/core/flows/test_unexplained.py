"""What may a customer be told about a failure that came without any code?"""

from __future__ import annotations

import pytest
from support.happenings import MINUTE, NOON, event, paid
from support.play import play, policy

from streams.contracts.actions import PspQuery
from streams.contracts.base import Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import Code, PaymentFailed
from streams.contracts.triage import PaymentTriaged


@pytest.mark.parametrize(("codes", "asked"), [((), False), ((Code(source="stripe", code="never_seen"),), True)])
def test_only_who_is_being_asked_about_is_said_to_be_checked(codes: tuple[Code, ...], asked: bool) -> None:
    later = event(Watermark, NOON + MINUTE, "later", account_id="-")
    effects = play([paid(NOON, 1, kind=PaymentFailed, codes=codes), later], policy())
    (triage,) = [each for each in effects if isinstance(each, PaymentTriaged)]
    assert any(isinstance(each, PspQuery) for each in effects) == asked
    assert ("checking" in triage.text.en, "正在核实" in triage.text.zh) == (asked, asked)


def test_the_case_of_a_code_without_its_zeros_names_the_one_that_is_known() -> None:
    effects = play([paid(NOON, 1, kind=PaymentFailed, codes=(Code(source="iso8583_1987", code="5"),))], policy())
    (case,) = [each for each in effects if isinstance(each, CaseVersion)]
    assert "iso8583_1987 5: 05 is known" in case.evidence[-1].text


def test_a_source_in_capitals_is_the_same_source() -> None:
    code = Code(source="Stripe", code="insufficient_funds")
    effects = play([paid(NOON, 1, kind=PaymentFailed, codes=(code,))], policy())
    assert [each.cause for each in effects if isinstance(each, PaymentTriaged)] == ["insufficient_funds"]
