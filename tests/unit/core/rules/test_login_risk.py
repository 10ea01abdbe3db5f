"""Do the bands follow the score, and does an event that says little lead to little?"""

from __future__ import annotations

import pytest
from support.features import calm

from streams.adapters.policy_file import load_policy
from streams.contracts.base import from_ms
from streams.contracts.logins import LoginSucceeded
from streams.core.features import MISSING
from streams.core.rules.base import Fired, NotApplicable
from streams.core.rules.login_risk import login_risk

TABLE = load_policy().rules.login_risk


def judged(ratio, history=10.0, **named):
    event = LoginSucceeded(event_id="e", source="test", occurred_at=from_ms(0), account_id="a", ip="192.0.2.1", **named)
    return login_risk(event, 0, calm(login_risk=ratio, login_history=history), TABLE)


def test_bands_begin_at_their_percentiles():
    for band, ratio in enumerate(TABLE.ratios, start=1):
        answer = judged(ratio, user_agent="Firefox", asn=64_500)
        assert isinstance(answer, Fired)
        assert answer.band == band
        below = judged(0.99 * ratio, user_agent="Firefox", asn=64_500)
        assert (below.band if isinstance(below, Fired) else 0) == band - 1


@pytest.mark.parametrize("named", [{"device_id": "d"}, {"user_agent": "Firefox"}, {"asn": 64_500}])
def test_an_event_that_says_little_asks_for_a_second_factor_at_most(named):
    answer = judged(1e6, **named)
    assert isinstance(answer, Fired)
    assert answer.band == 1


def test_an_address_alone_a_new_customer_and_an_unknown_score_are_not_judged():
    assert isinstance(judged(1e6), NotApplicable)
    assert isinstance(judged(1e6, history=0.4, user_agent="Firefox", asn=64_500), NotApplicable)
    assert isinstance(judged(MISSING, user_agent="Firefox", asn=64_500), NotApplicable)
