"""What can be answered without a person, what would be answered to this, and what could not be?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.table import Table

from producers.errors import BadInput
from streams.adapters.overlay import load_library
from streams.adapters.policy_file import load_schedule
from streams.cli.cluster import BadRequest, ask, cluster_options, settings_of
from streams.cli.listings import newest
from streams.cli.replay import Instant
from streams.cli.terminal import say, say_json, terminal
from streams.contracts.base import from_ms
from streams.core.intake.reading import read
from streams.core.knowledge.answers import look_up
from streams.core.knowledge.articles import Article
from streams.core.knowledge.measures import NONE, Outcome, Question, outcome_of, shares_of
from streams.core.knowledge.unanswered import Gap, Told, gaps_of
from streams.core.library import Library
from streams.settings import load_settings

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_overlay = click.option(
    "--overlay",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the deployment, over the packaged articles. Default: PAYWARDEN_OVERLAY.",
)
_at = click.option("--at", type=Instant(), default="2026-06-01", show_default=True, help="On which day; UTC.")
_EXIT_MEND: Final = 78


@click.group(
    epilog="""
\b
Examples:
  paywarden knowledge list
  paywarden knowledge search "how long does a refund take"
  paywarden knowledge unanswered
"""
)
def knowledge() -> None:
    """Articles that answer general questions of customers: look at them, try them, see what they lack."""


@knowledge.command("list")
@click.option("--flow", help="Only those about this flow, F01 to F46.")
@_overlay
@_json
def list_command(flow: str | None, overlay: Path | None, as_json: bool) -> None:
    """List the articles by id, with version, flows and the days on which they are sent.

    \b
    Examples:
      paywarden knowledge list --flow F15
    """
    articles = [
        each
        for each in _library(overlay).knowledge.articles.values()
        if flow is None or flow.upper() in each.front.flows
    ]
    if as_json:
        say_json(msgspec.json.encode([_facts(each) for each in articles]))
        return
    table = Table("article", "flows", "valid", "title", box=None)
    for each in articles:
        until = f" until {each.front.valid_until}" if each.front.valid_until is not None else ""
        table.add_row(
            each.ref,
            ", ".join(each.front.flows),
            f"from {each.front.valid_from}{until}",
            " / ".join(wording.title for wording in each.wordings.values()),
        )
    terminal().print(table)


@knowledge.command("show")
@click.argument("article")
@_overlay
@_json
def show(article: str, overlay: Path | None, as_json: bool) -> None:
    """Show ARTICLE (its id) as it is sent, in every language, with the questions that it is found by.

    \b
    Examples:
      paywarden knowledge show refund-time
    """
    found = _library(overlay).knowledge.articles.get(article.partition("@")[0])
    if found is None:
        raise BadRequest(f"There is no article {article!r}; `paywarden knowledge list` names them.")
    if as_json:
        say_json(msgspec.json.encode({**_facts(found), "wordings": found.wordings}))
        return
    say(f"{found.ref}  {', '.join(found.front.flows)}; see also {', '.join(found.front.links) or 'nothing'}")
    for tag, wording in found.wordings.items():
        say(f"\n[{tag}] {wording.title}\n{wording.text}")
        for question in wording.asked:
            say(f"  ? {question}")


@knowledge.command("search")
@click.argument("text")
@_at
@_overlay
@click.option("--policy", "policy_files", multiple=True, type=click.Path(path_type=Path), help="Over the default.")
@_json
def search(text: str, at: int, overlay: Path | None, policy_files: tuple[Path, ...], as_json: bool) -> None:
    """Search the articles for TEXT, nearest first, and say what a customer who writes this would be sent.

    \b
    Examples:
      paywarden knowledge search "提现多久到账"
    """
    library = _library(overlay)
    policy = load_schedule(policy_files).policies[-1]
    local = from_ms(at).astimezone(ZoneInfo(policy.default_time_zone))
    reading = read(text, local, policy.intake)
    found = library.knowledge.search(reading.said, local.date())
    answer = look_up(reading, library.knowledge, local.date(), policy.intake.article_from)
    sent = answer.article.ref if answer is not None and answer.article is not None else ""
    if as_json:
        rows = [{"article": each.article.ref, "score": each.score} for each in found]
        themes = answer.themes if answer is not None else ()
        say_json(msgspec.json.encode({"found": rows, "question": answer is not None, "sent": sent, "themes": themes}))
        return
    for each in found:
        say(f"{each.score:.2f}  {each.article.ref}  {each.article.wordings[reading.language].title}")
    if answer is None:
        say("no general question: it goes its way as docs/intake.md says")
    elif sent:
        say(f"sent: {sent}")
    else:
        say(f"nothing is sent, a person reads (line {policy.intake.article_from}); about {', '.join(answer.themes)}")


@knowledge.command("check")
@_overlay
@_json
def check(overlay: Path | None, as_json: bool) -> None:
    """Check every article, the overlay folder's too. A mistake ends in one sentence and exit code 78.

    \b
    Examples:
      paywarden knowledge check --overlay /etc/paywarden/overlay
    """
    articles = _library(overlay).knowledge.articles.values()
    own, languages = sum(each.own for each in articles), Counter(tag for each in articles for tag in each.wordings)
    facts = {"articles": len(articles), "own": own, "languages": dict(languages)}
    if as_json:
        say_json(msgspec.json.encode(facts))
    else:
        spoken = ", ".join(f"{many} in {tag}" for tag, many in languages.items())
        say(f"{len(articles)} articles are fit to be sent: {spoken}; {own} of the deployment")


@knowledge.command("measure")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_at
@_overlay
@click.option("--policy", "policy_files", multiple=True, type=click.Path(path_type=Path), help="Over the default.")
@click.option("--wrong", "show_wrong", is_flag=True, help="List what was not answered as FILE says.")
@_json
def measure(
    file: Path, at: int, overlay: Path | None, policy_files: tuple[Path, ...], show_wrong: bool, as_json: bool
) -> None:
    """Count how many of the questions in FILE get the right article, a wrong one, or a person.

    One question a line: the article's id or `-` if none should answer, `zh` or `en`, and the question.

    \b
    Examples:
      paywarden knowledge measure models/training/texts/questions_held_out.txt --wrong
    """
    library = _library(overlay)
    policy = load_schedule(policy_files).policies[-1]
    local = from_ms(at).astimezone(ZoneInfo(policy.default_time_zone))
    outcomes = [outcome_of(each, library.knowledge, policy.intake, local) for each in _questions(file, library, local)]
    by_language = {
        language: shares_of(each for each in outcomes if each.question.language == language)
        for language in dict.fromkeys(each.question.language for each in outcomes)
    }
    if as_json:
        say_json(msgspec.json.encode({name: shares._asdict() for name, shares in by_language.items()}))
        return
    for name, shares in by_language.items():
        say(
            f"{name}: {shares.questions} questions, right article {shares.right:.3f} of those that have one, "
            f"wrong answer {shares.wrong:.3f}, to a person {shares.person:.3f}"
        )
    for each in outcomes if show_wrong else ():
        if each.told != each.question.article:
            say(_missed(each))


@knowledge.command("unanswered")
@click.option("--since", type=Instant(), help="Only cases of this time or later. Default: all that the topic holds.")
@_json
@cluster_options
def unanswered(since: int | None, as_json: bool, **options: Any) -> None:
    """Say what general questions were about that no article answered, and which articles did not help.

    Themes and names of articles, read from the cases on the topic; what customers wrote is nowhere in it.

    \b
    Examples:
      paywarden knowledge unanswered --since 2026-06-01
    """
    settings = settings_of(options)
    cases = ask(settings, newest(settings.runtime()))
    told = gaps_of(each for each in cases if since is None or each.created_at >= from_ms(since))
    if as_json:
        say_json(msgspec.json.encode({"gaps": told.gaps, "articles": told.articles}))
        return
    _print_gaps(told.gaps)
    _print_told(told.articles)


def _print_gaps(gaps: Sequence[Gap]) -> None:
    if not gaps:
        say("every general question was answered")
        return
    table = Table("asked about", "questions", "nearest articles", box=None)
    for gap in gaps:
        table.add_row(gap.theme, str(gap.questions), ", ".join(f"{name} {many}" for name, many in gap.nearest))
    terminal().print(table)


def _print_told(articles: Sequence[Told]) -> None:
    if articles:
        table = Table("article", "answered", "did not help", box=None)
        for each in articles:
            table.add_row(each.article, str(each.answered), str(each.not_helped))
        terminal().print(table)


def _library(overlay: Path | None) -> Library:
    return load_library(load_settings(overlay=overlay).overlay)


def _facts(article: Article) -> dict[str, Any]:
    return {
        "article": article.ref,
        **msgspec.structs.asdict(article.front),
        "own": article.own,
        "titles": {tag: wording.title for tag, wording in article.wordings.items()},
    }


def _questions(file: Path, library: Library, local: datetime) -> list[Question]:
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        article, _, rest = line.partition(" ")
        language, _, text = rest.partition(" ")
        if not text.strip() or (article != NONE and article not in library.knowledge.articles):
            raise BadInput(f"{file}, line {number}: write the id of an article or -, a language, and the question.")
        found.append(Question(article, language, text))
    return found


def _missed(outcome: Outcome) -> str:
    question = outcome.question
    return f"{question.language} {question.article}: told {outcome.told} {outcome.score:.2f}: {question.text}"
