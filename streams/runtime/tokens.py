"""Where does an OAUTHBEARER client get its token: from a file that the platform renews, or from a token endpoint?"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Final

from aiokafka.abc import AbstractTokenProvider
from kafka.net.sasl.oauth import AbstractTokenProvider as SyncTokenProvider

from streams.runtime.options import Security

_TIMEOUT_S: Final = 10.0
# A token is renewed this long before it ends, so that one that is handed out lives through the connection's handshake.
_MARGIN_S: Final = 60.0
_WITHOUT_END_S: Final = 300.0  # how long a token is used whose end the endpoint does not tell


class NoToken(Exception):
    """No token could be had. The message says from where, never what."""


class Tokens:
    """The current token of one identity, for all clients of the process. Safe in threads."""

    def __init__(self, security: Security, context: ssl.SSLContext | None) -> None:
        self._security = security
        self._context = context
        self._lock = threading.Lock()
        self._token = ""
        self._renew_s = 0.0

    def get(self) -> str:
        """Raises NoToken."""
        if self._security.token_file:
            return self._from_file()
        with self._lock:
            if time.monotonic() >= self._renew_s:
                self._token, lives_s = self._ask()
                self._renew_s = time.monotonic() + max(lives_s - _MARGIN_S, lives_s / 2)
            return self._token

    def _from_file(self) -> str:
        file = Path(self._security.token_file)
        try:
            token = file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NoToken(f"the token file {file} cannot be read ({type(error).__name__})") from None
        if not token:
            raise NoToken(f"the token file {file} is empty")
        return token

    def _ask(self) -> tuple[str, float]:
        """Client credentials grant, RFC 6749 section 4.4; the client authenticates with HTTP Basic (section 2.3.1)."""
        security = self._security
        form = {"grant_type": "client_credentials"} | ({"scope": security.scope} if security.scope else {})
        identity = ":".join(urllib.parse.quote(each, safe="") for each in (security.username, security.password))
        request = urllib.request.Request(
            security.token_url,
            data=urllib.parse.urlencode(form).encode(),
            headers={
                "Authorization": "Basic " + base64.b64encode(identity.encode()).decode(),
                "Accept": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=self._context) as answer:
                found = json.load(answer)
            return str(found["access_token"]), float(found.get("expires_in", _WITHOUT_END_S))
        except urllib.error.HTTPError as error:
            with error:
                raise NoToken(f"{security.token_url} refused the client {security.username!r} ({error.code})") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoToken(f"{security.token_url} gave no token ({type(error).__name__})") from None


class AsyncTokens(AbstractTokenProvider):  # type: ignore[misc]
    """For aiokafka and Faust."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def token(self) -> str:
        return await asyncio.to_thread(self._tokens.get)


class BlockingTokens(SyncTokenProvider):  # type: ignore[misc]
    """For kafka-python."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens

    def token(self) -> str:
        return self._tokens.get()
