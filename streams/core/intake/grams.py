"""Which features of a text does the text model see?

Character n-grams find Chinese words without a dictionary and forgive misspelling; word n-grams hold English together.
Above them stand concepts: `concepts.txt` lists what customers of a wallet talk about and the ways to say it in both
languages, so that what is learnt from one wording, or one language, holds for the others. All are hashed into a fixed
number of places (CRC-32, the same on every machine), so there is no vocabulary to ship. Digits never count: an amount
says nothing about what somebody wants. Whatever changes here or in the list is a new `GRAMS`, and every model that was
trained with another one is refused.
"""

from __future__ import annotations

import re
import unicodedata
from importlib.resources import files
from itertools import combinations, pairwise
from typing import Final
from zlib import crc32

GRAMS: Final = 1  # version of what follows; in the manifest of a model
PLACES: Final = 1 << 15
READ_MAX: Final = 600  # characters of a message; what somebody wants is said by then, and time stays bounded
_SHORTEST, _LONGEST = 2, 4

_DIGITS = re.compile(r"\d[\d.,:]*")
_OTHERS = re.compile(r"[^\w\u3400-\u9fff]+")
_WORD = re.compile(r"[a-z']+|[\u3400-\u9fff]|0")

_CONCEPTS: Final = tuple(
    (name, re.compile(pattern))
    for name, _, pattern in (
        line.partition(" ")
        for line in files(__package__).joinpath("concepts.txt").read_text(encoding="utf-8").splitlines()
    )
)
_PLURAL = 3  # letters of a word that may be "is" or "was"
_WEIGHT = 3  # places of one concept: it is worth more than a few characters


def concepts_of(line: str) -> list[str]:
    """What a text in small letters speaks of, in the order of the list."""
    return [name for name, pattern in _CONCEPTS if pattern.search(line) is not None]


def plain(text: str, read_max: int = READ_MAX) -> str:
    """Compatibility forms folded (NFKC), small letters, numbers as 0, everything else that is no letter a space."""
    folded = unicodedata.normalize("NFKC", text[:read_max]).lower().replace("’", "'").replace("n't", "nt")
    return _OTHERS.sub(" ", _DIGITS.sub("0", folded)).strip()


def words_of(text: str) -> list[str]:
    """English words without the s of the plural, and single Chinese characters, of the whole text; no figures."""
    words = _WORD.findall(plain(text, len(text)).replace("0", " "))
    return [word.removesuffix("s") if len(word) > _PLURAL else word for word in words]


def places_of(text: str) -> frozenset[int]:
    """The hashed features of a text, each once."""
    line = plain(text)
    if not line:
        return frozenset()
    padded = f" {line} "
    found = {
        crc32(padded[start : start + size].encode())
        for size in range(_SHORTEST, _LONGEST + 1)
        for start in range(len(padded) - size + 1)
    }
    words = _WORD.findall(line)
    found.update(crc32(b"w" + word.encode()) for word in words)
    found.update(crc32(f"b{one} {two}".encode()) for one, two in pairwise(words))
    concepts = concepts_of(unicodedata.normalize("NFKC", text[:READ_MAX]).lower().replace("’", "'"))
    for copy in range(_WEIGHT):
        found.update(crc32(f"c{copy} {name}".encode()) for name in concepts)
    found.update(crc32(f"p{one} {two}".encode()) for one, two in combinations(concepts, 2))
    return frozenset(each % PLACES for each in found)
