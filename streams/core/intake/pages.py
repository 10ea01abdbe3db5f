"""Which addresses of web pages does a message name, told so that nobody opens one by mistake?

A page that steals passwords has to be taken down, so whoever works the case needs its address; whoever reads the case
must not get there by a click. It is read from the masked text, and without what stands behind `?` or `#`: there it says
for whom it was made.
"""

from __future__ import annotations

import re
from typing import Final

SHOWN_MAX: Final = 90
_LABEL: Final = r"(?:[^\W\u3400-\u9fff_]|-)+"
_DOT: Final = r"(?:\.|\[\.\]|\(\.\))"  # as careful people write it
_HOST: Final = rf"{_LABEL}(?:{_DOT}{_LABEL})+"
_PATH: Final = r"/[!#-&(-;=?-~]*"
# `https://ours@theirs` looks like ours and leads to theirs; masking takes it for an e-mail address.
_PAGE: Final = re.compile(
    rf"(?<![^\W\u3400-\u9fff])(?<![@.-])(?:h(?:tt|xx)ps?(?:\[:\]|:)(?:\[email\]|//{_HOST})(?::[0-9]+)?(?:{_PATH})?"
    rf"|(?=www\.){_HOST}(?:{_PATH})?"
    rf"|{_HOST}(?=/[\w%-]){_PATH}"
    # A blank forgotten behind a full stop makes no address: only ends that are no words count by themselves.
    rf"|(?:{_LABEL}{_DOT})+(?:com|cn|net|org|info|xyz|icu|vip|cc|example)(?![^\W\u3400-\u9fff]|-))",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"h(?:tt|xx)p(s?)(?:\[:\]|:)(?://)?", re.IGNORECASE)
_END: Final = ".,;:!?)}'"


def without_pages(text: str) -> str:
    """What is said beside the addresses: their letters are no words of a language."""
    return _PAGE.sub(" ", text)


def page_in(text: str) -> str:
    """The first address of a masked text, of which no reader's program makes a link; empty where there is none."""
    found = _PAGE.search(text)
    if found is None:
        return ""
    bare = re.split(r"[?#]", _SCHEME.sub("", found.group()), maxsplit=1)[0].rstrip(_END)
    host, slash, path = bare.partition("/")
    scheme = _SCHEME.match(found.group())
    shown = "" if scheme is None else f"hxxp{scheme.group(1).lower()}://"
    dotted = host.replace("[.]", ".").replace("(.)", ".")
    return (shown + dotted.replace(".", "[.]") + slash + path)[:SHOWN_MAX]
