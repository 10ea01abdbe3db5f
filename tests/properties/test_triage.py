"""Does every code that a payment source can answer with become a valid triage, through the whole pipeline?"""

from __future__ import annotations

import re

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.happenings import MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Watermark, to_ms
from streams.contracts.payments import Code, PaymentFailed, PaymentRequested, PaymentSucceeded
from streams.contracts.registry import decode, encode
from streams.contracts.triage import PaymentTriaged
from streams.core.declines.resolve import STATED
from streams.core.declines.table import packaged
from streams.core.steps import Effect

TABLE = packaged()
NETWORK = {"visa": "visa", "mastercard_de39": "mastercard", "mastercard_mac": "mastercard", "unionpay_de39": "unionpay"}


def triages(effects: list[Effect]) -> list[PaymentTriaged]:
    return [effect for effect in effects if isinstance(effect, PaymentTriaged)]


def fail(player: Player, at_ms: int, number: int | str, *codes: tuple[str, str], **fields: object) -> PaymentTriaged:
    told = tuple(Code(source=source, code=code) for source, code in codes)
    failed = paid(at_ms, number, kind=PaymentFailed, **{"codes": told, "card_token": f"t{number}"} | fields)
    (triage,) = triages(player.see(failed))
    return triage


def test_every_code_becomes_a_valid_triage_in_both_languages() -> None:
    for number, ((source, code), entry) in enumerate(TABLE.entries.items()):
        player = Player(policy())
        told = fail(player, NOON, number, (source, code), network=NETWORK.get(source))
        private = source == "iso8583_1987" and "76" <= code <= "89"
        decides = (entry.says_failed or entry.cause.cause in STATED) and not private
        wanted = entry.cause.cause if decides else "unknown_error"
        assert told.cause == wanted, (source, code)
        assert told.flow in {f"F{flow:02}" for flow in range(1, 47)}
        assert re.search(r"[\u4e00-\u9fff]", told.text.zh)
        assert not re.search(r"[\u4e00-\u9fff]", told.text.en)
        assert not re.search(r"未被扣款|not charged", told.text.zh + told.text.en), "no ledger has been heard of"
        assert decode("fraud.decisions", encode(told)) == told
        if told.retry.verdict in ("never", "n/a"):
            assert (told.retry.attempts_left, told.retry.not_before) == (0, None)
        if told.retry.not_before is not None:
            assert to_ms(told.retry.not_before) >= NOON


CODES = st.lists(
    st.sampled_from([*TABLE.entries, ("stripe", "of tomorrow"), ("nobody", "1")]), min_size=0, max_size=4, unique=True
)


@settings(max_examples=200, deadline=None)
@given(CODES, st.sampled_from([None, "visa", "mastercard", "unionpay", "amex"]), st.permutations(range(4)))
def test_the_order_of_the_codes_on_the_wire_does_not_matter_between_ranks(
    codes: list[tuple[str, str]], network: str | None, order: list[int]
) -> None:
    told = fail(Player(policy()), NOON, 1, *codes, network=network)
    ranks = {code.source for code in told.codes}
    if len(ranks) == len(codes):  # one code per source: nothing but rank decides between sources of other ranks
        again = fail(Player(policy()), NOON, 1, *(codes[n] for n in order if n < len(codes)), network=network)
        assert told.rank == again.rank
        assert told.retry.because == again.retry.because or told.cause != again.cause
    if told.rank == "none":
        assert told.cause == "unknown_error"


def test_not_charged_is_said_only_when_the_ledger_agrees() -> None:
    def entry(at_ms: int, payment_id: str, direction: str = "debit") -> LedgerPosted:
        fields = {"entry_id": f"l-{payment_id}", "direction": direction, "amount_minor": 1000, "currency": "EUR"}
        return event(LedgerPosted, at_ms, f"{payment_id}{direction}", payment_id=payment_id, **fields)

    player = Player(policy())
    no_money = ("iso8583_1987", "51")
    assert "charged" not in fail(player, NOON, "a", no_money).text.en, "the ledger was never heard of"
    player.see(entry(NOON + SECOND, "other"))
    assert "not charged" in fail(player, NOON + 2 * SECOND, "b", no_money).text.en
    assert "charged" not in fail(player, NOON + 10 * MINUTE, "c", no_money).text.en, "the ledger is silent"
    player.see(paid(NOON + 11 * MINUTE, "d", kind=PaymentRequested))
    player.see(entry(NOON + 11 * MINUTE + SECOND, "pd"))
    debited = fail(player, NOON + 11 * MINUTE + 2 * SECOND, "d", no_money)
    assert "Your account was charged but the payment did not complete" in debited.text.en


def test_no_ticket_for_what_customers_mend_themselves() -> None:
    player = Player(policy())
    assert fail(player, NOON, 1, ("iso8583_1987", "51")).case_id is None
    assert player.see(paid(NOON + MINUTE, 2, card_token="t1")) != []
    assert player.obligations["a1"].cases == []


def test_the_third_failure_is_a_case_with_its_causes() -> None:
    player = Player(policy())
    codes = [("iso8583_1987", "51"), ("iso8583_1987", "51"), ("iso8583_1987", "05")]
    told = [fail(player, NOON + number * MINUTE, number, code) for number, code in enumerate(codes)]
    assert [each.case_id is None for each in told] == [True, True, False]
    (case,) = player.obligations["a1"].cases
    assert (case.cause, case.counters) == ("insufficient_funds", {"attempts": 3, "causes": 2, "amount_minor": 3000})


def test_a_failure_that_counts_no_more_is_let_go() -> None:
    player = Player(policy())
    fail(player, NOON, 1, ("iso8583_1987", "51"))
    player.see(paid(NOON + 40 * MINUTE, 2))
    assert len(player.obligations["a1"].failures) == 1, "one that comes late may still be the third"
    player.see(paid(NOON + 46 * MINUTE, 3))
    assert player.obligations["a1"].failures == []


def test_a_failure_because_of_our_lock_joins_the_case_of_the_lock() -> None:
    from streams.contracts.accounts import UserReport

    player = Player(policy())
    player.see(event(UserReport, NOON, 1, channel="app", kind="stolen"))
    (takeover,) = player.obligations["a1"].cases
    for number in range(4):
        told = fail(player, NOON + number * MINUTE, number, ("alipay", "ACQ.BUYER_SELLER_EQUAL"), method="alipay")
        blocked = fail(player, NOON + number * MINUTE + SECOND, f"b{number}", ("iso8583_1987", "78"), network="visa")
        assert blocked.cause == "account_blocked"
        assert blocked.case_id == takeover.case_id
        assert told.case_id != takeover.case_id or told.case_id is None
    assert "payment.failed" in {line.kind for line in takeover.lines}


def test_a_code_that_nobody_knows_is_one_case_for_the_integration_team_not_ten_thousand() -> None:
    player = Player(policy())
    told = [
        fail(player, NOON + number * SECOND, number, ("stripe", "of tomorrow"), account_id=f"a{number}")
        for number in range(50)
    ]
    assert {each.cause for each in told} == {"unknown_error"}
    assert {each.unknown_codes for each in told} == {("stripe of tomorrow",)}
    assert [each.case_id is not None for each in told] == [True] + [False] * 49
    (case,) = player.obligations["a0"].cases
    assert (case.case_type, case.queue, case.codes) == ("integration.unknown_code", "technical", ["stripe of tomorrow"])


def test_amount_and_repeated_contact_raise_the_priority() -> None:
    from streams.contracts.accounts import UserMessage

    player = Player(policy())
    code = ("iso8583_1987", "51")
    assert fail(player, NOON, 1, code).priority == "P4"
    assert fail(player, NOON, 2, code, amount_minor=10**8, account_id="rich").priority == "P3"
    for number in range(2):
        player.see(event(UserMessage, NOON + number * MINUTE, number, channel="chat", account_id="again"))
    assert fail(player, NOON + 3 * MINUTE, 3, code, account_id="again").priority == "P3"


def test_a_stored_state_goes_on_counting() -> None:
    player = Player(policy())
    fail(player, NOON, 1, ("visa", "04"), network="visa", card_token="t")
    owed = player.obligations["a1"]
    player.obligations["a1"] = msgspec.msgpack.decode(msgspec.msgpack.encode(owed), type=type(owed))
    told = fail(player, NOON + MINUTE, 2, ("visa", "51"), network="visa", card_token="t")
    assert told.retry.because == "never_list"
    player.see(paid(NOON + 2 * MINUTE, 3, kind=PaymentSucceeded, card_token="t"))
    assert player.obligations["a1"].instruments == []
    assert player.see(event(Watermark, NOON + 3 * MINUTE, 1, account_id="-")) == []
