"""Do observations get the rates of the event's day and the limits of the policy?"""

from __future__ import annotations

from streams.adapters.policy_file import default_text
from streams.core.basis import basis_of
from streams.core.policy import parse_policy

DAY_MS = 1_767_312_000_000  # 2026-01-02T00:00:00Z
TWO_TABLES = """
[money]
near_limits = [300]
[[money.rates]]
effective_at = 1970-01-01T00:00:00Z
per_unit = { USD = 1.0, CNY = 7.0 }
[[money.rates]]
effective_at = 2026-01-02T00:00:00Z
per_unit = { USD = 1.0, CNY = 8.0 }
"""


def test_the_rates_of_the_day_count():
    policy = parse_policy(default_text(), TWO_TABLES)
    before, after = basis_of(policy, DAY_MS - 1), basis_of(policy, DAY_MS)
    assert (before.rates.per_unit["CNY"], after.rates.per_unit["CNY"]) == (7.0, 8.0)
    assert before.limits == after.limits == (300,)
    assert basis_of(policy, DAY_MS + 1) is after


def test_policies_are_never_confused():
    strict = parse_policy(default_text(), "default_time_zone = 'Asia/Shanghai'")
    assert basis_of(strict, 0).time_zone == "Asia/Shanghai"
    assert basis_of(parse_policy(default_text()), 0).time_zone == "UTC"
