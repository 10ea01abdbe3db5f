"""Which models are there, which one decides, and how does another one take its place?"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.artifact import CARD_FILE, MODEL_FILE, SHIPPED, Manifest, ModelError, folder_of, read_artifact
from models.standing import gate_of
from producers.errors import BadInput
from streams.adapters.policy_file import load_policy, load_schedule, parse_published
from streams.cli.cluster import NotAsItShouldBe, ask, cluster_options, settings_of
from streams.cli.features import END_OF_TIME_MS
from streams.cli.published_policies import read_history, rollback, soon
from streams.cli.replay import Instant
from streams.cli.said_why import said_why
from streams.cli.terminal import say, say_json, terminal
from streams.cli.train import maturity_options
from streams.core.policy import Policy
from streams.settings import Settings, load_settings

if TYPE_CHECKING:
    from models.serving.model import Model
    from models.training.fit import Unlabelled
    from models.training.gate import Comparison

_dir = click.option(
    "--models", "home", type=click.Path(path_type=Path, file_okay=False), help="Folder of models; PAYWARDEN_MODELS_DIR."
)
_MEASURES = {"average_precision": "AP", "card_precision_100": "CP@100"}
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


@click.group()
def models() -> None:
    """Models: what is there, how good it is, and the champion's change.

    \b
    Examples:
      paywarden models list
      paywarden models show payments-1a2b3c4d5e
      paywarden retrain --history history.npz --champion OLD
      paywarden models compare OLD NEW --history history.npz
      paywarden models promote NEW --over policy.toml --history history.npz --out next.toml
      paywarden models rollback --actor jo --role supervisor --why "alerts doubled"
    """


@models.command("list")
@_dir
@_json
def list_models(home: Path | None, as_json: bool) -> None:
    """The models of the folder and those that came with the package, and whether this release can use them.

    \b
    Example:
      paywarden models list --models /srv/models
    """
    home = home or load_settings().models_dir
    rows = []
    for parent in dict.fromkeys(each for each in (home, SHIPPED) if each is not None):
        for folder in sorted(each for each in _folders(parent) if (each / MODEL_FILE).exists()):
            try:
                manifest = read_artifact(folder).manifest
            except ModelError as error:
                rows.append({"model": folder.name, "folder": str(folder), "usable": error.reason})
                continue
            gate = gate_of(folder)
            standing = {} if gate is None else {"standing": f"{gate.standing} for {gate.champion.model}"}
            rows.append({**_summary(manifest), **standing, "folder": str(folder), "usable": "yes"})
    if as_json:
        say_json(json.dumps(rows))
        return
    if not rows:
        say(f"no models in {home or SHIPPED}; `paywarden train` makes one")
        return
    for row in rows:
        known = [f"{label} {row[name]:.3f}" for name, label in _MEASURES.items() if name in row]
        usable = "usable" if row["usable"] == "yes" else f"cannot be used: {row['usable']}"
        about = [usable]
        if "family" in row:
            about = [row["family"], f"{row['features']} features", *known, f"trained until {row['until']}", usable]
        # Lines of their own, at any width: an id is there to be copied, and a table would cut it.
        say(row["model"])
        say(f"  {', '.join(about)}")
        if "standing" in row:
            say(f"  {row['standing']}")
        say(f"  in {Path(row['folder']).parent}")


@models.command()
@click.argument("model", type=click.Path(path_type=Path))
@_dir
@_json
def show(model: Path, home: Path | None, as_json: bool) -> None:
    """What a model is, from what, how good; and that it answers here as it did where it was trained.

    \b
    Example:
      paywarden models show /srv/models/payments-1a2b3c4d5e
    """
    folder = folder_of(model, home or load_settings().models_dir)
    manifest = load_named(folder).manifest
    size = (folder / MODEL_FILE).stat().st_size
    if as_json:
        say_json(json.dumps({**_summary(manifest), "bytes": size, "metrics": manifest.metrics}))
        return
    console = terminal()
    trained = manifest.trained
    facts = f"  {manifest.family}, {len(manifest.features)} features, {size:,} bytes"
    console.print(Text.assemble((manifest.model_id, "bold"), facts))
    console.print(
        f"trained on {trained.data}: {trained.payments:,} payments with {trained.frauds:,} frauds, "
        f"{trained.since:%Y-%m-%d} to {trained.until:%Y-%m-%d}, seed {trained.seed}"
    )
    for title, values in (("on earlier weeks", manifest.metrics), ("thresholds found there", manifest.thresholds)):
        console.print(f"{title}: " + ", ".join(f"{name} {value:g}" for name, value in values.items()), highlight=False)
    gate = gate_of(folder)
    if gate is not None:
        then, now = gate.champion, gate.candidate
        console.print(
            f"{gate.standing} for {then.model}: on {gate.since:%Y-%m-%d} to {gate.until:%Y-%m-%d} AP "
            f"{now.average_precision:.3f} against {then.average_precision:.3f}, alerts {now.alert_share:.3%} against "
            f"{then.alert_share:.3%}",
            highlight=False,
        )
    console.print(f"answers as its trainer did, within 1e-5; card: {folder / CARD_FILE}", highlight=False)


def _comparing(command: Any) -> Any:
    for option in (
        click.option(
            "--currency", help="Of the history's amounts, for a policy that decides by cost; its home currency."
        ),
        click.option("--weeks", type=click.IntRange(1, 12), default=2, show_default=True, help="Newest mature weeks."),
        click.option("--until", type=Instant(), help="Labels of this time or later do not exist yet; UTC."),
        click.option("--history", "history_file", required=True, type=click.Path(path_type=Path)),
        maturity_options,
    ):
        command = option(command)
    return command


@models.command()
@click.argument("champion", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option("--policy", "policy_files", multiple=True, type=click.Path(path_type=Path), help="What counts as alert.")
@_comparing
@_dir
@_json
def compare(
    champion: Path,
    candidate: Path,
    history_file: Path,
    until: int | None,
    weeks: int,
    delay_ms: int,
    unlabelled: Unlabelled | None,
    currency: str | None,
    policy_files: tuple[Path, ...],
    home: Path | None,
    as_json: bool,
) -> None:
    """Both models on the newest mature weeks of what `paywarden features` made, without what they were trained on.

    \b
    Example:
      paywarden models compare OLD NEW --models /srv/models --history history.npz --weeks 2
    """
    home = home or load_settings().models_dir
    first, second = (load_named(folder_of(each, home)) for each in (champion, candidate))
    policy = load_schedule(policy_files).policies[-1]
    found = _compared(first, second, history_file, until, weeks, delay_ms, unlabelled, policy, currency)
    if as_json:
        sides = {side.model_id: side.measured._asdict() | {"alerts": side.alert_share} for side in found[4:6]}
        say_json(json.dumps({"frauds": found.frauds, "models": sides, "problems": found.problems}))
        return
    comparison_table(found, terminal())


@models.command()
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option(
    "--champion",
    type=click.Path(path_type=Path),
    help="The model that decides now; the one that --over names, else PAYWARDEN_MODEL_DIR.",
)
@click.option("--over", type=click.Path(path_type=Path, exists=True), help="The policy file that is in force now.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Policy file to write.")
@_comparing
@_dir
def promote(
    candidate: Path,
    champion: Path | None,
    over: Path | None,
    out: Path,
    history_file: Path,
    until: int | None,
    weeks: int,
    delay_ms: int,
    unlabelled: Unlabelled | None,
    currency: str | None,
    home: Path | None,
) -> None:
    """Write the policy that makes CANDIDATE the champion, if it passes the gate: better, and no more alerts.

    It is compared with the champion that the policy in force (--over) names, and alerts are counted by the policy that
    is written. That comes into force like any other: `paywarden policy publish`, and a second person approves.

    \b
    Example:
      paywarden models promote NEW --history history.npz --over policy.toml --out next.toml
    """
    settings = load_settings()
    home = home or settings.models_dir
    present = load_policy(over)
    first = _champion(champion, present, over, home, settings)
    second = load_named(folder_of(candidate, home))
    text = with_champion("" if over is None else over.read_text(encoding="utf-8"), second.manifest.model_id)
    wanted = parse_published(text, present.effective_at)
    found = _compared(first, second, history_file, until, weeks, delay_ms, unlabelled, wanted, currency)
    comparison_table(found, terminal())
    if found.problems:
        raise BadInput(f"{found.candidate.model_id} stays where it is: {'; '.join(found.problems)}.")
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror or error}; name a file that can.") from error
    say(f"wrote {out}; put it in force: paywarden policy publish {out} --actor YOU --role analyst --why REASON")


@models.command("rollback")
@click.pass_context
@said_why
@click.option("--role", required=True, help="The role you act in.")
@click.option("--actor", required=True, help="Who you are.")
@cluster_options
def roll_back(context: click.Context, /, actor: str, role: str, why: str, **cluster: Any) -> None:
    """Take the newest policy back, if it changed the champion: the model before it decides again.

    \b
    Example:
      paywarden models rollback --actor jo --role supervisor --why "alerts doubled"
    """
    settings = settings_of(cluster)
    history = ask(settings, read_history(settings))[0]
    start = load_schedule(settings.policy_files).policies[-1]
    newest, then = (
        (changes[-1].policy if changes else None) or start for changes in (history.changes, history.rolled_back(soon()))
    )
    if newest.model.champion == then.model.champion:
        raise NotAsItShouldBe(
            "the newest policy did not change the champion, so there is no model to take back; "
            "`paywarden policy rollback` takes back a policy."
        )
    assert rollback.callback is not None
    context.invoke(rollback, actor=actor, role=role, why=why, **cluster)


def _champion(given: Path | None, policy: Policy, over: Path | None, home: Path | None, settings: Settings) -> Model:
    """The model that decides now. Another one would make the gate an easy one, so it is refused."""
    named = policy.model.champion
    wanted = given or (Path(named) if named else settings.model_dir)
    if wanted is None:
        raise BadInput("The policy names no champion, so the one of PAYWARDEN_MODEL_DIR decides: name it, --champion.")
    model = load_named(folder_of(wanted, home))
    if named and model.manifest.model_id != named:
        raise BadInput(
            f"{model.manifest.model_id} is not the champion: {over or 'the default policy'} names {named}; compare "
            "with that one."
        )
    return model


def with_champion(text: str, model_id: str) -> str:
    """The policy text with this champion and everything else as it was, comments and layout too.

    Raises BadInput where that takes more than a line in a table [model].
    """
    line = f'champion = "{model_id}"'
    table = re.search(r"^[ \t]*\[[ \t]*model[ \t]*\][^\n]*(\n|\Z)", text, re.MULTILINE)
    if table is None:
        changed = f"{text.rstrip()}\n\n[model]\n{line}\n".lstrip()
    else:
        rest = text[table.end() :]
        following = re.search(r"^[ \t]*\[", rest, re.MULTILINE)
        own, after = (rest, "") if following is None else (rest[: following.start()], rest[following.start() :])
        own, found = re.subn(r"^[ \t]*champion[ \t]*=[^\n]*$", line, own, flags=re.MULTILINE)
        head = table[0] if table[0].endswith("\n") else f"{table[0]}\n"
        changed = text[: table.start()] + head + (own if found else f"{line}\n{own}") + after
    if not _differs_in_champion(text, changed, model_id):
        raise BadInput(
            f"The champion cannot be written into this policy file: write its model keys as a table [model] with "
            f"{line} on a line of its own."
        )
    return changed


def _differs_in_champion(text: str, changed: str, model_id: str) -> bool:
    before = tomllib.loads(text)
    try:
        after = tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        return False
    model = before.get("model", {})
    return isinstance(model, dict) and after == {**before, "model": {**model, "champion": model_id}}


def _compared(
    first: Model,
    second: Model,
    history_file: Path,
    until: int | None,
    weeks: int,
    delay_ms: int,
    unlabelled: Unlabelled | None,
    policy: Policy,
    currency: str | None,
) -> Comparison:
    from models.training.fit import NotEnough, Plan
    from models.training.gate import compared
    from models.training.history import HistoryError, load_history

    plan = Plan(END_OF_TIME_MS if until is None else until, weeks=weeks, delay_ms=delay_ms, unlabelled=unlabelled)
    currency = currency or policy.money.home_currency
    try:
        return compared(first, second, load_history(history_file), plan, policy.model, currency)
    except (HistoryError, NotEnough) as error:
        raise BadInput(str(error)) from error


def load_named(folder: Path) -> Model:
    """The model in `folder`, checked; raises BadInput."""
    from models.serving.model import load_model

    try:
        return load_model(folder)
    except ModelError as error:
        raise BadInput(str(error)) from None


def _folders(parent: Path) -> list[Path]:
    return [each for each in parent.iterdir() if each.is_dir()] if parent.is_dir() else []


def _summary(manifest: Manifest) -> dict[str, Any]:
    return {
        "model": manifest.model_id,
        "family": manifest.family,
        "features": len(manifest.features),
        "until": f"{manifest.trained.until:%Y-%m-%d}",
        **{name: value for name, value in manifest.metrics.items() if name in _MEASURES},
    }


def comparison_table(found: Comparison, console: Console) -> None:
    """Champion and candidate side by side, and what keeps the candidate from its place."""
    console.print(
        f"{found.payments:,} payments with {found.frauds:,} frauds, {found.since:%Y-%m-%d} to {found.until:%Y-%m-%d}, "
        "that neither was trained on"
    )
    table = Table("", "AP", "CP@100", "AUC", "Brier", "alerts")
    for name, side in (("champion", found.champion), ("candidate", found.candidate)):
        console.print(f"{name}: {side.model_id}", highlight=False, soft_wrap=True)
        m = side.measured
        table.add_row(
            name,
            f"{m.average_precision:.3f}",
            f"{m.card_precision:.3f}",
            f"{m.auc:.3f}",
            f"{m.brier:.5f}",
            f"{side.alert_share:.3%}",
        )
    console.print(table)
    console.print("; ".join(found.problems) or "the candidate passes: better, and no more alerts", highlight=False)
