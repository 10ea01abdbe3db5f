"""What did a deployment put into its overlay folder?"""

from __future__ import annotations

from pathlib import Path

from streams.core.knowledge.articles import ARTICLES
from streams.core.library import LAYOUT, Library, packaged_library, read_library
from streams.core.tables import TableError


def load_library(folder: Path | None = None) -> Library:
    """The packaged library, with the files of `folder` over it. Raises TableError, which then also names the folder."""
    if folder is None:
        return packaged_library()
    if not folder.is_dir():
        raise TableError("this is not a folder", str(folder), f"name a folder with {LAYOUT}, or unset it")
    texts: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and path.suffix in (".csv", ".toml"):
            raise TableError("this is a folder, and should be a file", str(path), "a mount of a missing file makes one")
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue  # what mounts leave beside the data
        if path.suffix == ".md" and (path.name == "README.md" or not name.startswith(ARTICLES)):
            continue  # what people leave there for one another
        try:
            texts[name] = path.read_text(encoding="utf-8-sig")  # spreadsheets write the mark
        except (OSError, UnicodeDecodeError) as error:
            raise TableError(f"it cannot be read ({error})", str(path), "make it a readable UTF-8 file") from None
    try:
        return read_library(texts)
    except TableError as error:
        raise error.inside(str(folder)) from None
