"""Does the recipe of docs/logins.md for one's own percentiles write every score, and still learn?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.play import Player, policy

from streams.contracts.base import from_ms
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import LoginSucceeded
from streams.core.login_risk import score

PAGE = Path(__file__).parents[4] / "docs" / "logins.md"


def test_every_login_carries_its_score_and_teaches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "SITE_LOGINS", 1)
    (recipe,) = re.findall(r"```toml\n(\[rules\.login_risk\]\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    player = Player(policy(recipe))
    told = []
    for number in range(6):
        event = LoginSucceeded(
            event_id=f"e-{number}",
            source="test",
            occurred_at=from_ms(20_610 * 86_400_000 + number * 3_600_000),
            account_id="a",
            ip="203.0.113.7",
            asn=64_500,
            user_agent="curl/8",
        )
        told += [effect for effect in player.see(event) if isinstance(effect, DecisionMade)]
    evidence = [hit.evidence for decision in told for hit in decision.hits]
    assert len(evidence) == 5, "the first login of a customer has no score"
    assert all(0.0 < each["login_risk"] < 1.0 for each in evidence)
    assert [each["login_history"] for each in evidence] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert {decision.outcome for decision in told} == {"allow"}
