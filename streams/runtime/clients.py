"""How does each Kafka client of this process reach the brokers? One answer for all of them."""

from __future__ import annotations

import ssl
from typing import Any

import faust
from faust.auth import Credentials
from faust.types.auth import AuthProtocol, SASLMechanism

from streams.runtime.options import RuntimeOptions, Security


def aiokafka_kwargs(options: RuntimeOptions) -> dict[str, Any]:
    """For AIOKafkaProducer, AIOKafkaConsumer and AIOKafkaAdminClient."""
    security = options.security
    kwargs: dict[str, Any] = {
        "bootstrap_servers": options.bootstrap,
        "security_protocol": security.protocol,
        "ssl_context": _ssl_context(security),
    }
    return kwargs | _sasl_kwargs(security)


def kafka_python_kwargs(options: RuntimeOptions) -> dict[str, Any]:
    """For KafkaProducer, KafkaConsumer and KafkaAdminClient of kafka-python."""
    security = options.security
    kwargs: dict[str, Any] = {
        "bootstrap_servers": options.bootstrap.split(","),
        "security_protocol": security.protocol,
    }
    if (context := _ssl_context(security)) is not None:
        kwargs["ssl_context"] = context
    return kwargs | _sasl_kwargs(security)


def faust_kwargs(options: RuntimeOptions) -> dict[str, Any]:
    """For faust.App."""
    security = options.security
    kwargs: dict[str, Any] = {"broker": [f"kafka://{host.strip()}" for host in options.bootstrap.split(",")]}
    credentials: Credentials | None = None
    match security.protocol:
        case "PLAINTEXT":
            pass
        case "SSL":
            credentials = faust.SSLCredentials(_ssl_context(security))
        case "SASL_PLAINTEXT" | "SASL_SSL":
            credentials = faust.SASLCredentials(
                username=security.username,
                password=security.password,
                mechanism=SASLMechanism(security.sasl_mechanism),
                ssl_context=_ssl_context(security),
            )
            credentials.protocol = AuthProtocol(security.protocol)
    return kwargs if credentials is None else kwargs | {"broker_credentials": credentials}


def _sasl_kwargs(security: Security) -> dict[str, Any]:
    if not security.protocol.startswith("SASL"):
        return {}
    return {
        "sasl_mechanism": security.sasl_mechanism,
        "sasl_plain_username": security.username,
        "sasl_plain_password": security.password,
    }


def _ssl_context(security: Security) -> ssl.SSLContext | None:
    if security.protocol not in ("SSL", "SASL_SSL"):
        return None
    context = ssl.create_default_context(cafile=security.ca_file or None)
    if security.certificate_file:
        context.load_cert_chain(security.certificate_file, security.key_file or None)
    return context
