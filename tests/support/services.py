"""How does a test ask the console's interface like another service, over real HTTP?"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from streams.adapters.case_store import tokens
from streams.adapters.case_store.people import Role
from streams.adapters.case_store.tokens import ApiToken
from streams.console.desk import Changes
from streams.console.web import build
from streams.contracts.accounts import CaseAction
from streams.contracts.actions import ActionRequested, Lock, LocksState
from streams.contracts.base import from_ms
from streams.contracts.cases import CustomerText, Entities, Evidence, NotificationRequested
from streams.contracts.decisions import DecisionMade, Hit, Reason
from streams.contracts.logins import LoginSucceeded
from streams.contracts.payments import Code, PaymentFailed, PaymentSucceeded
from support.browsers import served
from support.stores import START_MS, case, fresh, load, record

SNAPSHOT, CASES = "support.cases.snapshot", "support.cases"
PERSON = "customer-70021"
AT = from_ms(START_MS)


class HandClock:
    """Moved by the test."""

    def __init__(self) -> None:
        self.at_ms = START_MS + 3_600_000

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.at_ms / 1000


class Said(NamedTuple):
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


class Service:
    """The interface over a store of its own, with what was sent."""

    def __init__(self, folder: Path) -> None:
        self.store = fresh(folder)
        self.clock = HandClock()
        self.sent: list[CaseAction] = []
        self.broker_is_up = True
        self.port = 0
        self.app = build(self.store, self._send, self.clock, Changes(), secure=False)

    async def _send(self, action: CaseAction, _: int) -> None:
        if not self.broker_is_up:
            raise ConnectionError
        self.sent.append(action)

    def token(
        self, role: Role = "analyst", *, unmasked: bool = True, per_minute: int = 60_000, days: int | None = None
    ) -> str:
        end = None if days is None else self.clock.at_ms + days * 86_400_000
        given = ApiToken(f"{role}-{unmasked}-{per_minute}", role, unmasked, per_minute, 0, end)
        with self.store.writing() as connection:
            return tokens.add_token(connection, given)

    def asks(self, path: str, token: str = "", *, method: str = "GET", body: Any = None, **headers: str) -> Said:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        connection.request(method, f"/api/v1{path}", raw, sent)
        response = connection.getresponse()
        said = Said(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        connection.close()
        return said

    def acts(self, token: str, name: str = "assign", version: int = 1, case_id: str = "case_a", **more: Any) -> Said:
        body = {"action": name, "expected_version": version, **more.pop("body", {})}
        return self.asks(f"/cases/{case_id}/actions", token, method="POST", body=body, **more)


def page_of(app: Any, kind: str, value: str) -> str:
    """The address of the page of a customer, address, card .. as links have it."""
    named = quote(app.state.desk.named(kind, value))
    return f"/account?id={named}" if kind == "account" else f"/entity?kind={kind}&value={named}"


def versions() -> list[Any]:
    entities = Entities(account_id=PERSON, payment_id="pay_1", device_id="dev-123456", ip="203.0.113.7")
    line = Evidence(at=AT, kind="payment", event_id="e", text=f"{PERSON} paid from 203.0.113.7")
    texts = CustomerText(template="x", zh="你好", en="hello")
    return [
        case("case_a", 1, entities=entities, evidence=(line,), messages=(texts,)),
        case("case_a", 2, entities=entities, evidence=(line,), status="in_progress"),
        case("case_b", 3, queue="technical", case_type="payment_failure.single"),
        case("case_c", 4, status="closed"),
        case("inc_1", 5, owner="entity", entities=Entities(entity="ip/203.0.113.7"), subject="ip/203.0.113.7"),
        case("case_s", 6, shadow=True),
    ]


def activity(account_id: str) -> list[Any]:
    """A login, a payment that was held with its reasons, one that failed, and a block of the address."""
    base: dict[str, Any] = {"source": "test", "account_id": account_id}
    money: dict[str, Any] = {"amount_minor": 90_000, "currency": "CNY", "merchant_id": "mer_1"}
    ip, device = "203.0.113.7", "dev-123456"
    login = LoginSucceeded(event_id="act_1", occurred_at=AT, ip=ip, device_id=device, country="CN", **base)
    payment = PaymentSucceeded(
        event_id="act_2",
        occurred_at=from_ms(START_MS + 1_000),
        payment_id="pay_1",
        device_id=device,
        ip=ip,
        **base,
        **money,
    )
    failed = PaymentFailed(
        event_id="act_3",
        occurred_at=from_ms(START_MS + 2_000),
        payment_id="pay_2",
        counterparty_id="payee-9000-x",
        card_token="card-token-77",
        codes=(Code(source="iso8583_1987", code="51"),),
        **base,
        **money,
    )
    decision = DecisionMade(
        occurred_at=from_ms(START_MS + 1_500),
        decision_id="dec_1",
        event_id="act_2",
        account_id=account_id,
        subject="payment",
        subject_id="pay_1",
        outcome="hold",
        score=0.87,
        policy="p",
        feature_set="f",
        hits=(Hit(rule="velocity/02", outcome="hold"),),
        reasons=(
            Reason(code="R01", direction="raises", observed=90_000.0, usual=4_500.0),
            Reason(code="R02", direction="raises"),
        ),
    )
    block = ActionRequested(
        occurred_at=AT,
        action_id="blk_1",
        account_id=f"ip/{ip}",
        entity=f"ip/{ip}",
        action="block_entity",
        reason_class="credential_attack",
        expires_at=from_ms(START_MS + 4 * 3_600_000),
        case_id="inc_1",
    )
    return [
        record("auth.logins", login),
        record("payments.transactions", payment),
        record("payments.transactions", failed),
        record("fraud.decisions", decision),
        record("account.actions", block),
    ]


@contextmanager
def filled(folder: Path) -> Iterator[Service]:
    """The interface over a store with some cases, locks and messages."""
    service = Service(folder)
    lock = Lock(action_id="a", action="lock", scope="all", status="effective", reason_class="x", since=AT)
    notices = [
        NotificationRequested(
            occurred_at=from_ms(START_MS + number),
            notification_id=f"ntf_{number}",
            account_id=PERSON,
            template="t",
            zh="您好",
            en=f"Dear {PERSON}",
            not_after=AT,
            case_id="case_a",
        )
        for number in range(3)
    ]
    load(
        service.store,
        [
            *(record(SNAPSHOT, each) for each in versions()),
            record("account.locks", LocksState(occurred_at=AT, account_id=PERSON, version=7, locks=(lock,))),
            *(record("customer.notifications", each) for each in notices),
            *activity(PERSON),
        ],
    )
    with served(service.app) as port:
        service.port = port
        yield service
    service.store.close()
