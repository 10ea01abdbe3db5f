"""Which detector sees which signal, and when does an entity's timer fire?

The entities agent has no model and no two steps: a signal is observed, a timer is fired, both answer with effects.
"""

from __future__ import annotations

from typing import assert_never

from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion, FoundAttack
from streams.contracts.signals import CaseActed, EntityBlockAsked, EntityObserved, FeedsTold, HealthBucket
from streams.core.cases import shelf
from streams.core.entities import (
    attacks,
    blocks,
    brute_force,
    card_testing,
    device_resets,
    guess_spray,
    guessing,
    handling,
    lock_caps,
    low_and_slow,
    merchant_faults,
    merchant_refunds,
    promo_abuse,
    risky_terminal,
    site_spray,
    slice_spray,
    social_topic,
)
from streams.core.entities.context import EntityContext, EntityEffect, reference
from streams.core.entities.feeds import FeedWatch, standing, watch_feeds
from streams.core.entities.policies import EntitiesPolicy
from streams.core.entities.state import EntityState
from streams.core.entities.threat import act_on_attack, close_if_quiet
from streams.core.incidents import cases, detector, silence
from streams.core.incidents.counting import count_bucket
from streams.core.incidents.state import HealthCounters
from streams.core.obligations import FINISHED
from streams.core.policy import Policy
from streams.core.risk import BLOCK_KIND

_KEPT_FROM = 3  # names of a network, system, user agent, guess or slice


def observe(
    state: EntityState,
    signal: EntityObserved | EntityBlockAsked | CaseActed | HealthBucket | FeedsTold,
    policy: Policy,
    ctx: EntityContext,
) -> list[EntityEffect]:
    """Folds one signal in and answers with what follows. Signals come in the order of `order_of`.

    One that comes later than its order (a source was silent for longer than the agent waits) counts at the newest time
    seen, so that windows stay sorted. Later than `lateness_s` it is an attempt of another time and counts in no window:
    in a backfill sources are days apart, and the failures of a week, counted as those of a minute, are an attack.
    """
    overdue = signal.at_ms < state.newest_ms - policy.lateness_s * 1000
    if not state.newest_ms and isinstance(signal, EntityObserved):
        state.kind, state.value = signal.kind, signal.value
    if not state.newest_ms and isinstance(signal, EntityBlockAsked):
        state.kind, state.value = BLOCK_KIND, reference(signal.kind, signal.value)
    at_ms = state.newest_ms = max(signal.at_ms, state.newest_ms)
    match signal:
        case EntityObserved() if overdue and signal.what != "label":
            effects = []
        case EntityObserved():
            effects = _observe_entity(state, signal, at_ms, policy, ctx)
        case EntityBlockAsked():
            effects = blocks.observe_block(state, signal, at_ms, policy, ctx)
        case CaseActed():
            effects = _act(state, signal, at_ms, policy, ctx)
        case HealthBucket() if overdue:
            effects = []
        case HealthBucket():
            if state.health is None:
                state.health = HealthCounters()
            count_bucket(state.health, signal, policy.entities.health)
            # Judged when the bucket has ended in all partitions: timers fire before the first signal after it.
            bucket_ms = policy.entities.health.bucket_s * 1000
            state.health.due_ms = (at_ms // bucket_ms + 1) * bucket_ms
            effects = []
        case FeedsTold():
            effects = _observe_feeds(state, signal, at_ms, policy, ctx)
        case _:
            assert_never(signal)
    _shelve(state, effects)
    reschedule(state, policy.entities)
    return effects


def _act(state: EntityState, signal: CaseActed, at_ms: int, policy: Policy, ctx: EntityContext) -> list[EntityEffect]:
    """What a person wants of the case of an incident or an attack."""
    entity = reference(signal.kind, signal.value)
    for part, otherwise in attacks.parts_of(state):
        case = None if part is None else part.threat.case
        if part is not None and case is not None and case.case_id == signal.case_id and not case.joined:
            attack = attacks.BY_TYPOLOGY.get(case.typology, otherwise)
            effects = act_on_attack(part.threat, attack, signal, entity, at_ms, policy)
            _note_end(state, part, signal.finding, at_ms, policy)
            return effects
    if state.reset is not None and state.reset.case_id == signal.case_id:
        effects = device_resets.act(state.reset, signal, entity, at_ms, policy)
        state.reset = None if state.reset.over else state.reset
        return effects
    answered = social_topic.act(state, signal, entity, at_ms, policy, ctx)
    if answered is not None:
        return answered
    if state.health is not None:
        done = cases.act(state.health, signal, entity, at_ms, policy, ctx, state.risk_version + 1)
        if done is not None:
            effects, told = done
            state.risk_version += told
            return effects
    text = "there is no such open incident or attack: it has ended, or is a part of another one"
    return handling.rejected(signal, entity, at_ms, "unknown_case", text)


def _observe_entity(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    match signal.what:
        case "login_failed" | "login_succeeded":
            if signal.kind == "health":
                return site_spray.observe_site_login(state, signal, at_ms, policy, ctx)
            if signal.kind == "guess":
                return guess_spray.observe_same_guess(state, signal, at_ms, policy, ctx)
            if signal.kind == "slice":
                return low_and_slow.observe_slow_login(state, signal, at_ms, policy, ctx)
            if signal.kind in slice_spray.SLICES:
                return slice_spray.observe_slice_login(state, signal, at_ms, policy, ctx)
            if signal.kind == "account":
                return brute_force.observe_guess(state, signal, at_ms, policy, ctx)
            return guessing.observe_attempt(state, signal, at_ms, policy, ctx)
        case "challenge_sent" | "challenge_passed":
            return guessing.observe_attempt(state, signal, at_ms, policy, ctx)
        case "payment" | "payment_failed":
            return card_testing.observe_card_payment(state, signal, at_ms, policy, ctx)
        case "lock":
            return lock_caps.observe_lock(state, signal, at_ms, policy, ctx)
        case "promo_claimed":
            return promo_abuse.observe_claim(state, signal, at_ms, policy, ctx)
        case "sale" | "refund" | "refund_without_sale":
            return merchant_refunds.observe_trade(state, signal, at_ms, policy, ctx)
        case "merchants_fault":
            state.faults = state.faults or merchant_faults.Faults()
            return [*merchant_faults.observe_fault(state.faults, signal, at_ms, policy, ctx)]
        case "posted":
            return social_topic.observe_post(state, signal, at_ms, policy, ctx)
        case "devices_reset":
            return _observe_release(state, signal, at_ms, policy)
        case "label":
            return risky_terminal.observe_label(state, signal, at_ms, policy, ctx)
        case _:
            assert_never(signal.what)


def _observe_release(state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy) -> list[EntityEffect]:
    if state.reset is not None:
        device_resets.goes_on(state.reset, at_ms)
        return []
    state.reset, opened = device_resets.begin(signal, at_ms, policy)
    return [opened]


def _observe_feeds(
    state: EntityState, signal: FeedsTold, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    def next_version() -> int:
        state.risk_version += 1
        return state.risk_version

    if state.feeds is None:
        state.feeds = FeedWatch()
    return watch_feeds(state.feeds, signal, at_ms, next_version, policy, ctx)


def fire(state: EntityState, due_ms: int, policy: Policy, ctx: EntityContext) -> list[EntityEffect]:
    """Effects of the timers that are due at `due_ms`; `next_due_ms` is later afterwards."""
    effects = [
        *risky_terminal.publish_due(state, due_ms, policy, ctx),
        *_quiet(state, due_ms, policy),
        *social_topic.close_if_quiet(state, due_ms, policy, ctx),
        *_look(state, due_ms, policy, ctx),
    ]
    if state.reset is not None and device_resets.due_ms(state.reset) <= due_ms:
        effects.append(device_resets.end(state.reset, due_ms, policy))
        state.reset = None
    _shelve(state, effects)
    due = sorted((ended for ended in state.ended if ended.due_ms <= due_ms), key=shelf.due_of)
    effects += [shelf.drop(state.ended, ended, due_ms) for ended in due]
    reschedule(state, policy.entities)
    return effects


def _quiet(state: EntityState, due_ms: int, policy: Policy) -> list[EntityEffect]:
    """Closes the cases of attacks that are over (F26, F30), each after the time of the detector that opened it."""
    effects: list[EntityEffect] = []
    for part, otherwise in attacks.parts_of(state):
        if part is not None and part.threat.case is not None:
            attack = attacks.BY_TYPOLOGY.get(part.threat.case.typology, otherwise)
            effects += close_if_quiet(part.threat, attack, state.kind, state.value, due_ms, policy)
            _note_end(state, part, None, due_ms, policy)
    return effects


def _note_end(
    state: EntityState, part: attacks.Watched, finding: FoundAttack | None, at_ms: int, policy: Policy
) -> None:
    """A merchant's trade remembers what its case, if that has ended, has told of."""
    if state.trade is not None and part is state.trade and part.threat.case is None:
        merchant_refunds.end(state.trade, finding, at_ms, policy)


def _shelve(state: EntityState, effects: list[EntityEffect]) -> None:
    """Cases that these effects end are remembered until their snapshot goes."""
    for effect in tuple(effects):
        if isinstance(effect, CaseVersion):
            finished = effect.status in FINISHED
            room = shelf.shelve(state.ended, effect.case_id, to_ms(effect.occurred_at), finished=finished)
            if room is not None:
                effects.append(room)


def _look(state: EntityState, due_ms: int, policy: Policy, ctx: EntityContext) -> list[EntityEffect]:
    health = state.health
    if health is None or not health.due_ms or health.due_ms > due_ms:
        return []
    payments = standing(state.feeds, silence.FEED, policy.entities.feeds)
    detector.look(health, due_ms, policy.entities.health, policy.cases.evidence_max, payments)
    effects, told = cases.tell(health, due_ms, policy, ctx, state.risk_version + 1)
    state.risk_version += told
    return effects


def next_due_ms(state: EntityState) -> int | None:
    """When the next timer fires."""
    return state.due_ms or None


def forgets_ms(state: EntityState) -> int | None:
    """From when on the state may be dropped, or None while a timer runs."""
    return None if state.due_ms else state.forget_ms


def reschedule(state: EntityState, policy: EntitiesPolicy) -> None:
    """Sets the next timer and the end of the state's life.

    An address where nothing ever succeeded is dropped half an hour after its last signal: that is all that a flood of
    random addresses leaves behind.
    """
    keep_s = policy.forget_quiet_s
    if state.spray is not None and state.spray.regulars:
        keep_s = policy.forget_s if state.spray.established else policy.forget_success_s
    if state.claims is not None:
        keep_s = max(keep_s, policy.promo_abuse.window_s)
    if state.trade is not None:
        keep_s = max(keep_s, 2 * policy.merchant_refunds.half_life_s)
    if state.faults is not None:
        keep_s = max(keep_s, policy.merchant_faults.every_s)
    if state.topic is not None:
        keep_s = max(keep_s, policy.social_topic.window_s)
    due_ms = 0
    if state.labels is not None:
        keep_s = max(keep_s, policy.risky_terminal.ring_days * 86_400)
        due_ms = state.labels.publish_ms
    if state.target is not None:
        keep_s = max(policy.forget_quiet_s, policy.brute_force.account_window_s)
    elif state.slow is not None:
        several = low_and_slow.kept(state.slow) >= _KEPT_FROM
        keep_s = policy.low_and_slow.days * 86_400 if several else policy.forget_quiet_s
    elif state.site is not None and (state.kind in slice_spray.SLICES or state.kind == "guess"):
        # A flood of made-up user agents is forgotten like one of addresses; where several names failed, a day counts.
        keep_s = policy.slice_attack.slow_window_s if len(state.site.failed) >= _KEPT_FROM else policy.forget_quiet_s
        if state.burst is not None and len(state.burst.entered) >= _KEPT_FROM:
            keep_s = max(keep_s, policy.credential_burst.window_s)
    elif any(part is not None for part in (state.site, state.health, state.feeds, state.lock_counts)):
        keep_s = policy.forget_s
    expires_ms = state.risk_expires_ms
    for part in (state.spray, state.testing, state.site, state.target, state.slow, state.claims, state.trade):
        if part is None:
            continue
        threat = part.threat
        expires_ms = max(expires_ms, threat.expires_ms)
        if threat.case is not None:
            due_ms = min(due_ms, threat.case.close_due_ms) if due_ms else threat.case.close_due_ms
    if state.trade is not None:
        expires_ms = max(expires_ms, state.trade.rests_until_ms)
    if state.topic is not None and state.topic.case is not None:
        quiet_ms = state.topic.case.close_due_ms
        due_ms = min(due_ms, quiet_ms) if due_ms else quiet_ms
    if state.reset is not None:
        reset_ms = device_resets.due_ms(state.reset)
        due_ms = min(due_ms, reset_ms) if due_ms else reset_ms
    for ended in state.ended:
        due_ms = min(due_ms, ended.due_ms) if due_ms else ended.due_ms
    if state.health is not None and state.health.due_ms:
        due_ms = min(due_ms, state.health.due_ms) if due_ms else state.health.due_ms
    state.due_ms = due_ms
    # Not before what was published has expired: a state that starts again also starts its versions again.
    state.forget_ms = max(state.newest_ms + keep_s * 1000, expires_ms + 1)
