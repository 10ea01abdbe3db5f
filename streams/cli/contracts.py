"""`paywarden contracts`: do the generated schemas and the page about them say what the code says?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from streams.adapters.schema_registry import RegistryFailed, SchemaRegistry
from streams.cli.cluster import ClusterFailed, NotAsItShouldBe
from streams.cli.terminal import say, say_json
from streams.contracts import compatibility as compatibility_rules
from streams.contracts import contract_docs, schema_writer
from streams.contracts.registry import TOPICS_OF_TYPE
from streams.contracts.topics import TOPICS
from streams.settings import load_settings

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
      paywarden contracts publish --dry-run   # to the schema registry of the settings
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
    say("\n".join(changes) if changes else "nothing changed")


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
    broken = compatibility_rules.breaking(
        schema_writer.stored(folder / schema_writer.RELEASED.name), schema_writer.render()
    )
    if as_json:
        say_json(json.dumps({"drift": drifted, "breaking": broken}))
    else:
        for line in drifted:
            say(f"drift: {line}")
        for line in broken:
            say(f"breaking: {line}")
        if drifted:
            say("run `paywarden contracts write` and review the difference")
        if broken:
            say("make it a new type beside the old one, or keep the old form")
        if not drifted and not broken:
            say("contracts agree with the code and with the last release")
    sys.exit(1 if drifted or broken else 0)


@contracts.command()
@click.option(
    "--subjects",
    type=click.Choice(["record", "topic-record"]),
    default="record",
    show_default=True,
    help="What a subject is called: decision.made.v1, or fraud.decisions-decision.made.v1.",
)
@click.option(
    "--compatibility",
    type=click.Choice(["FORWARD", "FORWARD_TRANSITIVE", "BACKWARD", "FULL", "NONE"]),
    help="Set this level for every subject first. Default: leave the registry's own.",
)
@click.option("--dry-run", is_flag=True, help="Ask the registry what it would say; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def publish(subjects: str, compatibility: str | None, dry_run: bool, as_json: bool) -> None:
    """Register the JSON Schema of every type at the schema registry of PAYWARDEN_SCHEMA_REGISTRY_URL.

    What is there already is left alone. If the registry would refuse one, none is written and the exit code is 1.

    \b
    Examples:
      paywarden contracts publish --dry-run
      paywarden contracts publish --subjects topic-record --compatibility FORWARD
    """
    try:
        found = _publish(_registry(), _subjects(subjects), compatibility, dry_run)
    except RegistryFailed as error:
        raise ClusterFailed(f"{error}. Check PAYWARDEN_SCHEMA_REGISTRY_URL and its user.") from error
    if as_json:
        say_json(json.dumps(found))
    else:
        for subject, why in found["refused"].items():
            say(f"refused: {subject}: {'; '.join(why)}")
        for subject in found["published"]:
            say(f"{'would publish' if dry_run else 'published'} {subject}")
        if not found["refused"]:
            say(f"{found['unchanged']} of {found['unchanged'] + len(found['published'])} were there already")
        else:
            say("nothing was published; fields of ours only ever appear, which is FORWARD (--compatibility)")
    sys.exit(1 if found["refused"] else 0)


def _registry() -> SchemaRegistry:
    from streams.app import schemas_of  # Faust comes with it

    registry = schemas_of(load_settings())
    if registry is None:
        raise NotAsItShouldBe("PAYWARDEN_SCHEMA_REGISTRY_URL is not set: there is no registry to publish to.")
    return registry


def _subjects(naming: str) -> dict[str, str]:
    """Schema by subject, of everything that systems around PayWarden read or write."""
    rendered = schema_writer.render()
    subjects = {}
    for tag, topics in TOPICS_OF_TYPE.items():
        outside = [topic for topic in topics if TOPICS[topic].direction != "internal"]
        schema = json.dumps(json.loads(rendered[f"{tag}.json"]), separators=(",", ":"))
        for topic in outside:
            subjects[tag if naming == "record" else f"{topic}-{tag}"] = schema
    return dict(sorted(subjects.items()))


def _publish(registry: SchemaRegistry, subjects: dict[str, str], level: str | None, dry_run: bool) -> dict[str, Any]:
    unknown = {name: schema for name, schema in subjects.items() if registry.known_version(name, schema) is None}
    if level is not None and not dry_run:
        for name in subjects:
            registry.set_compatibility(name, level)
    refused = {name: why for name, schema in unknown.items() if (why := registry.incompatible(name, schema))}
    published = {} if refused else unknown
    if not dry_run:
        for name, schema in published.items():
            registry.register(name, schema)
    return {
        "unchanged": len(subjects) - len(unknown),
        "published": list(published),
        "refused": refused,
        "written": not dry_run and not refused,
    }


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
