"""How is text found that has no blanks between its words, in two databases, with the same result?

Neither SQLite's nor PostgreSQL's own parser cuts Chinese, and trigrams do not find words of two characters, which most
are. So the cutting is done here: a character of a script without blanks is a word, letters and digits in a row are one.
What is asked for is a phrase of such words: 退款 finds 退 followed by 款. The databases only keep the positions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sqlalchemy import BigInteger, Connection, TextualSelect, column, text

from streams.adapters.case_store.tables import WORDS
from streams.contracts.cases import CaseVersion

# Han, kana, Thai, Lao, Khmer and Burmese are written without blanks.
_WITHOUT_BLANKS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Longer runs of letters fall into pieces, here and in what is asked for.
_WORD: Final = re.compile(rf"[^\W_{_WITHOUT_BLANKS}]{{1,128}}|[{_WITHOUT_BLANKS}]")
_LONGEST: Final = 128
# Most of a case is ASCII: twenty times as fast as the expression.
_ASCII: Final = bytes(byte if chr(byte).isascii() and chr(byte).isalnum() else ord(" ") for byte in range(256))
# What a phrase is a name of, as words that a case holds in its place: 账户被盗用 is written `account_takeover` in it.
Names = Callable[[list[str]], Sequence[list[str]]]
_MOST_WORDS: Final = 4_000  # a case is at most 256 KiB; what is past this is found by its ids


def no_names(phrase: list[str]) -> Sequence[list[str]]:
    """Nothing has another name."""
    return ()


def words_of(written: str) -> list[str]:
    """`written`, cut into words: compatibility forms and cases folded, punctuation left out."""
    if written.isascii():
        words = written.encode().lower().translate(_ASCII).decode().split()
        if len(written) <= _LONGEST or max(map(len, words), default=0) <= _LONGEST:
            return words
    return _WORD.findall(unicodedata.normalize("NFKC", written).casefold())


def searchable(case: CaseVersion) -> str:
    """Everything of a case that somebody may look for, as words with a blank between them."""
    entities = case.entities
    parts: list[str | None] = [
        case.case_id,
        case.subject,
        case.case_type,
        case.flow,
        case.cause_family,
        case.root_cause,
        entities.account_id,
        entities.payment_id,
        entities.order_id,
        entities.merchant_id,
        entities.terminal_id,
        entities.card_token,
        entities.device_id,
        entities.payee_id,
        entities.ip,
        entities.entity,
        case.incident_id,
        case.assignee,
        *case.rules,
        *case.codes,
        *case.reason_codes,
        *(line.text for line in case.evidence),
        *(each for message in case.messages for each in (message.zh, message.en)),
    ]
    known = [part for part in parts if part]
    words = words_of("\n".join(part for part in known if part.isascii()))
    words += words_of("\n".join(part for part in known if not part.isascii()))
    return " ".join(words[:_MOST_WORDS])


def phrases(asked: str) -> list[list[str]]:
    """What was typed, as phrases that must all occur; the last word of each may be the beginning of one."""
    found = [words_of(part) for part in asked.split()]
    return [phrase for phrase in found if phrase][:16]


def holds(words: str, wanted: Iterable[list[str]], names: Names = no_names) -> bool:
    """Whether these words, as `searchable` gives them, hold every phrase, as `find_numbers` would find them."""
    spaced = f" {words} "
    return all(any(_is_in(spaced, each) for each in (phrase, *names(phrase))) for phrase in wanted)


def _is_in(spaced: str, phrase: list[str]) -> bool:
    return f" {' '.join(phrase)}{'' if _prefix(phrase, ' *') else ' '}" in spaced


def write_words(connection: Connection, rows: Iterable[tuple[int, str]]) -> None:
    """Puts these words in the place of what was known of the cases with these numbers."""
    given = list(rows)
    if not given:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"INSERT OR REPLACE INTO {WORDS} (rowid, words) VALUES (?, ?)", given)
        return
    connection.execute(
        text(
            f"INSERT INTO {WORDS} (number, words) VALUES (:number, CAST(:words AS tsvector)) "
            "ON CONFLICT (number) DO UPDATE SET words = excluded.words"
        ),
        [{"number": number, "words": _vector(words)} for number, words in given],
    )


def drop_words(connection: Connection, numbers: Iterable[int]) -> None:
    """Forgets the words of the cases with these numbers."""
    row = "rowid" if connection.dialect.name == "sqlite" else "number"
    given = [{"number": number} for number in numbers]
    if given:
        connection.execute(text(f"DELETE FROM {WORDS} WHERE {row} = :number"), given)


def find_numbers(
    connection: Connection, asked: str, limit: int, below: int | None = None, names: Names = no_names
) -> list[int]:
    """Numbers of the cases that hold every phrase of `asked`, the newest first; `below` continues a page.

    In the place of a phrase a case may hold what the phrase is a name of.
    """
    wanted = [(phrase, *names(phrase)) for phrase in phrases(asked)]
    if not wanted:
        return []
    row = _row(connection)
    more = "" if below is None else f" AND {row} < :below"
    found = connection.execute(
        text(f"SELECT {row} FROM {WORDS} WHERE {_holds(connection)}{more} ORDER BY {row} DESC LIMIT :limit"),
        {"query": _query(connection, wanted), "limit": limit} | ({} if below is None else {"below": below}),
    )
    return [int(number) for (number,) in found]


def numbers_with(connection: Connection, value: str) -> TextualSelect | None:
    """Numbers of the cases that hold `value` word for word, as a query; None if nothing in it is a word."""
    wanted = words_of(value)
    if not wanted:
        return None
    query = _query(connection, [(wanted,)], begun=False)
    found = text(f"SELECT {_row(connection)} AS number FROM {WORDS} WHERE {_holds(connection)}")
    return found.bindparams(query=query).columns(column("number", BigInteger))


def _row(connection: Connection) -> str:
    return "rowid" if connection.dialect.name == "sqlite" else "number"


def _holds(connection: Connection) -> str:
    return f"{WORDS} MATCH :query" if connection.dialect.name == "sqlite" else "words @@ CAST(:query AS tsquery)"


def _query(connection: Connection, wanted: Iterable[Sequence[list[str]]], *, begun: bool = True) -> str:
    """What the index is asked for: one of the phrases in each place; `begun`: their last word may be a beginning."""

    def ends(phrase: list[str], mark: str) -> str:
        return _prefix(phrase, mark) if begun else ""

    if connection.dialect.name == "sqlite":
        return " AND ".join(
            "(" + " OR ".join('"' + " ".join(each) + '"' + ends(each, " *") for each in either) + ")"
            for either in wanted
        )
    return " & ".join(
        "("
        + " | ".join("(" + " <-> ".join(f"'{word}'" for word in each) + ends(each, ":*") + ")" for each in either)
        + ")"
        for either in wanted
    )


def _prefix(phrase: list[str], mark: str) -> str:
    """A single character is a whole word where there are no blanks; the beginning of anything else may be meant."""
    return mark if len(phrase[-1]) > 1 else ""


_LAST_POSITION: Final = 16_383  # of a word in a tsvector


def _vector(words: str) -> str:
    """The words with their positions, so that PostgreSQL's own parser is not asked. They are letters and digits."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words.split(), 1):
        places.setdefault(word, []).append(min(place, _LAST_POSITION))
    return " ".join(f"'{word}':{','.join(map(str, at[:255]))}" for word, at in places.items())
