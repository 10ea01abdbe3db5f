"""Which commands does `paywarden` have, and how does each kind of error end?"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

EXIT_BAD_INPUT = 64
EXIT_INFRASTRUCTURE = 70
EXIT_CONFIGURATION = 78

# Where a command lives. They are imported when they are asked for: the help of one must not pay for all the others.
COMMANDS = {
    "demo": "streams.cli.demo",
    "worker": "streams.cli.worker",
    "topics": "streams.cli.topics",
    "doctor": "streams.cli.doctor",
    "ingest": "streams.cli.ingest",
    "replay": "streams.cli.replay",
    "simulate": "streams.cli.simulate",
    "backtest": "streams.cli.backtest",
    "decline": "streams.cli.decline",
    "features": "streams.cli.features",
    "train": "streams.cli.train",
    "explain": "streams.cli.explain",
    "incidents": "streams.cli.listings",
    "cases": "streams.cli.listings",
    "dead-letters": "streams.cli.dead_letters",
    "state": "streams.cli.state",
    "policy": "streams.cli.published_policies",
    "contracts": "streams.cli.contracts",
    "bench": "streams.cli.bench",
}


class Commands(click.Group):
    """Loads a command from its module when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = getattr(importlib.import_module(module), cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command)
        return found


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


def main() -> NoReturn:
    """Run the command line. Mistakes of a user end in one sentence and an exit code, not in a traceback."""
    try:
        paywarden(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        click.echo(f"paywarden: {error}", err=True)
        sys.exit(code)
    sys.exit(0)


def _exit_code(error: Exception) -> int | None:
    """The exit code of an error that carries its own sentence, or None for a bug."""
    from producers.errors import BadInput
    from streams.core.declines.table import TableError
    from streams.core.policy import PolicyError
    from streams.ingest.source import SourceError
    from streams.runtime.failstop import Refusal
    from streams.settings import SettingsError

    if isinstance(error, BadInput):
        return EXIT_BAD_INPUT
    if isinstance(error, (SettingsError, PolicyError, TableError, SourceError, Refusal)):
        return EXIT_CONFIGURATION
    return None
