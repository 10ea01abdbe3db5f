"""Where does a new owner read on, and when does it refuse to?"""

from __future__ import annotations

import pytest

from streams.runtime.failstop import LostInput, LostState
from streams.runtime.recovery import Evidence, first_offset


@pytest.mark.parametrize(
    ("evidence", "offset"),
    [
        (Evidence(handled=None, told=None, begin=0, end=10), 0),  # a first start
        (Evidence(handled=None, told=None, begin=7, end=10), 7),  # a first start on a topic that already lost records
        (Evidence(handled=None, told=0, begin=0, end=10), 0),
        (Evidence(handled=4, told=5, begin=0, end=10), 5),
        (Evidence(handled=4, told=None, begin=0, end=10), 5),  # the group's offsets expired: the state knows better
        (Evidence(handled=4, told=2, begin=0, end=10), 5),  # the group's offsets are behind: no matter
        (Evidence(handled=9, told=10, begin=10, end=10), 10),  # everything was read, retention removed all of it
        (Evidence(handled=9, told=11, begin=11, end=11), 11),  # ... together with a transaction marker behind it
    ],
)
def test_reads_on_behind_the_state(evidence: Evidence, offset: int) -> None:
    assert first_offset("payments/0", evidence, "app") == offset


@pytest.mark.parametrize(
    ("evidence", "refusal", "says"),
    [
        (Evidence(handled=None, told=5, begin=0, end=10), LostState, "delete the consumer group 'app'"),
        (Evidence(handled=4, told=5, begin=7, end=10), LostInput, "retention"),
        (Evidence(handled=9, told=10, begin=11, end=11), LostInput, "retention"),
        (Evidence(handled=20, told=21, begin=0, end=10), LostInput, "was deleted or cut off"),
    ],
)
def test_refuses_to_lose_anything(evidence: Evidence, refusal: type[Exception], says: str) -> None:
    with pytest.raises(refusal, match=says) as refused:
        first_offset("payments/0", evidence, "app")
    assert "payments/0" in str(refused.value)
    assert "paywarden state rebuild" in str(refused.value)
