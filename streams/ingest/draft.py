"""Which source file would fit the records that lie on a topic? A proposal: what was guessed says what it saw.

Fields are recognised by their names and checked by their values. Where that is not enough the line is a comment that
begins with `# ?`, so that `ingest check` asks for it. Values of customers are never repeated, only words that many
records share, such as statuses and currencies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, get_args

from streams.ingest.documents import Documents
from streams.ingest.mapping import Facts
from streams.ingest.paths import ANY, Chain, leaves
from streams.ingest.source import Envelope, Format, Source, parse_source
from streams.ports import Schemas

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_COUNTRY: Final = re.compile(r"[A-Za-z]{2}")
_IP: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]+")
_RFC3339: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{5,8}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})")
_LOCAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}")
_DIGITS: Final = {10: "unix_s", 13: "unix_ms", 16: "unix_us", 19: "unix_ns"}
_FEW_WORDS: Final = 20  # a status has few values, and many records share each


class Seen(NamedTuple):
    """What one field of the sample holds."""

    chain: Chain
    values: list[Any]
    records: int  # in the whole sample

    @property
    def words(self) -> frozenset[str]:
        """The words of its last two names: `customerId` below `payer` is payer, customer, id."""
        names = [name for name in self.chain if name != ANY][-2:]
        return frozenset(word.lower() for name in names for word in _WORDS.findall(name))

    @property
    def last(self) -> frozenset[str]:
        name = next((name for name in reversed(self.chain) if name != ANY), "")
        return frozenset(word.lower() for word in _WORDS.findall(name))

    @property
    def always(self) -> bool:
        return len(self.values) >= self.records

    @property
    def distinct(self) -> int:
        return len({str(value) for value in self.values})

    def all(self, pattern: re.Pattern[str]) -> bool:
        return all(isinstance(value, str) and pattern.fullmatch(value) for value in self.values)

    @property
    def texts(self) -> bool:
        """Texts or integers, as ids are."""
        return all(isinstance(value, str | int) and not isinstance(value, bool) for value in self.values)

    @property
    def path(self) -> str:
        """As JMESPath; of a list the first element."""
        text = ""
        for name in self.chain:
            if name == ANY:
                text += "[0]"
            else:
                text += ("." if text else "") + (name if _IDENTIFIER.fullmatch(name) else f'"{name}"')
        return text


def look(documents: Iterable[Any]) -> list[Seen]:
    """Every field of the documents with its values, those near the top first."""
    found: dict[Chain, list[Any]] = {}
    count = 0
    for document in documents:
        count += 1
        for chain in leaves(document):
            value = _at(document, chain)
            if value is not None and value != "":
                found.setdefault(chain, []).append(value)
    return [
        Seen(chain, values, count) for chain, values in sorted(found.items(), key=lambda item: (len(item[0]), item[0]))
    ]


def _at(document: Any, chain: Chain) -> Any:
    for name in chain:
        if name == ANY:
            document = document[0] if isinstance(document, list | tuple) and document else None
        else:
            document = document.get(name) if isinstance(document, dict) else None
    return document


def source_name(topic: str) -> str:
    """A name for a source, from the name of its topic."""
    return re.sub(r"[^a-z0-9]+", "-", topic.lower()).strip("-")[:40].strip("-") or "source"


def propose(
    topic: str, name: str, facts: Sequence[Facts], values: Sequence[bytes | None], schemas: Schemas | None
) -> str | None:
    """The proposal for these records, or None if no format fits them."""
    headers = {name for each in facts for name, _ in each.headers}
    for file_format in get_args(Format):
        plain = Documents(_reading(topic, file_format, "none"), schemas)
        documents = [
            found
            for each, value in zip(facts, values, strict=True)
            if isinstance(found := plain.read(value, each.headers), dict)
        ]
        if not documents or len(documents) * 2 < sum(value is not None for value in values):
            continue
        envelope = envelope_of(documents, tuple(headers))
        reader = Documents(_reading(topic, file_format, envelope), schemas)
        unwrapped = [
            found
            for each, value in zip(facts, values, strict=True)
            if isinstance(found := reader.read(value, each.headers), dict)
        ]
        return Drafter(name, topic, file_format, envelope, look(unwrapped)).render()
    return None


def _reading(topic: str, file_format: Format, envelope: Envelope) -> Source:
    """A source that only reads: what a proposal needs before there is a file."""
    return parse_source(
        {
            "name": "draft",
            "topics": [topic],
            "format": file_format,
            "envelope": envelope,
            "account_id": "id",
            "occurred_at": {"time": "record"},
            "type": "session.used.v1",
            "fields": {"ip": "ip"},
        },
        topic,
    )


def envelope_of(documents: Sequence[dict[str, Any]], headers: Sequence[str] = ()) -> Envelope:
    """The envelope that all records of a sample are in."""
    if (documents and all("specversion" in each for each in documents)) or "ce_specversion" in headers:
        return "cloudevents"
    rows = [each["payload"] if isinstance(each.get("payload"), dict) else each for each in documents]
    if rows and all("op" in row and ("after" in row or "before" in row) for row in rows):
        return "debezium"
    return "none"


# Of a field of ours: words that its name is likely to have, of which one must be there; words that rule it out.
_ACCOUNT: Final = (
    frozenset(("account", "customer", "user", "shopper", "payer", "buyer", "debtor", "client", "wallet", "openid")),
    frozenset(["ip", "agent", "name", "mail", "email", "phone", "device", "country", "type", "status", "iban", "card"]),
)
_PAYMENT: Final = (
    frozenset(["payment", "transaction", "txn", "tx", "trade", "transfer", "charge", "psp", "rrn"]),
    frozenset(("type", "status", "state", "method", "amount", "code", "time", "date", "at", "created", "reason")),
)
_OPTIONAL: Final[tuple[tuple[str, frozenset[str], frozenset[str]], ...]] = (
    ("order_id", frozenset({"order"}), frozenset({"amount", "time", "date", "status", "type"})),
    (
        "merchant_id",
        frozenset({"merchant", "seller", "mchid"}),
        frozenset({"name", "category", "reference", "country"}),
    ),
    ("terminal_id", frozenset({"terminal"}), frozenset({"type"})),
    ("device_id", frozenset({"device"}), frozenset({"type", "name", "model"})),
    ("counterparty_id", frozenset({"counterparty", "payee", "beneficiary"}), frozenset({"name"})),
    ("channel", frozenset({"channel"}), frozenset()),
    ("app_version", frozenset({"appversion"}), frozenset()),
    ("mcc", frozenset({"mcc"}), frozenset()),
    ("bin", frozenset({"bin"}), frozenset()),
)
_OUTCOMES: Final = (  # the first whose stem a status contains; the order matters: "payment_failed" before "payment"
    ("failed", ("fail", "declin", "reject", "refus", "error", "denied", "rjct", "bad")),
    ("reversed", ("revers", "cancel", "void", "undone")),
    ("authorized", ("auth", "approv", "reserv")),
    ("captured", ("captur",)),
    ("succeeded", ("succe", "success", "paid", "settle", "complete", "done", "finish", "accc", "acsc", "ok")),
    ("pending", ("pend", "process", "wait", "unknown")),
    ("requested", ("request", "creat", "init", "new", "start", "submit")),
)


class Drafter:
    """Writes one proposal."""

    def __init__(self, name: str, topic: str, file_format: Format, envelope: Envelope, seen: Sequence[Seen]) -> None:
        self._name = name
        self._topic = topic
        self._format = file_format
        self._envelope = envelope
        # Of a row change only the new row counts; of a CloudEvent its attributes too.
        self._seen = [each for each in seen if envelope != "debezium" or each.chain[0] == "after"]
        self._taken: set[Chain] = set()
        self._lines: list[str] = []

    def render(self) -> str:
        """The file as TOML."""
        say = self._lines.append
        records = self._seen[0].records if self._seen else 0
        say(f"# Proposed from {records} records of {self._topic}. Look at every line, then `paywarden ingest check`.")
        say(f'name = "{self._name}"')
        say(f'topics = ["{self._topic}"]')
        if self._format != "json":
            say(f'format = "{self._format}"')
        if self._envelope != "none":
            say(f'envelope = "{self._envelope}"')
        if self._envelope == "debezium":
            say("keep = \"op == 'c' || op == 'r'\"  # inserts and the first snapshot")
        time, amount, currency, address = self._time(), self._amount(), self._currency(), self._address()
        status = self._status()
        self._event_id()
        self._account()
        self._say_time(time)
        login = amount is None and address is not None
        say("")
        self._say_type(status, login)
        say("")
        say("[fields]")
        if login:
            self._field("ip", address)
        else:
            self._say_payment(amount, currency)
            self._field("ip", address, optional=True)
        self._say_optional(login)
        return "\n".join(self._lines) + "\n"

    # -- finding -----------------------------------------------------------------------------------------------------

    def _take(self, seen: Seen | None) -> Seen | None:
        if seen is not None:
            self._taken.add(seen.chain)
        return seen

    def _free(self) -> list[Seen]:
        return [each for each in self._seen if each.chain not in self._taken]

    def _best(self, wanted: Iterable[str], unwanted: Iterable[str], *, needs: str = "") -> Seen | None:
        """The free id-like field with the most wanted words in its last names, those first that every record has."""
        wanted, unwanted = set(wanted), set(unwanted)

        def score(each: Seen) -> tuple[int, int, int, int]:
            return (
                each.always,
                2 * len(each.last & wanted) + len(each.words & wanted),
                needs in each.last,
                -len(each.chain),
            )

        fitting = [each for each in self._free() if each.texts and each.words & wanted and not each.last & unwanted]
        return max(fitting, key=score, default=None)

    def _time(self) -> tuple[Seen, str, str] | None:
        """The field, its format, and a remark."""
        found = []
        for each in self._free():
            how = _time_format(each.values)
            if how is None or not each.always:
                continue
            named = bool(each.last & {"time", "at", "created", "timestamp", "ts", "date", "occurred", "booked", "when"})
            if how.startswith("unix") and not named:
                continue  # a long number is not a time by itself
            found.append((not named, len(each.chain), each, how))
        if not found:
            return None
        _, _, seen, how = min(found, key=lambda item: item[:2])
        self._take(seen)
        remark = '  # ? no offset: which zone? zone = "Asia/Shanghai"' if how.startswith("%") else ""
        return seen, how, remark

    def _amount(self) -> tuple[Seen, str, str] | None:
        words = {"amount", "total", "value", "sum", "cents", "price", "minor"}
        fitting = [
            each for each in self._free() if each.last & words and each.values and all(map(_is_number, each.values))
        ]
        if not fitting:
            return None
        seen = max(
            fitting, key=lambda each: (each.always, "amount" in each.words, "total" in each.last, -len(each.chain))
        )
        self._take(seen)
        if any("." in str(value) for value in seen.values):
            return seen, "major", "  # decimals were seen"
        if seen.last & {"cents", "minor"}:
            return seen, "minor", ""
        return seen, "minor", "  # ? only whole numbers were seen: cents (minor), or euros (major)?"

    def _currency(self) -> Seen | None:
        named = [each for each in self._free() if each.last & {"currency", "ccy", "cur"} and each.all(_CURRENCY)]
        return self._take(named[0] if named else None)

    def _address(self) -> Seen | None:
        return self._take(
            next((each for each in self._free() if each.all(_IP) and each.last & {"ip", "address", "addr"}), None)
        )

    def _status(self) -> Seen | None:
        words = {"status", "state", "type", "event", "result", "outcome", "action"}
        fitting = [
            each
            for each in self._free()
            if each.always
            and each.last & words
            and each.distinct <= _FEW_WORDS
            and all(isinstance(value, str | bool) for value in each.values)
        ]

        def score(each: Seen) -> tuple[int, int, int]:
            known = sum(_outcome(str(value)) is not None for value in set(map(str, each.values)))
            return known, min(each.distinct, 5), -len(each.chain)

        return self._take(max(fitting, key=score, default=None))

    # -- writing -----------------------------------------------------------------------------------------------------

    def _event_id(self) -> None:
        fitting = [
            each
            for each in self._free()
            if each.always
            and each.texts
            and "id" in each.last
            and each.distinct == each.records
            and (len(each.chain) == 1 or each.last & {"event", "notify", "message"})
        ]
        if fitting and fitting[0].records > 1:
            self._take(fitting[0])
            self._lines.append(f"event_id = {_quoted(fitting[0].path)}  # different in every record")
        else:
            self._lines.append("# event_id: none found; the hash of each record stands in, which is fine")

    def _account(self) -> None:
        seen = self._take(self._best(*_ACCOUNT, needs="id"))
        if seen is None:
            self._lines.append('# ? account_id = "..."  # whose event is it?')
            return
        rest = "" if seen.always else f"  # ? missing in {seen.records - len(seen.values)} of {seen.records} records"
        self._lines.append(f"account_id = {_quoted(seen.path)}{rest}")

    def _say_time(self, time: tuple[Seen, str, str] | None) -> None:
        if time is None:
            self._lines.append('occurred_at = { time = "record" }  # ? no time was found in the records')
            return
        seen, how, remark = time
        self._lines.append(f"occurred_at = {{ path = {_quoted(seen.path)}, time = {_quoted(how)} }}{remark}")

    def _say_type(self, status: Seen | None, login: bool) -> None:
        say = self._lines.append
        if status is None:
            say(f'# ? type = "{"login.succeeded.v1" if login else "payment.succeeded.v1"}"  # no status was found')
            return
        say("[type]")
        say(f"path = {_quoted(status.path)}")
        say("")
        say("[type.values]")
        for value, times in Counter(_word(each) for each in status.values).most_common():
            outcome = _outcome(value)
            if login and outcome is not None:
                tag = "login.failed.v1" if outcome == "failed" else "login.succeeded.v1"
            else:
                tag = f"payment.{outcome}.v1" if outcome else ""
            say(
                f'{_quoted(value)} = "{tag}"  # {times} records'
                if tag
                else f'# ? {_quoted(value)} = "..."  # {times} records'
            )

    def _say_payment(self, amount: tuple[Seen, str, str] | None, currency: Seen | None) -> None:
        say = self._lines.append
        payment = self._take(self._best(*_PAYMENT, needs="id")) or self._take(
            next((each for each in self._free() if each.always and each.texts and "id" in each.last), None)
        )
        self._field("payment_id", payment)
        if amount is None:
            say('# ? amount_minor = { path = "...", unit = "minor" }')
        else:
            seen, unit, remark = amount
            say(f'amount_minor = {{ path = {_quoted(seen.path)}, unit = "{unit}" }}{remark}')
        if currency is None:
            say('# ? currency = { value = "EUR" }  # no currency was found')
        elif any(value != value.upper() for value in currency.values):
            say(f"currency = {{ path = {_quoted(currency.path)}, upper = true }}")
        else:
            say(f"currency = {_quoted(currency.path)}")

    def _say_optional(self, login: bool) -> None:
        for name, wanted, unwanted in _OPTIONAL:
            if login and name not in ("device_id",):
                continue
            self._field(name, self._take(self._best(wanted, unwanted)), optional=True)
        country = next((each for each in self._free() if "country" in each.last and each.all(_COUNTRY)), None)
        self._field("country", self._take(country), optional=True)
        if login:
            agent = next((each for each in self._free() if each.last >= {"user", "agent"} or "ua" in each.last), None)
            self._field("user_agent", self._take(agent), optional=True)

    def _field(self, name: str, seen: Seen | None, *, optional: bool = False) -> None:
        if seen is not None:
            self._lines.append(f"{name} = {_quoted(seen.path)}")
        elif not optional:
            self._lines.append(f'# ? {name} = "..."')


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) is not None
    return hasattr(value, "__int__")


def _time_format(values: Sequence[Any]) -> str | None:
    def one(value: Any) -> str | None:
        if hasattr(value, "isoformat"):
            return "rfc3339"
        if isinstance(value, int) and not isinstance(value, bool):
            return _DIGITS.get(len(str(value)))
        if not isinstance(value, str):
            return None
        if _RFC3339.fullmatch(value):
            return "rfc3339"
        if _LOCAL.fullmatch(value):
            return f"%Y-%m-%d{value[10]}%H:%M:%S"
        return _DIGITS.get(len(value)) if value.isascii() and value.isdigit() else None

    formats = {one(value) for value in values}
    return formats.pop() if len(formats) == 1 else None


def _word(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _outcome(status: str) -> str | None:
    lowered = status.lower()
    if lowered in ("true", "false"):
        return "succeeded" if lowered == "true" else "failed"
    return next((outcome for outcome, stems in _OUTCOMES if any(stem in lowered for stem in stems)), None)


def _quoted(text: str) -> str:
    """As a TOML string: a literal one where quotes are inside."""
    if '"' in text and "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in escaped) + '"'
