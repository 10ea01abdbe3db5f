"""Are attackers who keep their address found early in a real log, without touching anybody else?

The thresholds were chosen on the first half; what is demanded here is demanded of the second. The longer log and its
harder variants are in tests/properties.
"""

from __future__ import annotations

from support.login_logs import CH_08, HALF_MS, HONEST, judge, rows


def test_attackers_who_keep_their_address_are_found_by_their_fifth_attempt():
    log = list(rows(CH_08))
    judged = judge(log, HALF_MS[CH_08])
    bad = {row.ip for row in log if row.attack != HONEST and row.at_ms >= HALF_MS[CH_08]}
    assert {row.ip for row in judged.flagged} == bad, "no address is missed and no honest one is flagged"
    assert max(judged.first_flag.values()) <= 5
    assert judged.honest_flagged == 0
    assert judged.stolen <= 0.03 * judged.successes
