"""What does somebody who watches the demo see?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import zip_longest
from types import TracebackType
from typing import Final, NamedTuple, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from producers.demo import Scene
from streams.cli.demo_console import News
from streams.cli.demo_tally import Opened, Tally
from streams.cli.terminal import say, terminal
from streams.contracts.cases import CaseVersion
from streams.core.cases.review import LOSS

PLAIN_EVERY_S: Final = 5.0
FRAMES_PER_S: Final = 4
# From mild to strict, as decisions are ordered.
OUTCOMES: Final = {
    "allow": "green",
    "notify": "cyan",
    "step_up": "yellow",
    "review": "bright_yellow",
    "hold": "magenta",
    "block": "red",
}
PRIORITIES: Final = {"P1": "bold white on red", "P2": "bold yellow", "P3": "cyan", "P4": "dim"}
_BARS: Final = " ▁▂▃▄▅▆▇█"
_LINES_PER_CASE: Final = 3
_LINES_OF_THE_REST: Final = 22  # everything that is drawn around the cases
_WAYS: Final = 4  # commands for another terminal
_ACTIONS: Final = 8  # of eleven kinds, in two columns beside the other boxes
_BOX_LINES: Final = 8
_SPARK_S: Final = 30


class Place(NamedTuple):
    """Where the running demo can be reached."""

    bootstrap: str
    prefix: str
    metrics: str

    @property
    def ways(self) -> tuple[str, ...]:
        """Commands for another terminal."""
        at = f"--bootstrap {self.bootstrap}" + (f" --prefix {self.prefix}" if self.prefix else "")
        return (
            f"paywarden topics tail support.cases {at}",
            f"paywarden topics tail account.locks {at} --from-beginning",
            f"paywarden doctor {at}",
            f"curl {self.metrics}",
        )


class View(Protocol):
    """Told what happens, in this order: tell*, live, update*, tell*, farewell; at any time of console and worker."""

    def __enter__(self) -> View: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def tell(self, what: str) -> None: ...
    def live(self, place: Place, scenes: Iterator[Scene], now_ms: Callable[[], int]) -> None: ...
    def update(self) -> None: ...
    def console(self, news: News) -> None: ...
    def worker(self, sentence: str) -> None: ...
    def farewell(self) -> None: ...


def open_view(tally: Tally, *, plain: bool) -> View:
    """The live view where there is a terminal to draw on, lines elsewhere."""
    console = terminal()
    return Lines(tally) if plain or not console.is_terminal else Screen(tally, console)


class Playing:
    """Which story is on stage now?"""

    def __init__(self, scenes: Iterator[Scene], now_ms: Callable[[], int]) -> None:
        self._scenes, self._now_ms = scenes, now_ms
        self._next = next(scenes, None)
        self.scene: Scene | None = None

    def begun(self) -> list[Scene]:
        """The stories that began since the last call."""
        found = []
        while self._next is not None and self._next.begins_ms <= self._now_ms():
            found.append(self._next)
            self._next = next(self._scenes, None)
        if found:
            self.scene = found[-1]
        return found


class Lines:
    """Line by line, for logs and pipes."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._told_s = 0.0
        self._seen: set[str] = set()
        self._playing: Playing | None = None

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def tell(self, what: str) -> None:
        say(f"{self._tally.seconds:6.1f} s  {what}")

    def live(self, place: Place, scenes: Iterator[Scene], now_ms: Callable[[], int]) -> None:
        self._playing = Playing(scenes, now_ms)
        self.tell("live; look around from another terminal:")
        for way in place.ways:
            self._more(way)

    def update(self) -> None:
        assert self._playing is not None, "live comes before update"
        for scene in self._playing.begun():
            self.tell(f"STORY {scene.title}")
            self._more(scene.story)
        for opened in self._tally.opened_since(self._seen):
            self._seen.add(opened.case.case_id)
            case = opened.case
            self.tell(f"CASE  {case.priority} {case.queue} {case.flow} {headline(case)}")
            for message in case.messages[-1:]:
                self._more(f"en {message.en}")
                self._more(f"zh {message.zh}")
        if self._tally.seconds - self._told_s >= PLAIN_EVERY_S:
            self._told_s = self._tally.seconds
            self.tell(counts(self._tally))

    def console(self, news: News) -> None:
        self.tell(news.sentence)
        for name, password in news.logins.items():
            self._more(f"{name:<14}{password}")
        for way in news.ways:
            self._more(way)

    def worker(self, sentence: str) -> None:
        self.tell(sentence)

    def farewell(self) -> None:
        self.tell(counts(self._tally))

    def _more(self, text: str) -> None:
        say(f"{'':10}{text}")


class Screen:
    """A picture of the whole, drawn a few times a second."""

    def __init__(self, tally: Tally, console: Console) -> None:
        self._tally, self._console = tally, console
        self._news: News | None = None
        self._worker = ""
        self._doing = ""
        self._place: Place | None = None
        self._playing: Playing | None = None
        self._live = Live(
            console=console, screen=True, refresh_per_second=FRAMES_PER_S, get_renderable=self._picture, transient=True
        )

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def tell(self, what: str) -> None:
        self._doing = what
        self._live.refresh()

    def live(self, place: Place, scenes: Iterator[Scene], now_ms: Callable[[], int]) -> None:
        self._doing, self._place, self._playing = "", place, Playing(scenes, now_ms)

    def update(self) -> None:
        """The picture is drawn by its own clock."""

    def console(self, news: News) -> None:
        self._news = news

    def worker(self, sentence: str) -> None:
        self._worker = f"{self._tally.seconds:.0f} s: {sentence}"

    def farewell(self) -> None:
        tally = self._tally
        self._console.print(Text.assemble(("PayWarden demo ", "bold"), (f"{tally.seconds:.0f} s", "dim")))
        self._console.print(counts(tally))
        for opened in reversed(tally.newest(5)):
            self._console.print(_case_line(opened.case, _clock(opened)))
        self._console.print("What you saw is explained in docs/demo.md.", style="dim")

    def _picture(self) -> RenderableType:
        news = _news(self._news)
        if self._worker:
            news.append(Text(self._worker, "yellow", no_wrap=True, overflow="ellipsis"))
        height = self._console.height - len(news)
        rows = max(1, (height - _LINES_OF_THE_REST) // _LINES_PER_CASE)
        return Group(
            self._title(),
            self._story(),
            self._figures(),
            Panel(_cases(self._tally.newest(rows)), title="newest cases", title_align="left", border_style="dim"),
            *news,
            self._footer(height),
        )

    def _title(self) -> RenderableType:
        tally = self._tally
        line = Table.grid(expand=True)
        line.add_column()
        line.add_column(justify="right")
        if self._doing:
            doing = Text(f"  {self._doing} …", style="yellow")
        elif silence := silence_of(tally):
            doing = Text(f"  {silence}", style="bold red")
        else:
            doing = Text("  live", style="bold green")
        line.add_row(Text.assemble(("PayWarden", "bold"), " demo", doing), Text(f"{tally.seconds:.0f} s", style="dim"))
        return line

    def _story(self) -> RenderableType:
        if self._playing is not None:
            self._playing.begun()
        scene = self._playing.scene if self._playing is not None else None
        if scene is None:
            return Panel(Text("ordinary people live their lives", style="dim"), border_style="dim", height=6)
        text = Text.assemble((scene.story, ""), "\n", (f"expected: {scene.expected}", "dim"))
        return Panel(
            text, title=Text(f"now playing: {scene.title}", "bold"), title_align="left", border_style="blue", height=6
        )

    def _figures(self) -> RenderableType:
        grid = Table.grid(expand=True, padding=(0, 1))
        for _ in range(3):
            grid.add_column(ratio=1)
        grid.add_row(self._flow(), self._decisions(), self._locks())
        return grid

    def _flow(self) -> RenderableType:
        tally = self._tally
        letters = tally.dead_letters.total()
        p50, p95 = tally.latency_ms(0.5), tally.latency_ms(0.95)
        lines = [
            Text.assemble((f"{tally.events:,}", "bold"), " events, ", (f"{tally.rate():,.0f}", "bold"), "/s"),
            Text(spark(tally.rates()[-_SPARK_S:]), style="green"),
            Text("event to decision, ms", style="dim"),
            Text("p50 -, p95 -") if p50 is None else Text(f"p50 {p50:,}, p95 {p95:,}", style="bold"),
            Text.assemble("dead letters ", (str(letters), "bold red" if letters else "bold green")),
            Text.assemble("notifications ", (f"{tally.notifications:,}", "bold")),
        ]
        return _box("flow", *lines)

    def _decisions(self) -> RenderableType:
        decided = self._tally.decisions
        most = max(decided.values(), default=1)
        body = Table.grid(padding=(0, 1))
        body.add_column()
        body.add_column(justify="right")
        for outcome, colour in OUTCOMES.items():
            count = decided[outcome]
            body.add_row(Text(outcome, colour), f"{count:,}", Text(bar(count, most), colour))
        return _box(f"{decided.total():,} decisions", body)

    def _locks(self) -> RenderableType:
        tally = self._tally
        commands = [
            Text.assemble(f"{action} ", (f"{count:,}", "bold")) for action, count in tally.actions.most_common(_ACTIONS)
        ]
        table = Table.grid(padding=(0, 1))
        for left, right in zip_longest(commands[::2], commands[1::2], fillvalue=Text()):
            table.add_row(left, right)
        now = Text.assemble("accounts locked now ", (f"{len(tally.locked_accounts):,}", "bold"))
        return _box(f"{len(tally.locks)} locks", now, Text("commands sent", style="dim"), table)

    def _footer(self, height: int) -> RenderableType:
        room = height - _LINES_OF_THE_REST - _LINES_PER_CASE + _WAYS
        ways = self._place.ways[: max(0, room)] if self._place is not None else ()
        lines = [Text(f"  {way}", style="dim", no_wrap=True, overflow="ellipsis") for way in ways]
        head = "Ctrl-C ends it. From another terminal:" if ways else "Ctrl-C ends it."
        return Group(Text(head, style="dim"), *lines)


def _box(title: str, *lines: RenderableType) -> Panel:
    for line in lines:
        if isinstance(line, Text):
            line.no_wrap, line.overflow = True, "ellipsis"
    return Panel(Group(*lines), title=title, title_align="left", border_style="dim", height=_BOX_LINES)


def _news(news: News | None) -> list[Text]:
    """The console's line, and two logins to a line, which fits 80 columns."""
    if news is None:
        return []
    logins = [f"{name:<12} {password}" for name, password in news.logins.items()]
    pairs = zip_longest(logins[::2], logins[1::2], fillvalue="")
    style = "bold" if logins else "yellow"
    lines = [Text(news.sentence, style), *(Text(f"  sign in as {one}   {other}") for one, other in pairs)]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return lines


def _cases(newest: list[Opened]) -> RenderableType:
    if not newest:
        return Text("none yet", style="dim")
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for opened in newest:
        case = opened.case
        what = Text.assemble(
            (headline(case), "bold"), (f"  {case.queue}, {case.status}", "dim"), no_wrap=True, overflow="ellipsis"
        )
        table.add_row(Text.assemble((f"{_clock(opened)} ", "dim"), (case.priority, PRIORITIES[case.priority])), what)
        first, second = _words(case)
        table.add_row("", Text(first, no_wrap=True, overflow="ellipsis"))
        table.add_row("", Text(second, style="dim", no_wrap=True, overflow="ellipsis"))
    return table


def _words(case: CaseVersion) -> tuple[str, str]:
    """Two lines about a case: what the customer is told in both languages, else what was seen."""
    if case.messages:
        return case.messages[-1].en, case.messages[-1].zh
    seen = [line.text for line in case.evidence]
    counted = [(name.replace("_", " "), count) for name, count in case.counters.items() if name != LOSS]
    counters = ", ".join(f"{name} {count}" for name, count in counted)
    return (seen[0] if seen else ""), counters


def _case_line(case: CaseVersion, when: str) -> Text:
    return Text.assemble((f"{when} ", "dim"), (case.priority, PRIORITIES[case.priority]), f" {headline(case)}")


def _clock(opened: Opened) -> str:
    at: datetime = opened.case.created_at.astimezone()
    return f"{at:%H:%M:%S}"


def headline(case: CaseVersion) -> str:
    """What a case is, and about whom or what."""
    return f"{case.case_type.replace('_', ' ').replace('.', ': ')} · {case.subject}"


def bar(count: int, most: int, width: int = 10) -> str:
    """A bar in proportion; whatever is there is seen."""
    return "█" * max(1, round(count / most * width)) if count else ""


def spark(rates: list[int]) -> str:
    """The last seconds as a row of bars."""
    most = max(rates, default=0)
    return "".join(_BARS[-(-rate * (len(_BARS) - 1) // most)] if most else " " for rate in rates)


def counts(tally: Tally) -> str:
    """Everything in one line."""
    outcomes = ", ".join(f"{name} {tally.decisions[name]:,}" for name in OUTCOMES if tally.decisions[name])
    p50, p95 = tally.latency_ms(0.5), tally.latency_ms(0.95)
    return (
        f"{tally.events:,} events ({tally.rate():,.0f}/s) | {tally.decisions.total():,} decisions"
        + (f" ({outcomes})" if outcomes else "")
        + f" | {len(tally.locks)} locks | {len(tally.cases)} cases | {tally.dead_letters.total()} dead letters"
        + ("" if p50 is None else f" | event to decision p50 {p50:,} ms, p95 {p95:,} ms")
        + (f" | {silence}" if (silence := silence_of(tally)) else "")
    )


def silence_of(tally: Tally) -> str:
    """That the worker stands still; empty while it decides."""
    silent_s = tally.silent_s
    return "" if silent_s is None else f"NOTHING DECIDED FOR {silent_s:.0f} s: the worker does not read"
