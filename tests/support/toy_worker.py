"""A worker process around the toy logic: `python toy_worker.py '{"bootstrap": ..., ...}' '{"merge": ..., ...}'`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from streams.adapters.clock import SystemClock
from streams.adapters.prometheus import PrometheusMetrics
from streams.runtime.options import RuntimeOptions
from streams.runtime.worker import Runtime
from support.toy import toy_agents


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for name in ("faust", "mode"):
        logging.getLogger(name).setLevel(logging.WARNING)
    options = msgspec.json.decode(sys.argv[1], type=RuntimeOptions)
    changes = msgspec.json.decode(sys.argv[2])
    metrics = PrometheusMetrics()
    Runtime(
        options,
        toy_agents(**changes),
        metrics=metrics,
        exposition=metrics.exposition,
        clock=SystemClock(),
    ).run()


if __name__ == "__main__":
    main()
