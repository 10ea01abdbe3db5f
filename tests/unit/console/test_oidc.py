"""Does only what the provider signed, for us, now and for this sign-in, sign somebody in?"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from support.browsers import Answer, Browser, served
from support.services import HandClock
from support.stores import fresh

from streams.adapters.case_store import people, trail
from streams.adapters.case_store.errors import StoreError
from streams.adapters.case_store.people import User
from streams.console import passwords
from streams.console.desk import COOKIE, Changes
from streams.console.oidc import STATE, OidcOptions, Provider
from streams.console.web import build

CLIENT, CLIENT_SECRET = "paywarden", "the secret of the client, which is long enough"


class Fake:
    """An identity provider that signs real tokens; `changes` spoil what it would say."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.changes: dict[str, Any] = {}
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.signing: Any = self.key
        self.asked: dict[str, str] = {}
        self.verified = False
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.endswith("openid-configuration"):
                    paths = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
                    self.says({"issuer": fake.issuer} | {name: fake.issuer + path for name, path in paths.items()})
                else:
                    self.says({"keys": [fake.key.as_dict(private=False)]})

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                hashed = sha256(form["code_verifier"][0].encode()).digest()
                challenge = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
                fake.verified = challenge == fake.asked["code_challenge"] and form["code"] == ["good"]
                basic = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
                if not fake.verified or self.headers["authorization"] != f"Basic {basic}":
                    self.says({"error": "invalid_grant"}, 400)
                else:
                    self.says({"access_token": "x", "token_type": "Bearer", "id_token": fake.token()})

            def says(self, answer: dict[str, Any], status: int = 200) -> None:
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self) -> str:
        now = self.clock.at_ms // 1000
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "1234",
            "iat": now,
            "exp": now + 300,
            "nonce": self.asked["nonce"],
            "preferred_username": "mei",
            "groups": ["staff", "fraud-desk"],
        }
        said = {name: value for name, value in (claims | self.changes).items() if value is not None}
        if self.header["alg"] == "none":
            parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (self.header, said)]
            return b".".join([*parts, b""]).decode()
        return jwt.encode(self.header, said, self.signing, algorithms=[self.header["alg"]])


class Console:
    """The pages with the provider in front of them."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.fake = Fake(self.clock)
        self.store = fresh(folder)
        self.options = OidcOptions(
            issuer=self.fake.issuer,
            client_id=CLIENT,
            client_secret=CLIENT_SECRET,
            redirect_url="http://127.0.0.1:1/oidc/callback",
            role_claim="groups",
            name_claim="preferred_username",
            roles={"fraud-desk": "analyst", "leads": "supervisor"},
        )
        provider = Provider(self.options, self.clock)
        self.app = build(self.store, self._send, self.clock, Changes(), secure=False, oidc=provider)
        self.port = 0

    async def _send(self, *_: Any) -> None:
        raise AssertionError("nothing is sent here")

    def begins(self) -> Browser:
        browser = Browser(self.port)
        started = browser.asks("GET", "/oidc/start")
        assert started.status == 303
        self.fake.asked = {name: value[0] for name, value in parse_qs(urlsplit(started.location).query).items()}
        return browser

    def returns(self, browser: Browser, code: str = "good", state: str | None = None) -> Answer:
        return browser.asks("GET", f"/oidc/callback?code={code}&state={state or self.fake.asked['state']}")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    console = Console(tmp_path)
    with served(console.app) as port:
        console.port = port
        yield console
    console.store.close()
    console.fake.server.shutdown()
    console.fake.server.server_close()


def test_somebody_whom_the_provider_names_is_signed_in_with_the_highest_role(console: Console) -> None:
    assert "/oidc/start" in Browser(console.port).asks("GET", "/login").text
    console.fake.changes = {"groups": ["fraud-desk", "leads", "other"]}
    browser = console.begins()
    asked = console.fake.asked
    assert (asked["response_type"], asked["code_challenge_method"], asked["client_id"]) == ("code", "S256", CLIENT)
    assert console.returns(browser).status == 200
    assert console.fake.verified
    assert browser.asks("GET", "/queue").status == 200
    with console.store.reading() as connection:
        user = people.user(connection, "mei")
        rows = [(row.actor, row.role, row.kind, row.outcome, row.detail) for row in trail.rows(connection)]
    assert user is not None
    assert user.role == "supervisor"
    assert rows == [("mei", "supervisor", "sign_in", 200, "oidc")]
    for guess in ("oidc", "", "nobody has this password"):  # no password opens such an account
        assert Browser(console.port).signs_in("mei", guess).status == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "https://elsewhere.example"},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"groups": ["staff"]},
        {"groups": None},
        {"groups": {"fraud-desk": 1}},
        {"preferred_username": None},
        {"preferred_username": "api/billing"},
        {"preferred_username": "local"},
        {"preferred_username": "oscar "},
        {"preferred_username": "li  na"},
    ],
)
def test_a_token_for_somebody_else_or_another_time_is_refused(console: Console, changes: dict[str, Any]) -> None:
    with console.store.writing() as connection:
        people.put_user(connection, User("local", "admin", passwords.hash_of("a long enough password"), 0))
    console.fake.changes = changes
    browser = console.begins()
    assert console.returns(browser).status == 401
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize("kind", ["none", "ours", "public key as secret", "stranger"])
def test_a_token_that_the_provider_did_not_sign_is_refused(console: Console, kind: str) -> None:
    fake = console.fake
    if kind == "none":
        fake.header = {"alg": "none"}
    elif kind == "stranger":
        fake.signing = RSAKey.generate_key(2048, {"kid": "one"})
    else:
        fake.header = {"alg": "HS256", "kid": "one"}
        secret = CLIENT_SECRET.encode() if kind == "ours" else fake.key.as_pem(private=False)
        fake.signing = OctKey.import_key(base64.b64encode(secret).decode())
    browser = console.begins()
    assert console.returns(browser).status == 401
    assert COOKIE not in browser.cookies


def test_a_state_is_of_this_browser_counts_once_and_ends(console: Console) -> None:
    victim, attacker = console.begins(), Browser(console.port)
    assert console.returns(attacker).status == 401  # somebody else's state
    assert console.returns(victim, state="invented").status == 401
    assert console.returns(victim, code="wrong").status == 401
    assert console.returns(victim).status == 401  # it was used up
    late = console.begins()
    console.clock.at_ms += 11 * 60_000
    assert console.returns(late).status == 401
    again = console.begins()
    state = again.cookies[STATE]
    assert console.returns(again).status == 200
    again.cookies[STATE] = state
    assert console.returns(again).status == 401


def test_a_sign_in_ends_at_another_console_over_the_store_and_counts_once_there_too(console: Console) -> None:
    provider = Provider(console.options, console.clock)
    other = build(console.store, console._send, console.clock, Changes(), secure=False, oidc=provider)
    with served(other) as port:
        begun, first = console.begins(), console.port
        state = begun.cookies[STATE]
        begun._port = port
        assert console.returns(begun).status == 200
        for each in (port, first):
            begun._port, begun.cookies[STATE] = each, state
            assert console.returns(begun).status == 401
        assert begun.cookies[STATE] != state, "it is taken away"


def test_a_provider_that_changed_its_keys_is_asked_again(console: Console) -> None:
    assert console.returns(console.begins()).status == 200
    console.fake.key = console.fake.signing = RSAKey.generate_key(2048, {"kid": "two"})
    console.fake.header = {"alg": "RS256", "kid": "two"}
    assert console.returns(console.begins()).status == 200


def test_settings_that_cannot_be_are_one_sentence(console: Console) -> None:
    import msgspec

    console.options.check()
    for change, says in (
        ({"issuer": "http://sso.example"}, "ISSUER"),
        ({"redirect_url": "console"}, "REDIRECT_URL"),
        ({"client_id": ""}, "CLIENT_ID"),
        ({"roles": {}}, "ROLES"),
    ):
        with pytest.raises(StoreError, match=says):
            msgspec.structs.replace(console.options, **change).check()
