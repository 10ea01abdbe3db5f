"""How does a test get a broker of its own: the embedded one in a second, or Apache Kafka in a few?"""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import noida_db
import pytest

from streams.adapters.embedded_broker import free_port

# For tests that take long, or show what the embedded broker cannot: one broker is enough.
ON_KAFKA = pytest.mark.parametrize(
    "bootstrap", [pytest.param("kafka", marks=pytest.mark.connected)], indirect=True, scope="session"
)
KAFKA_HOME = Path(os.environ.get("PAYWARDEN_KAFKA_HOME", "~/.cache/paywarden/kafka")).expanduser()
START_S = 180.0


class BrokerProcess:
    """A broker in a folder of its own that ends with the test session."""

    def __init__(self, command: list[str], folder: Path, port: int) -> None:
        self.bootstrap = f"127.0.0.1:{port}"
        self._port = port
        self.log = folder / "broker.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)

    def wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the broker ended with {self._process.returncode}: {self.log.read_text()[-2000:]}")
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the broker did not listen within {START_S} s: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_embedded(folder: Path) -> BrokerProcess:
    """noida-db, with nothing but its Kafka service."""
    port = free_port()
    program = Path(noida_db.__file__).parent / "noida-db"
    command = [str(program), "start", "--only", "kafka", "--kafka-port", str(port), "--data-dir", str(folder / "data")]
    broker = BrokerProcess(command, folder, port)
    broker.wait_until_it_listens()
    return broker


def kafka_is_installed() -> bool:
    return any((KAFKA_HOME / "libs").glob("kafka_2.13-*.jar"))


def start_kafka(folder: Path) -> BrokerProcess:
    """Apache Kafka, one node that is broker and controller; `.ci/kafka-libs` fetches its jars."""
    port, controller = free_port(), free_port()
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": str(folder / "data"),
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
    }
    properties = folder / "server.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    java = ["java", "-Xmx700m", "-cp", str(KAFKA_HOME / "libs" / "*")]
    cluster_id = base64.urlsafe_b64encode(b"paywarden's test").decode().rstrip("=")
    subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)],
        check=True,
        capture_output=True,
    )
    broker = BrokerProcess([*java, "kafka.Kafka", str(properties)], folder, port)
    broker.wait_until_it_listens()
    return broker
