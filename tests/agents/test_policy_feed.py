"""Does a running worker follow what is published, taken back or merely proposed, and end only if it heard too late?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from streams.adapters.policy_file import load_schedule, parse_published
from streams.agents.policy_feed import HeardTooLate, PolicyFeed
from streams.contracts.base import to_ms
from streams.contracts.policies import PolicyApproved, PolicyProposed, PolicyRolledBack
from streams.contracts.registry import encode
from streams.core.policy_history import PolicyHistory, Said
from streams.runtime.options import RuntimeOptions

T0 = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.at = T0

    def now_ms(self) -> int:
        return to_ms(self.at)

    def monotonic_s(self) -> float:
        return self.at.timestamp()


def proposed(name: str, at: datetime) -> PolicyProposed:
    return PolicyProposed(
        occurred_at=at,
        proposal_id=f"pol_{name}",
        actor="mei",
        role="analyst",
        why="because",
        name=name,
        policy_hash="h",
        text=f'name = "{name}"',
    )


def approved(name: str, at: datetime, wait: timedelta) -> PolicyApproved:
    return PolicyApproved(
        occurred_at=at, proposal_id=f"pol_{name}", actor="jo", role="admin", why="fine", effective_at=at + wait
    )


def rolled_back(name: str, at: datetime) -> PolicyRolledBack:
    return PolicyRolledBack(
        occurred_at=at, proposal_id=f"pol_{name}", actor="jo", role="admin", why="no", effective_at=at + MINUTE
    )


def test_it_follows_what_is_said_and_ends_only_if_it_is_late() -> None:
    clock, policies = Clock(), load_schedule()
    feed = PolicyFeed(RuntimeOptions(), policies, PolicyHistory(parse_published), clock)

    def hear(said: Said) -> None:
        feed.hear(SimpleNamespace(value=encode(said), offset=0, topic="policies"), running=True)  # type: ignore[arg-type]

    def name_at(minutes: int) -> str:
        return policies.at(to_ms(T0 + minutes * MINUTE)).name

    hear(proposed("a", T0))
    hear(approved("a", T0, MINUTE))
    assert [name_at(0), name_at(1)] == ["default", "a"]
    clock.at = T0 + 10 * MINUTE
    hear(proposed("b", clock.at))  # that another policy is in force already is nothing to end for
    hear(approved("b", clock.at, 60 * MINUTE))
    assert [name_at(69), name_at(70)] == ["a", "b"]
    hear(rolled_back("b", clock.at))  # a change to come is withdrawn
    assert name_at(70) == "a"
    with pytest.raises(HeardTooLate, match="pol_a"):
        hear(rolled_back("a", clock.at - 5 * MINUTE))
