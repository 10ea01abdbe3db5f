"""Does a merchant give back more than others do, or what it never sold?"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities.attacks import MERCHANT_REFUNDS
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.policies import MerchantRefundsPolicy
from streams.core.entities.recent import forget_before, mark, see
from streams.core.entities.threat import ATTACK, Sighting, Threat, follow
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState

SAMPLED: Final = 8  # sales are told by one in so many, refunds all


class Trade(msgspec.Struct, array_like=True):
    """What a merchant sold and gave back lately: at most about 1 KiB, each sale half as much after a half-life."""

    threat: Threat = msgspec.field(default_factory=Threat)
    since_ms: int = 0  # the first that was heard of it
    at_ms: int = 0  # of the counts
    sales: float = 0.0  # that were told
    refunds: float = 0.0
    unsold: float = 0.0  # refunds of payments that were no sale
    accounts: dict[int, int] = {}  # account -> its newest refund, oldest first


def observe_trade(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Refunds of a merchant beside its sales, for the customers of all partitions.

    Asks: how many payments were refunded, how many were sold, and how many of the refunds are of no sale?
    Fires when: refunds of them, which are more than times_usual the usual_share of all sales there can have been, by
    sigmas; or without_sale refunds of payments that failed or that nobody knows, once the merchant is known for warm_s:
    a case F33 of the security queue, which further refunds join while they are too many.
    Blind to: refunds that name no merchant, and those of sales that an account has forgotten.
    Costs: one signal per refunded payment and one for each eighth sale; at most 64 accounts per merchant.
    """
    settings = policy.entities.merchant_refunds
    trade = state.trade
    if trade is None:
        trade = state.trade = Trade(since_ms=at_ms, at_ms=at_ms)
    _age(trade, at_ms, settings)
    if signal.what == "sale":
        trade.sales += 1.0
        return []
    is_unsold = signal.what == "refund_without_sale"
    trade.refunds += 1.0
    trade.unsold += is_unsold and at_ms - trade.since_ms >= settings.warm_s * 1000
    account = mark(signal.account_id)
    is_new = account not in trade.accounts
    see(trade.accounts, account, at_ms)
    refunds, unsold, accounts = round(trade.refunds), round(trade.unsold), len(trade.accounts)
    share = refunds / _most_usual(trade, settings) if refunds >= settings.refunds else 0.0
    load = max(share, unsold / settings.without_sale)
    if not settings.enabled or load < 1.0:
        return []
    seen = Sighting(
        ATTACK,
        min(1.0, load / 2),
        f"{refunds} refunds to {accounts} accounts beside about {round(SAMPLED * trade.sales)} sales, "
        f"{unsold} without a sale",
        accounts,
        refunds,
        unsold,
        is_new,
        failed=is_unsold,
    )
    return follow(state, trade.threat, MERCHANT_REFUNDS, seen, signal, at_ms, settings, policy, ctx)


def _age(trade: Trade, at_ms: int, settings: MerchantRefundsPolicy) -> None:
    left = 0.5 ** ((at_ms - trade.at_ms) / (settings.half_life_s * 1000))
    trade.at_ms = at_ms
    trade.sales, trade.refunds, trade.unsold = trade.sales * left, trade.refunds * left, trade.unsold * left
    forget_before(trade.accounts, at_ms - settings.half_life_s * 1000)


def _most_usual(trade: Trade, settings: MerchantRefundsPolicy) -> float:
    """How many refunds can be usual yet: of as many sales as those that were told allow."""
    sales = SAMPLED * (trade.sales + settings.sigmas * sqrt(trade.sales + 1.0))
    return settings.times_usual * settings.usual_share * sales
