"""Is every committed version posted although the process is killed again and again, and nothing that was aborted?"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.broker import ON_KAFKA
from support.broker_client import Line
from support.product import Product
from support.stores import START_MS, case
from support.waiting import wait_until

from streams.contracts.registry import encode
from streams.contracts.topics import physical


@ON_KAFKA
@pytest.mark.timeout(300)
def test_a_process_that_is_killed_posts_everything_in_order(product: Product, tmp_path: Path) -> None:
    keys: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            keys.append(self.headers["idempotency-key"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "secret").write_text("0123456789abcdef")
    (tmp_path / "webhooks.toml").write_text(
        f'[[endpoint]]\nname = "a"\nurl = "http://127.0.0.1:{server.server_address[1]}/"\n'
        'secret_file = "secret"\nallow_private = true\nbegin = "beginning"\n'
    )

    def write(first: int, last: int, ending: str = "") -> None:
        product.cluster.write(
            physical(product.prefix, "support.cases"),
            [
                Line(f"case_{number}".encode(), encode(case(f"case_{number}", version)), START_MS)
                for version in range(first, last)
                for number in range(20)
            ],
            partitions=product.partitions,
            ending=ending,
        )

    errors = tmp_path / "errors"
    command = [sys.executable, "-m", "streams.cli", "webhooks", "run", "--config", str(tmp_path / "webhooks.toml")]
    command += ["--store", f"sqlite:///{tmp_path}/cases.db", "--bootstrap", product.cluster.bootstrap]
    command += ["--prefix", product.prefix]

    def killed_after(count: int) -> None:
        with errors.open("ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        try:
            wait_until(lambda: len(set(keys)) >= count or process.poll() is not None, f"{count} posts")
            assert process.poll() is None, errors.read_text()
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    write(1, 6)
    write(90, 91, "abort")
    killed_after(7)
    killed_after(40)
    write(6, 9)
    killed_after(160)
    server.shutdown()
    server.server_close()
    assert set(keys) == {f"case_{number}:{version}" for version in range(1, 9) for number in range(20)}
    for number in range(20):
        mine = [int(key.rpartition(":")[2]) for key in keys if key.startswith(f"case_{number}:")]
        assert mine == sorted(mine), json.dumps(mine)
    assert len(keys) - len(set(keys)) <= 3 * 8  # of each kill at most what was under way
