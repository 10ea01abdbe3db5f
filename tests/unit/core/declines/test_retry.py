from __future__ import annotations

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, paid

from streams.contracts.base import from_ms
from streams.contracts.payments import Code, PaymentFailed
from streams.contracts.triage import RetryAdvice
from streams.core.declines.profiles import CAP_MOST, packaged_profiles
from streams.core.declines.resolve import resolve, speakers
from streams.core.declines.retry import INSTRUMENTS_MAX, Instrument, advice, declined, succeeded
from streams.core.declines.table import packaged

PROFILES, TABLE = packaged_profiles(), packaged()


class Card:
    """One card that is declined again and again."""

    def __init__(self, network: str, source: str, code: str) -> None:
        self.network, self.codes = network, (Code(source=source, code=code),)
        self.instruments: list[Instrument] = []

    def decline(self, at_ms: int, number: int, codes: tuple[Code, ...] = ()) -> RetryAdvice:
        codes = codes or self.codes
        event = paid(at_ms, number, kind=PaymentFailed, card_token="tok", network=self.network, codes=codes)
        resolved = resolve(TABLE, PROFILES, codes, self.network)
        instrument = declined(self.instruments, event, at_ms, never=resolved.forbidden)
        return advice(resolved, instrument, speakers(PROFILES, "card", self.network, None, codes), at_ms)


def test_visa_allows_fifteen_reattempts_in_thirty_days() -> None:
    card = Card("visa", "iso8583_1987", "05")  # do_not_honor: not before a day has passed
    told = [card.decline(NOON + number * DAY, number) for number in range(16)]
    assert told[14].not_before == from_ms(NOON + 15 * DAY)
    # The sixteenth attempt was the fifteenth reattempt: the next may come when the first reattempt is a month old.
    assert (told[15].attempts_left, told[15].because) == (0, "budget_used")
    assert told[15].not_before == from_ms(NOON + 31 * DAY)
    assert card.decline(NOON + 60 * DAY, 99).not_before == from_ms(NOON + 61 * DAY)


def test_mastercard_counts_every_decline_of_a_day_and_of_a_month() -> None:
    card = Card("mastercard", "iso8583_1987", "05")
    day = [card.decline(NOON + number * MINUTE, number) for number in range(9)]
    assert day[8].not_before == from_ms(NOON + 8 * MINUTE + DAY)
    card = Card("mastercard", "iso8583_1987", "91")  # issuer_unavailable: not before a minute has passed
    day = [card.decline(NOON + number * MINUTE, number) for number in range(10)]
    assert day[8].not_before == from_ms(NOON + 9 * MINUTE)
    assert day[9].not_before == from_ms(NOON + DAY)
    month = [card.decline(NOON + (2 + number) * DAY, 20 + number) for number in range(25)]
    assert month[23].not_before == from_ms(NOON + 25 * DAY + MINUTE)
    assert month[24].not_before == from_ms(NOON + 30 * DAY)


def test_stripe_allows_eight() -> None:
    card = Card("visa", "stripe", "processing_error")
    told = [card.decline(NOON + number * HOUR, number) for number in range(8)]
    assert (told[7].attempts_left, told[7].not_before) == (0, from_ms(NOON + 30 * DAY))


@pytest.mark.parametrize("code", ["04", "14", "41", "R0"])
def test_a_never_of_visa_holds_for_every_later_attempt(code: str) -> None:
    card = Card("visa", "iso8583_1987", code)
    assert card.decline(NOON, 1).verdict == "never"
    again = card.decline(NOON + DAY, 2, (Code(source="iso8583_1987", code="51"),))
    assert (again.verdict, again.because) == ("never", "never_list")


def test_a_success_begins_anew() -> None:
    card = Card("visa", "iso8583_1987", "04")
    card.decline(NOON, 1)
    succeeded(card.instruments, paid(NOON + HOUR, 2, card_token="tok"))
    told = card.decline(NOON + DAY, 3, (Code(source="iso8583_1987", code="51"),))
    assert (told.verdict, told.attempts_left) == ("after_fix", 4)


def test_advice_codes_say_when() -> None:
    card = Card("mastercard", "mastercard_mac", "26")
    told = card.decline(NOON, 1)
    assert (told.verdict, told.not_before, told.because) == ("later", from_ms(NOON + 2 * DAY), "network_rule")


def test_own_budget_of_a_cause_runs_out() -> None:
    card = Card("unionpay", "iso8583_1987", "05")  # do_not_honor: two automatic attempts in a month
    left = [card.decline(NOON + number * DAY, number).attempts_left for number in range(4)]
    assert left == [2, 1, 0, 0]


def test_other_cards_push_out_last_what_a_network_never_wants_to_see_again() -> None:
    card = Card("visa", "iso8583_1987", "41")
    card.decline(NOON, 0)
    for number in range(1, 2 * INSTRUMENTS_MAX):
        other = paid(NOON, number, kind=PaymentFailed, card_token=f"other{number}")
        declined(card.instruments, other, NOON + number * MINUTE, never=False)
    assert card.decline(NOON + HOUR, 99, (Code(source="iso8583_1987", code="51"),)).verdict == "never"


def test_what_is_remembered_is_bounded() -> None:
    instruments: list[Instrument] = []
    for number in range(500):
        event = paid(NOON, number, kind=PaymentFailed, card_token=f"tok{number % 9}")
        declined(instruments, event, NOON + number * MINUTE, never=False)
    assert len(instruments) == INSTRUMENTS_MAX
    assert max(len(instrument.minutes) for instrument in instruments) <= CAP_MOST + 1
