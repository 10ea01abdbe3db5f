"""What do signals look like, and how are they played to one entity with its timers, as the agent does?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import count

import msgspec

from streams.adapters.policy_file import default_text
from streams.contracts.actions import ActionRequested
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.signals import CaseActed, EntityObserved, EntityRisk, FeedsTold
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.pipeline import fire, next_due_ms, observe
from streams.core.entities.state import EntityState
from streams.core.policy import Policy, parse_policy

# 2026-01-05T00:00:00Z, a Monday.
START_MS = 1_767_571_200_000

_numbers = count()


@cache
def policy(text: str = "") -> Policy:
    """The default policy, enforcing, with `text` over it."""
    return parse_policy(default_text(), 'mode = "enforce"', text)


def login(user: str, at_s: float, ok: bool = False, *, known: bool = True, **fields: object) -> EntityObserved:
    return _signal(
        at_s, what="login_succeeded" if ok else "login_failed", account_id=user, username=user, known=known, **fields
    )


def asked(account: str, at_s: float, **fields: object) -> EntityObserved:
    """A second factor that was asked for."""
    return _signal(at_s, what="challenge_sent", account_id=account, **fields)


def passed(account: str, at_s: float, **fields: object) -> EntityObserved:
    """A second factor that was right."""
    return _signal(at_s, what="challenge_passed", account_id=account, **fields)


def card(token: str, at_s: float, refused: bool = False, amount_minor: int = 100, **fields: object) -> EntityObserved:
    return _signal(
        at_s,
        what="payment_failed" if refused else "payment",
        card_token=token,
        amount_minor=amount_minor,
        currency="USD",
        **fields,
    )


def claim(account: str, at_s: float) -> EntityObserved:
    """A promotion that an account claimed on the device `shared`."""
    return _signal(at_s, what="promo_claimed", kind="device", value="shared", account_id=account)


def sale(at_s: float, account: str = "ada") -> EntityObserved:
    """A sale of `shop` that is told; as many as `merchant_refunds.SAMPLED` are."""
    return _signal(at_s, what="sale", kind="merchant", value="shop", account_id=account)


def refund(at_s: float, account: str = "ada", *, sold: bool = True) -> EntityObserved:
    """The first word of a refund by `shop`."""
    what = "refund" if sold else "refund_without_sale"
    return _signal(at_s, what=what, kind="merchant", value="shop", account_id=account)


def failed_by_shop(at_s: float, cause: str = "merchant_config_error") -> EntityObserved:
    """A payment that only `shop` can have mended."""
    told = {"payment_id": f"p{at_s:g}", "cause": cause, "code": "wechatpay_v3 NO_AUTH", "account_id": "ada"}
    return _signal(at_s, what="merchants_fault", kind="merchant", value="shop", **told)


def posted(account: str, at_s: float, reach: int = 100, **fields: object) -> EntityObserved:
    """A public post about a fee."""
    told = {"kind": "topic", "value": "fee_issue", "event_id": f"post-{account}-{at_s:g}"} | fields
    return _signal(at_s, what="posted", account_id=account, reach=reach, **told)


def label(fraud: bool, at_s: float, subject_s: float, **fields: object) -> EntityObserved:
    return _signal(at_s, what="label", fraud=fraud, subject_at_ms=START_MS + int(subject_s * 1000), **fields)


def _signal(at_s: float, **fields: object) -> EntityObserved:
    number = next(_numbers)
    given: dict[str, object] = {
        "at_ms": START_MS + int(at_s * 1000),
        "partition": 0,
        "sequence": number,
        "kind": "ip",
        "value": "203.0.113.7",
        "event_id": f"event-{at_s:g}",
        "account_id": "account",
    }
    return EntityObserved(**(given | fields))  # type: ignore[arg-type]


class Entity:
    """One entity under observation; its state goes through bytes after every play, as a changelog would do."""

    def __init__(self, policy: Policy, barrier_s: int | None = None) -> None:
        self.policy = policy
        self.state: EntityState = EntityState()
        self.barrier_s = barrier_s
        self.now_ms: int | None = None  # None: effects are never too old
        self.effects: list[EntityEffect] = []

    def play(self, signals: Iterable[EntityObserved | CaseActed | FeedsTold]) -> list[EntityEffect]:
        """Observes signals, firing what is due before each; the effects of these signals."""
        before = len(self.effects)
        for signal in signals:
            self.fire_until(signal.at_ms)
            self.effects += observe(self.state, signal, self.policy, self._context(signal.at_ms))
        self.state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.state), type=EntityState)
        return self.effects[before:]

    def wait(self, until_s: float) -> list[EntityEffect]:
        """Fires what is due until then."""
        before = len(self.effects)
        self.fire_until(START_MS + int(until_s * 1000))
        return self.effects[before:]

    def fire_until(self, at_ms: int) -> None:
        while (due_ms := next_due_ms(self.state)) is not None and due_ms <= at_ms:
            self.effects += fire(self.state, due_ms, self.policy, self._context(due_ms))
            later = next_due_ms(self.state)
            assert later is None or later > due_ms, "a timer that does not move on would fire for ever"

    @property
    def risks(self) -> list[EntityRisk]:
        return [effect for effect in self.effects if isinstance(effect, EntityRisk)]

    @property
    def cases(self) -> list[CaseVersion]:
        return [effect for effect in self.effects if isinstance(effect, CaseVersion)]

    @property
    def actions(self) -> list[ActionRequested]:
        return [effect for effect in self.effects if isinstance(effect, ActionRequested)]

    @property
    def notifications(self) -> list[NotificationRequested]:
        return [effect for effect in self.effects if isinstance(effect, NotificationRequested)]

    @property
    def size(self) -> int:
        return len(msgspec.msgpack.encode(self.state))

    def _context(self, at_ms: int) -> EntityContext:
        now_ms = at_ms if self.now_ms is None else self.now_ms
        return EntityContext(partition=0, partitions=4, now_ms=now_ms, barrier_s=self.barrier_s)
