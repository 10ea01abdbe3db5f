"""Which commands does `paywarden` have, and how does each kind of error end?"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

import click

EXIT_BAD_INPUT = 64
EXIT_INFRASTRUCTURE = 70
EXIT_CONFIGURATION = 78


class Entry(NamedTuple):
    """Where a command lives, and its line in the list."""

    module: str
    summary: str
    extra: str = ""  # of the distribution, without which it cannot run


# Commands are imported when they are asked for: the help of one must not pay for all the others.
COMMANDS = {
    "demo": Entry("streams.cli.demo", "everything on this machine, with attacks, in a minute"),
    "worker": Entry("streams.cli.worker", "run one worker: both agents"),
    "topics": Entry("streams.cli.topics", "create, list, tail, export: what a deployment needs"),
    "doctor": Entry("streams.cli.doctor", "check everything that a worker relies on"),
    "ingest": Entry("streams.cli.ingest", "turn an existing system's topics into canonical events"),
    "bootstrap": Entry("streams.cli.bootstrap", "learn from history, say nothing, hand over"),
    "replay": Entry("streams.cli.replay", "write files to the input topics, in event time"),
    "simulate": Entry("streams.cli.simulate", "write a seeded story of customers and attacks"),
    "backtest": Entry("streams.cli.backtest", "what would be decided about these files? No broker"),
    "decline": Entry("streams.cli.decline", "explain a code of a payment's answer, zh and en"),
    "intake": Entry("streams.cli.intake", "what would be made of a customer's message?"),
    "knowledge": Entry("streams.cli.knowledge", "articles that answer general questions; what they lack"),
    "features": Entry("streams.cli.features", "write the features of every movement as one table"),
    "train": Entry("streams.cli.train", "train a fraud model and compare its families"),
    "train-text": Entry("streams.cli.intake", "train the model that reads customers' messages"),
    "retrain": Entry("streams.cli.retrain", "propose a candidate for the champion's place"),
    "explain": Entry("streams.cli.explain", "why is this decision what it is?"),
    "incidents": Entry("streams.cli.listings", "what is down, and whom does it concern?"),
    "cases": Entry("streams.cli.listings", "support cases in their newest version"),
    "locks": Entry("streams.cli.listings", "what is locked, for whom, why and until when?"),
    "dead-letters": Entry("streams.cli.dead_letters", "list what could not be handled, feed it again"),
    "state": Entry("streams.cli.state_rebuild", "inspect or rebuild the states of accounts and entities"),
    "store": Entry("streams.cli.store", "keep cases in a database: load, rebuild, check", "console"),
    "console": Entry("streams.cli.console", "pages for analysts: queue, cases, actions", "console"),
    "webhooks": Entry("streams.cli.webhooks", "tell other services of each version of a case, signed", "console"),
    "block": Entry("streams.cli.block", "block an address, device, card, payee or merchant until a time", "console"),
    "erase": Entry("streams.cli.erase", "forget a person, with a receipt"),
    "models": Entry("streams.cli.models", "list, compare, promote and take back models"),
    "policy": Entry("streams.cli.policy_report", "check, publish, approve, report on, roll back the policy"),
    "contracts": Entry("streams.cli.contracts", "schemas, AsyncAPI document and docs of all events"),
    "bench": Entry("streams.cli.bench", "measure speed, memory and latency on this machine"),
}


class NotInstalled(click.ClickException):
    """A command needs an extra of the distribution."""

    exit_code = EXIT_CONFIGURATION


@contextmanager
def needed_by(command: str, extra: str) -> Iterator[None]:
    """Imports in here that fail for want of the extra raise NotInstalled."""
    try:
        yield
    except ModuleNotFoundError as error:
        if not extra or (error.name or "").partition(".")[0] in ("streams", "models", "producers"):
            raise
        raise NotInstalled(f"`paywarden {command}` needs {error.name}: pip install 'paywarden[{extra}]'") from None


class Commands(click.Group):
    """Loads a command from its module when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        with needed_by(cmd_name, entry.extra):
            module = importlib.import_module(entry.module)
        found = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="paywarden")
def paywarden() -> None:
    """Real-time fraud, payment-failure and account-lock decisions beside a payment system, exactly once, on Kafka.

    \b
    Examples:
      paywarden demo                                         new here?
      paywarden topics create                                next to a system; then `doctor` and `worker`
      paywarden backtest FILE --format jsonl --out DIR       what would it say?

    Settings are environment variables PAYWARDEN_...; docs/configuration.md lists them.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line. Mistakes of a user end in one sentence and an exit code, not in a traceback."""
    try:
        paywarden(arguments, standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.UsageError as error:
        error.show()  # with the usage of the command
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _say(error.format_message())
        sys.exit(error.exit_code)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        _say(str(error))
        sys.exit(code)
    sys.exit(0)


def _say(sentence: str) -> None:
    from streams.cli.terminal import say

    say(f"paywarden: {sentence}", err=True)


def _exit_code(error: Exception) -> int | None:
    """The exit code of an error that carries its own sentence, or None for a bug."""
    from producers.barrier import AgentsBehind
    from producers.errors import BadInput
    from producers.writer import DeliveryFailed, NoBroker, NotReady
    from streams.adapters.case_store.errors import StoreError, StoreUnreachable
    from streams.core.policy import PolicyError
    from streams.core.tables import TableError
    from streams.ingest.source import SourceError
    from streams.runtime.failstop import Refusal
    from streams.settings import SettingsError

    if isinstance(error, BadInput):
        return EXIT_BAD_INPUT
    if isinstance(error, (SettingsError, PolicyError, TableError, SourceError, StoreError, Refusal, NotReady)):
        return EXIT_CONFIGURATION
    if isinstance(error, (NoBroker, DeliveryFailed, AgentsBehind, StoreUnreachable)):
        return EXIT_INFRASTRUCTURE
    return None
