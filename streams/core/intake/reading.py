"""What is made of one message: flow, queue, priority, details, and may it be answered at once?

Rules first: a wording that can hardly mean anything else (`rules.txt`; a deed, marked `!`, goes before a question; two
others that disagree are none). Then the text model. Where the message tells of a debit, of money that is gone or of
somebody else at the account (`graver.py`), or of anything else that a general answer would pass over (`beyond.py`), no
such answer will do. Whoever asks for a person gets one, and so does whoever was not understood well enough for the
policy.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Final, Literal

import msgspec

from streams.core.intake import graver
from streams.core.intake.beyond import goes_beyond
from streams.core.intake.details import Details, details_of
from streams.core.intake.masking import hidden_in, masked
from streams.core.intake.pages import without_pages
from streams.core.intake.rules import ASKS_FOR_PERSON, rule_for
from streams.core.intake.text_model import TextModel, packaged_text_model
from streams.core.intake.topics import DISOWNED, SCAMMED, TOPICS, UNREAD, Topic
from streams.core.policy import IntakePolicy

RULE_CONFIDENCE: Final = 0.95  # of a rule's wording; measured in docs/intake.md
GUESSES: Final = 3
_GRAVE: Final = {"scammed": SCAMMED, "disowned": DISOWNED}  # rules whose topic is not the one of their flow
_FEEDBACK: Final = "F44"
# Flow F40: a question of privacy can wait, an address that steals passwords cannot (domain 1.3).
_QUESTIONS: Final = "F40"
_PHISHING_PRIORITY: Final = 2
_URGENT: Final = 2  # P1 and P2
_TO_ACCOUNTING: Final = UNREAD._replace(queue="accounting", priority=2)
_WHOSE: Final = "whose"  # the rule of who asks whether a message, a page or a call is ours
_PHISHING = re.compile(
    r"钓鱼|诈骗|骗子|假冒|冒充|仿冒|假(?:的)?(?:网站|客服|短信|链接|app)|可疑(?:的)?(?:链接|短信|网址|邮件)"
    r"|phish|scam|impersonat|pretend|fake|spoof|suspicious (?:link|message|e-?mail|text|sms|site|website)"
)
_CJK = re.compile(r"[\u3400-\u9fff]")
_HIDDEN = re.compile(r"\[[a-z]+\]")
_LETTER = re.compile(r"[^\W\d_]")


class Reading(msgspec.Struct, frozen=True):
    """One message as it was understood. `text` is masked, and is for the reader's eyes only: nothing keeps it."""

    text: str
    masked: tuple[str, ...]  # kinds of what was hidden
    language: Literal["zh", "en"]
    topic: Topic
    confidence: float  # of `topic`; of the best guess where a person has to read
    by: str  # `rule <name>`, `model`, `person`
    guesses: tuple[tuple[str, float], ...]
    details: Details
    missing: tuple[str, ...]
    answer: str  # template; empty: somebody has to work
    said: str = ""  # the text without what was hidden
    wants_person: bool = False  # asks for one, so no text will do
    withdraws: bool | None = False  # takes back what was asked for; None: that, and more

    @property
    def understood(self) -> bool:
        """False: a person has to read it."""
        return self.by != "person"


def read(
    text: str, local: datetime, policy: IntakePolicy, language: str | None = None, model: TextModel | None = None
) -> Reading:
    """The reading of a message written at `local`, the customer's wall clock. Same text, same reading, everywhere."""
    clean = masked(text)
    # That a card number was there says nothing about what is wanted, nor do the letters of an address.
    said = without_pages(_HIDDEN.sub(" ", clean.text))
    rule = rule_for(folded(said))
    # Nor does the wish for a person, whatever else the words for one may stand for.
    meant = rule.pattern.sub(" ", folded(said)) if rule is not None and rule.flow == ASKS_FOR_PERSON else said
    model = model or packaged_text_model()
    guesses = model.guess(meant) if _LETTER.search(meant) is not None else {}
    best, share = next(iter(guesses.items()), ("", 0.0))
    if rule is not None and rule.flow in TOPICS:
        topic = _GRAVE.get(rule.name, TOPICS[rule.flow])
        confidence, by = RULE_CONFIDENCE, f"rule {rule.name}"
    elif rule is None and best in TOPICS and share >= policy.understood_from:
        topic, confidence, by = TOPICS[best], share, "model"
    else:
        topic, confidence, by = _unread(guesses), share, "person"
    line = folded(said)
    if _is_aside(topic) and graver.tells_of_loss(line):
        topic, confidence, by = TOPICS["F25"], RULE_CONFIDENCE, "rule missing"
    elif _is_at_the_account(line, topic):
        topic, by = UNREAD._replace(queue="security", priority=_at_the_account(line)), "person"
    elif topic.flow in graver.FAILED and graver.tells_of_debit(line):
        topic, confidence, by = TOPICS["F10"], RULE_CONFIDENCE, "rule debited"
    elif _is_general(topic) and graver.tells_of_wrong_balance(line):
        topic, by = _TO_ACCOUNTING, "person"  # a ledger to look at, whatever else there is about balances
    elif _would_answer(topic, confidence, policy) and _says_more(line, topic, model, policy):
        topic, by = _unread(guesses), "person"
    if topic.flow == UNREAD.flow and topic.queue != "security" and graver.tells_of_debit(line):
        topic, by = _TO_ACCOUNTING, "person"
    if topic.queue == "security" and topic.flow not in (_QUESTIONS, UNREAD.flow) and graver.only_supposes(line):
        topic, by = UNREAD._replace(queue="security"), "person"  # it asks what would be, so no alarm is due
    is_alarm = topic.queue == "security" and (by.startswith("rule ") or topic.flow == UNREAD.flow)
    withdraws = False if is_alarm else graver.withdraws(line)
    if withdraws and topic.flow != _FEEDBACK:
        topic, by = UNREAD, "person"  # if nobody knows of what was asked for
    details = details_of(clean.text, local)
    if _may_be_phishing(topic, by, said, details.page):
        about = topic if by == "person" else TOPICS[_QUESTIONS]
        topic = about._replace(queue="security", priority=_PHISHING_PRIORITY)
    return Reading(
        text=clean.text,
        masked=hidden_in(clean),
        language=_language(said, language),
        topic=topic,
        confidence=confidence,
        by=by,
        guesses=tuple(guesses.items())[:GUESSES],
        details=details,
        missing=tuple(name for name in topic.needs if not details.has(name)),
        answer=f"answer.{topic.flow}" if _would_answer(topic, confidence, policy) else "",
        said=said,
        wants_person=rule is not None and rule.flow == ASKS_FOR_PERSON,
        withdraws=withdraws,
    )


def _is_aside(topic: Topic) -> bool:
    """Whether the message may be about money that is missing, though its words are mostly about something else."""
    is_read_by_security = topic.queue == "security" and topic.flow != _QUESTIONS
    return not is_read_by_security and (topic.priority > _URGENT or topic.flow == UNREAD.flow)


def _is_at_the_account(line: str, topic: Topic) -> bool:
    """Whether somebody else is, or wants to be; who asks about safety asks just about those."""
    if topic.answer and topic.flow != _QUESTIONS and graver.was_told_to(line):
        return True
    if topic.queue == "security" and topic.flow != _QUESTIONS:
        return False  # they read it anyway, and know what it is about
    return _is_general(topic) and (graver.tells_of_others(line) or graver.tells_of_robbery(line))


def _is_general(topic: Topic) -> bool:
    """Whether nobody would look at what is special about the message."""
    return topic.answer or topic.flow in graver.FAILED or topic.flow == UNREAD.flow


def _at_the_account(line: str) -> int:
    """The priority of what somebody else has done: a thief is at work, or may be."""
    return 1 if graver.tells_of_robbery(line) else 2


def _would_answer(topic: Topic, confidence: float, policy: IntakePolicy) -> bool:
    return topic.answer and confidence >= policy.answered_from


def _says_more(line: str, topic: Topic, model: TextModel, policy: IntakePolicy) -> bool:
    """Whether a general answer would pass over something; of what is asked about safety, security sees what matters."""
    return topic.flow != _QUESTIONS and goes_beyond(line, topic.flow, model, policy.understood_from)


def _may_be_phishing(topic: Topic, by: str, said: str, page: str) -> bool:
    """Whether somebody has to look at what the customer was sent, before more people follow it."""
    if page and (topic.answer or topic.flow == UNREAD.flow) and not by.startswith("rule "):
        return True  # it is what the message is about, and no general answer knows it
    if topic.flow != _QUESTIONS:
        return False
    line = folded(said)
    if graver.has_obeyed(line):
        return True  # whoever asks whether it was right has done it already
    return page != "" or by == f"rule {_WHOSE}" or _PHISHING.search(line) is not None


def folded(text: str) -> str:
    """As the patterns read it: compatibility forms folded, small letters, one kind of apostrophe."""
    return unicodedata.normalize("NFKC", text).lower().replace("’", "'")


def _unread(guesses: dict[str, float]) -> Topic:
    """Security reads what is more likely theirs than anybody else's: a thief does not wait."""
    theirs = sum(share for flow, share in guesses.items() if flow in TOPICS and TOPICS[flow].queue == "security")
    return UNREAD._replace(queue="security", priority=2) if theirs > 0.5 else UNREAD


def _language(text: str, told: str | None) -> Literal["zh", "en"]:
    """What the text is written in; of a text that says neither, what its channel told (BCP 47)."""
    chinese, letters = len(_CJK.findall(text)), len(_LETTER.findall(text))
    if letters:
        return "zh" if 3 * chinese >= letters else "en"
    return "en" if (told or "").lower().startswith("en") else "zh"
