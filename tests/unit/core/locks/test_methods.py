"""Does a check show no more than its method can, whatever level it is reported with?"""

from __future__ import annotations

import pytest
from support.happenings import HOUR, MINUTE, NOON, event, paid
from support.play import PHONE, Player, settled

from streams.contracts.accounts import CaseAction, IdentityVerified
from streams.contracts.payments import TransferRequested
from streams.core.identity import level_shown
from streams.core.locks.saga import stands


def check(method: str, level: int = 4) -> IdentityVerified:
    who = {"actor": "idv", "role": "identity_service", "passed": True}
    return event(IdentityVerified, NOON + HOUR, f"check-{method}", method=method, level=level, **who)


@pytest.mark.parametrize(
    ("method", "most"),
    [("otp", 1), ("OTP", 1), ("face", 2), ("document", 2), ("face_and_document", 4), ("Face_and_Document", 4)]
    + [(method, 0) for method in ("sms", "email", "password", "unknown", "selfie")],
)
def test_a_level_is_what_the_method_can_show(method: str, most: int):
    assert [level_shown(check(method, level)) for level in (1, 2, 3, 4)] == [min(each, most) for each in (1, 2, 3, 4)]


def restricted() -> Player:
    player = settled()
    player.see(paid(NOON, "out", 45_000, TransferRequested, counterparty_id="new", **PHONE))
    case = player.obligations["a1"].cases[-1]
    act = {"action": "lock", "case_id": case.case_id, "expected_version": case.version, "scope": "money_out"}
    player.see(event(CaseAction, NOON + MINUTE, "lock", role="analyst", actor="ana", **act))
    assert [held.action for held in player.obligations["a1"].locks] == ["restrict"]
    return player


@pytest.mark.parametrize("method", ["otp", "sms", "email", "password", "unknown", "face", "document"])
def test_what_is_no_check_of_face_and_document_lifts_no_restriction(method: str):
    player = restricted()
    player.see(check(method))
    assert [held.action for held in player.obligations["a1"].locks] == ["restrict"]


def test_face_and_document_lift_it():
    player = restricted()
    player.see(check("face_and_document"))
    assert "restrict" not in [held.action for held in player.obligations["a1"].locks if stands(held)]
