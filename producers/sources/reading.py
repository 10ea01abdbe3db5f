"""How is an input file opened, and what is said when it turns out to be something else?"""

from __future__ import annotations

import csv
import lzma
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from producers.errors import BadInput, bad_line

_LONGEST_ECHO = 80


@contextmanager
def text_of(path: Path) -> Iterator[IO[str]]:
    """The text of a `.csv` or `.csv.xz`, for `csv.reader`; whatever is wrong with it in between ends as BadInput."""
    with _told(path), _text(path) as lines:
        yield lines


@contextmanager
def bytes_of(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a `.jsonl` or `.jsonl.xz`, line by line; a damaged archive ends as BadInput."""
    with _told(path), _bytes(path) as lines:
        yield lines


def wrong_columns(path: Path, header: Sequence[str] | None, expected: Sequence[str]) -> BadInput:
    """The refusal of a first line; the file may hold anything, so only its beginning is repeated."""
    columns = ",".join(expected)
    if header is None:
        return BadInput(f"{path} is empty; expected a first line with the columns {columns}.")
    text = ",".join(header)
    shown = text if len(text) <= _LONGEST_ECHO else text[:_LONGEST_ECHO] + "..."
    if text.startswith("{"):
        return bad_line(path, 1, f"this is no CSV: {shown!r}", "for one JSON object per line use --format jsonl")
    return bad_line(path, 1, f"the columns are {shown!r}", f"expected {columns}")


def _text(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _bytes(path: Path) -> IO[bytes]:
    return lzma.open(path, "rb") if path.suffix == ".xz" else path.open("rb")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text; name a text file, or an archive that ends in .xz.") from error
    except (lzma.LZMAError, EOFError) as error:
        raise BadInput(f"{path} is not a whole .xz archive ({error}); fetch or pack it again.") from error
    except csv.Error as error:
        raise BadInput(f"{path} is not CSV ({error}); repair it, or choose another --format.") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}; name a file that can.") from error
