"""What would be made of this message, and how is the text model made that reads it?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.table import Table

from producers.errors import BadInput
from streams.adapters.overlay import load_library
from streams.adapters.policy_file import load_schedule
from streams.cli.outputs import OutFolder
from streams.cli.replay import Instant
from streams.cli.terminal import say, say_json, terminal
from streams.contracts.base import from_ms
from streams.core.intake.reading import Reading, read
from streams.core.intake.text_model import MANIFEST, WEIGHTS, TextModel, TextModelError, parse_text_model
from streams.core.knowledge.answers import look_up, topic_of
from streams.core.knowledge.articles import Article
from streams.core.messages.render import MESSAGES
from streams.settings import load_settings


@click.command(
    epilog="""
\b
Examples:
  paywarden intake "钱扣了，订单显示失败，昨天下午3点，128元"
  paywarden intake "charged twice 45.90 EUR, order A2026110212" --json
  paywarden intake "my code is 123456" --at 2026-11-02T10:00:00Z
"""
)
@click.argument("text")
@click.option("--language", help="What the channel says it is (BCP 47), for a text that does not show it.")
@click.option("--at", type=Instant(), default="2026-01-01", help="When it was written; UTC.", show_default=True)
@click.option("--policy", "policy_files", multiple=True, type=click.Path(path_type=Path), help="Over the default.")
@click.option("--model", type=click.Path(path_type=Path), help="The folder of another text model.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def intake(
    text: str, language: str | None, at: int, policy_files: tuple[Path, ...], model: Path | None, as_json: bool
) -> None:
    """Show what would be made of a customer's message TEXT: flow, queue, priority, details, and what is said back.

    Nothing is stored or sent, and the text is shown only masked.
    """
    policy = load_schedule(policy_files).policies[-1]
    local = from_ms(at).astimezone(ZoneInfo(policy.default_time_zone))
    reading = read(text, local, policy.intake, language, None if model is None else _model(model))
    library = load_library(load_settings().overlay)
    found = look_up(reading, library.knowledge, local.date(), policy.intake.article_from)
    article = found.article if found is not None else None
    if as_json:
        told = {**msgspec.structs.asdict(reading), "topic": topic_of(found, reading)._asdict()}
        say_json(msgspec.json.encode({**told, "article": article.ref if article is not None else ""}))
        return
    _print(reading, local, article)


def _model(folder: Path) -> TextModel:
    try:
        return parse_text_model((folder / MANIFEST).read_bytes(), (folder / WEIGHTS).read_bytes())
    except OSError as error:
        raise BadInput(
            f"{folder} holds no text model ({error.strerror}: {Path(error.filename).name}); "
            "name a folder that `paywarden train-text` wrote."
        ) from error
    except TextModelError as error:
        raise BadInput(f"{folder}: {error}") from error


def _print(reading: Reading, local: datetime, article: Article | None) -> None:
    topic, details = reading.topic, reading.details
    table = Table(show_header=False, title=f"written {local:%Y-%m-%d %H:%M %Z}")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("text", reading.text)
    table.add_row("language", reading.language)
    table.add_row("flow", f"{topic.flow} {topic.case_type}" if reading.understood else "a person has to read it")
    table.add_row("queue, priority", f"{topic.queue}, P{topic.priority}")
    table.add_row("by", f"{reading.by}, confidence {reading.confidence:.2f}")
    table.add_row("guesses", ", ".join(f"{flow} {share:.2f}" for flow, share in reading.guesses) or "none")
    named = {name: value for name, value in msgspec.structs.asdict(details).items() if value not in ("", None)}
    table.add_row("details", ", ".join(f"{name} {value}" for name, value in named.items()) or "none")
    table.add_row("asked for", ", ".join(reading.missing) or "nothing")
    table.add_row("hidden", ", ".join(reading.masked) or "nothing")
    table.add_row("answered with", _answer(reading, article) or "nothing: somebody works on it")
    terminal().print(table)


def _answer(reading: Reading, article: Article | None) -> str:
    if article is not None:
        return f"{article.ref}: {article.wordings[reading.language].text}"
    if not reading.answer:
        return ""
    template = MESSAGES.template[reading.answer]
    return template.zh if reading.language == "zh" else template.en


@click.command(
    epilog="""
\b
Examples:
  paywarden train-text --out build/text-model
  paywarden intake "where is my refund" --model build/text-model
"""
)
@click.option("--out", required=True, type=OutFolder(), help="For manifest.json and weights.bin.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Of the written messages.")
def train_text(out: Path, seed: int) -> None:
    """Train the text model on the messages that the project writes itself, and measure it on others.

    The same seed and libraries give the same two files. Needs the extra `train`.
    """
    from models.training.texts.fit import make
    from models.training.texts.writing import TooFew

    console = terminal(stderr=True)
    try:
        make(
            out,
            load_schedule(()).policies[-1].intake,
            seed,
            lambda line: console.print(line, highlight=False),
        )
    except TooFew as error:
        raise BadInput(str(error)) from error
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror or error}; name a folder that can.") from error
    say(str(out))
