"""Does what a customer said on the telephone join or open the right case, with the check of who called, and no more?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts.accounts import ContactTaken, IdentityAnswer, UserMessage
from streams.contracts.base import from_ms
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested, RemarkRecorded
from streams.core.flows.contacts import is_verified
from streams.core.steps import Effect

TWICE = "charged twice for the same order"


def asked(**results: Any) -> tuple[IdentityAnswer, ...]:
    return tuple(IdentityAnswer(question=name, result=result) for name, result in results.items())


class Line:
    """A customer on the telephone, and an analyst."""

    def __init__(self) -> None:
        self.player = Player(policy())
        self.number = 0
        self.effects: list[Effect] = []

    def takes(self, **fields: Any) -> CaseVersion | ActionRejected:
        self.number += 1
        given = {"channel": "phone", "actor": "mei", "role": "analyst", "disposition": "follow_up"}
        said = event(ContactTaken, NOON + self.number * MINUTE, self.number, **given | fields)
        self.effects = self.player.see(said)
        return next(each for each in reversed(self.effects) if isinstance(each, CaseVersion | ActionRejected))

    def told(self) -> list[str]:
        return [each.template for each in self.effects if isinstance(each, NotificationRequested)]


def case(found: CaseVersion | ActionRejected) -> CaseVersion:
    assert isinstance(found, CaseVersion), found
    return found


def test_it_opens_the_case_that_the_analyst_names_and_sends_no_question() -> None:
    line = Line()
    found = case(line.takes(flow="F12", text="something with a coffee", order_id="o-9", checks=asked(app_code="right")))
    assert (found.case_type, found.flow, found.queue) == ("duplicate_charge", "F12", "accounting")
    assert (found.entities.order_id, found.channel, found.confidence) == ("o-9", "phone", 1.0)
    assert line.told() == ["contact.received"]
    assert found.status == "classified"
    (said,) = [each for each in found.evidence if each.kind == "contact.taken"]
    assert said.text == "phone; analyst mei: follow_up; identity NOT PROVED (app_code right)"
    assert "coffee" not in repr([each for each in line.effects if not isinstance(each, RemarkRecorded)])
    assert [each.text for each in line.effects if isinstance(each, RemarkRecorded)] == ["something with a coffee"]


def test_without_a_flow_the_words_are_read_as_a_message_is() -> None:
    found = case(Line().takes(text=TWICE))
    assert found.flow == "F12"


def test_it_joins_what_the_customer_has_written_about() -> None:
    line = Line()
    wrote = line.player.see(event(UserMessage, NOON, "m", channel="app", text=f"{TWICE} 20260401120000111"))
    opened = next(each for each in wrote if isinstance(each, CaseVersion))
    joined = case(line.takes(text=TWICE, case_id=opened.case_id))
    assert (joined.case_id, joined.version > opened.version) == (opened.case_id, True)
    assert case(line.takes(flow="F12")).case_id == opened.case_id
    other = case(line.takes(flow="F13"))
    assert other.case_id != opened.case_id


def test_what_was_answered_at_once_is_over_and_may_live_again() -> None:
    line = Line()
    found = case(line.takes(flow="F42", text="which cards do you take", disposition="answered"))
    assert (found.status, found.resolution_code) == ("resolved", "first_contact")
    again = case(line.takes(case_id=found.case_id, text="and now it does not work"))
    assert again.status == "reopened"


def test_it_finds_the_open_case_of_the_payment() -> None:
    line = Line()
    line.player.see(paid(NOON, 1))
    first = case(line.takes(flow="F10", payment_id="p1", amount_minor=999, currency="CNY"))
    assert first.entities.payment_id == "p1"
    assert case(line.takes(payment_id="p1", flow="F12")).case_id == first.case_id


def test_a_person_has_answered_so_the_first_response_is_kept() -> None:
    line = Line()
    line.takes(flow="F23")
    (kept,) = line.player.obligations["a1"].cases
    assert kept.marks & 1 << 9


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"role": "viewer", "text": TWICE}, "role"),
        ({"case_id": "case_other", "text": TWICE}, "unknown_case"),
        ({"flow": "F99"}, "unknown_flow"),
        ({"text": "  "}, "nothing_said"),
    ],
)
def test_a_contact_without_a_place_is_refused_with_a_sentence(fields: dict[str, Any], cause: str) -> None:
    line = Line()
    rejected = line.takes(**fields)
    assert isinstance(rejected, ActionRejected)
    assert (rejected.action, rejected.cause) == ("contact", cause)
    assert line.player.obligations["a1"].cases == []


def test_two_right_answers_and_no_wrong_one_are_a_check() -> None:
    def verified(**results: Any) -> bool:
        given = {"channel": "phone", "actor": "mei", "role": "analyst", "disposition": "dropped"}
        taken = event(ContactTaken, NOON, 1, checks=asked(**results), **given)
        assert isinstance(taken, ContactTaken)
        return is_verified(taken)

    assert verified(a="right", b="right", c="not_asked")
    assert not verified(a="right", b="right", c="wrong")
    assert not verified(a="right")
    assert not verified()


def test_the_case_knows_when_it_was_whom_it_was_with_and_by_what_and_keeps_what_it_knew() -> None:
    line = Line()
    said = {"merchant_id": "m-1", "counterparty_id": "payee-9", "device_id": "d-1", "happened_at": from_ms(NOON - HOUR)}
    found = case(line.takes(flow="F41", **said))
    known = found.entities
    assert (known.merchant_id, known.payee_id, known.device_id) == ("m-1", "payee-9", "d-1")
    assert found.happened_at == from_ms(NOON - HOUR)
    assert {"merchant", "payee", "device", "when it was"} <= set(found.changed)
    (told,) = [each.text for each in found.evidence if each.kind == "contact.taken"]
    assert "; happened 2026-" in told
    assert "; merchant m-1" in told
    assert "payee-9" not in told, "what tells a person stands in a field, where pages shorten it"
    other = {"merchant_id": "m-2", "counterparty_id": "payee-8", "device_id": "d-2", "happened_at": from_ms(NOON)}
    again = case(line.takes(case_id=found.case_id, **other))
    assert (again.entities, again.happened_at) == (known, found.happened_at)


def test_what_has_not_happened_yet_is_no_time_of_a_case() -> None:
    found = case(Line().takes(flow="F12", happened_at=from_ms(NOON + 9 * HOUR)))
    assert found.happened_at is None
    assert "happened" not in next(each.text for each in found.evidence if each.kind == "contact.taken")


def test_a_message_about_what_a_contact_has_told_asks_for_nothing() -> None:
    line = Line()
    line.takes(flow="F41", amount_minor=900, currency="CNY", counterparty_id="p", happened_at=from_ms(NOON))
    said = line.player.see(event(UserMessage, NOON + HOUR, "m", channel="app", text="sent money to the wrong person"))
    assert not [each for each in said if isinstance(each, NotificationRequested) and "fields" in each.parameters]


def test_who_names_their_payment_is_not_asked_which_one_it_was() -> None:
    line = Line()
    line.player.see(paid(NOON, 1))
    said = line.player.see(
        event(UserMessage, NOON + HOUR, "m", channel="app", payment_id="p1", text="charged twice for the same order")
    )
    sent = [each for each in said if isinstance(each, NotificationRequested)]
    assert [each.template for each in sent] == ["contact.received"]
