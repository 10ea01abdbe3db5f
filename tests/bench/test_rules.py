"""Do all rules together stay within their share of the time for one event?"""

from __future__ import annotations

from timeit import repeat

import pytest
from support.features import calm

from streams.adapters.policy_file import load_policy
from streams.contracts.base import from_ms
from streams.contracts.payments import TransferRequested
from streams.core.rules import evaluate

# Of the 100 us that an event may take in all (architecture, section 7); measured 2 us on a slow core.
BUDGET_US = 12.0


@pytest.mark.bench
def test_a_quiet_event_passes_all_rules_within_budget():
    policy, features = load_policy(), calm()
    event = TransferRequested(
        event_id="e",
        source="s",
        occurred_at=from_ms(0),
        account_id="a",
        payment_id="p",
        amount_minor=5000,
        currency="EUR",
        counterparty_id="c",
    )
    runs = 20_000
    best_s = min(repeat(lambda: evaluate(event, 0, features, policy), number=runs, repeat=5))
    assert best_s / runs * 1e6 < BUDGET_US
