"""Is an entity blocked exactly while the newest request that was carried out says so, however requests follow?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.happenings import HOUR, MINUTE, NOON
from support.play import policy

from streams.contracts.cases import ActionRejected
from streams.contracts.signals import EntityBlockAsked, EntityRisk
from streams.core.entities import pipeline
from streams.core.entities.context import EntityContext
from streams.core.entities.risk_state import RiskState
from streams.core.entities.state import EntityState

CONTEXT = EntityContext(0, 1, NOON)
# Minutes since the last request, what is asked for, and for how many minutes.
REQUESTS = st.lists(
    st.tuples(st.integers(1, 300), st.sampled_from(["block", "lift"]), st.integers(0, 600)), min_size=1, max_size=12
)


@given(REQUESTS)
def test_it_is_what_was_asked_for_last_until_its_end(requests: list[tuple[int, str, int]]) -> None:
    state, known = EntityState(), RiskState()
    at_ms, until_ms = NOON, 0
    for number, (minutes, wanted, length) in enumerate(requests):
        next_ms = at_ms + minutes * MINUTE
        for moment_ms in (at_ms, (at_ms + next_ms) // 2, next_ms - 1):
            fact = known.fact(moment_ms)
            assert (fact is not None and fact.level > 0) is (moment_ms < until_ms)
        at_ms = next_ms
        signal = EntityBlockAsked(
            at_ms=at_ms,
            partition=0,
            sequence=number,
            kind="ip",
            value="203.0.113.9",
            event_id=f"e{number}",
            wanted=wanted,  # type: ignore[arg-type]
            until_ms=at_ms + length * MINUTE,
            reason="fraud",
            accounts=1,
            actor="ana",
            role="analyst",
        )
        told = [each for each in pipeline.observe(state, signal, policy(), CONTEXT) if isinstance(each, EntityRisk)]
        is_carried_out = length > 0 if wanted == "block" else at_ms < until_ms
        assert len(told) == is_carried_out
        if told:
            assert known.apply(told[0])
            until_ms = at_ms + length * MINUTE if wanted == "block" else at_ms
    forgets_ms = pipeline.forgets_ms(state)
    assert forgets_ms is not None
    assert forgets_ms >= until_ms, "a state that began again would begin its versions again"
    assert known.forgets_ms() >= until_ms
    fact = known.fact(max(until_ms, at_ms) + HOUR)
    assert fact is None or not fact.level


def asked(minute: int, number: int, **fields: object) -> EntityBlockAsked:
    known = {"at_ms": NOON + minute * MINUTE, "partition": 0, "sequence": number, "kind": "ip", "value": "203.0.113.9"}
    said = {"event_id": f"e{number}", "wanted": "block", "until_ms": NOON + 24 * HOUR, "reason": "fraud"}
    who = {"accounts": 500, "actor": "sun", "role": "supervisor", "second_actor": "jo"}
    return EntityBlockAsked(**{**known, **said, **who, **fields})  # type: ignore[arg-type]


def test_what_two_people_have_blocked_one_lifts_and_it_is_lifted() -> None:
    state, known = EntityState(), RiskState()
    lift = asked(60, 1, wanted="lift", actor="mei", role="analyst", second_actor=None)
    stands = []
    for signal in (asked(0, 0), lift):
        (risk,) = (e for e in pipeline.observe(state, signal, policy(), CONTEXT) if isinstance(e, EntityRisk))
        assert known.apply(risk)
        fact = known.fact(signal.at_ms + MINUTE)
        stands.append(fact is not None and fact.level > 0)
    assert stands == [True, False]
    (refused,) = pipeline.observe(state, asked(61, 2, wanted="lift", actor="lin", role="analyst"), policy(), CONTEXT)
    assert isinstance(refused, ActionRejected)
    assert refused.cause == "not_blocked"
