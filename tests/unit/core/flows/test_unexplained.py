"""What may a customer be told about a failure that came without any code?"""

from __future__ import annotations

import pytest
from support.happenings import MINUTE, NOON, event, paid
from support.play import play, policy

from streams.contracts.actions import PspQuery
from streams.contracts.base import Watermark
from streams.contracts.payments import Code, PaymentFailed
from streams.contracts.triage import PaymentTriaged


@pytest.mark.parametrize(("codes", "asked"), [((), False), ((Code(source="stripe", code="never_seen"),), True)])
def test_only_who_is_being_asked_about_is_said_to_be_checked(codes: tuple[Code, ...], asked: bool) -> None:
    later = event(Watermark, NOON + MINUTE, "later", account_id="-")
    effects = play([paid(NOON, 1, kind=PaymentFailed, codes=codes), later], policy())
    (triage,) = [each for each in effects if isinstance(each, PaymentTriaged)]
    assert any(isinstance(each, PspQuery) for each in effects) == asked
    assert ("checking" in triage.text.en, "正在核实" in triage.text.zh) == (asked, asked)
