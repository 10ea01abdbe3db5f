"""On which port does a process beside the workers show its metrics? On none, unless one is named.

Such a process often shares a machine with a worker, and the default of the settings is the worker's.
"""

from __future__ import annotations

import errno
import socket

import click
import msgspec

from streams.cli.cluster import NotAsItShouldBe
from streams.runtime.options import RuntimeOptions
from streams.settings import Settings

web_port_option = click.option(
    "--web-port", type=click.IntRange(0, 65_535), help="Port of /metrics. Default: PAYWARDEN_WEB_PORT, else none."
)


def runtime_of(settings: Settings) -> RuntimeOptions:
    """The options with the port that was named, or none. Raises NotAsItShouldBe if it cannot be had."""
    named = settings.web_port if "web_port" in settings.model_fields_set else 0
    if named and is_taken(settings.web_host, named):
        raise NotAsItShouldBe(
            f"port {named} of {settings.web_host} cannot be had for /metrics: name another with --web-port, "
            "or 0 for none."
        )
    return msgspec.structs.replace(settings.runtime(), web_port=named)


def is_taken(host: str, port: int) -> bool:
    """Whether somebody else listens on the port, or it is not ours to listen on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            return True
    return False
