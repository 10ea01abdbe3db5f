"""`paywarden contracts`: do the generated schemas and the page about them say what the code says?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from streams.contracts import compatibility, contract_docs, schema_writer

_ROOT = Path(__file__).parents[2]
_DOCS = _ROOT / "docs" / "contracts.md"
_folder = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=schema_writer.FOLDER,
    show_default="the schemas of the package",
    help="Where the JSON Schemas and asyncapi.json live.",
)
_docs = click.option(
    "--docs",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_DOCS if (_ROOT / "pyproject.toml").exists() else None,
    show_default="docs/contracts.md of the checkout; nothing when installed",
    help="The page that is generated from the same.",
)


@click.group()
def contracts() -> None:
    """JSON Schemas, the AsyncAPI document and docs/contracts.md.

    \b
    Examples:
      paywarden contracts write
      paywarden contracts check --json
      paywarden contracts write --release     # at a release: what is written becomes the baseline
    """


@contracts.command()
@_folder
@_docs
@click.option("--release", is_flag=True, help="Also make this the baseline that later versions must not break.")
def write(folder: Path, docs: Path | None, release: bool) -> None:
    """Generate everything that follows from the structs.

    \b
    Example:
      paywarden contracts write --folder /tmp/schemas
    """
    changes = [f"{folder.name}/{change}" for change in schema_writer.write(folder)]
    if release:
        changes += [f"released/{change}" for change in schema_writer.write(folder / schema_writer.RELEASED.name)]
    if docs is not None and _text(docs) != (wanted := contract_docs.render_docs()):
        docs.parent.mkdir(parents=True, exist_ok=True)
        docs.write_text(wanted, encoding="utf-8")
        changes.append(f"wrote {docs.name}")
    click.echo("\n".join(changes) if changes else "nothing changed")


@contracts.command()
@_folder
@_docs
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(folder: Path, docs: Path | None, as_json: bool) -> None:
    """Compare what is stored with the code, and the code with the last release; exit 1 if anything is found.

    \b
    Example:
      paywarden contracts check --json
    """
    drifted = schema_writer.drift(folder)
    if docs is not None and _text(docs) != contract_docs.render_docs():
        drifted.append(f"{docs.name}: out of date")
    broken = compatibility.breaking(schema_writer.stored(folder / schema_writer.RELEASED.name), schema_writer.render())
    if as_json:
        click.echo(json.dumps({"drift": drifted, "breaking": broken}))
    else:
        for line in drifted:
            click.echo(f"drift: {line}")
        for line in broken:
            click.echo(f"breaking: {line}")
        if drifted:
            click.echo("run `paywarden contracts write` and review the difference")
        if broken:
            click.echo("make it a new type beside the old one, or keep the old form")
        if not drifted and not broken:
            click.echo("contracts agree with the code and with the last release")
    sys.exit(1 if drifted or broken else 0)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
