"""How does a test get Apache Kafka with TLS, SCRAM, client certificates, tokens, and rights that are enforced?"""

from __future__ import annotations

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from streams.adapters.embedded_broker import free_port
from support.broker import KAFKA_HOME, BrokerProcess

PASSWORD = "a password for tests"


class Files(NamedTuple):
    """Certificates of one test run, PEM."""

    authority: Path
    server: Path  # key and chain in one file, as Kafka wants it
    client_certificate: Path
    client_key: Path
    stranger: Path  # an authority that nobody trusts


class SecureKafka:
    """One node. `admin_at` is a plain listener whose user may do everything; the others ask who comes."""

    def __init__(self, folder: Path) -> None:
        self.files = make_certificates(folder)
        scram, mutual, token, internal, controller = (free_port() for _ in range(5))
        self.scram, self.mutual, self.token = (f"127.0.0.1:{port}" for port in (scram, mutual, token))
        self.admin_at = f"127.0.0.1:{internal}"
        listeners = {
            "SCRAM": (scram, "SASL_SSL"),
            "MUTUAL": (mutual, "SSL"),
            "TOKEN": (token, "SASL_SSL"),
            "INTERNAL": (internal, "PLAINTEXT"),
            "CONTROLLER": (controller, "PLAINTEXT"),
        }
        module = "org.apache.kafka.common.security"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, (port, _) in listeners.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{how}" for name, (_, how) in listeners.items()),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INTERNAL",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": str(folder / "data"),
            "auto.create.topics.enable": "false",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.files.server),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.files.authority),
            "listener.name.mutual.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
            "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.scram.scram-sha-512.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
            "listener.name.token.sasl.enabled.mechanisms": "OAUTHBEARER",
            "listener.name.token.oauthbearer.sasl.jaas.config": (
                f'{module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
            ),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "2",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "2",
            "group.initial.rebalance.delay.ms": "0",
        }
        properties = folder / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        java = ["java", "-Xmx600m", "-cp", str(KAFKA_HOME / "libs" / "*")]
        cluster_id = base64.urlsafe_b64encode(b"paywarden's test").decode().rstrip("=")
        subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)],
            check=True,
            capture_output=True,
        )
        self._process = BrokerProcess([*java, "kafka.Kafka", str(properties)], folder, internal)
        self._process.wait_until_it_listens()

    def stop(self) -> None:
        self._process.stop()

    def admin(self) -> KafkaAdminClient:
        return KafkaAdminClient(bootstrap_servers=[self.admin_at])

    # -- what processes are told ------------------------------------------------------------------------------------

    def as_user(self, user: str, password_file: Path) -> dict[str, str]:
        """Settings of a process that is `user` by SCRAM over TLS."""
        password_file.write_text(PASSWORD)
        return {
            "PAYWARDEN_BOOTSTRAP": self.scram,
            "PAYWARDEN_SECURITY_PROTOCOL": "SASL_SSL",
            "PAYWARDEN_SASL_MECHANISM": "SCRAM-SHA-512",
            "PAYWARDEN_SASL_USERNAME": user,
            "PAYWARDEN_SASL_PASSWORD_FILE": str(password_file),
            "PAYWARDEN_SSL_CA_FILE": str(self.files.authority),
        }


def unsecured_token(subject: str) -> str:
    """A token as Kafka's own development login module accepts it: RFC 7515 appendix A.5, nothing signed."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    now = int(time.time())
    return f"{part({'alg': 'none'})}.{part({'sub': subject, 'iat': now - 10, 'exp': now + 3600})}."


def make_certificates(folder: Path) -> Files:
    """An authority, a server certificate for 127.0.0.1 and one for a client called `mutual`."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    def authority(name: str) -> None:
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip

    def signed(name: str) -> None:
        openssl(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
        )
        (folder / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:false\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-CAkey", "authority.key", "-days", "2",
                "-out", f"{name}.pem", "-extfile", f"{name}.ext")  # fmt: skip

    for name in ("authority", "stranger"):
        authority(name)
    for name in ("server", "mutual"):
        signed(name)
    server = folder / "server.keystore.pem"
    server.write_text("".join((folder / each).read_text() for each in ("server.key", "server.pem", "authority.pem")))
    return Files(
        folder / "authority.pem", server, folder / "mutual.pem", folder / "mutual.key", folder / "stranger.pem"
    )


_KINDS = {
    "Topic": ResourceType.TOPIC,
    "Group": ResourceType.GROUP,
    "TransactionalID": ResourceType.TRANSACTIONAL_ID,
}


def acls_of(exported: dict[str, Any]) -> list[ACL]:
    """The rights of `topics export --format terraform`, exactly as they are printed."""
    return [
        ACL(
            principal=each["acl_principal"],
            host=each["acl_host"],
            operation=ACLOperation[re_upper(each["acl_operation"])],
            permission_type=ACLPermissionType[each["acl_permission_type"].upper()],
            resource_pattern=ResourcePattern(
                _KINDS[each["resource_type"]],
                each["resource_name"],
                ACLResourcePatternType[each["resource_pattern_type_filter"].upper()],
            ),
        )
        for each in exported["resource"]["kafka_acl"].values()
    ]


def re_upper(operation: str) -> str:
    """DescribeConfigs is DESCRIBE_CONFIGS."""
    return "".join("_" + each if each.isupper() and at else each for at, each in enumerate(operation)).upper()


def filter_of(acl: ACL) -> ACLFilter:
    return ACLFilter(
        principal=acl.principal,
        host=acl.host,
        operation=acl.operation,
        permission_type=acl.permission_type,
        resource_pattern=acl.resource_pattern,
    )
