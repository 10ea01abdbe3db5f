"""What does a decline code mean, and what may be done and said about it?"""

from __future__ import annotations

import difflib
from pathlib import Path

import click
import msgspec
from rich.table import Table

from streams.adapters.overlay import load_library
from streams.cli.cluster import BadRequest
from streams.cli.terminal import say, say_json, terminal
from streams.contracts.payments import Code
from streams.core.declines.explanation import Explanation, explain
from streams.core.declines.profiles import Profile
from streams.core.declines.resolve import helper, look_up, resolve, speakers, stated, without_zeros
from streams.core.declines.table import ISO, spelled
from streams.core.library import Library
from streams.settings import load_settings


@click.command(
    epilog="""
\b
Examples:
  paywarden decline iso8583_1987 51
  paywarden decline iso8583_1987 82 --network mastercard --advice 03
  paywarden decline stripe insufficient_funds --advice try_again_later --json
  paywarden decline --list
"""
)
@click.argument("source", required=False)
@click.argument("code", required=False)
@click.option("--network", help="visa, mastercard, unionpay: how an ISO 8583 code is to be read.")
@click.option("--advice", help="The advice code that came with it (Mastercard MAC, Stripe advice_code).")
@click.option("--list", "listing", is_flag=True, help="List the sources, or with SOURCE its codes, and leave.")
@click.option("--overlay", type=click.Path(path_type=Path), help="Default: PAYWARDEN_OVERLAY.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def decline(
    source: str | None,
    code: str | None,
    network: str | None,
    advice: str | None,
    listing: bool,
    overlay: Path | None,
    as_json: bool,
) -> None:
    """Explain the answer CODE of a payment SOURCE, in Chinese and English, as a worker would triage it."""
    library = load_library(load_settings(overlay=overlay).overlay)
    source = None if source is None else spelled(source)
    if listing:
        _list(library, source)
        return
    if source is None or code is None:
        raise click.UsageError("Name a source and a code, or use --list.")
    _known_source(library, source)
    if network is not None and network not in library.profiles.by_network:
        raise BadRequest(f"There is no network {network!r}; there are {', '.join(library.profiles.by_network)}.")
    codes = [Code(source=source, code=code)]
    if advice is not None:
        codes.append(Code(source=_advice_source(library, source, network), code=advice))
    answer = resolve(library.table, library.profiles, codes, network)
    said_by = speakers(library.profiles, "", network, None, codes)
    shown = look_up(library.table, library.profiles, codes[0], network)
    told = stated(library.profiles, answer)
    helps = _helps(library, network, codes, told.cause.who_acts)
    explanation = explain(source, code, told, said_by, shown, helps)
    unknown = [f"{each.source} {each.code}" for each in answer.unknown]
    if as_json:
        say_json(msgspec.json.encode({**msgspec.structs.asdict(explanation), "unknown": unknown}))
        return
    _print(explanation)
    if answer.entry is None and answer.entries:
        say("On a payment that is said to have failed it explains nothing: its outcome is asked for first.", err=True)
    for each in answer.unknown:
        say(_hint(library, each, network), err=True)


def _known_source(library: Library, source: str) -> None:
    sources = library.table.sources
    if source not in sources:
        close = difflib.get_close_matches(source, sources, n=1, cutoff=0.5)
        meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(sources)}."
        raise BadRequest(f"There is no source {source!r}; {meant}")


def _advice_source(library: Library, source: str, network: str | None) -> str:
    """Whose advice it is: the network's, else the gateway's that answered."""
    profiles = library.profiles
    for profile in (profiles.by_network.get(network or ""), profiles.by_source.get(source)):
        if profile is not None and profile.advice:
            return profile.advice[0]
    raise BadRequest("--advice needs --network mastercard, or a source whose gateway passes advice on (stripe).")


def _helps(library: Library, network: str | None, codes: list[Code], who_acts: str) -> Profile | None:
    """Whose support helps with an answer of this source: a wallet answers for its own method."""
    answered = library.profiles.by_source.get(codes[0].source)
    method = answered.methods[0] if answered is not None and answered.methods else ""
    if network is None and answered is not None and answered.networks:
        network = answered.networks[0]
    return helper(library.profiles, method, network, None, codes, who_acts)


def _hint(library: Library, code: Code, network: str | None) -> str:
    padded = without_zeros(library.table, library.profiles, code, network)
    if padded:
        lost = "its leading zeros are lost, which spreadsheets and numbers do: send it as a text"
        return f"No table knows {code.source} {code.code}; did you mean {padded}? If so, {lost}."
    if code.source == ISO and library.table.find(code.source, code.code) is not None:
        return f"{code.source} {code.code} is for private use: only its network says what it means; give --network."
    close = difflib.get_close_matches(code.code, library.table.codes_of(code.source), n=3, cutoff=0.4)
    like = f"codes like it: {', '.join(close)}" if close else f"`paywarden decline {code.source} --list` shows all"
    return f"No table knows {code.source} {code.code}; {like}. A row in the overlay's codes.csv makes it known."


def _list(library: Library, source: str | None) -> None:
    table = Table()
    if source is None:
        for heading in ("source", "codes", "read with"):
            table.add_column(heading)
        for name in library.table.sources:
            profile = library.profiles.by_source.get(name)
            table.add_row(name, str(len(library.table.codes_of(name))), profile.id if profile is not None else "")
    else:
        _known_source(library, source)
        for heading in ("code", "cause", "retry", "meaning"):
            table.add_column(heading)
        for code in library.table.codes_of(source):
            entry = library.table.entries[source, code]
            table.add_row(code, entry.cause.cause, entry.retryable, entry.meaning)
    terminal().print(table)


def _print(told: Explanation) -> None:
    table = Table(show_header=False, title=f"{told.source} {told.code}")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    decided = told.rank if told.rank != "none" else "nothing: no code is known"
    table.add_row("means", told.meaning or "unknown")
    table.add_row("cause", f"{told.cause} (flow {told.flow or '-'}; decided by {decided})")
    table.add_row("at fault", f"{told.fault.zh} / {told.fault.en}")
    table.add_row("acts", f"{told.acts.zh} / {told.acts.en} (queue {told.queue})")
    table.add_row("retry", f"{told.retry.zh}\n{told.retry.en}")
    table.add_row("money", f"{told.money.zh} / {told.money.en}")
    table.add_row("may be said", f"{told.said.zh} / {told.said.en}")
    table.add_row("to the customer", f"{told.customer.zh}\n{told.customer.en}")
    if told.contact is not None:
        reached = " · ".join(each for each in (told.contact.phone, told.contact.page) if each is not None)
        table.add_row("support", f"{told.contact.name.zh} / {told.contact.name.en}: {reached}")
    table.add_row("counts against", told.health_scope or "nobody's health")
    if told.known:
        table.add_row("source", f"{told.ref} (confidence {told.confidence})")
    terminal().print(table)
