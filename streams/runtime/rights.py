"""May this identity do what the process is about to do? Asked before the start, so that the answer names the right."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import aiokafka.errors
import kafka.errors
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from kafka.admin import KafkaAdminClient

from streams.runtime.clients import aiokafka_kwargs, kafka_python_kwargs, ssl_context
from streams.runtime.failstop import Refusal
from streams.runtime.options import RuntimeOptions
from streams.runtime.tokens import NoToken

_KNOCK_S: Final = 10.0
_API_VERSIONS: Final = bytes.fromhex("0000000a0012000000000001ffff")  # the smallest request: ApiVersions, version 0
_NOT_AUTHORIZED: Final = 29  # of a topic that the user may not even describe


class MissingRight(Refusal):
    """The broker does not allow this identity what its role needs.

    Operator action: grant it; `paywarden topics export` prints the rights of every role.
    """


class WrongIdentity(Refusal):
    """The broker does not accept who we say we are, or we do not accept the broker. A restart changes nothing.

    Operator action: correct the user, password, token or certificate that the sentence names.
    """


async def knock(options: RuntimeOptions) -> None:
    """Connect to the first broker that listens, because a client only says that it could not. Raises WrongIdentity.

    Returns if a connection works, or if nobody answers: then the clients say so.
    """
    kwargs = {key: value for key, value in aiokafka_kwargs(options).items() if key != "bootstrap_servers"}
    for host, port, _ in collect_hosts(options.bootstrap):
        try:
            connection = await create_conn(host, port, request_timeout_ms=int(_KNOCK_S * 1000), **kwargs)
        except (SaslAuthenticationFailed, AuthenticationFailedError, UnsupportedSaslMechanismError) as error:
            how = options.security.sasl_mechanism
            raise WrongIdentity(
                f"the broker {host}:{port} refuses {identity(options)} with {how} ({type(error).__name__}): correct "
                "PAYWARDEN_SASL_USERNAME, PAYWARDEN_SASL_PASSWORD_FILE or PAYWARDEN_SASL_MECHANISM."
            ) from None
        except NoToken as error:
            raise WrongIdentity(f"{error}; OAUTHBEARER needs a token.") from None
        except ssl.SSLCertVerificationError as error:
            raise WrongIdentity(
                f"the certificate of the broker {host}:{port} is not trusted ({error.verify_message}): set "
                "PAYWARDEN_SSL_CA_FILE to the authority that signed it."
            ) from None
        except (KafkaError, OSError, TimeoutError):
            await _certificate_wanted(options, host, port)
            continue
        connection.close()
        await _certificate_wanted(options, host, port)
        return


async def _certificate_wanted(options: RuntimeOptions, host: str, port: int) -> None:
    """Does the broker end the connection because we show no certificate, or one that it does not trust?

    In TLS 1.3 that alert comes after the handshake, in place of the first answer, where no client looks for it. Raises
    WrongIdentity.
    """
    context = ssl_context(options.security)
    if options.security.protocol != "SSL" or context is None:
        return
    try:
        async with asyncio.timeout(_KNOCK_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
            try:
                writer.write(_API_VERSIONS)
                await reader.read(1)
            finally:
                writer.close()
    except ssl.SSLError as error:
        reason = (error.reason or "").lower()
        if "alert" not in reason:
            return
        shown = options.security.certificate_file
        if shown:
            raise WrongIdentity(
                f"the broker {host}:{port} does not accept the client certificate {shown} ({reason}): set "
                "PAYWARDEN_SSL_CERTIFICATE_FILE and PAYWARDEN_SSL_KEY_FILE to one that its authorities signed."
            ) from None
        raise WrongIdentity(
            f"the broker {host}:{port} wants a client certificate ({reason}): set PAYWARDEN_SSL_CERTIFICATE_FILE and "
            "PAYWARDEN_SSL_KEY_FILE, or use a listener for users with passwords."
        ) from None
    except (OSError, TimeoutError):
        return


def missing_right(who: str, what: str) -> MissingRight:
    """One sentence for one or more rights that are missing."""
    return MissingRight(f"{who} may not {what}: grant it; `paywarden topics export` prints the rights of every role.")


def identity(options: RuntimeOptions) -> str:
    """Who the process is to the broker, in words."""
    if options.security.username:
        return f"user {options.security.username!r}"
    return "the owner of the client certificate" if options.security.certificate_file else "this client"


class Lacking(NamedTuple):
    """What the brokers said about a list of rights."""

    rights: tuple[str, ...]  # as sentences name them: "WRITE topic fraud.decisions"
    hidden: frozenset[str]  # topics that this identity may not even describe


class Wanted(NamedTuple):
    """A right to a group or transactional id, and how a sentence names it: of a prefix one name stands for all."""

    operation: str
    told: str


def check_rights(options: RuntimeOptions, needed: Mapping[str, frozenset[str]]) -> None:
    """Ask the brokers about topics and the group. Blocks; raises MissingRight.

    Args:
        needed: READ and WRITE by physical topic. Topics that do not exist are not judged here.
    """
    _check(options, needed, {options.app_id: Wanted("READ", f"READ group {options.app_id}")})


async def require(options: RuntimeOptions, topics: Iterable[str], operation: str) -> None:
    """Ask the brokers whether this may be done with these topics; those that do not exist are not judged.

    Raises MissingRight. Where nobody says who he is there are no rights to ask for.
    """
    needed = dict.fromkeys(topics, frozenset({operation}))
    if needed and options.security.protocol != "PLAINTEXT":
        await asyncio.to_thread(_check, options, needed, {})


def _check(options: RuntimeOptions, topics: Mapping[str, frozenset[str]], groups: Mapping[str, Wanted]) -> None:
    lacking = lacking_rights(options, topics, groups).rights
    if lacking:
        raise missing_right(identity(options), ", ".join(lacking))


def lacking_rights(
    options: RuntimeOptions,
    topics: Mapping[str, frozenset[str]],
    groups: Mapping[str, Wanted],
    transactional_ids: Mapping[str, Wanted] = MappingProxyType({}),
) -> Lacking:
    """Which of these rights this identity has not. Blocks.

    Args:
        topics: operations by physical topic; topics that do not exist are not judged.
        groups: by name. Of a group that is not there yet brokers tell only whether it may be described, which READ
            implies ...
        transactional_ids: ... and so does WRITE of a transactional id, of which they never tell more.
    """
    admin = KafkaAdminClient(**kafka_python_kwargs(options), client_id="paywarden-rights")
    try:
        described = admin.describe_topics(sorted(topics)) if topics else []
        lacking = list(_lacking(described, topics))
        lacking += _refused(partial(_operations_on_group, admin), groups)
        lacking += _refused(partial(_operations_on_transactional_id, admin), transactional_ids)
    finally:
        admin.close()
    hidden = frozenset(each["name"] for each in described if each["error_code"] == _NOT_AUTHORIZED)
    return Lacking(tuple(lacking), hidden)


# What a client may be refused. aiokafka and kafka-python have errors of their own.
DENIALS: Final = (
    aiokafka.errors.TopicAuthorizationFailedError,
    aiokafka.errors.GroupAuthorizationFailedError,
    aiokafka.errors.TransactionalIdAuthorizationFailed,
    kafka.errors.TopicAuthorizationFailedError,
    kafka.errors.GroupAuthorizationFailedError,
    kafka.errors.TransactionalIdAuthorizationFailedError,
)


def denied(options: RuntimeOptions, error: Exception) -> MissingRight:
    """What a refusal of `DENIALS` means: it names the topics, and not what may not be done with them. Blocks."""
    named = error.args[0] if error.args else ()
    names = sorted({named} if isinstance(named, str) else named)
    listed = ", ".join(names)
    if "Group" in type(error).__name__:
        return missing_right(identity(options), f"READ group {listed}".strip())
    if "Transactional" in type(error).__name__:
        return missing_right(identity(options), f"WRITE transactionalId {listed}".strip())
    lacking = lacking_rights(options, dict.fromkeys(names, frozenset({"READ", "WRITE"})), {}).rights
    return missing_right(identity(options), " or ".join(lacking) or f"use topic {listed}")


def _refused(operations: Callable[[str], Collection[str]], names: Mapping[str, Wanted]) -> Iterator[str]:
    for name, wanted in names.items():
        try:
            allowed = operations(name)
        except (kafka.errors.GroupAuthorizationFailedError, kafka.errors.TransactionalIdAuthorizationFailedError):
            yield wanted.told
        except kafka.errors.KafkaError:
            pass  # there is none of that name yet, or its coordinator moves: whoever needs it will be told
        else:
            if allowed and wanted.operation not in allowed:
                yield wanted.told


def _operations_on_group(admin: KafkaAdminClient, name: str) -> Collection[str]:
    """What may be done to the group; empty where the broker does not say."""
    return admin.describe_groups([name])[name].get("authorized_operations") or ()


def _operations_on_transactional_id(admin: KafkaAdminClient, name: str) -> Collection[str]:
    admin.describe_transactions([name])
    return ()


def _lacking(described: Iterable[Mapping[str, Any]], needed: Mapping[str, frozenset[str]]) -> Iterator[str]:
    for topic in described:
        name = topic["name"]
        wanted = needed.get(name, frozenset())
        if topic["error_code"] == _NOT_AUTHORIZED:
            yield from (f"{each} topic {name}" for each in sorted(wanted))
        elif not topic["error_code"] and topic.get("authorized_operations") is not None:
            allowed = {str(getattr(each, "name", each)) for each in topic["authorized_operations"]}
            if "ALL" not in allowed:
                yield from (f"{each} topic {name}" for each in sorted(wanted - allowed))
