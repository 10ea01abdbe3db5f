"""Do all Kafka clients of the process get the same address and the same credentials?"""

from __future__ import annotations

import ssl

import pytest
from faust.auth import SASLCredentials, SSLCredentials

from streams.runtime.clients import aiokafka_kwargs, faust_kwargs, kafka_python_kwargs
from streams.runtime.options import RuntimeOptions, Security

SCRAM = Security(protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", username="worker", password="secret")


def test_plain_text_needs_nothing() -> None:
    options = RuntimeOptions(bootstrap="a:1,b:2")
    assert faust_kwargs(options) == {"broker": ["kafka://a:1", "kafka://b:2"]}
    assert kafka_python_kwargs(options) == {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}
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
