"""Does a merchant give back more than others do, or what it never sold?"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final

import msgspec

from streams.contracts.cases import FoundAttack
from streams.contracts.signals import EntityObserved
from streams.core.entities.attacks import MERCHANT_REFUNDS
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.policies import MerchantRefundsPolicy
from streams.core.entities.recent import mark, see
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
    accounts: dict[int, int] = {}  # account -> its newest refund, oldest first; emptied when a case has told of them
    told_refunds: float = 0.0  # what cases that have ended told of: of `refunds` ...
    told_unsold: float = 0.0  # ... and of `unsold`
    rests_until_ms: int = 0  # people have found it honest as it was: so long it has to become worse
    honest_share: float = 0.0  # of refunds among its sales when they found that ...
    honest_unsold: float = 0.0  # ... and of those without a sale


def observe_trade(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Refunds of a merchant beside its sales, for the customers of all partitions.

    Asks: how many payments were refunded, how many were sold, and how many of the refunds are of no sale?
    Fires when: refunds of them, which are more than times_usual the usual_share of all sales there can have been, by
    sigmas; or without_sale refunds of payments that failed or that nobody knows, which are more than unsold_share of
    those sales: a case F33 of the security queue, which further refunds join while they are too many. What a case has
    told of opens no other. A merchant that people find to be a false alarm rests for rest_s: so long its refunds are
    too many only at times_worse the share that they were then.
    Blind to: refunds that name no merchant; those of what was never sold, or before anybody listened, until the
    merchant is known for warm_s; and those of sales that an account has forgotten.
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
    if is_unsold and at_ms - trade.since_ms < settings.warm_s * 1000:
        return []  # its sale may have been before anybody listened
    trade.refunds += 1.0
    trade.unsold += is_unsold
    account = mark(signal.account_id)
    is_new = account not in trade.accounts
    see(trade.accounts, account, at_ms)
    refunds, unsold = round(trade.refunds - trade.told_refunds), round(trade.unsold - trade.told_unsold)
    most, most_unsold = _most_usual(trade, at_ms, settings)
    share = refunds / most if refunds >= settings.refunds else 0.0
    load = max(share, unsold / most_unsold if is_unsold else 0.0)  # a refund of a sale is none of what was never sold
    if not settings.enabled or load < 1.0:
        return []
    accounts = round(sum(_weight(at_ms - newest_ms, settings) for newest_ms in trade.accounts.values()))
    seen = Sighting(
        ATTACK,
        min(1.0, load / 2),
        f"{refunds} refunds to {accounts} accounts beside about {round(SAMPLED * trade.sales)} sales, "
        f"{unsold} without a sale; each counts half after {settings.half_life_s} s",
        accounts,
        refunds,
        unsold,
        is_new,
        failed=is_unsold,
    )
    return follow(state, trade.threat, MERCHANT_REFUNDS, seen, signal, at_ms, settings, policy, ctx)


def end(trade: Trade, finding: FoundAttack | None, at_ms: int, policy: Policy) -> None:
    """Its case has ended: what that has told of opens no other, and a merchant that is found honest rests."""
    settings = policy.entities.merchant_refunds
    _age(trade, at_ms, settings)
    if finding == "false_alarm":
        sales = max(1.0, SAMPLED * trade.sales)
        trade.honest_share, trade.honest_unsold = trade.refunds / sales, trade.unsold / sales
        trade.rests_until_ms = at_ms + settings.rest_s * 1000
        trade.told_refunds = trade.told_unsold = 0.0  # they are what it is measured by now
        return
    trade.told_refunds, trade.told_unsold = trade.refunds, trade.unsold
    trade.accounts = {}
    if finding is not None:
        trade.rests_until_ms = 0


def _age(trade: Trade, at_ms: int, settings: MerchantRefundsPolicy) -> None:
    left = _weight(at_ms - trade.at_ms, settings)
    trade.at_ms = at_ms
    trade.sales, trade.refunds, trade.unsold = trade.sales * left, trade.refunds * left, trade.unsold * left
    trade.told_refunds, trade.told_unsold = trade.told_refunds * left, trade.told_unsold * left


def _weight(age_ms: int, settings: MerchantRefundsPolicy) -> float:
    """How much counts what was so long ago."""
    return float(0.5 ** (age_ms / (settings.half_life_s * 1000)))


def _most_usual(trade: Trade, at_ms: int, settings: MerchantRefundsPolicy) -> tuple[float, float]:
    """How many refunds, and how many without a sale, can be usual yet: of as many sales as the told ones allow."""
    sales = SAMPLED * (trade.sales + settings.sigmas * sqrt(trade.sales + 1.0))
    share, unsold = settings.times_usual * settings.usual_share, settings.unsold_share
    if at_ms < trade.rests_until_ms:
        share = max(share, settings.times_worse * trade.honest_share)
        unsold = max(unsold, settings.times_worse * trade.honest_unsold)
    return share * sales, max(settings.without_sale, unsold * sales)
