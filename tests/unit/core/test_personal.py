"""Does a card number, identity number, telephone number or e-mail address stay out wherever it is put?"""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from support.scenes import Scene, enforcing

from producers.feed import Outgoing
from streams.contracts.base import Event, from_ms, to_ms
from streams.contracts.logins import LoginFailed
from streams.contracts.payments import Code, PaymentFailed, PaymentRequested
from streams.contracts.registry import encode
from streams.core.declines.table import packaged
from streams.core.personal import FIELDS, KEPT, code_text, guarded, kind_of, pseudonym
from streams.core.policy import PolicyError

KEY = b"key"
# Published test numbers: they belong to nobody.
CARD = "4111111111111111"
IDENTITY = "11010519491231002X"  # the example of GB 11643
START_MS = 1_775_044_800_000


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (CARD, "card"),
        ("4111 1111 1111 1111", "card"),
        ("4111-1111-1111-1111", "card"),
        ("m/4111111111111111", "card"),
        ("5555555555554444", "card"),
        ("4111111111111111 123", "card"),  # what stands beside it
        ("1 4111-1111-1111-1111", "card"),
        ("tel13812345678", "phone"),
        ("378282246310005", "card"),
        (f"62{5:014d}", "card"),
        ("４１１１１１１１１１１１１１１１", "card"),  # full width
        (IDENTITY, "identity"),
        ("id 11010519491231002x", "identity"),
        ("anna@example.com", "email"),
        ("mailto:anna@example.com", "email"),
        ("13800138000", "phone"),
        ("+86 138 0013 8000", "phone"),
        ("+1 (202) 555-0143", "phone"),
        ("4111111111111112", None),  # the check digit is wrong
        ("2026010100000004", None),  # passes Luhn; a date of today's, and no issuer's
        ("1234567890123452", None),  # passes Luhn; no issuer begins with 1
        ("0000000000000000", None),
        ("110105194912310021", None),  # the check character is wrong
        ("merchant-77", None),
        ("3156", None),
        ("tok_9f86d081884c7d65", None),
        ("2026-04-01T12:00:00Z", None),
        ("203.0.113.7", None),
        ("2001:db8::1", None),
        ("issuer@", None),
        ("12800138000", None),
    ],
)
def test_what_a_text_is(text: str, kind: str | None) -> None:
    assert kind_of(text) == kind


def envelope() -> dict[str, Any]:
    return {"event_id": "e1", "source": "test", "occurred_at": from_ms(START_MS), "account_id": "a1"}


def payment(**fields: Any) -> dict[str, Any]:
    return {"payment_id": "p1", "amount_minor": 100, "currency": "EUR"} | fields


def test_the_same_value_has_the_same_pseudonym_and_another_key_another() -> None:
    assert pseudonym("card", CARD, KEY) == pseudonym("card", CARD, KEY)
    assert pseudonym("card", CARD, KEY) != pseudonym("card", CARD, b"other")
    assert kind_of(pseudonym("card", CARD, KEY)) is None


@pytest.mark.parametrize("kind", [PaymentRequested, PaymentFailed, LoginFailed])
def test_every_descriptive_id_is_replaced_and_what_others_join_by_is_only_reported(kind: type[Event]) -> None:
    fields = [name for name in kind.__struct_fields__ if name in FIELDS and name not in (*KEPT, "codes")]
    own = dict.fromkeys(fields, CARD)
    given = payment() if kind is not LoginFailed else {"ip": "203.0.113.7"}
    event = kind(**envelope() | given | own | {"event_id": CARD})
    clean, found = guarded(event, KEY, ())
    assert {each.field for each in found} == {*fields, "event_id"}
    assert clean.event_id == CARD
    assert {getattr(clean, name) for name in fields} == {pseudonym("card", CARD, KEY)}


def test_a_harmless_event_is_the_very_same() -> None:
    event = PaymentRequested(**envelope(), **payment(merchant_id="m-77", device_id="device"))
    clean, found = guarded(event, KEY, ())
    assert clean is event
    assert found == []


def test_numeric_ids_of_one_s_own_can_be_declared_plain() -> None:
    event = PaymentRequested(**envelope(), **payment(merchant_id=CARD, terminal_id=CARD))
    clean, found = guarded(event, KEY, ("merchant_id",))
    assert isinstance(clean, PaymentRequested)
    assert clean.merchant_id == CARD
    assert [each.field for each in found] == ["terminal_id"]


def test_one_in_eighteen_numeric_ids_looks_like_a_card() -> None:
    """The figure of the policy file and the ADR."""
    numbers = random.Random(7)
    hits = sum(kind_of(f"{numbers.randrange(10**15, 10**16)}") == "card" for _ in range(20_000))
    assert 0.045 < hits / 20_000 < 0.065


def test_a_plain_field_that_no_event_has_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"privacy\.plain_ids: no event has a field 'merchant'"):
        enforcing('[privacy]\nplain_ids = ["merchant"]')


def test_a_list_of_personal_values_could_never_fit_and_is_refused() -> None:
    mules = '[[list]]\nname = "mules"\nfield = "counterparty_id"\noutcome = "block"\nmode = "inherit"\n'
    entries = f'{mules}entries = [{{ value = "{CARD}" }}]'
    with pytest.raises(PolicyError, match="events carry a pseudonym there"):
        enforcing(entries)
    assert enforcing(f'[privacy]\nplain_ids = ["counterparty_id"]\n{entries}')


WRITTEN = (  # as people and gateways write card numbers, one of them with a wrong digit
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111.1111.1111.1111",
    "4111  1111  1111  1111",
    "4111/1111/1111/1112",
    "PAN:4111111111111111=2512",
)


@pytest.mark.parametrize("text", [CARD, *WRITTEN, "４１１１１１１１１１１１１１１１", "declined: ada@example.com"])
def test_what_is_no_code_is_hidden_in_a_code_and_in_the_name_of_its_source(text: str) -> None:
    codes = (Code(source="alipay", code=text), Code(source=text, code="51"), Code(source="stripe", code="do_not_honor"))
    event, found = guarded(PaymentFailed(**envelope(), **payment(), codes=codes), b"key", ())
    assert [each.field for each in found] == ["codes"]
    kind = found[0].kind
    assert [(code.source, code.code) for code in event.codes] == [
        ("alipay", f"{kind}~hidden"),
        (f"{kind}~hidden", "51"),
        ("stripe", "do_not_honor"),
    ]


def test_every_code_of_the_tables_is_taken_for_what_it_is() -> None:
    table = packaged()
    assert not [code for source in table.sources for code in table.codes_of(source) if code_text(code) != code]


def test_nothing_that_leaves_holds_the_card_number() -> None:
    """Cases, decisions, signals, entity risk, states: from a takeover's worth of events with numbers in every id."""
    scene = Scene(enforcing(), partitions=1)
    feed = []
    for number in range(30):
        at = from_ms(START_MS + number * 2_000)
        for event in (
            LoginFailed(**envelope() | {"event_id": f"l{number}", "occurred_at": at}, ip="203.0.113.7", username=CARD),
            PaymentFailed(
                **envelope() | {"event_id": f"e{number}", "occurred_at": at},
                **payment(
                    payment_id=f"p{number}",
                    merchant_id=CARD,
                    terminal_id=CARD,
                    card_token=f"{number}-{CARD}",
                    device_id=CARD,
                    issuer_id=CARD,
                    gateway_id=CARD,
                    ip="203.0.113.8",
                ),
                codes=(
                    Code(source="iso8583_1987", code=CARD),
                    Code(source=CARD, code="51"),
                    Code(source="alipay", code=WRITTEN[number % len(WRITTEN)]),
                ),
            ),
        ):
            topic = "auth.logins" if isinstance(event, LoginFailed) else "payments.transactions"
            feed.append(Outgoing(topic, b"a1", encode(event), to_ms(at)))
    scene.play(feed, 3_600_000)
    assert {case.flow for case in scene.cases} >= {"F03", "F24", "F30"}
    for published in scene.records:
        said = (published.emit.value or b"") + published.emit.key
        assert not [form for form in (CARD, *WRITTEN) if form.encode() in said]
    assert not [labels for _, labels in scene.run.counts if any(form in " ".join(labels) for form in (CARD, *WRITTEN))]
    for engine in (*scene.run.accounts, *scene.run.entities):
        rows = list(engine.states.encoded())
        assert rows
        for key, raw in rows:
            assert not [form for form in (CARD, *WRITTEN) if form.encode() in key + raw]
    assert (
        sum(scene.run.counts[each] for each in scene.run.counts if each[0].name == "paywarden_personal_data_total")
        > 200
    )
    assert msgspec.json.encode([str(case.subject) for case in scene.cases]).count(b"card~") >= 1
