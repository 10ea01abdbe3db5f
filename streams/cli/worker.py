"""How is a worker started?"""

from __future__ import annotations

import logging

import click

from streams.settings import load_settings


@click.command()
@click.option("--bootstrap", help="Brokers, host:port, comma separated. Default: PAYWARDEN_BOOTSTRAP.")
@click.option("--instance-id", help="Static membership: stable per worker, so that a quick restart moves nothing.")
@click.option("--web-port", type=int, help="Port of /metrics, /healthz and /readyz; 0: none.")
def worker(bootstrap: str | None, instance_id: str | None, web_port: int | None) -> None:
    """Run one worker: both agents, on the partitions that the group gives it.

    Start as many as there is work for; they share the partitions. SIGTERM ends one within 3 seconds with everything
    committed. Exit codes: 0 stopped, 70 infrastructure (restart it), 78 configuration or state (read the sentence).

    \b
    Examples:
      paywarden worker
      PAYWARDEN_BOOTSTRAP=kafka-1:9092,kafka-2:9092 paywarden worker --instance-id worker-0
    """
    # Imported here: it pulls in Faust, which the other commands do without.
    from streams.app import worker as build

    settings = load_settings(bootstrap=bootstrap, instance_id=instance_id, web_port=web_port)
    log_as(settings.log_level)
    build(settings).run()


def log_as(level: str) -> None:
    """Our own lines from `level` on; the frameworks' only when something is wrong."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    for framework in ("faust", "mode", "streams.runtime.worker"):
        logging.getLogger(framework).setLevel(max(logging.WARNING, logging.getLevelName(level)))
