"""Do all clients get through TLS, SCRAM, certificates and tokens with the exported rights, and is a missing one named?

Apache Kafka only: the embedded broker knows neither TLS nor rights.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ACL, ACLOperation, ScramMechanism, UserScramCredentialUpsertion
from kafka.errors import CoordinatorNotAvailableError, NoError
from kafka.structs import OffsetAndMetadata
from pydantic import SecretStr
from support.broker import kafka_is_installed
from support.broker_client import Cluster
from support.foreign import GOLDEN
from support.foreign_traffic import traffic
from support.product import story
from support.secure_broker import PASSWORD, SecureKafka, acls_of, filter_of, unsecured_token
from support.waiting import wait_until

from streams.adapters.embedded_broker import free_port
from streams.cli.checkup import Check
from streams.cli.doctor import examine, examine_ingest
from streams.cli.rights import Right, probes_of, roles
from streams.contracts.topics import TOPICS
from streams.ingest.source import load_source
from streams.runtime.clients import kafka_python_kwargs
from streams.runtime.dead_letters import dead_letter
from streams.runtime.logic import Record, Refused
from streams.runtime.options import RuntimeOptions, Security
from streams.runtime.rights import MissingRight, check_rights, lacking_rights
from streams.settings import Settings

pytestmark = [pytest.mark.connected, pytest.mark.xdist_group("secure broker")]  # started once
PARTITIONS = 2


@pytest.fixture(autouse=True)
def quiet_clients() -> Iterator[None]:
    """kafka-python reports what a closing client leaves unfinished as an error; the tests' own clients close often."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("kafka").setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    if not kafka_is_installed():
        if os.environ.get("PAYWARDEN_REQUIRE_BROKER") == "1":
            pytest.fail("PAYWARDEN_REQUIRE_BROKER=1, but there is no Apache Kafka: run .ci/kafka-libs")
        pytest.skip("no Apache Kafka here: run .ci/kafka-libs")
    broker = SecureKafka(tmp_path_factory.mktemp("secure"))
    yield broker
    broker.stop()


class Guarded:
    """A deployment whose topics exist and whose rights are exactly what `topics export` printed."""

    def __init__(self, kafka: SecureKafka, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.name = f"g{uuid.uuid4().hex[:8]}"
        self.prefix = f"{self.name}."
        self.file = folder / "stripe.toml"
        self.foreign = f"{self.name}-webhooks"
        text = (GOLDEN / "stripe" / "source.toml").read_text()
        self.file.write_text(text.replace('"psp.webhooks"', f'"{self.foreign}"'))
        self.processes: list[subprocess.Popen[bytes]] = []
        Cluster(kafka.admin_at).create([self.foreign], 1, {"retention.ms": "-1"})
        self.run("topics", "create", "--replay", "--partitions", str(PARTITIONS), "--ingest", str(self.file))
        # The three kinds of identity that a worker may have: a password, a client certificate, a token.
        exported = json.loads(self.run("topics", "export", "--format", "terraform", "--ingest", str(self.file))[1])
        self.acls = acls_of(exported)
        self.users = sorted({acl.principal.removeprefix("User:") for acl in self.acls} | {f"{self.name}-nobody"})
        admin = kafka.admin()
        admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, PASSWORD) for user in self.users]
        )
        admin.close()
        self.allow(self.acls)

    def allow(self, acls: list[ACL]) -> None:
        admin = self.kafka.admin()
        assert admin.create_acls(acls)["failed"] == []
        admin.close()

    def forbid(self, acls: list[ACL]) -> None:
        admin = self.kafka.admin()
        admin.delete_acls([filter_of(acl) for acl in acls])
        admin.close()

    def acl(self, role: str, right: Right) -> ACL:
        """The exported rule that gives `right` to `role`."""
        return next(
            acl
            for acl in self.acls
            if acl.principal == f"User:{self.name}-{role}"
            and acl.operation.name == right.operation
            and acl.resource_pattern.resource_name == right.name
        )

    def as_role(self, role: str) -> dict[str, str]:
        return self.kafka.as_user(f"{self.name}-{role}", self.folder / "password")

    def options(self, role: str, app_id: str) -> RuntimeOptions:
        security = Security(
            protocol="SASL_SSL",
            username=f"{self.name}-{role}",
            password=PASSWORD,
            ca_file=str(self.kafka.files.authority),
        )
        return RuntimeOptions(bootstrap=self.kafka.scram, app_id=app_id, topic_prefix=self.prefix, security=security)

    def settings(self, role: str) -> Settings:
        """Of a process that runs as `role`, for what is asked in this process."""
        options = self.options(role, self.name)
        return Settings(
            bootstrap=options.bootstrap,
            app_id=self.name,
            topic_prefix=self.prefix,
            clock="replay",
            security_protocol="SASL_SSL",
            sasl_username=options.security.username,
            sasl_password=SecretStr(PASSWORD),
            ssl_ca_file=options.security.ca_file,
        )

    def environment(self, identity: dict[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAYWARDEN_")}
        return {
            **inherited,
            "PAYWARDEN_BOOTSTRAP": self.kafka.admin_at,
            "PAYWARDEN_APP_ID": self.name,
            "PAYWARDEN_TOPIC_PREFIX": self.prefix,
            "PAYWARDEN_CLOCK": "replay",
            "PAYWARDEN_MEMBER_TIMEOUT_S": "6",
            "PAYWARDEN_PSEUDONYM_KEY": "a key for tests",
            "PAYWARDEN_WEB_PORT": str(free_port()),
            **identity,
        }

    def run(self, *words: str, identity: dict[str, str] | None = None) -> tuple[int, str]:
        """A command of ours to its end: exit code and what it said."""
        done = subprocess.run(
            [_program(), *words],
            env=self.environment(identity or {}),
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        return done.returncode, done.stdout + (done.stderr if done.returncode else "")

    def start(self, *words: str, identity: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [_program(), *words], env=self.environment(identity), stdout=log, stderr=subprocess.STDOUT
            )
        self.processes.append(process)
        return process

    def kept_up(self, process: subprocess.Popen[bytes], identity: dict[str, str]) -> subprocess.Popen[bytes]:
        """As its supervisor does: starts it again where the machine was too busy for a commit, and for nothing else."""
        if process.poll() == os.EX_SOFTWARE and "was not committed within" in self.log():
            _, *words = map(str, process.args)
            return self.start(*words, identity=identity)
        assert process.poll() is None, self.log()
        return process

    def write(self, role: str, topic: str, rows: list[tuple[bytes, bytes, int]]) -> None:
        with KafkaProducer(**kafka_python_kwargs(self.options(role, "x"))) as producer:
            for key, value, timestamp_ms in rows:
                producer.send(topic, value, key=key, timestamp_ms=timestamp_ms)
            producer.flush()

    def play(self) -> None:
        """A story, each event written by the system that owns its topic."""
        by_topic: dict[str, list[tuple[bytes, bytes, int]]] = {}
        for each in story("account_takeover"):
            by_topic.setdefault(each.topic, []).append((each.key, each.value, each.timestamp_ms))
        for topic, rows in by_topic.items():
            self.write(TOPICS[topic].owner.replace(" ", "-"), self.prefix + topic, rows)

    def read(self, role: str, topic: str) -> list[bytes]:
        """What a subscriber of that role sees by now."""
        with KafkaConsumer(
            self.prefix + topic,
            group_id=f"subscriber.{uuid.uuid4().hex}",
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            consumer_timeout_ms=3_000,
            **kafka_python_kwargs(self.options(role, "x")),
        ) as consumer:
            return [record.value for record in consumer]

    def log(self) -> str:
        return "\n".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def _program() -> str:
    program = shutil.which("paywarden", path=Path(sys.executable).parent)
    assert program is not None
    return program


@pytest.fixture
def guarded(kafka: SecureKafka, tmp_path: Path) -> Iterator[Guarded]:
    deployment = Guarded(kafka, tmp_path)
    yield deployment
    deployment.end()


@pytest.mark.timeout(900)
def test_traffic_flows_with_the_exported_rights(guarded: Guarded) -> None:
    words = {"worker": ("worker",), "ingest-stripe": ("ingest", "run", str(guarded.file))}
    running = {role: guarded.start(*each, identity=guarded.as_role(role)) for role, each in words.items()}
    guarded.play()
    # The foreign system writes as it did before there was a PayWarden.
    with KafkaProducer(bootstrap_servers=[guarded.kafka.admin_at]) as producer:
        for each in traffic("stripe", 50):
            producer.send(guarded.foreign, each.value, timestamp_ms=each.timestamp_ms)
    found: list[bytes] = []

    def decided() -> bool:
        for role, process in running.items():
            running[role] = guarded.kept_up(process, guarded.as_role(role))
        found[:] = guarded.read("subscriber", "fraud.decisions")
        return any(b'"pi_' in each for each in found) and any(b'"pi_' not in each for each in found)

    wait_until(decided, "decisions about both feeds", 400)
    code, said = guarded.run("doctor", "--json", identity=guarded.as_role("operator"))
    assert code in (0, 78), said
    for process in running.values():
        assert PASSWORD.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert PASSWORD not in guarded.log()
    for process in running.values():
        process.send_signal(signal.SIGTERM)
    assert [process.wait(60) for process in running.values()] == [0, 0], guarded.log()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["certificate", "token"])
def test_a_worker_may_come_with_a_certificate_or_a_token(guarded: Guarded, kind: str) -> None:
    kafka, name = guarded.kafka, f"{guarded.name}-{kind}"
    identity = {"PAYWARDEN_SSL_CA_FILE": str(kafka.files.authority)}
    if kind == "certificate":
        name = "mutual"
        identity |= {
            "PAYWARDEN_BOOTSTRAP": kafka.mutual,
            "PAYWARDEN_SECURITY_PROTOCOL": "SSL",
            "PAYWARDEN_SSL_CERTIFICATE_FILE": str(kafka.files.client_certificate),
            "PAYWARDEN_SSL_KEY_FILE": str(kafka.files.client_key),
        }
    else:
        token = guarded.folder / "token"
        token.write_text(unsecured_token(name))
        identity |= {
            "PAYWARDEN_BOOTSTRAP": kafka.token,
            "PAYWARDEN_SECURITY_PROTOCOL": "SASL_SSL",
            "PAYWARDEN_SASL_MECHANISM": "OAUTHBEARER",
            "PAYWARDEN_OAUTH_TOKEN_FILE": str(token),
        }
    code, said = guarded.run("topics", "export", "--format", "terraform", "--principal", f"worker={name}")
    assert code == 0, said
    mine = [acl for acl in acls_of(json.loads(said)) if acl.principal == f"User:{name}"]
    guarded.allow(mine)
    worker = guarded.start("worker", identity=identity)
    guarded.play()

    def decided() -> bool:
        nonlocal worker
        worker = guarded.kept_up(worker, identity)
        return bool(guarded.read("subscriber", "fraud.decisions"))

    wait_until(decided, "decisions", 400)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0, guarded.log()
    guarded.forbid(mine)


@pytest.mark.timeout(900)
def test_every_missing_right_of_a_worker_and_an_ingest_is_named(guarded: Guarded) -> None:
    settings = Settings(topic_prefix=guarded.prefix, app_id=guarded.name)
    source = load_source(guarded.file)
    for role in roles(settings, [source])[:2]:
        group = next(right.name for right in role.rights if right.kind == "group")
        options = guarded.options(role.name, group)
        needed: dict[str, frozenset[str]] = {}
        for right in role.rights:
            if right.kind == "topic":
                needed[right.name] = needed.get(right.name, frozenset()) | {right.operation}
        check_rights(options, needed)
        for right in role.rights:
            if right.kind == "transactionalId":
                continue  # the broker tells only whoever begins a transaction: the test below
            guarded.forbid([guarded.acl(role.name, right)])
            sentence = wait_until(lambda: _refused(options, needed), f"{right} to be missed")  # noqa: B023
            assert right.sentence in sentence, (right, sentence)
            assert f"user '{guarded.name}-{role.name}'" in sentence
            assert "\n" not in sentence
            guarded.allow([guarded.acl(role.name, right)])
            wait_until(lambda: not _refused(options, needed), f"{right} to be there again")  # noqa: B023


def _refused(options: RuntimeOptions, needed: dict[str, Any]) -> str:
    try:
        check_rights(options, needed)
    except MissingRight as error:
        return str(error)
    return ""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("role", "operation", "name"),
    [
        ("worker", "WRITE", "fraud.decisions"),
        ("worker", "READ", "payments.transactions"),
        ("worker", "READ", "paywarden.policies"),
        ("worker", "WRITE", "accounts."),
        ("ingest-stripe", "WRITE", "ingest.stripe."),
    ],
)
def test_a_process_without_a_right_ends_in_one_sentence(guarded: Guarded, role: str, operation: str, name: str) -> None:
    right = next(
        each
        for one in roles(Settings(topic_prefix=guarded.prefix, app_id=guarded.name), [load_source(guarded.file)])
        if one.name == role
        for each in one.rights
        if each.operation == operation and each.name == guarded.prefix + name
    )
    guarded.forbid([guarded.acl(role, right)])
    words = ("worker",) if role == "worker" else ("ingest", "run", str(guarded.file))
    code, said = guarded.run(*words, identity=guarded.as_role(role))
    assert code == 78, said
    sentence = said.strip().splitlines()[-1]
    assert right.sentence in sentence
    assert "topics export" in sentence
    assert "Traceback" not in said


@pytest.mark.timeout(900)
def test_a_command_without_a_right_names_it(guarded: Guarded) -> None:
    """Never "there is nothing", and never a traceback: with the right gone the topic looks as if it were not there."""
    source = load_source(guarded.file)
    rights = {
        (role.name, right.operation, right.name): right
        for role in roles(guarded.settings("operator"), [source])
        for right in role.rights
    }
    policy = guarded.folder / "policy.toml"
    policy.write_text('name = "stricter"\n')
    who = ("--actor", "mei", "--role", "supervisor", "--why", "a trial")
    stray = Record("payments.transactions", 0, 0, 1_800_000_000_000, b"K1", b"{}", ())
    letter = dead_letter(stray, Refused("not_an_event", "no type"))
    with KafkaProducer(bootstrap_servers=[guarded.kafka.admin_at]) as producer:
        producer.send(guarded.prefix + "paywarden.dead-letters", letter.value, key=letter.key)
    asked: list[tuple[str, str, str, tuple[str, ...]]] = [
        ("operator", "READ", "paywarden.dead-letters", ("dead-letters", "list")),
        ("operator", "WRITE", "payments.transactions", ("dead-letters", "replay")),
        ("operator", "READ", "support.cases.snapshot", ("cases",)),
        ("operator", "READ", "support.cases.snapshot", ("incidents", "--json")),
        ("operator", "READ", "fraud.decisions", ("policy", "report")),
        ("operator", "READ", "paywarden.accounts.changelog", ("state", "inspect", "K1")),
        ("operator", "READ", "account.locks", ("topics", "tail", "account.locks", "--max", "1")),
        ("operator", "READ", "account.locks", ("locks",)),
        ("console", "READ", "paywarden.policies", ("policy", "history")),
        ("console", "WRITE", "paywarden.policies", ("policy", "publish", str(policy), *who)),
        ("console", "WRITE", "operator.actions", ("erase", "K1", "--second", "jo", "--yes", *who)),
    ]
    for role, operation, name, words in asked:
        right = rights[role, operation, guarded.prefix + name]
        guarded.forbid([guarded.acl(role, right)])
        code, said = guarded.run(*words, identity=guarded.as_role(role))
        assert (code, "Traceback" in said) == (78, False), (words, said)
        sentence = said.strip().splitlines()[-1]
        assert right.sentence in sentence, (words, said)
        assert "topics export" in sentence
        guarded.allow([guarded.acl(role, right)])


@pytest.mark.timeout(900)
def test_each_right_of_each_role_is_missed(guarded: Guarded) -> None:
    """What the brokers tell the doctor, without the rest of its page."""
    settings = Settings(topic_prefix=guarded.prefix, app_id=guarded.name)
    for role in roles(settings, [load_source(guarded.file)]):
        options, probes = guarded.options(role.name, guarded.name), probes_of(role)

        def lacking() -> tuple[str, ...]:
            return lacking_rights(options, *probes).rights  # noqa: B023

        # To describe a topic is part of every other right, and whatever is there need not be created.
        rights = [right for right in role.rights if right.operation not in ("DESCRIBE", "CREATE")]
        wait_until(lambda: not lacking(), f"{role.name} to have its rights")
        for right in rights[:: max(1, len(rights) // 8)]:
            guarded.forbid([guarded.acl(role.name, right)])
            found = wait_until(lacking, f"{right} of {role.name} to be missed")
            assert right.sentence in found, (role.name, right, found)
            guarded.allow([guarded.acl(role.name, right)])
            wait_until(lambda: not lacking(), f"{right} to be there again")


@pytest.mark.timeout(900)
def test_to_describe_a_group_is_not_to_read_it(guarded: Guarded) -> None:
    worker = next(each for each in roles(guarded.settings("worker")) if each.name == "worker")
    right = next(each for each in worker.rights if each.kind == "group")
    admin = guarded.kafka.admin()
    place = TopicPartition(f"{guarded.prefix}payments.transactions", 0)

    def committed() -> bool:  # the first group of a cluster: its coordinator is not there at once
        try:
            answers = admin.alter_group_offsets(right.name, {place: OffsetAndMetadata(0, "", -1)})
        except CoordinatorNotAvailableError:
            return False
        return set(answers.values()) == {NoError}

    wait_until(committed, "a group with a position")
    admin.close()
    read = guarded.acl("worker", right)
    describe = ACL(read.principal, read.host, ACLOperation.DESCRIBE, read.permission_type, read.resource_pattern)
    guarded.forbid([read])
    guarded.allow([describe])
    options, probes = guarded.options("worker", guarded.name), probes_of(worker)
    wait_until(lambda: lacking_rights(options, *probes).rights == (right.sentence,), "the missing right to be named")


@pytest.mark.timeout(900)
def test_the_doctor_names_the_missing_right_of_a_role(guarded: Guarded) -> None:
    """In one process, because starting the program is what takes the time."""
    settings = Settings(topic_prefix=guarded.prefix, app_id=guarded.name)
    source = load_source(guarded.file)
    by_name = {role.name: role for role in roles(settings, [source])}

    def rights_line(role: str, user: str | None = None) -> Check:
        asked = guarded.settings(user or role)
        if role.startswith("ingest-"):
            checks = examine_ingest(asked, source, by_name[role], "stripe.toml")
        else:
            checks, _ = examine(asked, by_name[role])
        assert not any("create" in check.next_step for check in checks), checks  # every topic is there
        return next(check for check in checks if check.name == "rights")

    for role in ("worker", "ingest-stripe", "operator", "subscriber"):
        line = rights_line(role)
        assert line.status == "good", (role, line)
        rights = by_name[role].rights
        taken = {right.kind: right for right in rights if not (right.kind == "topic" and right.operation != "WRITE")}
        for right in taken.values() if role == "worker" else rights[-1:]:
            guarded.forbid([guarded.acl(role, right)])
            line = wait_until(lambda: _bad(rights_line(role)), f"{right} to be missed by the doctor")  # noqa: B023
            assert right.sentence in line.says, (right, line)
            assert f"user '{guarded.name}-{role}'" in line.says
            assert "topics export" in line.next_step
            guarded.allow([guarded.acl(role, right)])
            wait_until(lambda: not _bad(rights_line(role)), f"{right} to be there again")  # noqa: B023
    line = rights_line("worker", "nobody")
    assert line.status == "bad"
    assert "more rights" in line.says


def _bad(line: Check) -> Check | None:
    return line if line.status == "bad" else None


@pytest.mark.timeout(900)
def test_a_broker_that_wants_a_certificate_is_told_from_one_that_is_not_there(guarded: Guarded) -> None:
    without = {
        "PAYWARDEN_SSL_CA_FILE": str(guarded.kafka.files.authority),
        "PAYWARDEN_BOOTSTRAP": guarded.kafka.mutual,
        "PAYWARDEN_SECURITY_PROTOCOL": "SSL",
    }
    code, said = guarded.run("topics", "list", identity=without)
    assert code == 78, said
    assert "wants a client certificate" in said
    assert "PAYWARDEN_SSL_CERTIFICATE_FILE" in said


@pytest.mark.timeout(900)
def test_a_wrong_identity_sees_nothing_and_is_told_so(guarded: Guarded) -> None:
    nobody = guarded.as_role("nobody")
    code, said = guarded.run("topics", "list", "--json", identity=nobody)
    assert code == 0, said
    assert all(row["partitions"] is None for row in json.loads(said))
    code, said = guarded.run("worker", identity=nobody)
    assert code == 78
    assert f"user '{guarded.name}-nobody' may not" in said
    wrong = {**guarded.as_role("worker"), "PAYWARDEN_SASL_PASSWORD": "hunter2"}
    del wrong["PAYWARDEN_SASL_PASSWORD_FILE"]
    code, said = guarded.run("worker", identity=wrong)
    assert code == 78, said
    assert f"{guarded.name}-worker" in said
    assert "PAYWARDEN_SASL_PASSWORD_FILE" in said
    assert "hunter2" not in said
    stranger = {**guarded.as_role("worker"), "PAYWARDEN_SSL_CA_FILE": str(guarded.kafka.files.stranger)}
    code, said = guarded.run("topics", "list", identity=stranger)
    assert code == 78
    assert "PAYWARDEN_SSL_CA_FILE" in said
