"""Can what a command will write at its end be written, so that nobody waits for it in vain?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from producers.errors import BadInput


class OutFile(click.Path):
    """A file to write. Raises BadInput before the command begins if that cannot be done."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            raise BadInput(f"{path} cannot be written: there is no folder {path.parent}; make it, or name another.")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise BadInput(f"{path} cannot be written: Permission denied; name a file in a folder that can.")
        return path


class OutFolder(click.Path):
    """A folder to write into, made when it is needed. Raises BadInput before the command begins if that cannot be."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        refuse_unwritable(path)
        return path


def refuse_unwritable(folder: Path) -> None:
    """Raises BadInput if `folder` is not there and cannot be made, or nothing can be written into it."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise BadInput(f"{folder} cannot be written: {there} is no folder; name another.")
    if not os.access(there, os.W_OK):
        raise BadInput(f"{folder} cannot be written: Permission denied; name a folder that can.")
