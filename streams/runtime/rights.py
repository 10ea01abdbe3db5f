"""May this identity do what the process is about to do? Asked before the start, so that the answer names the right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from kafka.admin import KafkaAdminClient
from kafka.errors import GroupAuthorizationFailedError, KafkaError

from streams.runtime.clients import kafka_python_kwargs
from streams.runtime.failstop import Refusal
from streams.runtime.options import RuntimeOptions

_NOT_AUTHORIZED: Final = 29  # of a topic that the user may not even describe


class MissingRight(Refusal):
    """The broker does not allow this identity what its role needs.

    Operator action: grant it; `paywarden topics export` prints the rights of every role.
    """


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
        except GroupAuthorizationFailedError:
            lacking.append(f"READ group {options.app_id}")
        except KafkaError:
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
