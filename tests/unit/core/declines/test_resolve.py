from __future__ import annotations

import pytest

from streams.contracts.payments import Code
from streams.core.declines.profiles import packaged_profiles
from streams.core.declines.resolve import resolve, speakers
from streams.core.declines.table import packaged
from streams.core.library import read_library

TABLE, PROFILES = packaged(), packaged_profiles()
ISO = "iso8583_1987"


def answer(*codes: tuple[str, str], network: str | None = None) -> tuple[str, str]:
    resolved = resolve(TABLE, PROFILES, [Code(source=source, code=code) for source, code in codes], network)
    return resolved.cause.cause, resolved.rank


@pytest.mark.parametrize(
    ("codes", "network", "wanted"),
    [
        (
            [(ISO, "51"), ("stripe", "expired_card"), ("mastercard_mac", "03")],
            "mastercard",
            ("do_not_retry", "network_advice"),
        ),
        ([(ISO, "51"), ("stripe", "expired_card")], "mastercard", ("expired_card", "gateway")),
        ([("stripe", "generic_decline"), ("visa", "14")], "visa", ("invalid_card_number", "network_advice")),
        ([(ISO, "51")], None, ("insufficient_funds", "iso8583")),
        ([("ISO8583_1987", "82")], "visa", ("incorrect_cvv", "iso8583")),
        ([("Stripe", "expired_card")], None, ("expired_card", "gateway")),
        ([(ISO, "82")], "visa", ("incorrect_cvv", "iso8583")),
        ([(ISO, "82")], "mastercard", ("issuer_policy", "iso8583")),
        ([(ISO, "82")], None, ("unknown_error", "none")),
        ([(ISO, "82")], "another", ("unknown_error", "none")),
        ([("stripe", "a new one")], None, ("unknown_error", "none")),
        ([("stripe", "a new one"), (ISO, "51")], None, ("insufficient_funds", "iso8583")),
        ([("mastercard_mac", "40"), (ISO, "51")], "mastercard", ("insufficient_funds", "iso8583")),
        ([(ISO, "00")], None, ("unknown_error", "none")),
        ([(ISO, "10")], None, ("approved_partial", "iso8583")),
        ([("alipay", "ACQ.TRADE_HAS_SUCCESS")], None, ("already_paid", "gateway")),
        ([("alipay", "ACQ.TRADE_HAS_SUCCESS"), (ISO, "51")], None, ("insufficient_funds", "iso8583")),
        ([], None, ("unknown_error", "none")),
    ],
)
def test_the_order_of_look_ups(codes: list[tuple[str, str]], network: str | None, wanted: tuple[str, str]) -> None:
    assert answer(*codes, network=network) == wanted
    assert answer(*reversed(codes), network=network) == wanted


def test_what_nobody_knows_is_named() -> None:
    resolved = resolve(TABLE, PROFILES, [Code(source="stripe", code="x"), Code(source="zzz", code="1")], None)
    assert [code.code for code in resolved.unknown] == ["x", "1"]


def test_a_network_that_says_never_is_heard_whoever_names_the_cause() -> None:
    codes = [Code(source="stripe", code="card_velocity_exceeded"), Code(source=ISO, code="14")]
    assert resolve(TABLE, PROFILES, codes, "visa").forbidden
    assert not resolve(TABLE, PROFILES, codes, None).forbidden


@pytest.mark.parametrize(
    ("code", "advice", "verdict"),
    [
        ("79", "01", "after_fix"),
        ("82", "24", "later"),
        ("79", "03", "never"),
        ("83", "40", "never"),
        ("79", "", "never"),
    ],
)
def test_mastercard_s_advice_decides_what_becomes_of_the_response_codes_it_comes_with(
    code: str, advice: str, verdict: str
) -> None:
    """Domain 2.3.3; a remark about the card (40) is no advice."""
    codes = [Code(source=ISO, code=code), *([Code(source="mastercard_mac", code=advice)] if advice else [])]
    resolved = resolve(TABLE, PROFILES, codes, "mastercard")
    assert resolved.entry is not None
    assert ("never" if resolved.forbidden else resolved.entry.retryable) == verdict


def test_the_deployment_comes_first() -> None:
    library = read_library({"codes.csv": "source,code,cause,meaning\nstripe,expired_card,issuer_unavailable,ours\n"})
    codes = [Code(source="mastercard_mac", code="03"), Code(source="stripe", code="expired_card")]
    resolved = resolve(library.table, library.profiles, codes, "mastercard")
    assert (resolved.cause.cause, resolved.rank) == ("issuer_unavailable", "deployment")


def test_device_wallets_let_the_network_speak() -> None:
    heard = speakers(PROFILES, "apple_pay", "visa", "stripe", [])
    assert [profile.id for profile in heard] == ["visa", "apple_pay", "stripe"]
    assert [cap.attempts for profile in heard for cap in profile.retry] == [15, 8]
