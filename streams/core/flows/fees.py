"""Was a fee higher than its tariff (F46)? Then the difference goes back."""

from __future__ import annotations

from streams.contracts.payments import FeeCharged
from streams.core.cases.book import Draft, open_or_join
from streams.core.cases.timeline import attach
from streams.core.library import tariff_word
from streams.core.messages.notify import notify
from streams.core.messages.render import money
from streams.core.money import charges, refunds
from streams.core.obligations import Line, Owed
from streams.core.turn import Turn

UNKNOWN_TARIFF = "integration.unknown_tariff"


def charged(turn: Turn, event: FeeCharged) -> None:
    """Compares the fee with what its tariff allows. A tariff that nobody knows is a question for whoever integrates."""
    attach(turn, event)
    if event.tariff_id is None:
        return
    tariff = turn.ctx.library.tariffs.get(event.tariff_id)
    if tariff is None:
        _unknown(turn, event, event.tariff_id)
        return
    base_minor = event.base_minor if event.base_minor is not None else charges.amount_of(turn, event.payment_id)
    most_minor = tariff.most_minor(base_minor)
    if tariff.currency != event.currency or most_minor is None or event.amount_minor <= most_minor:
        return
    excess, currency = event.amount_minor - most_minor, event.currency
    # A fee of no payment is a movement of its own, under its own id.
    about = event.payment_id or event.fee_id
    text = f"fee {event.fee_id}: {money(event.amount_minor, currency)}, tariff {tariff.tariff} allows"
    case = open_or_join(
        turn,
        Draft(
            case_type=refunds.FEE,
            flow="F46",
            family=refunds.FEE,
            queue="accounting",
            priority=3,
            lines=(
                Line(
                    turn.at_ms,
                    "fee_above_tariff",
                    turn.cause,
                    f"{text} {money(most_minor, currency)}"[:160],
                    excess,
                    currency,
                ),
            ),
            payment_id=about,
            by_payment=True,
            amount_minor=excess,
            currency=currency,
            money_state="moved",
        ),
    )
    owed = Owed(about, event.event_id, excess, currency, turn.at_ms, refunds.FEE)
    owed.line = charges.hashed(f"{event.source} fee {event.fee_id}")
    refunds.owe(turn, owed)
    told = {
        "fee": money(event.amount_minor, currency),
        "tariff": tariff_word(tariff.tariff),
        "difference": money(excess, currency),
        "case_id": case.case_id,
    }
    if refunds.give_back(turn, owed) is not None:
        notify(turn, refunds.FEE, told, case)


def _unknown(turn: Turn, event: FeeCharged, tariff_id: str) -> None:
    if not turn.ctx.samples.take("tariff", tariff_id, turn.at_ms):
        return
    text = f"fee {event.fee_id} names tariff {tariff_id}, which no table has"[:160]
    open_or_join(
        turn,
        Draft(
            case_type=UNKNOWN_TARIFF,
            flow="F46",
            family=UNKNOWN_TARIFF,
            queue="technical",
            priority=3,
            lines=(Line(turn.at_ms, "unknown_tariff", turn.cause, text, event.amount_minor, event.currency),),
        ),
    )
