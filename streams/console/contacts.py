"""What has somebody said on the telephone or in a chat, as an event for the stream?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, get_args

import msgspec

from streams.adapters.case_store.activity import ENTITY_COLUMNS
from streams.adapters.case_store.linked import Act
from streams.adapters.case_store.people import Session
from streams.adapters.case_store.queries import Sought
from streams.console.actions import NOT_ALLOWED, Refused
from streams.console.forms import filled_in, is_personal, written
from streams.console.wording import load_texts
from streams.contracts.accounts import ContactTaken, Disposition
from streams.contracts.base import from_ms, to_ms
from streams.contracts.cases import CaseVersion, Entities
from streams.core.currencies import WITH_MINOR_UNIT, WRITTEN, exponent_of, plain_number
from streams.core.ids import digest
from streams.core.intake.topics import TOPICS
from streams.core.roles import ANALYSTS

CHANNELS: Final = ("phone", "chat")
DISPOSITIONS: Final[tuple[str, ...]] = get_args(Disposition)
RESULTS: Final = ("right", "wrong", "not_asked")
SCRIPT: Final[Mapping[str, Mapping[str, str]]] = load_texts("identity_script.toml")
MERCHANT: Final = "merchant"
SEALED: Final = ("payee", "device")  # a form that knows them names them by reference, as it does the account
_SAID: Final = frozenset({"text", "amount", "currency", "at"})  # is masked, or becomes a number; all else is an id
_OF_THE_FORM: Final = frozenset({"csrf", "form"})
_AROUND_MS: Final = 3 * 3_600_000  # people remember about when it was
_LARGEST: Final = 10**15


def sought_of(given: Mapping[str, str]) -> Sought | None:
    """What to look for; None if nothing was said. Raises Refused."""
    said = {name: value.strip()[:128] for name, value in given.items() if value.strip()}
    if not said.keys() - {"currency"}:
        return None
    if any(map(is_personal, said.values())):
        raise Refused("refused.personal")
    at_ms = None if "at" not in said else _instant(said["at"])
    return Sought(
        account_id=said.get("account"),
        reference=said.get("phone"),
        order=said.get("order"),
        amount_minor=minor_of(said.get("amount", ""), said.get("currency", "")),
        currency=said.get("currency") if "amount" in said else None,
        since_ms=None if at_ms is None else at_ms - _AROUND_MS,
        until_ms=None if at_ms is None else at_ms + _AROUND_MS,
    )


def minor_of(amount: str, currency: str) -> int | None:
    """An amount as people write it, in minor units of its currency; None of nothing. Raises Refused."""
    text = amount.strip()
    if not text:
        return None
    if currency not in WITH_MINOR_UNIT or not re.fullmatch(WRITTEN, text):
        raise Refused("refused.amount")
    minor = Decimal(plain_number(text)).scaleb(exponent_of(currency))
    if minor != minor.to_integral_value() or minor > _LARGEST:
        raise Refused("refused.amount")
    return int(minor)


def known_of(about: CaseVersion | None, paid: Sequence[Act]) -> dict[str, str]:
    """What a case, and then the steps of its payment, say of the facts that are asked for. Nothing that is personal."""
    entities = Entities() if about is None else about.entities
    at_ms = None if about is None or about.happened_at is None else to_ms(about.happened_at)
    if at_ms is None and paid:
        at_ms = paid[0].at_ms
    found = {"at": "" if at_ms is None else f"{from_ms(at_ms):%Y-%m-%dT%H:%M}"}
    for kind in (MERCHANT, *SEALED):
        told = (getattr(each, ENTITY_COLUMNS[kind]) for each in (entities, *paid))
        found[kind] = next((each for each in told if each and not is_personal(each)), "")
    return found


def contact_of(given: Mapping[str, str], session: Session, form: str, at_ms: int) -> ContactTaken:
    """The event. The same form sent twice is the same event. Raises Refused."""
    if session.role not in ANALYSTS:
        raise Refused(NOT_ALLOWED)
    said = {name: value.strip() for name, value in given.items() if value.strip()}
    account_id = said.get("account", "")
    if not account_id or any(is_personal(said[name]) for name in said.keys() - _SAID - _OF_THE_FORM):
        raise Refused("refused.personal" if account_id else "refused.form")
    if "case" not in said and "flow" not in said and "text" not in said:
        raise Refused("refused.nothing_said")
    if "flow" in said and said["flow"] not in TOPICS:  # a form of ours offers no other
        raise Refused("refused.form")
    checks = [
        {"question": question, "result": said[f"check:{question}"]}
        for question in SCRIPT
        if said.get(f"check:{question}", "not_asked") != "not_asked"
    ]
    happened_ms = _instant(said["at"]) if "at" in said else None
    if happened_ms is not None and happened_ms > at_ms:
        raise Refused("refused.not_yet")
    fields: dict[str, Any] = {
        "type": "contact.taken.v1",
        "event_id": "opr_" + digest("contact", session.name, account_id, filled_in(form, sorted(said.items()))),
        "source": "paywarden-console",
        "occurred_at": from_ms(at_ms),
        "account_id": account_id,
        "channel": said.get("channel", ""),
        "text": written(said["text"]) if "text" in said else None,
        "payment_id": said.get("payment"),
        "case_id": said.get("case"),
        "actor": session.name,
        "role": session.role,
        "disposition": said.get("disposition"),
        "flow": said.get("flow"),
        "order_id": said.get("order"),
        "amount_minor": minor_of(said.get("amount", ""), said.get("currency", "")),
        "currency": said.get("currency") if "amount" in said else None,
        "checks": checks,
        "happened_at": None if happened_ms is None else from_ms(happened_ms),
        "merchant_id": said.get(MERCHANT),
        "counterparty_id": said.get("payee"),
        "device_id": said.get("device"),
    }
    if fields["channel"] not in CHANNELS:
        raise Refused("refused.form")
    try:
        return msgspec.convert({name: value for name, value in fields.items() if value is not None}, ContactTaken)
    except msgspec.ValidationError:
        raise Refused("refused.form") from None


def _instant(text: str) -> int:
    try:
        return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise Refused("refused.time") from None
