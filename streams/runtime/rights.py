"""May this identity do what the process is about to do? Asked before the start, so that the answer names the right."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Final

import kafka.errors
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from kafka.admin import KafkaAdminClient

from streams.runtime.clients import aiokafka_kwargs, kafka_python_kwargs
from streams.runtime.failstop import Refusal
from streams.runtime.options import RuntimeOptions
from streams.runtime.tokens import NoToken

_KNOCK_S: Final = 10.0
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
            continue
        connection.close()
        return


def missing_right(who: str, what: str) -> MissingRight:
    """One sentence for one or more rights that are missing."""
    return MissingRight(f"{who} may not {what}: grant it; `paywarden topics export` prints the rights of every role.")


def identity(options: RuntimeOptions) -> str:
    """Who the process is to the broker, in words."""
    if options.security.username:
        return f"user {options.security.username!r}"
    return "the owner of the client certificate" if options.security.certificate_file else "this client"


def check_rights(options: RuntimeOptions, needed: Mapping[str, frozenset[str]]) -> None:
    """Ask the brokers about topics and the group. Blocks; raises MissingRight.

    Args:
        needed: READ and WRITE by physical topic. Topics that do not exist are not judged here.
    """
    admin = KafkaAdminClient(**kafka_python_kwargs(options), client_id="paywarden-rights")
    try:
        lacking = list(_lacking(admin, needed))
        try:
            admin.describe_groups([options.app_id])
        except kafka.errors.GroupAuthorizationFailedError:
            lacking.append(f"READ group {options.app_id}")
        except kafka.errors.KafkaError:
            pass  # no group yet, or a coordinator that moves: joining will tell
    finally:
        admin.close()
    if lacking:
        raise missing_right(identity(options), ", ".join(lacking))


def _lacking(admin: KafkaAdminClient, needed: Mapping[str, frozenset[str]]) -> Iterator[str]:
    for topic in admin.describe_topics(sorted(needed)):
        name = topic["name"]
        wanted = needed.get(name, frozenset())
        if topic["error_code"] == _NOT_AUTHORIZED:
            yield from (f"{each} topic {name}" for each in sorted(wanted))
        elif not topic["error_code"] and topic.get("authorized_operations") is not None:
            allowed = {str(getattr(each, "name", each)) for each in topic["authorized_operations"]}
            if "ALL" not in allowed:
                yield from (f"{each} topic {name}" for each in sorted(wanted - allowed))
