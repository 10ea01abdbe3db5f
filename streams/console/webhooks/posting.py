"""How is one message posted, and to which addresses never?

The name of an endpoint is resolved once, every address behind it is looked at, and the connection goes to the one that
was looked at: a name that changes its address in between leads nowhere else. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import httpx

from streams.console.addresses import addresses_of, is_public

LONGEST_S: Final = 86_400  # what an endpoint may have us wait, whatever it says


class Refused(Exception):
    """An address that must not be asked."""


class Posted(NamedTuple):
    """What became of an attempt."""

    is_taken: bool
    problem: str = ""
    retry_after_s: int = 0


class Guarded(httpx.AsyncBaseTransport):
    """Connects to public addresses only, unless `allow_private`."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpx.AsyncHTTPTransport(retries=0)
        self._asking = ThreadPoolExecutor(1, "webhook-name")  # its own: a name server that hangs holds up nobody else

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        address = await self._address(host, port)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)  # the Host header was set before
        return await self._inner.handle_async_request(request)

    async def _address(self, host: str, port: int) -> str:
        try:
            addresses = await addresses_of(host, port, self._asking)
        except (OSError, ValueError, OverflowError):  # a name that cannot be one, a port that cannot
            raise httpx.ConnectError("the name has no address") from None
        if not self._allow_private and not all(map(is_public, addresses)):
            raise Refused("the name leads into a private network; allow_private = true allows that")
        return addresses[0]

    async def aclose(self) -> None:
        self._asking.shutdown(wait=False, cancel_futures=True)
        await self._inner.aclose()


def client(*, allow_private: bool, timeout_s: float) -> httpx.AsyncClient:
    """What posts for one endpoint. It uses no proxy of the environment, which would resolve names by itself."""
    return httpx.AsyncClient(
        transport=Guarded(allow_private=allow_private), timeout=timeout_s, follow_redirects=False, trust_env=False
    )


def retry_after_s(headers: Mapping[str, str], now_s: int) -> int:
    """What `Retry-After` says in either of its forms, at most LONGEST_S; 0 if it says nothing (RFC 9110, 10.2.3)."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return min(int(said[:20]), LONGEST_S)
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return 0
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(int(at.timestamp()) - now_s, 0), LONGEST_S)


async def post(
    using: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str], timeout_s: float, now_s: int = 0
) -> Posted:
    """One attempt, whole within `timeout_s`. What the endpoint answers in its body is not read.

    Raises nothing: whatever goes wrong with one endpoint is a failed attempt, and others do not learn of it.
    """
    try:
        async with (
            asyncio.timeout(timeout_s),
            using.stream("POST", url, content=body, headers=headers) as response,
        ):
            if response.is_success:
                return Posted(True)
            return Posted(False, f"it answered {response.status_code}", retry_after_s(response.headers, now_s))
    except Refused as error:
        return Posted(False, str(error))
    except TimeoutError:
        return Posted(False, f"no answer within {timeout_s:g} s")
    except Exception as error:  # besides HTTPError: InvalidURL, UnicodeError, what a library makes of odd bytes
        return Posted(False, f"no connection ({type(error).__name__})")
