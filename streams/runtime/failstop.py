"""How does a worker end when it must not go on: at once, with a status the supervisor understands and a next step?

A graceful stop would be the wrong reaction to an error: it commits. Ending the process loses nothing, because whatever
is not in a committed transaction happens again.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from aiokafka.errors import KafkaConnectionError, ProducerFenced

EXIT_OK: Final = 0
EXIT_INFRASTRUCTURE: Final = 70  # restart me
EXIT_REFUSED: Final = 78  # state or configuration: a restart changes nothing


class Refusal(Exception):
    """The worker will not run like this. The message says what is wrong and what the operator does next; exit 78."""


class LostState(Refusal):
    """Input was committed, but the state it led to is gone.

    Operator action: `paywarden state rebuild` replays the inputs with outputs off; or restore the changelog topic.
    """


class LostInput(Refusal):
    """Records between the state and the start of an input topic were deleted before they were read.

    Operator action: restore the input from an archive, or accept the hole with `paywarden state rebuild`.
    """


class WrongPartitions(Refusal):
    """Inputs that must be partitioned alike are not, or no longer are as when the state was written."""


class NewerState(Refusal):
    """The changelog was written by a newer release.

    Operator action: deploy that release again. Do not delete the changelog: locks exist nowhere else.
    """


class TooManyDeadLetters(Refusal):
    """So many records cannot be handled that this is a mistake of a deployment, not bad data."""


class Unreachable(Exception):
    """The brokers did not answer, or not in time. Nothing is wrong with this worker: a restart may help; exit 70."""


def status_of(error: BaseException) -> int:
    return EXIT_REFUSED if isinstance(error, Refusal) else EXIT_INFRASTRUCTURE


def sentence_of(error: BaseException) -> str:
    """One line for the operator."""
    if isinstance(error, Refusal):
        return f"paywarden refuses to run: {error}"
    if isinstance(error, ProducerFenced):
        return (
            "paywarden stops: another process has taken over a partition that this one still held "
            "(it was frozen, or cut off from the brokers). Nothing of its last group was committed. Restart it."
        )
    if isinstance(error, Unreachable):
        return f"paywarden stops: {error}"
    if isinstance(error, KafkaConnectionError):
        return (
            f"paywarden stops: no broker answers ({error}). Set PAYWARDEN_BOOTSTRAP, and "
            "PAYWARDEN_SECURITY_PROTOCOL if the brokers want TLS or a password; then restart it."
        )
    return (
        f"paywarden stops: {type(error).__name__}: {error}. "
        "Nothing uncommitted was published; restart it, and it goes on after its last commit."
    )


def stop_process(error: BaseException) -> NoReturn:
    """Say why on stderr and end the process now, from whichever thread this is."""
    if not isinstance(error, Refusal | ProducerFenced | Unreachable | KafkaConnectionError):
        traceback.print_exception(error)
    print(sentence_of(error), file=sys.stderr, flush=True)  # noqa: T201 - the last thing an operator reads
    logging.shutdown()
    os._exit(status_of(error))


@contextmanager
def fail_stop() -> Iterator[None]:
    """An error in here leaves memory and Kafka in disagreement: end the process."""
    try:
        yield
    except Exception as error:
        stop_process(error)
