"""What does somebody want of an action beyond its button: which lock, for how long, what is asked, how it ended?

What no form offers is refused before anything is sent, with a sentence that says which field; the core has the last
word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from streams.console.actions import Refused
from streams.contracts.accounts import AskedFor
from streams.contracts.actions import Scope
from streams.contracts.cases import CaseVersion, CustomerText, Finding, ResolutionCode, RootCause
from streams.core.cases import question
from streams.core.cases.operator import LASTS_S
from streams.core.cases.question import QUESTION_MAX, Question
from streams.core.messages.render import Messages, render

Form = Mapping[str, Sequence[str]]

SCOPES: Final = ("money_out", "login", "all")
assert set(SCOPES) == set(get_args(Scope))
ORDERS: Final = ("court", "money_laundering")
HOURS: Final = (1, 4, 24, 72, 168, 720)  # as a form offers them
ASKED_FOR: Final[tuple[str, ...]] = get_args(AskedFor)
# What is confirmed, with all that follows from it, while the case is open.
FindingOffered = Literal["valuable_alert", "customer_error", "outage"]
FINDINGS: Final[tuple[str, ...]] = get_args(FindingOffered)
assert {*FINDINGS, "unset", "confirmed_fraud", "false_alarm"} == set(get_args(Finding))
RESOLUTIONS: Final[tuple[str, ...]] = get_args(ResolutionCode)
ROOT_CAUSES: Final[tuple[str, ...]] = get_args(RootCause)
OFFERS: Final = {
    "scopes": SCOPES,
    "orders": ORDERS,
    "hours": HOURS,
    "asked_for": ASKED_FOR,
    "question_max": QUESTION_MAX,
    "findings": FINDINGS,
    "resolutions": RESOLUTIONS,
    "root_causes": ROOT_CAUSES,
}


# What an action takes beyond its text: the name in the interface for programs, and in the form.
TAKES: Final[Mapping[str, Mapping[str, str]]] = {
    "lock": {"scope": "lock_scope", "hours": "lock_hours"},
    "unlock": {"scope": "unlock_scope"},
    "ask": {"asks_for": "asks_for", "zh": "question_zh", "en": "question_en"},
    "resolve": {"finding": "finding", "resolution": "resolution", "root_cause": "root_cause"},
    "merge": {"other_case_id": "other_case"},
    "link": {"other_case_id": "other_case"},
}
_ALONE: Final = "question"  # as programs ask it that write one language; no form has it


class FieldTooMany(Exception):
    """A field, by its name, that this action does not take."""


def fields_of(action: str, form: Form, case: CaseVersion) -> dict[str, Any]:
    """The fields of the event that this action has of its own. Raises Refused with the key of a text."""
    if action == "ask":
        return _ask(form, case)
    read = _OF.get(action)
    return {} if read is None else read(form)


def known_of(case: CaseVersion) -> frozenset[str]:
    """Of what a customer may be asked for, what the case or its payment says already."""
    entities = case.entities
    said = {
        "order": entities.order_id,
        "amount": case.amount_minor,
        "time": case.happened_at or entities.payment_id,
        "payee": entities.payee_id or entities.merchant_id,
    }
    return frozenset(name for name, value in said.items() if value is not None)


def message_of(case: CaseVersion, asked: Mapping[str, Any], messages: Messages) -> CustomerText:
    """The whole message by which a customer would be asked, in each language that it is sent in."""
    wanted = Question(asked.get("zh", ""), asked.get("en", ""))
    template, parameters = question.message_of(case.case_id, asked.get("asks_for", ()), wanted)
    return render(template, parameters, "UTC", messages, case.language or "")  # it says no time


def form_of(action: str, text: str, wanted: Mapping[str, Any]) -> Form:
    """What a program asks for by the names of the event, as a form asks for it. Raises FieldTooMany."""
    names = TAKES.get(action, {})
    for name in wanted:
        if name not in names:
            raise FieldTooMany(name)
    given = {names[name]: value if isinstance(value, list) else [str(value)] for name, value in wanted.items()}
    return {**given, _ALONE if action == "ask" else "text": [text]}


def said_in(action: str, form: Form) -> str:
    """What is said with the action: what a customer is asked has fields of its own beside the note."""
    return _one(form, _ALONE if action == "ask" else "text")


def _lock(form: Form) -> dict[str, Any]:
    hours, scope, order = (_one(form, name) for name in ("lock_hours", "lock_scope", "lock_order"))
    if order:
        if order not in ORDERS:
            raise Refused("refused.form")
        return {"order": order}  # all of the account, until people end it
    found: dict[str, Any] = {}
    if scope:
        if scope not in SCOPES:
            raise Refused("refused.scope")
        found["scope"] = scope
    if hours:
        if not hours.isascii() or not hours.isdigit() or not LASTS_S[0] <= int(hours[:6]) * 3600 <= LASTS_S[1]:
            raise Refused("refused.duration")
        found["lasts_s"] = int(hours) * 3600
    return found


def _unlock(form: Form) -> dict[str, Any]:
    scope = _one(form, "unlock_scope")
    if scope and scope not in SCOPES:
        raise Refused("refused.scope")
    return {"scope": scope} if scope else {}


def _ask(form: Form, case: CaseVersion) -> dict[str, Any]:
    wanted = tuple(dict.fromkeys(form.get("asks_for", ())))
    if not set(wanted) <= set(ASKED_FOR):
        raise Refused("refused.form")
    own = {name: _one(form, TAKES["ask"][name]) for name in ("zh", "en")}
    asked = Question.of(**own, alone=_one(form, _ALONE))
    if (refused := question.refusal(asked, case.language or "")) is not None:
        raise Refused(f"refused.question.{refused[0]}")
    return ({"asks_for": wanted} if wanted else {}) | {name: text for name, text in own.items() if text}


def _resolve(form: Form) -> dict[str, Any]:
    offered = {"finding": FINDINGS, "resolution": RESOLUTIONS, "root_cause": ROOT_CAUSES}
    found = {name: _one(form, name) for name in offered}
    if any(value and value not in offered[name] for name, value in found.items()):
        raise Refused("refused.form")
    return {name: value for name, value in found.items() if value}


def _other(form: Form) -> dict[str, Any]:
    other = _one(form, "other_case")
    if not other or len(other) > 128:
        raise Refused("refused.other_case")
    return {"other_case_id": other}


_OF: Final[Mapping[str, Callable[[Form], dict[str, Any]]]] = {
    "lock": _lock,
    "unlock": _unlock,
    "resolve": _resolve,
    "merge": _other,
    "link": _other,
}


def _one(form: Form, name: str) -> str:
    given = form.get(name, ())
    return str(given[0]).strip() if given else ""
