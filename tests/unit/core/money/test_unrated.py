from __future__ import annotations

from support.happenings import DAY, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.base import Event
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import FeeCharged
from streams.core.money.unrated import UNRATED

LISTED = """
[[money.rates]]
effective_at = 1970-01-01T00:00:00Z
per_unit = { USD = 1.0, CNY = 7.1 }
[[money.rates]]
effective_at = 2026-04-02T12:00:00Z
per_unit = { USD = 1.0, CNY = 7.1, SEK = 9.4 }
"""


def asked(player: Player, *events: Event) -> list[CaseVersion]:
    effects = [effect for each in events for effect in player.see(each)]
    assert not [each for each in effects if isinstance(each, NotificationRequested)]
    return [
        each for each in effects if isinstance(each, CaseVersion) and (each.case_type, each.version) == (UNRATED, 1)
    ]


def seen(at_ms: int, number: int, currency: str, **fields: object) -> Event:
    return paid(at_ms, number, currency=currency, **fields)


def test_the_first_movement_in_a_currency_without_a_rate_is_a_case_that_names_it() -> None:
    player = Player(policy())
    (case,) = asked(player, seen(NOON, 1, "SEK"))
    assert (case.queue, case.flow, case.priority) == ("technical", "F11", "P3")
    (line,) = [each for each in case.evidence if each.kind == "unrated_currency"]
    assert "no rate for SEK" in line.text
    assert "add it to money.rates" in line.text
    again = [seen(NOON + number * SECOND, number, "SEK", account_id=f"a{number}") for number in range(2, 6)]
    assert asked(player, *again) == []
    assert len(asked(player, seen(NOON + 2 * SECOND, 9, "PLN", account_id="b"))) == 1
    assert len(asked(player, seen(NOON + 7 * DAY, 10, "SEK", account_id="c"))) == 1


def test_what_no_list_of_currencies_has_is_one_case_however_many_there_are() -> None:
    player = Player(policy())
    codes = [seen(NOON + number * SECOND, number, f"Q{chr(65 + number)}X") for number in range(9)]
    (case,) = asked(player, *codes)
    assert any("mend the producer" in each.text for each in case.evidence)


def test_a_fee_counts_as_well() -> None:
    fee = event(FeeCharged, NOON, 1, fee_id="f", amount_minor=9, currency="SEK", tariff_id="wechat_pay_withdrawal")
    assert len(asked(Player(policy()), fee)) == 1


def test_the_table_in_force_at_the_event_says_which_currencies_have_a_rate() -> None:
    player = Player(policy(LISTED))
    assert asked(player, seen(NOON + DAY, 1, "SEK"), seen(NOON + DAY, 2, "CNY")) == []
    player = Player(policy(LISTED))
    assert len(asked(player, seen(NOON + DAY - SECOND, 1, "SEK"))) == 1
