"""What is the verdict on one payment or login, and what does the record of it say?"""

from __future__ import annotations

import msgspec

from streams.contracts.base import Event, from_ms
from streams.contracts.decisions import Completeness, DecisionMade, DecisionShadowed, Hit, Reason
from streams.contracts.payments import Movement
from streams.contracts.topics import inputs_of
from streams.core import ids
from streams.core.expected_cost import cheapest
from streams.core.features import FEATURE_SET
from streams.core.flows.movements import AT_THE_DOOR, SUBJECTS, status_after
from streams.core.obligations import PaymentState
from streams.core.outcome import LABELS, Outcome
from streams.core.policy import Policy
from streams.core.rules import mode_of
from streams.core.rules.lists import is_allowed
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import DecideContext, Prepared

# More would bury the strongest; domain 6.4 names the top four.
REASONS_MAX = 4
FEEDS = tuple(topic.name for topic in inputs_of("accounts") if topic.rank is not None)
_COMPLETE = Completeness()
_ALLOW = Outcome.ALLOW
_WAITS = frozenset((Outcome.STEP_UP, Outcome.HOLD, Outcome.BLOCK))  # a review lets the money go


def outcome_of(prepared: Prepared, score: Score | ScoreUnavailable, policy: Policy) -> tuple[Outcome, bool]:
    """The strictest of rule hits and score, and whether it only shadows (mode observe).

    A rule that enforces under an observing policy speaks for itself: its outcome is real, everything else is not.
    """
    outcome = _by_score(prepared, score, policy)
    if not prepared.hits:
        return outcome, policy.mode != "enforce"
    if is_allowed(prepared.hits):
        outcome = _ALLOW
    enforced = _ALLOW
    for hit in prepared.hits:
        if hit.shadow:
            continue
        heard = Outcome.parse(hit.outcome)
        outcome = max(outcome, heard)
        if heard > enforced and mode_of(policy, hit) == "enforce":
            enforced = heard
    if policy.mode == "enforce":
        return outcome, False
    return (enforced, False) if enforced > _ALLOW else (outcome, True)


def effect_of(
    prepared: Prepared,
    score: Score | ScoreUnavailable,
    outcome: Outcome,
    shadow: bool,
    policy: Policy,
    *,
    asked: bool = False,
) -> Outcome:
    """What is done about an event for which the strictest voice says `outcome`.

    A review lets money go and people in, and a second factor does not: where one voice asks for a review and another
    for a second factor (`asked`: whatever rules and model say), it waits for the factor, and the case of the review
    opens all the same. Not for what has happened already.
    """
    event = prepared.event
    if outcome is not Outcome.REVIEW or (isinstance(event, Movement) and status_after(event) != PaymentState.SEEN):
        return outcome
    heard = {Outcome.parse(hit.outcome) for hit in counted(prepared.hits, policy, shadow)}
    if shadow or policy.mode == "enforce":
        heard.add(_by_score(prepared, score, policy))
    return Outcome.STEP_UP if asked or Outcome.STEP_UP in heard else outcome


def counted(hits: tuple[Hit, ...], policy: Policy, shadow: bool) -> list[Hit]:
    """The hits that what follows an event may rest on; `shadow`: everything that follows is a trial.

    Where one rule enforces under an observing policy, the others are heard and hurt nobody.
    """
    spoken = [hit for hit in hits if not hit.shadow]
    if shadow or policy.mode == "enforce":
        return spoken
    return [hit for hit in spoken if mode_of(policy, hit) == "enforce"]


def is_stopped(hits: tuple[Hit, ...]) -> bool:
    """Whether a rule alone holds or blocks in earnest."""
    return any(Outcome.parse(hit.outcome) >= Outcome.HOLD and not hit.silenced and not hit.shadow for hit in hits)


def is_attempt(hits: tuple[Hit, ...], policy: Policy) -> bool:
    """Whether rules alone ask for a second factor in earnest, hold or block, so that what it is about may never go."""
    return any(
        Outcome.parse(hit.outcome) in _WAITS
        and not hit.silenced
        and not hit.shadow
        and mode_of(policy, hit) == "enforce"
        for hit in hits
    )


def decision_of(
    prepared: Prepared,
    score: Score | ScoreUnavailable,
    outcome: Outcome,
    shadow: bool,
    policy: Policy,
    ctx: DecideContext,
    expiry: tuple[int, str] | None,
) -> DecisionMade:
    """The record. `expiry` is when a hold or step-up ends and what it becomes then."""
    event = prepared.event
    movement = event if isinstance(event, Movement) else None
    scored = type(score) is Score
    return DecisionMade(
        occurred_at=event.occurred_at,
        decision_id=ids.decision_id(ctx.partition, event.account_id, ids.origin_of(event.source, event.event_id)),
        event_id=event.event_id,
        account_id=event.account_id,
        subject=prepared.subject or SUBJECTS[type(event)],
        subject_id=movement.payment_id if movement is not None else event.event_id,
        outcome=LABELS[outcome],
        shadow=shadow,
        score=score.value if scored else None,  # type: ignore[union-attr]
        score_unavailable=None if scored else score.reason,  # type: ignore[union-attr]
        hits=prepared.hits,
        reasons=_reasons(prepared.hits, score, outcome) if outcome > _ALLOW else (),
        model_id=score.model_id if scored else "rules-only",  # type: ignore[union-attr]
        policy=policy.policy_hash,
        feature_set=FEATURE_SET,
        completeness=_completeness(prepared, ctx),
        amount_minor=movement.amount_minor if movement is not None else None,
        currency=movement.currency if movement is not None else None,
        expires_at=from_ms(expiry[0]) if expiry is not None else None,
        expiry_outcome=expiry[1] if expiry is not None else None,
    )


def shadowed_of(
    prepared: Prepared, score: Score | ScoreUnavailable, decision: DecisionMade, policy: Policy
) -> list[DecisionShadowed]:
    """What every watched model would have made of the event; records only, whatever they say."""
    told = []
    for shadow in score.shadows:
        other = Score(shadow.value, shadow.model_id)
        would = effect_of(prepared, other, *outcome_of(prepared, other, policy), policy)
        told.append(
            DecisionShadowed(
                occurred_at=decision.occurred_at,
                decision_id=decision.decision_id,
                event_id=decision.event_id,
                account_id=decision.account_id,
                subject=decision.subject,
                subject_id=decision.subject_id,
                model_id=shadow.model_id,
                score=shadow.value,
                outcome=LABELS[would],
                decided=decision.outcome,
                policy=decision.policy,
            )
        )
    return told


def expiry_of(outcome: Outcome, at_ms: int, policy: Policy) -> tuple[int, str] | None:
    """When the outcome ends by itself and what it becomes; None for outcomes that are final."""
    if outcome is Outcome.HOLD:
        return at_ms + policy.holds.hold_s * 1000, policy.holds.hold_expiry
    if outcome is Outcome.STEP_UP:
        return at_ms + policy.holds.step_up_s * 1000, policy.holds.step_up_expiry
    return None


def by_score(event: Event, subject: str, score: float, policy: Policy) -> Outcome:
    """What a score alone asks for: what costs least where the policy says so, else what its thresholds say."""
    model = policy.model
    if subject in AT_THE_DOOR:
        return model.login.outcome_of(score)
    if model.decides == "cost" and isinstance(event, Movement):
        found = cheapest(score, event.amount_minor, event.currency, model.costs)
        if found is not None:
            return found
    return model.payment.outcome_of(score)


def _by_score(prepared: Prepared, score: Score | ScoreUnavailable, policy: Policy) -> Outcome:
    match score:
        case Score():
            return by_score(prepared.event, prepared.subject, score.value, policy)
        case ScoreUnavailable():
            return Outcome.REVIEW if policy.model.missing_score == "review" else _ALLOW


def _reasons(hits: tuple[Hit, ...], score: Score | ScoreUnavailable, outcome: Outcome) -> tuple[Reason, ...]:
    """Ranked: the strictest rule first; the model's score when it was heard at all."""
    reasons: dict[str, Reason] = {}
    for hit in sorted((hit for hit in hits if not hit.shadow), key=lambda hit: -Outcome.parse(hit.outcome)):
        # Evidence measures the first reason of its rule (core.rules.base.Fired); the others are facts without a number.
        observed, usual = next(iter(hit.evidence.values()), None), hit.evidence.get("usual")
        for code in hit.reasons:
            if code not in reasons:
                reasons[code] = Reason(code=code, direction="raises", observed=observed, usual=usual)
            observed = usual = None
    if type(score) is Score and all(Outcome.parse(hit.outcome) < outcome for hit in hits if not hit.shadow):
        own = {each.code: Reason(**msgspec.structs.asdict(each)) for each in score.reasons}
        score_itself = Reason(code="R22", direction="raises", observed=score.value)
        reasons = {"R22": score_itself, **own, **{code: each for code, each in reasons.items() if code not in own}}
    elif type(score) is Score:
        for each in score.reasons:
            reasons.setdefault(each.code, Reason(**msgspec.structs.asdict(each)))
    return tuple(reasons.values())[:REASONS_MAX]


def _completeness(prepared: Prepared, ctx: DecideContext) -> Completeness:
    feeds = ctx.feeds
    missing = tuple([feed for feed in FEEDS if feed not in feeds])
    if not missing and prepared.risk_age_s is None:
        return _COMPLETE
    return Completeness(feeds_missing=missing, entity_risk_age_s=prepared.risk_age_s)
