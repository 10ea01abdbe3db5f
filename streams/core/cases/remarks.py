"""What did people say about a case, and what of it may be kept and shown?

The words stay in their event, where whoever may read the topic reads them. What is told of them is masked
(`streams.core.intake.masking`), so that whoever works the case need not guess what a colleague or the customer meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from streams.contracts.accounts import ContactTaken, Support, UserMessage
from streams.contracts.cases import RemarkRecorded
from streams.core.intake.masking import masked
from streams.core.messages import by_hand
from streams.core.obligations import Case
from streams.core.personal import is_card, is_identity
from streams.core.turn import Turn

CUSTOMER: Final = "customer"
MESSAGE, CONTACT = "message", "contact"  # actions of remarks that are none of the desk's
QUESTION_MAX: Final = 160  # characters of a question to a customer: the account remembers it until it is answered
_MOST: Final = 4_000
_PASSES: Final = 4
_GROUPS: Final = re.compile(r"(?<![0-9])[0-9](?:[\W_]{0,3}[0-9]){12,127}(?:[\W_]{0,3}[Xx])?")


def keep(turn: Turn, case: Case, action: str, actor: str, role: str, text: str | None) -> None:
    """Tells what was said about a case; nothing where nothing was."""
    if text is None or not text.strip():
        return
    words, hidden = said_of(text)
    turn.effects.append(
        RemarkRecorded(
            occurred_at=turn.at,
            event_id=turn.cause,
            account_id=turn.ctx.account_id,
            case_id=case.case_id,
            action=action,
            actor=actor,
            role=role,
            text=words,
            hidden=hidden,
        )
    )


def said_of(text: str) -> tuple[str, tuple[str, ...]]:
    """What is told of somebody's words, and the kinds of what was masked.

    Masking reads an amount behind a card number as a part of it, and then sees no card. For a reading that does not
    matter; words that are kept and shown lose every row of digit groups that a card or identity number may hide in.
    """
    clean = text.strip()
    kinds: list[str] = []
    for _ in range(_PASSES):  # an amount beside the word for a code takes the place of the code
        found = masked(clean)
        if found.text == clean:
            break
        clean = found.text
        kinds += [each for each in found.kinds if each not in kinds]

    def instead(run: re.Match[str]) -> str:
        digits = "".join(each for each in run.group() if each.isalnum()).upper()
        if run.group().isalnum() or not (_hides(digits, 13, 19, is_card) or _hides(digits, 18, 18, is_identity)):
            return run.group()
        if "number" not in kinds:
            kinds.append("number")
        return "[number]"

    return _GROUPS.sub(instead, clean)[:_MOST], tuple(kinds)


def _hides(digits: str, shortest: int, longest: int, test: Callable[[str], bool]) -> bool:
    sizes = range(shortest, min(longest, len(digits)) + 1)
    return any(test(digits[at : at + size]) for size in sizes for at in range(len(digits) - size + 1))


def of_customer(turn: Turn, event: Support) -> None:
    """The words of a customer, or of whoever has listened to one, on the cases that the event stands on."""
    match event:
        case ContactTaken():
            said = (CONTACT, event.actor, event.role)
        case UserMessage():
            said = (MESSAGE, CUSTOMER, CUSTOMER)
        case _:
            return
    for case in turn.obligations.cases:
        if any(line.event_id == turn.cause for line in case.lines):
            keep(turn, case, *said, event.text)


def question_refusal(text: str) -> tuple[str, str] | None:
    """(cause, sentence) if this must not be asked of a customer. Never repeats the text."""
    if len(text) > QUESTION_MAX:
        return "too_long", f"a question has {QUESTION_MAX} characters at most"
    if by_hand.asks_secret(text):
        return "secret", "nobody is asked for a password, a code, a card number or an identity number"
    return by_hand.refusal(text, "a question")
