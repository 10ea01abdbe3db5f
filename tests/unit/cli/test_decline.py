from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli.decline import decline
from streams.core.tables import TableError


def told(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(decline, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_a_code_is_explained_in_both_languages() -> None:
    answer = told("iso8583_1987", "51", "--network", "visa")
    assert answer["cause"] == "insufficient_funds"
    assert answer["caps"] == [{"attempts": 15, "window_s": 2_592_000, "counts": "reattempts"}]
    retry = answer["retry"]
    assert isinstance(retry, dict)
    assert retry["en"].startswith("after the cause is mended, not before 1 day, at most 4 automatic")
    assert "1天" in retry["zh"]


def test_advice_goes_before_the_code() -> None:
    assert told("iso8583_1987", "51", "--network", "mastercard", "--advice", "03")["retryable"] == "never"
    assert told("stripe", "expired_card", "--advice", "try_again_later")["cause"] == "retry_later_advised"


def test_an_unknown_code_is_not_guessed() -> None:
    result = CliRunner().invoke(decline, ["stripe", "insufficient_fund"])
    assert result.exit_code == 0
    assert "unknown_error" in result.stdout
    assert "insufficient_funds" in result.stderr


@pytest.mark.parametrize(
    ("source", "code", "network", "meant"),
    [
        ("iso8583_1987", "5", None, "05"),
        ("iso8583_1987", "5", "visa", "05"),
        ("mastercard_mac", "3", None, "03"),
    ],
)
def test_a_code_that_has_lost_its_zeros_is_named_with_them(
    source: str, code: str, network: str | None, meant: str
) -> None:
    result = CliRunner().invoke(decline, [source, code, *(("--network", network) if network else ())])
    assert f"did you mean {meant}?" in result.stderr


def test_the_source_may_be_in_capitals_as_a_worker_reads_it() -> None:
    assert told("Stripe", "insufficient_funds")["cause"] == "insufficient_funds"


def test_private_codes_need_their_network() -> None:
    assert "give --network" in CliRunner().invoke(decline, ["iso8583_1987", "82"]).stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["strip", "x"], "did you mean stripe?"),
        (["visa", "51", "--network", "vsa"], "There is no network 'vsa'"),
        (["alipay", "X", "--advice", "01"], "--advice needs"),
    ],
)
def test_mistakes_are_one_sentence(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(decline, arguments)
    assert result.exit_code == 64
    assert sentence in result.output


def test_lists() -> None:
    assert "wechatpay_v3" in CliRunner().invoke(decline, ["--list"]).output
    assert "insufficient_funds" in CliRunner().invoke(decline, ["visa", "--list"]).output


def test_an_overlay_is_read_and_its_mistakes_are_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("what this is")
    (tmp_path / "codes.csv").write_text("source,code,cause,meaning\nacme,E1,expired_card,ours\n")
    assert told("acme", "E1", "--overlay", str(tmp_path))["rank"] == "deployment"
    (tmp_path / "codes.csv").write_text("source,code,cause,meaning\nacme,E1,expird,ours\n")
    result = CliRunner().invoke(decline, ["acme", "E1", "--overlay", str(tmp_path)])
    assert isinstance(result.exception, TableError)
    assert str(tmp_path / "codes.csv") in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "profile", "reached"),
    [
        (["alipay", "ACQ.PAYMENT_FAIL"], "alipay", "95188"),
        (["iso8583_1987", "51", "--network", "unionpay"], "unionpay", "95516"),
        (["stripe", "insufficient_funds", "--network", "visa"], "visa", "www.visa.com"),
        (["iso8583_1987", "51"], None, None),
    ],
)
def test_whose_support_helps_is_said(arguments: list[str], profile: str | None, reached: str | None) -> None:
    contact = told(*arguments)["contact"]
    printed = CliRunner().invoke(decline, arguments).output
    if profile is None:
        assert contact is None
        assert "support" not in printed
        return
    assert isinstance(contact, dict)
    assert contact["profile"] == profile
    assert reached is not None
    assert reached in printed


def test_an_approval_is_explained_and_said_to_explain_no_failure() -> None:
    result = CliRunner().invoke(decline, ["iso8583_1987", "00"])
    assert "approved (" in result.stdout
    assert "its outcome is asked for first" in result.stderr
    assert told("wechatpay_v2", "ORDERPAID")["cause"] == "already_paid"
    assert told("mastercard_mac", "40", "--network", "mastercard")["cause"] == "card_product_info"
