"""Which source file would fit the records that lie on a topic? A proposal: every guess says what it saw, and how sure.

A field is judged by its values over the sample (`streams.ingest.shapes`) and by its name, in several languages. Where
both agree the line says `sure`, where one has to do `likely`; where nothing decides, the line is a comment that begins
with `# ?` and lists candidates. What no line uses is listed at the end. Values of customers are never repeated, only
words that many records share, such as statuses and currencies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, get_args

from streams.ingest import words
from streams.ingest.documents import Documents
from streams.ingest.mapping import Facts
from streams.ingest.paths import Chain
from streams.ingest.shapes import Seen, look, without_accents, word_of
from streams.ingest.source import Envelope, Format, Source, parse_source
from streams.ports import Schemas

_MOST_CANDIDATES: Final = 5
_MOST_LISTED: Final = 60


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
            (found, each.timestamp_ms)
            for each, value in zip(facts, values, strict=True)
            if isinstance(found := reader.read(value, each.headers), dict)
        ]
        seen = look([found for found, _ in unwrapped], [at_ms for _, at_ms in unwrapped])
        return Drafter(name, topic, file_format, envelope, seen).render()
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
        say("# A remark says what was seen and how sure the guess is; `# ?` wants a decision of yours.")
        say(f"name = {_quoted(self._name)}")
        say(f"topics = [{_quoted(self._topic)}]")
        if self._format != "json":
            say(f'format = "{self._format}"')
        if self._envelope != "none":
            say(f'envelope = "{self._envelope}"')
        if self._envelope == "debezium":
            say("keep = \"op == 'c' || op == 'r'\"  # inserts and the first snapshot")
        time, currency, address, agent = self._time(), self._currency(), self._address(), self._agent()
        amount, status = self._amount(), self._status()
        login = amount is None and address is not None
        account = self._account()
        payment = None if login else self._payment()
        self._event_id(payment)
        self._say_account(account)
        self._say_time(time)
        say("")
        self._say_type(status, login)
        say("")
        say("[fields]")
        if login:
            self._field("ip", address, "IP addresses")
        else:
            self._say_payment(payment, amount, currency)
            self._field("ip", address, "IP addresses", optional=True)
        self._say_optional(login)
        if login:
            self._field("user_agent", agent, "user agents", optional=True)
        self._say_rest()
        return "\n".join(self._lines) + "\n"

    # -- finding -----------------------------------------------------------------------------------------------------

    def _take(self, seen: Seen | None) -> Seen | None:
        if seen is not None:
            self._taken.add(seen.chain)
        return seen

    def _free(self) -> list[Seen]:
        return [each for each in self._seen if each.chain not in self._taken]

    def _time(self) -> Seen | None:
        """The time that every record has, best near that of its record."""
        fitting = [
            each
            for each in self._free()
            if each.always
            and each.time is not None
            # A long number, or eight digits, is a time only if its name or its record agrees.
            and (not each.digits or each.named(words.WHEN, last=True) or (each.time.near and each.distinct > 3))
            and not each.named(words.NOT_WHEN, last=True)
        ]

        def score(each: Seen) -> tuple[bool, bool, bool, int]:
            shape = each.time
            assert shape is not None
            return shape.near, "%H" in shape.how or not shape.local, each.named(words.WHEN, last=True), -len(each.chain)

        return self._take(max(fitting, key=score, default=None))

    def _amount(self) -> Seen | None:
        numbers = [
            each
            for each in self._free()
            if (each.plain_numbers or each.notation is not None)
            and not each.named(words.NOT_MONEY, last=True)
            and not each.named(("id",), last=True)
        ]
        fitting = [each for each in numbers if each.named(words.MONEY)]
        # Without a name that says so: decimals in every record, differing.
        fitting = fitting or [each for each in numbers if each.decimals and each.always and not each.few]

        def score(each: Seen) -> tuple[bool, bool, bool, bool, int]:
            last = each.named(words.MONEY, last=True)
            return each.always, last, each.decimals, "total" in each.last, -len(each.chain)

        return self._take(max(fitting, key=score, default=None))

    def _currency(self) -> Seen | None:
        return self._take(max(
            (each for each in self._free() if each.currency),
            key=lambda each: (each.named(words.CURRENCIES), each.always, -len(each.chain)), default=None,
        ))  # fmt: skip

    def _address(self) -> Seen | None:
        return self._take(max(
            (each for each in self._free() if each.address),
            key=lambda each: (each.named(("ip", "address", "addr", "endereco")), each.always, -len(each.chain)),
            default=None,
        ))  # fmt: skip

    def _agent(self) -> Seen | None:
        named = ("agent", "ua", "browser", "navegador")
        return self._take(next((each for each in self._free() if each.agent or each.named(named[:2], last=True)), None))

    def _status(self) -> Seen | None:
        fitting = [each for each in self._free() if each.status and not each.country]

        def known(each: Seen) -> int:
            return sum(_outcome(word) is not None for word in {word_of(value) for value in each.values})

        def score(each: Seen) -> tuple[int, bool, int, int]:
            return known(each), each.named(words.STATES, last=True), min(each.distinct, 5), -len(each.chain)

        best = max(fitting, key=score, default=None)
        if best is None or not (known(best) or best.named(words.STATES, last=True)):
            return None
        return self._take(best)

    def _account(self) -> Seen | None:
        """Somebody comes back: a name that says who, or at least values that repeat as those of customers do."""
        named = [
            each
            for each in self._free()
            if each.idlike and each.named(words.WHO) and not each.named(words.NOT_WHO, last=True)
        ]

        def score(each: Seen) -> tuple[bool, bool, bool, bool, bool, int]:
            last = each.named(words.WHO, last=True)
            return (
                each.always,
                not each.unique,
                each.named(words.ID, last=True),
                last,
                not each.plain_numbers,
                -len(each.chain),
            )

        if named:
            return self._take(max(named, key=score))
        shaped = [each for each in self._repeating() if not each.named(words.NOT_WHO, last=True)]
        return self._take(shaped[0]) if len(shaped) == 1 else None

    def _repeating(self) -> list[Seen]:
        """Ids of which each stands in several records."""
        return [each for each in self._free() if each.idlike and each.always and not each.unique and each.records >= 4]

    def _unique(self) -> list[Seen]:
        return [each for each in self._free() if each.idlike and each.always and each.unique]

    def _payment(self) -> Seen | None:
        named = [
            each for each in self._free()
            if each.idlike and each.named(words.PAYMENT) and not each.named(words.NOT_ID, last=True)
        ]  # fmt: skip

        def score(each: Seen) -> tuple[bool, bool, bool, bool, int]:
            last = each.named(words.PAYMENT, last=True)
            return each.always, last, each.named(words.ID, last=True), "id" in each.last, -len(each.chain)

        if named:
            return self._take(max(named, key=score))
        others = [each for each in self._unique() if not each.named(words.MESSAGE, last=True)]
        ids = [each for each in others if each.named(words.ID, last=True)] or others
        # Of two, that of the record itself is the message's.
        return self._take(
            min(ids, key=lambda each: ("id" not in each.last, each.chain == ("id",), len(each.chain)), default=None)
        )

    # -- writing -----------------------------------------------------------------------------------------------------

    def _say(self, line: str, *why: str, ask: bool = False) -> None:
        """One line of the file with what was seen; `ask` marks it for a decision."""
        remark = ", ".join(each for each in why if each)
        self._lines.append(f"{line}  # {'? ' if ask else ''}{remark}")

    def _wanted(self, line: str, about: str, candidates: Iterable[Seen]) -> None:
        """A line that nobody could guess, with the fields that it might be."""
        self._lines.append(f"# ? {line}  # {about}")
        for each in list(candidates)[:_MOST_CANDIDATES]:
            self._lines.append(f"#     perhaps {_one_line(each.described)}")

    def _event_id(self, payment: Seen | None) -> None:
        fitting = [
            each for each in self._unique()
            if each.named(words.MESSAGE, last=True) or (len(each.chain) == 1 and "id" in each.last)
        ]  # fmt: skip
        fitting.sort(key=lambda each: (not each.named(words.MESSAGE, last=True), len(each.chain)))
        if fitting and fitting[0].records > 1:
            seen = fitting[0]
            self._take(seen)
            self._say(f"event_id = {_quoted(seen.path)}", seen.spread, "sure")
        else:
            self._lines.append("# event_id: none found; the hash of each record stands in, which is fine")

    def _say_account(self, seen: Seen | None) -> None:
        if seen is None:
            self._wanted('account_id = "..."', "whose event is it?", self._repeating())
            return
        self._say_id("account_id", seen, seen.named(words.WHO), alone="no name says so")

    def _say_id(self, name: str, seen: Seen, named: bool, *, alone: str) -> None:
        line = f"{name} = {_quoted(seen.path)}"
        if not named:
            self._say(line, f"a guess by its values alone: {seen.spread}; {alone}", ask=True)
        elif not seen.always:
            missing = seen.records - len(seen.values)
            self._say(line, f"missing in {missing} of {seen.records} records", "likely by its name", ask=True)
        else:
            self._say(line, seen.spread, "likely" if name == "account_id" and seen.unique else "sure by its name")

    def _say_time(self, seen: Seen | None) -> None:
        if seen is None or seen.time is None:
            line = 'occurred_at = { time = "record" }'
            self._say(line, "no time that every record has was found; the record's own stands in", ask=True)
            for each in [each for each in self._free() if each.time is not None][:_MOST_CANDIDATES]:
                self._lines.append(f"#     perhaps {_one_line(each.described)}")
            return
        shape = seen.time
        zone = ""
        hours = round(shape.away_s / 3600)
        remarks = []
        if shape.local:
            zone = ', zone = "UTC"' if hours == 0 else f', zone = "Etc/GMT{hours:+d}"' if abs(hours) <= 14 else ""
            told = f"{abs(hours)} h {'behind' if hours > 0 else 'ahead of'}" if hours else "about equal to"
            remarks.append(f"times without an offset, {told} the UTC times of their records: which zone is it?")
        if shape.other:
            remarks.append(f"or {shape.other}: no value tells day from month")
        if not shape.near:
            remarks.append("far from the records' own times")
        line = f"occurred_at = {{ path = {_quoted(seen.path)}, time = {_quoted(shape.how)}{zone} }}"
        if remarks:
            self._say(line, *remarks, ask=True)
        else:
            self._say(line, seen.spread, "near the records' own times")

    def _say_type(self, status: Seen | None, login: bool) -> None:
        say = self._lines.append
        if status is None:
            line = f'type = "{"login.succeeded.v1" if login else "payment.succeeded.v1"}"'
            self._wanted(line, "no status was found", (each for each in self._free() if each.status))
            return
        say("[type]")
        statuses = Counter(word_of(each) for each in status.values)
        known = sum(_outcome(word) is not None for word in statuses)
        sure = "sure" if known == len(statuses) and status.named(words.STATES, last=True) else "likely" if known else ""
        self._say(f"path = {_quoted(status.path)}", status.spread, sure or "its words say nothing here", ask=not known)
        if not known:
            # Without a single known word the file would be refused before anybody saw a record beside its mapping.
            undecided = ", ".join(_quoted(value) for value in sorted(statuses))
            say(f"ignore = [{undecided}]  # ? skipped until you move them to [type.values]")
        say("")
        say("[type.values]")
        for value, times in statuses.most_common():
            outcome = _outcome(value)
            if login and outcome is not None:
                tag = "login.failed.v1" if outcome == "failed" else "login.succeeded.v1"
            else:
                tag = f"payment.{outcome}.v1" if outcome else ""
            if tag:
                say(f'{_quoted(value)} = "{tag}"  # {times} records')
            else:
                say(f'# ? {_quoted(value)} = "..."  # {times} records')

    def _say_payment(self, payment: Seen | None, amount: Seen | None, currency: Seen | None) -> None:
        if payment is None:
            self._wanted(
                'payment_id = "..."', "what tells one payment from another?", [*self._unique(), *self._repeating()]
            )
        else:
            self._say_id("payment_id", payment, payment.named(words.PAYMENT), alone="or is it the message's?")
        if amount is None:
            numbers = (each for each in self._free() if each.plain_numbers or each.notation is not None)
            self._wanted('amount_minor = { path = "...", unit = "minor" }', "no amount was found", numbers)
        else:
            self._say_amount(amount)
        if currency is None:
            symbol = amount.notation.symbol if amount is not None and amount.notation is not None else ""
            guess = _SYMBOLS.get(symbol)
            about = f"its amounts carry {symbol}" if symbol else "no currency was found"
            if guess is not None:
                self._say(f'currency = {{ value = "{guess}" }}', about, ask=True)
            else:
                self._wanted('currency = { value = "EUR" }', about, ())
            return
        lower = any(value != value.upper() for value in currency.values)
        rule = f"{{ path = {_quoted(currency.path)}, upper = true }}" if lower else _quoted(currency.path)
        codes = ", ".join(sorted({value.upper() for value in currency.values})[:5])
        self._say(f"currency = {rule}", f"ISO 4217: {codes}", "sure" if currency.named(words.CURRENCIES) else "likely")

    def _say_amount(self, seen: Seen) -> None:
        sure = "sure by its name" if seen.named(words.MONEY) else "likely"
        path = _quoted(seen.path)
        if seen.notation is not None:
            self._say(
                f'amount_minor = {{ path = {path}, unit = "major", {seen.notation} }}', "separators were seen", sure
            )
        elif seen.decimals:
            self._say(f'amount_minor = {{ path = {path}, unit = "major" }}', "decimals were seen", sure)
        elif seen.named(("cents", "minor", "centavos"), last=True):
            self._say(f'amount_minor = {{ path = {path}, unit = "minor" }}', "its name says so", "sure")
        else:
            about = "only whole numbers were seen: cents (minor), or euros (major)?"
            self._say(f'amount_minor = {{ path = {path}, unit = "minor" }}', about, ask=True)

    def _say_optional(self, login: bool) -> None:
        for name, wanted, unwanted in words.OPTIONAL:
            if login and name != "device_id":
                continue
            fits: Callable[[Seen], bool] = _may_be_few if name in words.KINDS_OF_PLACES else _is_id
            fitting = [
                each for each in self._free()
                if fits(each) and each.named(wanted) and not each.named(unwanted, last=True)
            ]  # fmt: skip
            best = max(
                fitting,
                key=lambda each: (
                    each.always,
                    each.named(wanted, last=True),
                    each.named(words.ID, last=True),
                    -len(each.chain),
                ),
                default=None,
            )
            self._field(name, self._take(best), "by its name", optional=True)
        places = (each for each in self._free() if each.country and each.named(("country", "pais", "pays", "land")))
        self._field("country", self._take(next(places, None)), "two letters, by its name", optional=True)

    def _field(self, name: str, seen: Seen | None, why: str, *, optional: bool = False) -> None:
        if seen is not None:
            self._say(f"{name} = {_quoted(seen.path)}", why, seen.spread)
        elif not optional:
            self._wanted(f'{name} = "..."', "not found", ())

    def _say_rest(self) -> None:
        rest = self._free()
        if not rest:
            return
        self._lines += ["", "# No line above uses these (in examples 9 is any digit, a any letter):"]
        self._lines += [f"#   {_one_line(each.described)}" for each in rest[:_MOST_LISTED]]
        if len(rest) > _MOST_LISTED:
            self._lines.append(f"#   and {len(rest) - _MOST_LISTED} more")


_SYMBOLS: Final = {"R$": "BRL", "€": "EUR", "£": "GBP", "₹": "INR", "zł": "PLN", "₺": "TRY", "₫": "VND", "₩": "KRW"}


def _is_id(seen: Seen) -> bool:
    return seen.idlike


def _may_be_few(seen: Seen) -> bool:
    return seen.texts and seen.time is None and not any(_outcome(word_of(value)) for value in seen.values[:50])


def _outcome(status: str) -> str | None:
    lowered = without_accents(status).lower()
    if lowered in ("true", "false"):
        return "succeeded" if lowered == "true" else "failed"
    return next((outcome for outcome, stems in words.OUTCOMES if any(stem in lowered for stem in stems)), None)


def _one_line(text: str) -> str:
    """For a comment of TOML, which ends with its line."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _quoted(text: str) -> str:
    """As a TOML string: a literal one where quotes are inside."""
    if ('"' in text or "\\" in text) and "'" not in text and text.isprintable():
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in escaped) + '"'
