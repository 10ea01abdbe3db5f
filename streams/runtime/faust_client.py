"""How does Faust reach the brokers?"""

from __future__ import annotations

from typing import Any

import faust
from faust.auth import Credentials, OAuthCredentials
from faust.types.auth import AuthProtocol, SASLMechanism

from streams.runtime.clients import ssl_context, tokens_of
from streams.runtime.options import RuntimeOptions
from streams.runtime.tokens import AsyncTokens


def faust_kwargs(options: RuntimeOptions) -> dict[str, Any]:
    """For faust.App."""
    security = options.security
    kwargs: dict[str, Any] = {"broker": [f"kafka://{host.strip()}" for host in options.bootstrap.split(",")]}
    credentials: Credentials | None = None
    match security.protocol:
        case "PLAINTEXT":
            pass
        case "SSL":
            credentials = faust.SSLCredentials(ssl_context(security))
        case _ if security.sasl_mechanism == "OAUTHBEARER":
            credentials = OAuthCredentials(oauth_cb=AsyncTokens(tokens_of(security)), ssl_context=ssl_context(security))
            credentials.protocol = AuthProtocol(security.protocol)
        case "SASL_PLAINTEXT" | "SASL_SSL":
            credentials = faust.SASLCredentials(
                username=security.username,
                password=security.password,
                mechanism=SASLMechanism(security.sasl_mechanism),
                ssl_context=ssl_context(security),
            )
            credentials.protocol = AuthProtocol(security.protocol)
    return kwargs if credentials is None else kwargs | {"broker_credentials": credentials}
