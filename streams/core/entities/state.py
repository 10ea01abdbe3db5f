"""What is remembered of one entity, and which detector sees what?

One struct for every kind: the parts that a kind does not need are None and cost one byte. The format number and the
next due time come first, and fields only append.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from streams.contracts.signals import EntityKind, EntityObserved, HealthBucket
from streams.core.entities import card_testing, password_spray, risky_terminal, site_spray
from streams.core.entities.card_testing import CardTesting
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.health import HealthCounters, count_bucket
from streams.core.entities.password_spray import Spray
from streams.core.entities.risky_terminal import LabelRing
from streams.core.entities.site_spray import SiteSpray
from streams.core.policy import Policy

FORMAT = 1


class EntityState(msgspec.Struct, array_like=True):
    """Everything known about one entity; at most about 16 KiB, typically below 200 bytes.

    `observe` and `fire` change it; nobody else does.
    """

    format: int = FORMAT
    due_ms: int = 0  # the next timer; 0 = none
    kind: EntityKind = "ip"
    value: str = ""
    newest_ms: int = 0
    risk_version: int = 0
    risk_expires_ms: int = 0
    spray: Spray | None = None
    testing: CardTesting | None = None
    labels: LabelRing | None = None
    site: SiteSpray | None = None
    health: HealthCounters | None = None


def new_state(key: bytes) -> EntityState:
    """The state of an entity that is seen for the first time; `key` is kind/value, or `health` alone."""
    kind, _, value = key.decode().partition("/")
    return EntityState(kind=msgspec.convert(kind, EntityKind), value=value)


def observe(
    state: EntityState, signal: EntityObserved | HealthBucket, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Folds one signal in and answers with what follows. Signals come in the order of `order_of`.

    One that comes later than its order (a source was silent for longer than the agent waits) counts at the newest time
    seen, so that windows stay sorted.
    """
    at_ms = state.newest_ms = max(signal.at_ms, state.newest_ms)
    match signal:
        case EntityObserved():
            effects = _observe_entity(state, signal, at_ms, policy, ctx)
        case HealthBucket():
            if state.health is None:
                state.health = HealthCounters()
            count_bucket(state.health, signal, policy.entities.health)
            effects = []
        case _:
            assert_never(signal)
    _set_due(state)
    return effects


def _observe_entity(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    match signal.what:
        case "login_failed" | "login_succeeded":
            if signal.kind == "health":
                return site_spray.observe_site_login(state, signal, at_ms, policy, ctx)
            return password_spray.observe_login(state, signal, at_ms, policy, ctx)
        case "payment" | "payment_failed":
            return card_testing.observe_card_payment(state, signal, at_ms, policy, ctx)
        case "label":
            return risky_terminal.observe_label(state, signal, at_ms, policy, ctx)
        case _:
            assert_never(signal.what)


def fire(state: EntityState, due_ms: int, policy: Policy, ctx: EntityContext) -> list[EntityEffect]:
    """Effects of the timers that are due at `due_ms`; `next_due_ms` is later afterwards."""
    effects = [
        *risky_terminal.publish_due(state, due_ms, policy, ctx),
        *password_spray.quiet(state, due_ms, policy),
        *site_spray.quiet(state, due_ms, policy),
        *card_testing.quiet(state, due_ms, policy),
    ]
    _set_due(state)
    return effects


def next_due_ms(state: EntityState) -> int | None:
    """When the next timer fires."""
    return state.due_ms or None


def forgets_ms(state: EntityState, policy: Policy) -> int | None:
    """From when on the state may be dropped, or None while a timer runs.

    An address where nothing ever succeeded is dropped half an hour after its last signal: that is all that a flood of
    random addresses leaves behind.
    """
    if state.due_ms:
        return None
    settings = policy.entities
    keep_s = settings.forget_quiet_s
    if state.spray is not None and state.spray.regulars:
        keep_s = settings.forget_s if state.spray.established else settings.forget_success_s
    if state.labels is not None:
        keep_s = max(keep_s, settings.risky_terminal.ring_days * 86_400)
    if state.site is not None or state.health is not None:
        keep_s = settings.forget_s
    expires_ms = state.risk_expires_ms
    for part in (state.spray, state.testing, state.site):
        if part is not None:
            expires_ms = max(expires_ms, part.threat.expires_ms)
    # Not before what was published has expired: a state that starts again also starts its versions again.
    return max(state.newest_ms + keep_s * 1000, expires_ms + 1)


def _set_due(state: EntityState) -> None:
    due_ms = 0
    if state.labels is not None:
        due_ms = state.labels.publish_ms
    for part in (state.spray, state.testing, state.site):
        if part is not None and part.threat.case is not None:
            close_ms = part.threat.case.close_due_ms
            due_ms = min(due_ms, close_ms) if due_ms else close_ms
    state.due_ms = due_ms
