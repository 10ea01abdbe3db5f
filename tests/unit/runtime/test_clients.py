"""Do all Kafka clients of the process get the same address and the same credentials?"""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from faust.auth import SASLCredentials, SSLCredentials

from streams.runtime.clients import (
    BOOTSTRAP_TIMEOUT_MS,
    UnusableCertificate,
    aiokafka_kwargs,
    kafka_python_kwargs,
)
from streams.runtime.faust_client import faust_kwargs
from streams.runtime.options import RuntimeOptions, Security
from streams.runtime.tokens import NoToken, Tokens

SCRAM = Security(protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", username="worker", password="secret")


def test_plain_text_needs_nothing() -> None:
    options = RuntimeOptions(bootstrap="a:1,b:2")
    assert faust_kwargs(options) == {"broker": ["kafka://a:1", "kafka://b:2"]}
    assert kafka_python_kwargs(options) == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "PLAINTEXT",
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
    }
    assert aiokafka_kwargs(options)["bootstrap_servers"] == "a:1,b:2"


def test_sasl_reaches_every_client() -> None:
    options = RuntimeOptions(security=SCRAM)
    for kwargs in (aiokafka_kwargs(options), kafka_python_kwargs(options)):
        assert kwargs["security_protocol"] == "SASL_SSL"
        assert kwargs["sasl_mechanism"] == "SCRAM-SHA-512"
        assert (kwargs["sasl_plain_username"], kwargs["sasl_plain_password"]) == ("worker", "secret")
        assert isinstance(kwargs["ssl_context"], ssl.SSLContext)
    credentials = faust_kwargs(options)["broker_credentials"]
    assert isinstance(credentials, SASLCredentials)
    assert (credentials.username, credentials.password) == ("worker", "secret")
    assert (credentials.mechanism.value, credentials.protocol.value) == ("SCRAM-SHA-512", "SASL_SSL")


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_faust_uses_the_protocol_that_was_asked_for(protocol: str) -> None:
    options = RuntimeOptions(security=Security(protocol=protocol, username="u", password="p"))  # type: ignore[arg-type]
    assert faust_kwargs(options)["broker_credentials"].protocol.value == protocol


def test_mutual_tls_without_sasl() -> None:
    credentials = faust_kwargs(RuntimeOptions(security=Security(protocol="SSL")))["broker_credentials"]
    assert isinstance(credentials, SSLCredentials)


def test_a_password_is_not_printed() -> None:
    assert "secret" not in repr(RuntimeOptions(security=SCRAM))


def token_endpoint(answers: list[tuple[int, bytes]], asked: list[tuple[str, str]]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.headers["Authorization"], body))
            status, answer = answers[min(len(asked), len(answers)) - 1]
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


OAUTH = Security(protocol="SASL_PLAINTEXT", sasl_mechanism="OAUTHBEARER", username="client", password="s3cret")


class TestOauth:
    def test_every_client_gets_the_token_of_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text("one\n")
        options = RuntimeOptions(security=msgspec.structs.replace(OAUTH, token_file=str(file)))
        providers = (
            kafka_python_kwargs(options)["sasl_oauth_token_provider"],
            aiokafka_kwargs(options)["sasl_oauth_token_provider"],
            faust_kwargs(options)["broker_credentials"].oauth_cb,
        )
        assert providers[0].token() == "one"
        assert [asyncio.run(each.token()) for each in providers[1:]] == ["one", "one"]
        file.write_text("two")  # the platform renewed it
        assert providers[0].token() == "two"
        file.unlink()
        with pytest.raises(NoToken, match="cannot be read"):
            providers[0].token()

    def test_the_endpoint_is_asked_once_for_all_clients(self) -> None:
        asked: list[tuple[str, str]] = []
        server = token_endpoint([(200, b'{"access_token": "t1", "expires_in": 3600}')], asked)
        try:
            url = f"http://127.0.0.1:{server.server_port}/token"
            options = RuntimeOptions(security=msgspec.structs.replace(OAUTH, token_url=url, scope="kafka"))
            assert kafka_python_kwargs(options)["sasl_oauth_token_provider"].token() == "t1"
            assert asyncio.run(aiokafka_kwargs(options)["sasl_oauth_token_provider"].token()) == "t1"
            assert len(asked) == 1
            authorization, body = asked[0]
            assert base64.b64decode(authorization.removeprefix("Basic ")) == b"client:s3cret"
            assert body == "grant_type=client_credentials&scope=kafka"
        finally:
            server.shutdown()
            server.server_close()

    def test_a_refusal_names_the_endpoint_and_no_secret(self) -> None:
        server = token_endpoint([(401, b"{}")], [])
        try:
            security = msgspec.structs.replace(OAUTH, token_url=f"http://127.0.0.1:{server.server_port}/token")
            with pytest.raises(NoToken, match=r"refused the client 'client' \(401\)") as refused:
                Tokens(security, None).get()
            assert "s3cret" not in str(refused.value) + repr(security)
        finally:
            server.shutdown()
            server.server_close()


class TestCertificates:
    def test_a_wrong_file_is_named(self, tmp_path: Path) -> None:
        bad = tmp_path / "ca.pem"
        bad.write_text("no certificate")
        for security, setting in (
            (Security(protocol="SSL", ca_file=str(bad)), "PAYWARDEN_SSL_CA_FILE"),
            (Security(protocol="SSL", ca_file=str(tmp_path / "gone")), "PAYWARDEN_SSL_CA_FILE"),
            (Security(protocol="SSL", certificate_file=str(bad)), "PAYWARDEN_SSL_CERTIFICATE_FILE"),
        ):
            with pytest.raises(UnusableCertificate, match=setting):
                aiokafka_kwargs(RuntimeOptions(security=security))
