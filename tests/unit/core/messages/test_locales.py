from __future__ import annotations

import pytest
from support.happenings import NOON
from support.play import policy

from streams.contracts.cases import NotificationRequested
from streams.contracts.registry import decode, encode
from streams.core.cases.book import Draft, open_or_join, version_of
from streams.core.library import read_library
from streams.core.messages.notify import notify
from streams.core.messages.render import render
from streams.core.obligations import Holder, Line, Obligations
from streams.core.steps import DecideContext
from streams.core.turn import turn_of

FRENCH = """
instant = "{day} {month} à {time}"
months = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]
[template]
"debit_returned" = "Votre paiement de {amount} ({time}) n'a pas abouti ; l'argent est revenu."
"""
SAID = "Votre paiement de EUR 12.00 (1 avr. à 12:00 UTC) n'a pas abouti ; l'argent est revenu."


def test_a_customer_reads_a_message_and_people_its_case_in_the_customers_language() -> None:
    ctx = DecideContext("ada", 0, 1, NOON, NOON, {}, library=read_library({"locales/fr.toml": FRENCH}))
    obligations = Obligations(holder=Holder(language="fr-FR", time_zone="UTC"))
    turn = turn_of(obligations, policy(), ctx, NOON, "e1")
    line = Line(NOON, "x", "e1", "")
    case = open_or_join(
        turn, Draft(case_type="x", flow="F10", family="x", queue="accounting", priority=3, lines=(line,))
    )
    notify(turn, "debit_returned", {"amount": "EUR 12.00", "time": "2026-04-01T12:00:00Z"}, case)
    (message,) = [effect for effect in turn.effects if isinstance(effect, NotificationRequested)]
    assert message.texts == {"fr": SAID}
    assert message.en.startswith("Your payment of EUR 12.00")
    assert decode("customer.notifications", encode(message)) == message
    version = version_of(turn, case, ["opened"])
    assert version.messages[0].texts == {"fr": SAID}


LISTS = """
instant = "{day} {month} à {time}"
months = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]
[template]
"merchant_incident.method.began" = "{method} : {rate} % de réussite en {window} s ({code})."
[words]
"method.card" = "carte"
"""


@pytest.mark.parametrize(
    ("method", "said"),
    [("card", {"fr": "carte : 3 % de réussite en 60 s (visa/03)."}), ("wallet_balance", {})],
    ids=["worded", "not worded"],
)
def test_a_list_of_words_is_said_in_the_customers_language_or_not_at_all(method: str, said: dict[str, str]) -> None:
    messages = read_library({"locales/fr.toml": LISTS}).messages
    parameters = {"method": f"method.{method}", "rate": "3", "window": "60", "code": "code.visa/03"}
    assert render("merchant_incident.method.began", parameters, "UTC", messages, "fr").texts == said
