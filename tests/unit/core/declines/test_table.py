from __future__ import annotations

import csv
import io
import re

import msgspec
import pytest

from streams.core.declines.table import Cause, packaged, read_table
from streams.core.tables import TableError

TABLE = packaged()
COLUMNS = tuple(field.name for field in msgspec.structs.fields(Cause))
UNKNOWN = "unknown_error,unknown,query_first,60,2,3600,platform,technical,3,plain,unknown,gateway,F03,UE_9000"
NO_MONEY = "no_money,customer,after_fix,86400,4,86400,customer,self_service,4,category,not_moved,,F01,UE_1000"
CAUSES = f"{','.join(COLUMNS)}\n{UNKNOWN},未知,unknown,核实。,Wait.\n{NO_MONEY},余额,money,余额不足。,No.\n"
CODES = "source,code,cause,meaning\nbank,01,no_money,not enough\n"


def test_all_rows_and_causes_are_there() -> None:
    assert (len(TABLE.entries), len(TABLE.causes), len(TABLE.sources)) == (781, 72, 20)
    assert {entry.cause.cause for entry in TABLE.entries.values()} == set(TABLE.causes)


def test_every_row_keeps_the_promises_of_its_verdict() -> None:
    for (source, code), row in TABLE.entries.items():
        if row.retryable in ("never", "n/a"):
            assert (row.max_retries, row.earliest_retry_s) == (0, None), (source, code)
        if row.cause.fault_party == "fraud":
            assert (row.retryable, row.cause.disclosure) == ("never", "generic"), (source, code)
        if row.money_state == "unknown" and row.retryable != "query_first":
            assert row.cause.cause == "processing_error", (source, code)  # may be tried again unasked, later


@pytest.mark.parametrize("cause", TABLE.causes.values(), ids=lambda cause: cause.cause)
def test_every_cause_can_be_told_in_both_languages(cause: Cause) -> None:
    assert re.search(r"[\u4e00-\u9fff]", cause.zh)
    assert not re.search(r"[\u4e00-\u9fff]", cause.en)
    if cause.disclosure == "generic":
        assert not re.search(r"fraud|stolen|lost|risk|欺诈|被盗|挂失|风险", cause.zh + cause.en.lower())
    # Only the ledger says whether somebody was charged; a sentence about a cause must not.
    assert not re.search(r"not charged|未被扣款", cause.zh + cause.en.lower())


def test_a_row_says_only_what_differs_from_its_cause() -> None:
    held = TABLE.find("mastercard_mac", "24")
    later = TABLE.find("mastercard_mac", "02")
    assert held is not None
    assert later is not None
    assert (held.earliest_retry_s, later.earliest_retry_s) == (3_600, 259_200)
    assert held.max_retries == later.max_retries == 4


def test_leading_zeros_are_part_of_a_code() -> None:
    assert TABLE.find("iso8583_1987", "5") is None
    assert TABLE.find("iso8583_1987", "05") is not None


@pytest.mark.parametrize(
    ("codes", "complaint"),
    [
        ("source,code,cause,meaning\nbank,01,nomoney,x\n", "codes.csv line 2: there is no cause 'nomoney'"),
        ("source,code,cause,meaning\nb,1,no_money,x\nb,1,no_money,y\n", "line 3: b 1 is also on line 2"),
        ("source,code,cause\nbank,01,no_money\n", "line 1: the column meaning is missing"),
        ("source,code,cause,meaning,retry\nb,1,no_money,x,never\n", "line 1: there is no column 'retry'"),
        ("source,code,cause,meaning\nb,1,no_money,a, b\n", "line 2: this row has another number of cells"),
        ("source,code,cause,meaning,retryable\nb,1,no_money,x,maybe\n", "line 2: column retryable: 'maybe' is none"),
        (
            "source,code,cause,meaning,max_retries\nb,1,no_money,x,-1\n",
            "line 2: column max_retries: it should be a whole number",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(codes: str, complaint: str) -> None:
    with pytest.raises(TableError, match=re.escape(complaint)):
        read_table(CAUSES, codes)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("customer,after_fix,86400,4", "customer,never,86400,4", "is never and has retries"),
        ("customer,after_fix", "fraud,after_fix", "is fraud and may be retried"),
        ("F01", "F99", "column flow"),
        ("unknown_error,", "unknown,", "there is no cause unknown_error"),
        ("余额不足。", "", "column zh"),
    ],
)
def test_causes_that_contradict_themselves_are_refused(old: str, new: str, complaint: str) -> None:
    with pytest.raises(TableError, match=complaint):
        read_table(CAUSES.replace(old, new), CODES)


def test_a_failure_of_the_packaged_table_cannot_become_an_approval() -> None:
    text = "source,code,cause,meaning\nstripe,generic_decline,approved,all is well\n"
    with pytest.raises(TableError, match="line 2: stripe generic_decline reports a failure, and approved is none"):
        read_table("", text, base=packaged())


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("stripe,lost_card,insufficient_funds,later,", "stripe lost_card is a sign of theft (stolen_or_lost_card)"),
        ("stripe,pickup_card,generic_decline,later,", "stripe pickup_card is a sign of theft (pickup_card)"),
        ("stripe,lost_card,stolen_or_lost_card,after_fix,", "is fraud (stolen_or_lost_card) and may be retried"),
        ("own,L1,pickup_card,later,", "own L1 is fraud (pickup_card) and may be retried"),
        ("unionpay_online,42,insufficient_funds,,not_moved", "unionpay_online 42 says that money was taken"),
        ("unionpay_online,42,debited_not_confirmed,,not_moved", "and its money_state is another"),
    ],
)
def test_a_row_of_the_deployment_softens_neither_theft_nor_a_debit(row: str, complaint: str) -> None:
    source, code, cause, retryable, moved = row.split(",")
    text = f"source,code,cause,meaning,retryable,money_state\n{source},{code},{cause},x,{retryable},{moved}\n"
    with pytest.raises(TableError, match=re.escape(complaint)):
        read_table("", text, base=packaged())


@pytest.mark.parametrize(
    ("cause", "changed", "complaint"),
    [
        ("stolen_or_lost_card", {"fault_party": "issuer", "queue": "technical"}, "is a sign of theft"),
        ("pickup_card", {"retryable": "later", "max_retries": 4}, "is a sign of theft"),
        ("debited_not_confirmed", {"money_state": "not_moved"}, "says that money was taken"),
    ],
)
def test_a_cause_of_the_deployment_softens_neither(cause: str, changed: dict[str, object], complaint: str) -> None:
    whole = msgspec.to_builtins(packaged().causes[cause]) | changed
    text = io.StringIO()
    csv.writer(text).writerows([whole, ["" if cell is None else cell for cell in whole.values()]])
    with pytest.raises(TableError, match=f"line 2: {cause} {complaint}"):
        read_table(text.getvalue(), "", base=packaged())


def test_a_sign_of_theft_may_be_named_another() -> None:
    text = "source,code,cause,meaning\nstripe,lost_card,pickup_card,x\n"
    entry = read_table("", text, base=packaged()).find("stripe", "lost_card")
    assert entry is not None
    assert entry.cause.cause == "pickup_card"


def test_a_cause_of_the_deployment_reaches_the_packaged_codes() -> None:
    base = read_table(CAUSES, CODES)
    changed = read_table(CAUSES.replace("86400,4", "3600,1"), "", base=base)
    entry = changed.find("bank", "01")
    assert entry is not None
    assert (entry.earliest_retry_s, entry.max_retries, entry.own) == (3_600, 1, False)
    assert changed.digest != base.digest
