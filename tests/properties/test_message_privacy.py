"""Whatever is planted into what a person writes, none of it is published, kept, logged or shown.

PAYWARDEN_SOAK=1 plants into 100,000 texts instead of some hundred.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from sqlalchemy import text as sql
from support.browsers import Answer, Browser
from support.happenings import MINUTE, NOON, event
from support.offices import Office
from support.plants import Plant, Plants, tells
from support.stores import build, record

from models.training.texts.writing import written
from streams.adapters.case_store import queries, tokens
from streams.adapters.case_store.rows import TOPICS_OF_ACTIVITY, TOPICS_READ, Record
from streams.adapters.case_store.store import CaseStore
from streams.adapters.case_store.tokens import ApiToken
from streams.console.limits import Limits
from streams.contracts import accounts as said
from streams.contracts.base import Event
from streams.contracts.payments import PaymentFailed, RefundRequested
from streams.contracts.registry import TOPICS_OF_TYPE, encode, tag_of
from streams.core.obligations import Case
from streams.core.personal import DEMO_KEY, guarded
from streams.core.redaction import kept_of
from streams.core.signals import signals_of

SOAK = bool(os.environ.get("PAYWARDEN_SOAK"))
MESSAGES = 100_000 if SOAK else 700
ACCOUNTS = 40
BATCH = 5_000  # records
PAGES = 40 if SOAK else 6  # cases whose pages are looked at, and accounts
_ESCAPE = re.compile(r"\\[nrt]")  # of JSON: "4111\n1111" has a letter between its digits


class Fuzz:
    """People who write what they should not, the core that reads it, and the store and pages that it comes to."""

    def __init__(self, folder: Path) -> None:
        endless = Limits(requests_per_minute=10**6, searches_per_minute=10**6, reveals_per_hour=10**6)
        self.folder = folder
        self.office = Office(folder, endless)
        self.plants = Plants(20260401)
        self.chance = self.plants.chance
        self.frames = [each.text for each in written(1)]
        self.waiting: list[Record] = []

    def writes(self, number: int) -> None:
        """Somebody writes once more; nothing that is published or remembered of it tells a secret."""
        at_ms, account_id = NOON + number * MINUTE // 10, f"a{number % ACCOUNTS}"
        happened, plants = self._said(number, at_ms, account_id)
        now, _ = guarded(happened, DEMO_KEY.encode(), ())
        published = self.office.publishes(now)
        signals = self._signals(now, at_ms)
        dead, _, _ = kept_of("support.requests", encode(happened))
        remembers = self.office.player.obligations.get(account_id)
        told = b"".join([*(each.value or b"" for each in published), *map(encode, signals), dead or b""])
        told += msgspec.json.encode(remembers)
        plain = _ESCAPE.sub(" ", told.decode())
        for plant in plants:
            assert not tells(plain, plant), f"{happened} tells {plant.secret}"
        topic = TOPICS_OF_TYPE[tag_of(type(happened))][0]
        if topic in TOPICS_OF_ACTIVITY:  # the store reads these as they were sent
            self.waiting.append(record(topic, happened, number))
        self.waiting += [each for each in published if each.topic in TOPICS_READ]
        if len(self.waiting) >= BATCH:
            self.loads()

    def loads(self) -> None:
        """As `paywarden store load` does."""
        self.office.store.write(self.waiting, {}, fills=True)
        self.waiting = []

    def _signals(self, happened: Event, at_ms: int) -> list[Any]:
        """What is told to the agent that has the cases of incidents."""
        if not isinstance(happened, said.IncidentAction):
            return []
        entities = self.office.player.policy.entities
        once: dict[str, Any] = {"flagged": False, "first": True, "partition": 0, "next_sequence": lambda: 1}
        return list(signals_of(happened, at_ms, policy=entities, **once))

    def _said(self, number: int, at_ms: int, account_id: str) -> tuple[Event, list[Plant]]:
        """What somebody writes, and what is planted in it."""
        frame = self.chance.choice(self.frames) if self.chance.random() < 0.8 else ""
        text, plants = self.plants.sentence(frame)
        case = self._case(account_id)
        who: dict[str, Any] = {"actor": "mei", "role": "analyst"}
        kind = self.chance.choices(tuple(_KINDS), tuple(_KINDS.values()))[0]
        fields: dict[str, Any] = {"channel": "chat", "text": text}
        match kind:
            case said.ContactTaken:
                fields |= who | {"disposition": "follow_up", "channel": "phone"}
            case said.CaseAction:
                about = {"case_id": case.case_id, "expected_version": case.version} if case is not None else {}
                action = self.chance.choice(("note", "note", "ask", "confirm_legit", "escalate", "resolve", "reopen"))
                fields = who | {"expected_version": 1, "action": action, "text": text} | about
                in_both = action == "ask" and number % 2  # else one text for every reader
                fields |= {"zh": text[:256], "en": text[:256]} if in_both else {}
            case said.IncidentAction:
                action = self.chance.choice(("note", "close", "statement"))
                fields = who | {"entity": "ip/203.0.113.7", "case_id": "inc_1", "action": action, "text": text}
                fields |= {"expected_version": 1, "known": False, "zh": text[:256], "en": text[:256]}
            case said.AccountErasure:
                fields = {"actor": "sun", "second_actor": "jo", "role": "supervisor", "why": text[:256]}
            case said.SurveyAnswered:
                fields |= {"score": self.chance.randint(1, 5)} | ({"case_id": case.case_id} if case else {})
            case said.SocialMention:
                fields |= {"reach": 10 ** self.chance.randint(1, 6)}
            case said.UserReport:
                fields |= {"kind": self.chance.choice(("unauthorised", "wrong_transfer"))}
            case said.CustomerConfirmed:
                fields |= {"answer": self.chance.choice(("yes", "no"))} | ({"case_id": case.case_id} if case else {})
            case said.MerchantApplication:
                fields |= {"merchant_id": f"m{number}", "status": "missing_documents"}
            case said.LedgerPosted:
                fields = {"entry_id": f"l{number}", "direction": "debit", "amount_minor": 100, "currency": "CNY"}
                fields |= {"reference": text[:256]}
            case _ if kind in (RefundRequested, PaymentFailed):
                fields = {"payment_id": f"p{number}", "amount_minor": 1_000, "currency": "CNY"}
                fields |= {"refund_id": f"r{number}", "reason": text[:256]} if kind is RefundRequested else {}
                fields |= {"message": text[:256]} if kind is PaymentFailed else {}
            case _ if self.chance.random() < 0.1:
                fields |= {"attachments": (self._attachment(plants),)}
        return event(kind, at_ms, f"e{number}", account_id=account_id, **fields), plants

    def _attachment(self, plants: list[Plant]) -> said.Attachment:
        # A code in the name of a file is let through: `receipt-code-12.png` (docs/console.md).
        named = [each for each in plants if each.kind not in ("code", "password")]
        name = "-".join(re.sub(r"\s", "", each.text) for each in named) or "receipt"
        return said.Attachment(reference=f"s3://evidence/{name}.png"[:256], sha256="0" * 64, kind="receipt")

    def _case(self, account_id: str) -> Case | None:
        known = self.office.player.obligations.get(account_id)
        return known.cases[-1] if known is not None and known.cases else None


_KINDS: dict[type[Event], int] = {
    said.UserMessage: 70,
    said.ContactTaken: 6,
    said.CaseAction: 8,
    said.IncidentAction: 2,
    said.AccountErasure: 1,
    said.SurveyAnswered: 2,
    said.SocialMention: 2,
    said.UserReport: 2,
    said.CustomerConfirmed: 1,
    said.UnlockRequested: 1,
    said.MerchantApplication: 1,
    said.LedgerPosted: 1,
    RefundRequested: 2,
    PaymentFailed: 1,
}


@pytest.fixture
def fuzz(tmp_path: Path) -> Iterator[Fuzz]:
    fuzz = Fuzz(tmp_path)
    with fuzz.office.at_work():
        yield fuzz


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Every line that is logged, ours at every level."""
    lines: list[str] = []

    class Keeps(logging.Handler):
        def emit(self, line: logging.LogRecord) -> None:
            lines.append(self.format(line))

    keeps, root, ours = Keeps(), logging.getLogger(), logging.getLogger("streams")
    before = ours.level
    root.addHandler(keeps)
    ours.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(keeps)
        ours.setLevel(before)


@pytest.mark.timeout(3_600 if SOAK else 300)
def test_what_is_planted_is_in_no_topic_state_database_log_or_page(fuzz: Fuzz) -> None:
    with _logged() as lines:
        for number in range(MESSAGES):
            fuzz.writes(number)
        fuzz.loads()
        build(fuzz.office.store)
        fuzz.office.clock.at_ms = NOON + MESSAGES * MINUTE // 10
        answers = [*_filled_in(fuzz), *_looked_at(fuzz)]
    assert {each.status for each in answers} <= {200, 303, 400, 401, 403, 404, 409}
    assert sum(each.status in (200, 303) for each in answers) > len(answers) / 2
    for where, texts in (("a log", lines), ("a page", [each.text + _told_beside(each) for each in answers])):
        for each in texts:
            assert not (found := fuzz.plants.told_in(each)), f"{where} tells {found}: {each[:2_000]}"
    assert len(fuzz.office.sent) > PAGES
    for sent in fuzz.office.sent:
        if isinstance(sent, said.CaseAction) and sent.action == "attach":
            continue  # a code in the name of a file is let through: nobody would find the file
        plain = _ESCAPE.sub(" ", encode(sent).decode())
        assert not (found := fuzz.plants.told_in(plain)), f"the console writes {found}: {plain}"
    fuzz.office.store.engine.dispose()
    rows = 0
    for place, each in _kept(fuzz.office.store):
        rows += 1
        assert not (found := fuzz.plants.told_in(_ESCAPE.sub(" ", each))), f"{place} keeps {found}: {each}"
    assert rows > MESSAGES
    for file in sorted(fuzz.folder.glob("cases.db*")):
        for part in _parts(file):
            assert not fuzz.plants.told_in(part), f"{file.name} holds a secret that no row has"


def _told_beside(answer: Answer) -> str:
    """The headers. How long a page is has six digits of its own."""
    return str({name: value for name, value in answer.headers.items() if name.lower() != "content-length"})


def _kept(store: CaseStore) -> Iterator[tuple[str, str]]:
    """Every row of every table, the index of words too."""
    with store.reading() as connection:
        names = connection.scalars(sql("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        for name in names:
            for row in connection.execute(sql(f'SELECT * FROM "{name}"')):
                values = (each.decode(errors="replace") if isinstance(each, bytes) else each for each in row)
                yield name, " ; ".join(each for each in values if isinstance(each, str))


def _parts(file: Path) -> Iterator[str]:
    """What is ASCII in it, every other byte as a blank; each part begins with the end of the one before."""
    plain = bytes(each if each < 128 else ord(" ") for each in range(256))
    end = ""
    with file.open("rb") as content:
        while part := content.read(1 << 24):
            yield end + (text := part.translate(plain).decode())
            end = text[-256:]


def _looked_at(fuzz: Fuzz) -> Iterator[Answer]:
    """Pages and answers about a sample of what there is, to an analyst and to a viewer, in both languages."""
    office = fuzz.office
    with office.store.writing() as connection:
        keys = [
            tokens.add_token(connection, ApiToken(f"t{whole}", "analyst", whole, 10**6, 0, None))
            for whole in (True, False)
        ]
    with office.store.reading() as connection:
        ids = [str(each) for each in connection.scalars(sql("SELECT case_id FROM cases ORDER BY number DESC"))]
    ids = ids[:: max(1, len(ids) // PAGES)][:PAGES]
    for name in ("mei", "vera"):
        browser = office.person(name)
        for language in ("en", "zh"):
            browser.cookies["paywarden_language"] = language
            for path in ("/queue", "/queue?stage=waiting", "/queue?stage=done", "/incidents", "/locks", "/handover"):
                yield browser.asks("GET", path)
            yield browser.asks("GET", "/knowledge")
            for case_id in ids:
                yield browser.asks("GET", f"/cases/{case_id}")
            for number in range(min(PAGES, ACCOUNTS)):
                yield browser.asks("GET", office.page_of("account", f"a{number}"))
        for _ in range(PAGES):
            text, _ = fuzz.plants.sentence("")
            for path, field in (("/search", "q"), ("/knowledge", "q"), ("/contacts", "order"), ("/contacts", "phone")):
                yield browser.asks("GET", f"{path}?{urlencode({field: text})}")
        yield browser.asks("GET", f"/search?{urlencode({'q': 'card'})}")
    sun = office.person("sun")
    for path in ("/audit", f"/audit?{urlencode({'actor': fuzz.plants.one().text})}", "/audit/export", "/settings"):
        yield sun.asks("GET", path)
    for key in keys:
        reads = {"Authorization": f"Bearer {key}"}
        for path in ("cases?limit=100", "incidents", "notifications?limit=100"):
            yield Browser(browser.port).asks("GET", f"/api/v1/{path}", **reads)
        for case_id in ids:
            for path in ("", "/versions", "/attachments"):
                yield Browser(browser.port).asks("GET", f"/api/v1/cases/{case_id}{path}", **reads)


def _filled_in(fuzz: Fuzz) -> Iterator[Answer]:
    """Every field of a form that takes words, with secrets in them."""
    office, mei = fuzz.office, fuzz.office.person("mei")
    csrf = mei.csrf()
    yield office.stranger().asks("POST", "/login", {"name": fuzz.plants.one().text, "password": fuzz.plants.one().text})
    forms = iter(range(10**6))

    def posts(path: str, /, **fields: str) -> Answer:
        return mei.asks("POST", path, {"csrf": csrf, "form": f"f{next(forms)}"} | fields)

    def words(most: int = 10**6) -> str:
        """Whole, or half an address would be no address that anybody could know."""
        text = fuzz.plants.sentence(fuzz.chance.choice(fuzz.frames))[0]
        return text if len(text) <= most else fuzz.plants.one().text

    yield posts("/settings/password", password=words(100), new=words(100), again=words(100))

    for number in range(PAGES):
        account = office.named("account", f"a{number % ACCOUNTS}")
        with office.store.reading() as connection:
            known = queries.account(connection, f"a{number % ACCOUNTS}")
        assert known is not None
        for line in known.cases[:2]:
            field = f"{line.version}:{line.case_id}"
            for action, name in (("note", "text"), ("ask", "question_zh"), ("escalate", "text"), ("resolve", "text")):
                form = {"action": action, "version": str(line.version), name: words()}
                yield posts(f"/cases/{line.case_id}/actions", **form)
            asked = {"question_zh": words(160), "question_en": words(160)}
            yield posts(f"/cases/{line.case_id}/question", version=str(line.version), **asked)
            yield posts(f"/cases/{line.case_id}/reveal", reason=words(190))
            yield posts(
                f"/cases/{line.case_id}/attachments",
                version=str(line.version),
                reference=f"s3://evidence/{fuzz.plants.one().text}.png",
                sha256="0" * 64,
                kind="receipt",
                media_type="image/png",
                size="1",
            )
            yield posts("/handover", case=field, **{f"note:{line.case_id}": words()})
            yield posts("/bulk/resolve", case=field, text=words())
        yield posts("/account/cases", id=account, flow="F42", text=words())
        yield posts("/account/reveal", id=account, reason=words(190))
        yield posts("/contacts", account=account, channel="chat", disposition="follow_up", text=words())
        yield posts("/contacts", account=account, channel="chat", disposition="follow_up", order=words(64))
        yield posts("/views", name=words(60))


def test_what_is_told_is_noticed() -> None:
    card, code, email = (Plant(kind, "", secret) for kind, secret in _TOLD)
    assert tells('{"text": "4111-1111 1111.1111"}', card)
    assert tells('{"text": "[card]111 1111.1111"}', card), "a half is too much"
    assert tells("to qxkabcdef@mail3.example", email)
    assert tells("code:775068,", code)
    assert not tells('{"at": 1775068000000}', code)
    plants = Plants(1)
    made = [plants.one() for _ in range(200)]
    assert {each.kind for each in made} == {"card", "identity", "phone", "email", "password", "code"}
    for each in made:
        assert each.secret in plants.told_in(f"before {each.text} behind")
    assert plants.told_in("2026-04-01 12:00 case_mhx7ao2eqxghleqvz57bul6vgm 1775068000000") == set()


_TOLD = (("card", "4111111111111111"), ("code", "775068"), ("email", "qxkabcdef"))
