"""How is one message posted, and to which addresses never?

The name of an endpoint is resolved once, every address behind it is looked at, and the connection goes to the one that
was looked at: a name that changes its address in between leads nowhere else. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx

from streams.console.addresses import addresses_of, is_public


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


async def post(using: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> Posted:
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
            wait = response.headers.get("retry-after", "")
            seconds = int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else 0
            return Posted(False, f"it answered {response.status_code}", seconds)
    except Refused as error:
        return Posted(False, str(error))
    except TimeoutError:
        return Posted(False, f"no answer within {timeout_s:g} s")
    except Exception as error:  # besides HTTPError: InvalidURL, UnicodeError, what a library makes of odd bytes
        return Posted(False, f"no connection ({type(error).__name__})")
