"""Who does the company's identity provider say that this is, and in which role?

OpenID Connect: authorization code with PKCE, state and nonce. Nothing of the provider is kept but a name and a role;
what it signs is believed only with a key of its own set, for us, now, and for the sign-in that was begun here.
"""

import asyncio
import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args
from urllib.parse import urlsplit

import httpx
import msgspec
from authlib.common.security import generate_token
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.integrations.base_client.errors import OAuthError as ClientError
from authlib.oauth2 import OAuth2Error
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from streams.adapters.case_store import people
from streams.adapters.case_store.errors import StoreError
from streams.adapters.case_store.people import Role
from streams.adapters.case_store.store import CaseStore
from streams.console.audit import says
from streams.console.references import References
from streams.ports import Clock

with warnings.catch_warnings():
    # Authlib shows it to whoever starts any command of the console; which client it has inside is not theirs to choose.
    warnings.filterwarnings("ignore", "The httpx module is deprecated", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client

log = logging.getLogger(__name__)

STATE: Final = "paywarden_oidc"
# Signatures with a key of the provider only: never `none`, never one that our own secret could have made.
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
BEGUN_MS: Final = 10 * 60_000
_LEEWAY_S: Final = 60
_TIMEOUT_S: Final = 10.0
_ORDER: Final[tuple[Role, ...]] = get_args(Role)  # the highest last


class Refused(Exception):
    """Nobody is signed in. The message says why, for the log; it names nobody."""


class OidcOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say of the provider."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_url: str
    role_claim: str
    name_claim: str
    roles: Mapping[str, Role]  # value of the claim -> role

    def check(self) -> None:
        """Raises StoreError with one sentence."""
        for name, url in (("ISSUER", self.issuer), ("REDIRECT_URL", self.redirect_url)):
            parts = urlsplit(url)
            is_here = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
            if not (parts.scheme == "https" or is_here) or not parts.hostname:
                raise StoreError(f"PAYWARDEN_OIDC_{name}: an https address is needed.")
        if not self.client_id:
            raise StoreError("PAYWARDEN_OIDC_CLIENT_ID: the provider knows this console under an id; set it.")
        if not self.roles:
            raise StoreError('PAYWARDEN_OIDC_ROLES: without it nobody may do anything; {"fraud-desk": "analyst"}.')


class Person(msgspec.Struct, frozen=True):
    """Whom the provider has named."""

    name: str
    role: Role


class _Begun(msgspec.Struct, frozen=True):
    """A sign-in that was begun: what its browser brings back, sealed, to whichever console over the store it comes."""

    state: str
    nonce: str
    verifier: str
    at_ms: int


class Provider:
    """One identity provider, found by its issuer."""

    def __init__(self, options: OidcOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._found: dict[str, Any] | None = None
        self._keys: KeySet | None = None

    async def begin(self) -> tuple[str, str]:
        """Where the browser goes, and what it must bring back, to be sealed. Raises Refused."""
        found = await self._discovered()
        begun = _Begun(generate_token(32), generate_token(32), generate_token(64), self._clock.now_ms())
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                found["authorization_endpoint"], state=begun.state, nonce=begun.nonce, code_verifier=begun.verifier
            )
        return str(url), msgspec.json.encode(begun).decode()

    async def finish(self, brought: str | None, state: str, code: str) -> Person:
        """Who has signed in. `brought`: what `begin` gave to this browser. Raises Refused."""
        try:
            begun = msgspec.json.decode(brought or "", type=_Begun)
        except msgspec.DecodeError:
            raise Refused("another browser began this sign-in") from None
        if not code or begun.state != state:
            raise Refused("another browser began this sign-in, or the provider refused it")
        if not 0 <= self._clock.now_ms() - begun.at_ms <= BEGUN_MS:
            raise Refused("the sign-in was begun too long ago")
        found = await self._discovered()
        try:
            async with self._client() as client:
                token = await client.fetch_token(found["token_endpoint"], code=code, code_verifier=begun.verifier)
        except (OAuth2Error, ClientError, httpx.HTTPError, ValueError) as error:
            raise Refused(f"the provider gave no token ({type(error).__name__})") from None
        return self._person(await self._claims(str(token.get("id_token", "")), begun.nonce))

    async def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        for is_last in (False, True):
            keys = await self._key_set(renewed=is_last)
            try:
                decoded = jwt.decode(id_token, keys, algorithms=list(_ALGORITHMS))
                break
            except (JoseError, ValueError) as error:
                if is_last:  # the keys were asked for again: the provider may have replaced them
                    raise Refused(f"the token is not signed by the provider ({type(error).__name__})") from None
        wanted = jwt.JWTClaimsRegistry(
            now=self._clock.now_ms() // 1000,
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._options.issuer},
            aud={"essential": True, "value": self._options.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            wanted.validate(decoded.claims)
        except (JoseError, ValueError) as error:
            raise Refused(f"the token is not for this sign-in ({error})") from None
        claims = dict(decoded.claims)
        audience = claims["aud"]
        is_shared = isinstance(audience, list) and len(audience) > 1
        if (is_shared or "azp" in claims) and claims.get("azp") != self._options.client_id:
            raise Refused("the token was given to another client")
        return claims

    def _person(self, claims: Mapping[str, Any]) -> Person:
        name = claims.get(self._options.name_claim)
        if not isinstance(name, str) or not people.is_name(name):
            raise Refused(f"the claim {self._options.name_claim} is no name")
        if self._options.name_claim == "email" and claims.get("email_verified") is False:
            raise Refused("the provider has not verified the address")
        given = claims.get(self._options.role_claim, ())
        values = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        roles = [self._options.roles[each] for each in values if isinstance(each, str) and each in self._options.roles]
        if not roles:
            raise Refused(f"no value of the claim {self._options.role_claim} is a role here")
        return Person(name, max(roles, key=_ORDER.index))

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self._options.client_id,
            self._options.client_secret,
            scope="openid profile email",
            redirect_uri=self._options.redirect_url,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
        )

    async def _discovered(self) -> dict[str, Any]:
        if self._found is None:
            found = await self._json(f"{self._options.issuer.rstrip('/')}/.well-known/openid-configuration")
            wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found.get("issuer") != self._options.issuer or any(not isinstance(found.get(n), str) for n in wanted):
                raise Refused("the provider calls itself something else than PAYWARDEN_OIDC_ISSUER")
            self._found = found
        return self._found

    async def _key_set(self, *, renewed: bool) -> KeySet:
        if self._keys is None or renewed:
            found = await self._json((await self._discovered())["jwks_uri"])
            try:
                self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError):
                raise Refused("the provider's keys cannot be read") from None
        return self._keys

    async def _json(self, url: str) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
                answer = (await client.get(url)).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise Refused(f"the provider does not answer ({type(error).__name__})") from None
        if not isinstance(answer, dict):
            raise Refused("the provider answers no JSON object")
        return answer


def router(
    provider: Provider,
    store: CaseStore,
    clock: Clock,
    references: Callable[[], References],
    welcome: Any,
    turned_away: Any,
    *,
    secure: bool,
) -> Any:
    """`/oidc/start` and `/oidc/callback`. `welcome` and `turned_away` make the answers, as the pages make theirs."""
    routes = APIRouter(prefix="/oidc")

    @routes.get("/start")
    async def start(request: Request) -> Response:
        try:
            url, begun = await provider.begin()
        except Refused as error:
            log.warning("nobody could sign in: %s", error)
            return turned_away(request)  # type: ignore[no-any-return]
        answer = RedirectResponse(url, 303)
        sealed = (await asyncio.to_thread(references)).of(STATE, begun)
        # Lax: the provider sends the browser back from another site.
        answer.set_cookie(
            STATE, sealed, max_age=BEGUN_MS // 1000, httponly=True, samesite="lax", secure=secure, path="/oidc"
        )
        return answer

    @routes.get("/callback")
    async def callback(request: Request, state: str = "", code: str = "") -> Response:
        try:
            brought = (await asyncio.to_thread(references)).opened(STATE, request.cookies.get(STATE, ""))
            person = await provider.finish(brought, state, code)
            token = await asyncio.to_thread(_signed_in, store, person, state, clock.now_ms())
        except Refused as error:
            log.warning("a sign-in was refused: %s", error)
            answer: Response = turned_away(request)
        else:
            says(request, actor=person.name, role=person.role, detail="oidc")
            answer = welcome(request, token)
        answer.delete_cookie(STATE, path="/oidc")  # whatever came of it: it counts once
        return answer

    return routes


def _signed_in(store: CaseStore, person: Person, state: str, now_ms: int) -> str:
    with store.writing() as connection:
        if not people.spend(connection, state, now_ms, BEGUN_MS):
            raise Refused("this sign-in has already been used")
        if not people.put_from_provider(connection, person.name, person.role, now_ms):
            raise Refused("a local account has this name")
        return people.sign_in(connection, person.name, now_ms)
