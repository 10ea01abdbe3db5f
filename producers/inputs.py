"""How do files become one time-ordered sequence of records?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, assert_never

import msgspec

from producers.errors import BadInput
from producers.feed import Outgoing, merged
from producers.sources import fdh, jsonl, logins
from streams.contracts.base import from_ms

Format = Literal["fdh", "logins", "jsonl"]


class InputOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may be chosen about files; each format uses what concerns it."""

    start_ms: int | None = None  # inclusive
    end_ms: int | None = None  # exclusive
    label_delay_ms: int = fdh.LABEL_DELAY_MS
    label_release: fdh.Release = "exact"
    pseudonym_key: str = logins.DEMO_KEY
    malformed: jsonl.Malformed = "send"


def demo_logins() -> tuple[Path, ...]:
    """The login logs that are shipped for the demo, with their licence and origin beside them."""
    folder = Path(__file__).parent / "data" / "logins"
    return (folder / "ch_08_logs_log.csv.xz", folder / "ch_11_logs_logs_2018.csv.xz")


def read_inputs(paths: Sequence[Path], file_format: Format, options: InputOptions) -> Iterator[Outgoing]:
    """The records of all files, merged by time; that there are none at all is refused too."""
    if not paths:
        raise BadInput("No input file was named.")
    for path in paths:
        if not path.is_file():
            raise BadInput(f"{path} is not a file; name an existing one.")
    if options.start_ms is not None and options.end_ms is not None and options.start_ms >= options.end_ms:
        raise BadInput(
            f"--start {_when(options.start_ms)} is not before --end {_when(options.end_ms)}: no record lies between."
        )
    return _some(paths, file_format, options)


def _some(paths: Sequence[Path], file_format: Format, options: InputOptions) -> Iterator[Outgoing]:
    found = False
    for record in merged([_read(path, file_format, options) for path in paths]):
        found = True
        yield record
    if not found:
        raise _nothing(paths, file_format, options)


def _nothing(paths: Sequence[Path], file_format: Format, options: InputOptions) -> BadInput:
    """Why there was nothing: an empty file, or a time that leaves out everything in it."""
    names = ", ".join(str(path) for path in paths)
    everything = msgspec.structs.replace(options, start_ms=None, end_ms=None)
    first = next(merged([_read(path, file_format, everything) for path in paths]), None)
    if first is None:
        return BadInput(f"No records in {names}; name a file that holds some.")
    limits = [("--start", options.start_ms), ("--end", options.end_ms)]
    chosen = " ".join(f"{name} {_when(at_ms)}" for name, at_ms in limits if at_ms is not None)
    return BadInput(f"No record of {names} is left with {chosen}; the first one is of {_when(first.timestamp_ms)}.")


def _when(at_ms: int) -> str:
    return f"{from_ms(at_ms):%Y-%m-%dT%H:%M:%SZ}"


def _read(path: Path, file_format: Format, options: InputOptions) -> Iterator[Outgoing]:
    match file_format:
        case "fdh":
            return fdh.records(
                fdh.rows(path),
                start_ms=options.start_ms,
                end_ms=options.end_ms,
                label_delay_ms=options.label_delay_ms,
                release=options.label_release,
            )
        case "logins":
            return logins.records(
                path, start_ms=options.start_ms, end_ms=options.end_ms, pseudonym_key=options.pseudonym_key
            )
        case "jsonl":
            return jsonl.records(path, start_ms=options.start_ms, end_ms=options.end_ms, malformed=options.malformed)
        case _:
            assert_never(file_format)
