"""How does each Kafka client of this process reach the brokers? One answer for all of them.

Faust's is beside it (`streams.runtime.faust_client`): to import Faust takes longer than most commands do.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any

from streams.runtime.failstop import Refusal
from streams.runtime.options import RuntimeOptions, Security
from streams.runtime.tokens import AsyncTokens, BlockingTokens, Tokens

# kafka-python asks for 30 s whether anybody is there; who waits for a sentence waits half of that.
BOOTSTRAP_TIMEOUT_MS = 15_000


class UnusableCertificate(Refusal):
    """A certificate, key or list of authorities cannot be used as it is. The message names the setting."""


def aiokafka_kwargs(options: RuntimeOptions) -> dict[str, Any]:
    """For AIOKafkaProducer, AIOKafkaConsumer and AIOKafkaAdminClient."""
    security = options.security
    kwargs: dict[str, Any] = {
        "bootstrap_servers": options.bootstrap,
        "security_protocol": security.protocol,
        "ssl_context": ssl_context(security),
    }
    return kwargs | _sasl_kwargs(security, AsyncTokens)


def kafka_python_kwargs(options: RuntimeOptions) -> dict[str, Any]:
    """For KafkaProducer, KafkaConsumer and KafkaAdminClient of kafka-python."""
    security = options.security
    kwargs: dict[str, Any] = {
        "bootstrap_servers": options.bootstrap.split(","),
        "security_protocol": security.protocol,
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
    }
    if (context := ssl_context(security)) is not None:
        kwargs["ssl_context"] = context
    return kwargs | _sasl_kwargs(security, BlockingTokens)


def _sasl_kwargs(security: Security, provider: type[AsyncTokens] | type[BlockingTokens]) -> dict[str, Any]:
    if not security.protocol.startswith("SASL"):
        return {}
    if security.sasl_mechanism == "OAUTHBEARER":
        tokens = provider(tokens_of(security))
        return {"sasl_mechanism": security.sasl_mechanism, "sasl_oauth_token_provider": tokens}
    return {
        "sasl_mechanism": security.sasl_mechanism,
        "sasl_plain_username": security.username,
        "sasl_plain_password": security.password,
    }


@lru_cache(maxsize=8)
def tokens_of(security: Security) -> Tokens:
    """One per identity, so that all clients of the process use the same token."""
    return Tokens(security, ssl_context(security) if security.token_url.startswith("https:") else None)


def ssl_context(security: Security) -> ssl.SSLContext | None:
    """How TLS is spoken, with the broker and with the token endpoint; None where the protocol is without.

    Raises UnusableCertificate.
    """
    if security.protocol not in ("SSL", "SASL_SSL"):
        return None
    try:
        context = ssl.create_default_context(cafile=security.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise UnusableCertificate(
            f"PAYWARDEN_SSL_CA_FILE: {security.ca_file} holds no certificate authorities in PEM ({_why(error)})."
        ) from None
    if security.certificate_file:
        try:
            # Without a password OpenSSL would ask for one on the terminal, and a worker would wait for ever.
            context.load_cert_chain(security.certificate_file, security.key_file or None, lambda: security.key_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise UnusableCertificate(
                f"PAYWARDEN_SSL_CERTIFICATE_FILE: {security.certificate_file} and its key cannot be used "
                f"({_why(error)}); both must be PEM and a pair, and PAYWARDEN_SSL_KEY_PASSWORD must open the key."
            ) from None
    return context


def _why(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
