"""How is a table of data that a deployment may change read, and what is said about a cell that is wrong?"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from streams.core.refused import wrong

Row = TypeVar("Row", bound=msgspec.Struct)


class TableError(Exception):
    """A decline table, profile, tariff or template is not usable: `where` names file and line, `remedy` what to do.

    Operator action: correct the named line; `paywarden doctor` checks the overlay folder. Nothing starts with a table
    that could give a customer a wrong answer. Exit code 78.
    """

    def __init__(self, problem: str, where: str, remedy: str) -> None:
        super().__init__(f"{where}: {problem}; {remedy}.")
        self.problem, self.where, self.remedy = problem, where, remedy

    def inside(self, folder: str) -> TableError:
        """The same, for a file inside `folder`."""
        return TableError(self.problem, f"{folder}/{self.where}", self.remedy)


def rows(text: str, shape: type[msgspec.Struct], name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, filled cells) of each row of a CSV text whose columns are the fields of `shape`.

    An absent text has no rows. Raises TableError, also while it is read on.
    """
    if not text.strip():
        return
    reader = csv.DictReader(io.StringIO(text), strict=True)
    fields = msgspec.structs.fields(shape)
    columns = [field.encode_name for field in fields]
    first = f"{name} line 1"
    try:
        given = list(reader.fieldnames or ())
        if twice := next((each for each in given if given.count(each) > 1), None):
            raise TableError(f"the column {twice} is there twice", first, "keep one of them")
        if surplus := sorted(set(given) - set(columns)):
            raise TableError(f"there is no column {surplus[0][:40]!r}", first, f"use {', '.join(columns)}")
        if lacking := [field.encode_name for field in fields if field.required and field.encode_name not in given]:
            raise TableError(f"the column {lacking[0]} is missing", first, "add it")
        for row in reader:
            if None in row or None in row.values():
                raise TableError(
                    "this row has another number of cells than the first line",
                    f"{name} line {reader.line_num}",
                    "put quotation marks around a text with a comma in it",
                )
            yield reader.line_num, {column: cell for column, cell in row.items() if cell != ""}
    except csv.Error as error:
        raise TableError(
            f"this is not CSV ({error})", f"{name} line {max(1, reader.line_num)}", "correct the quotation marks"
        ) from None


def converted(row: dict[str, Any], shape: type[Row], where: str) -> Row:
    """The row as a `shape`. Raises TableError naming the cell."""
    try:
        return msgspec.convert(row, shape, strict=False)
    except msgspec.ValidationError as error:
        raise TableError(wrong(error, row, shape, "column"), where, "correct the cell") from None
