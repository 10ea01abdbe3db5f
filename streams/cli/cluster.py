"""How do the operator's commands reach the cluster, and how do they end when it does not answer?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import aiokafka.errors
import click
import kafka.errors
import msgspec
from aiokafka import AIOKafkaProducer

from streams.contracts.partitioning import partition_of
from streams.contracts.registry import encode, headers_of
from streams.contracts.topics import physical
from streams.runtime.clients import aiokafka_kwargs
from streams.runtime.rights import DENIALS, denied, knock
from streams.runtime.topics_admin import usable_partitions
from streams.settings import Settings, load_settings

T = TypeVar("T")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


class ClusterFailed(click.ClickException):
    """The brokers did not answer, or answered with an error: exit code 70."""

    exit_code = 70


class NoAnswer(ClusterFailed):
    """Nobody answered at all."""


class NotAsItShouldBe(click.ClickException):
    """Configuration or state does not allow what was asked: exit code 78."""

    exit_code = 78


class BadRequest(click.ClickException):
    """What was named does not exist or cannot be used: exit code 64."""

    exit_code = 64


_OPTIONS = (
    click.option("--bootstrap", help="Brokers, host:port, comma separated. Default: PAYWARDEN_BOOTSTRAP."),
    click.option("--prefix", help="Before every topic name. Default: PAYWARDEN_TOPIC_PREFIX."),
    click.option("--app-id", help="Consumer group of the workers. Default: PAYWARDEN_APP_ID."),
)


def cluster_options(command: CommandT) -> CommandT:
    """The options that say which deployment is meant."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings_of(options: Mapping[str, Any], **more: Any) -> Settings:
    """Settings of the deployment that `cluster_options` named; `more` are further overrides."""
    return load_settings(
        bootstrap=options["bootstrap"], topic_prefix=options["prefix"], app_id=options["app_id"], **more
    )


@contextmanager
def asking(settings: Settings) -> Iterator[None]:
    """Errors of the cluster in here end the command with one sentence."""
    # The clients log each failed attempt as an error; the sentence below says it once.
    loggers = [logging.getLogger(name) for name in ("aiokafka", "kafka")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    except (
        aiokafka.errors.KafkaConnectionError,
        kafka.errors.KafkaConnectionError,
        kafka.errors.KafkaTimeoutError,
        ConnectionError,
        TimeoutError,
    ) as error:
        if settings.security_protocol != "PLAINTEXT":
            asyncio.run(knock(settings.runtime()))  # says what is wrong with the identity, if that is it
        raise NoAnswer(
            f"no answer from {settings.bootstrap}{_told_by(error)}. Is a broker running there? "
            "Set PAYWARDEN_BOOTSTRAP or --bootstrap, and PAYWARDEN_SECURITY_PROTOCOL if it wants TLS or a password."
        ) from error
    except DENIALS as error:
        raise denied(settings.runtime(), error) from error
    except (aiokafka.errors.KafkaError, kafka.errors.KafkaError) as error:
        raise ClusterFailed(f"{settings.bootstrap} refused: {error}") from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _told_by(error: Exception) -> str:
    """What the client says, in brackets; nothing where it only repeats the address in its own notation."""
    return "" if "bootstrap" in str(error) or not str(error) else f" ({error})"


def ask(settings: Settings, question: Coroutine[Any, Any, T]) -> T:
    """Run `question` and return its answer."""
    with asking(settings):
        return asyncio.run(question)


async def send(settings: Settings, topic: str, record: msgspec.Struct, key: bytes, at_ms: int) -> None:
    """Write one record, stamped `at_ms`, to a topic (logical name), to the partition of its key.

    Raises NotAsItShouldBe without the topic.
    """
    options = settings.runtime()
    name = physical(settings.names, topic)
    count = (await usable_partitions(options, [name], "WRITE")).get(name, 0)
    if not count:
        raise NotAsItShouldBe(f"there is no topic {name}; `paywarden topics create` makes it.")
    async with AIOKafkaProducer(enable_idempotence=True, **aiokafka_kwargs(options)) as producer:
        await producer.send_and_wait(
            name,
            encode(record),
            key,
            partition=partition_of(key, count),
            timestamp_ms=at_ms,
            headers=list(headers_of(record)),
        )
