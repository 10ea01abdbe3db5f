"""Who takes part in a scenario, and how does what they do become events?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, Final, NamedTuple

from producers.durations import DAY_MS, MINUTE_MS, SECOND_MS
from producers.errors import BadInput
from producers.feed import Outgoing, TimeOrder, outgoing
from producers.simulate import handbook
from producers.sources.fdh import EPOCH_MS, Row
from streams.contracts import accounts, logins, payments
from streams.contracts.base import Event, from_ms
from streams.contracts.registry import ANONYMOUS

CURRENCY: Final = "EUR"
SOURCE: Final = "simulate"
GATEWAYS: Final = ("gateway-1", "gateway-2", "gateway-3")
ISSUERS: Final = (
    ("issuer-north", "4000", "visa"),
    ("issuer-south", "5100", "mastercard"),
    ("issuer-east", "6200", "unionpay"),
)
BINS_PER_ISSUER: Final = 12
MCCS: Final = ("5411", "5812", "5541", "5732", "5999", "4121")
TERMINALS_OF_A_MERCHANT: Final = 4
GOES_WELL: Final = "~succeeded"  # ends the id of a payment about which a provider would say so
CATCHES_UP: Final = 60  # a feed that resumes tells an hour in a minute
LOGS_IN: Final = 0.4  # share of payments that a login in the app precedes
_MISTYPES: Final = 0.05  # share of logins with one wrong password before
_ORDINARY_DECLINES: Final = 0.03
_DECLINE_CODES: Final = ("51", "51", "51", "54", "61")


class Person(NamedTuple):
    """A customer of the wallet with the context in which they usually act."""

    account_id: str
    device_id: str
    ip: str
    latitude: float
    longitude: float
    card_token: str
    bin: str
    issuer_id: str
    network: str
    language: str
    mean_minor: int
    terminals: tuple[int, ...]


class Context(NamedTuple):
    """From where somebody acts: a device at an address in a place."""

    device_id: str | None
    ip: str
    country: str
    latitude: float
    longitude: float
    asn: int | None = None
    user_agent: str = "PayWarden-Sim/1"


class Stage:
    """A small world, and the record of everything that happens in it.

    Owns its random numbers and counts its ids, so the order of calls decides all bytes. `tag` names the run: it is part
    of every id, and two runs with different seeds share no account.
    """

    def __init__(self, name: str, seed: int, start_ms: int, parameters: Mapping[str, float]) -> None:
        self.rng = Random(f"{name}/{seed}")
        self.start_ms = start_ms
        self.parameters = parameters
        self.tag = f"{name.replace('_', '-')}-{seed}"
        self.order = TimeOrder()
        self._events = 0
        self._payments = 0
        self._stalls: dict[str, tuple[int, int]] = {}
        self.customers = handbook.customers(
            self.rng, count=self.number("customers"), terminals=self.number("terminals"), radius=parameters["radius"]
        )
        self.people = tuple(self._person(customer) for customer in self.customers)

    def number(self, name: str) -> int:
        return int(self.parameters[name])

    def regular(self, number: int = 0) -> Person:
        """Who pays most often (0), next most often (1), ...: after the ordinary days their habits are well known."""
        frequent = sorted(self.customers, key=lambda customer: (-customer.per_day, customer.number))
        if number >= len(frequent):
            raise BadInput(f"{len(frequent)} customers are too few for this story; choose more than {number}.")
        return self.people[frequent[number].number]

    def strange_terminal(self, person: Person) -> int:
        """A terminal at which this customer never pays."""
        for number in reversed(range(self.number("terminals"))):
            if number not in person.terminals:
                return number
        raise BadInput("The customer pays at every terminal; choose more terminals or a smaller radius.")

    def day(self, number: int, hour: float = 0.0) -> int:
        """The time of `hour` on day `number` of the scenario."""
        return self.start_ms + number * DAY_MS + int(hour * 3600) * SECOND_MS

    def home(self, person: Person) -> Context:
        return Context(person.device_id, person.ip, "DE", person.latitude, person.longitude)

    def stalls(self, topic: str, stops_ms: int, resumes_ms: int) -> None:
        """What happens from `stops_ms` on is written to `topic` only after `resumes_ms`: in order, an hour a minute."""
        self._stalls[topic] = (stops_ms, resumes_ms)

    def say(self, topic: str, event: Event) -> None:
        record = outgoing(topic, event)
        at_ms = record.timestamp_ms
        stops_ms, resumes_ms = self._stalls.get(topic, (at_ms + 1, 0))
        if at_ms >= stops_ms:
            record = record._replace(timestamp_ms=max(at_ms, resumes_ms + (at_ms - stops_ms) // CATCHES_UP))
        self.order.push(record)

    def envelope(self, account_id: str, at_ms: int) -> dict[str, Any]:
        """The fields that every event has; each call makes the next event id."""
        self._events += 1
        known = not account_id.startswith(ANONYMOUS)
        return {
            "event_id": f"{self.tag}-{self._events}",
            "source": SOURCE,
            "occurred_at": from_ms(at_ms),
            "account_id": account_id,
            "known": known,
        }

    def next_payment(self) -> str:
        self._payments += 1
        return f"{self.tag}-p{self._payments}"

    # What people and systems do.

    def profiles(self, at_ms: int, opened_days: int = 400) -> None:
        """Tells who they are, once, before anything else."""
        for person in self.people:
            self.say(
                "account.profiles",
                accounts.AccountProfile(
                    **self.envelope(person.account_id, at_ms),
                    language=person.language,
                    time_zone="Europe/Berlin",
                    opened_at=from_ms(at_ms - opened_days * DAY_MS),
                    two_factor=person.mean_minor % 2 == 0,
                    home_currency=CURRENCY,
                ),
            )

    def login(
        self, account_id: str, context: Context, at_ms: int, reason: str | None = None, guess: str | None = None
    ) -> None:
        """A login; with a `reason` it failed. `guess` stands for the hash of the password that was given."""
        fields: dict[str, Any] = {
            **self.envelope(account_id, at_ms),
            "ip": context.ip,
            "username": account_id,
            "device_id": context.device_id,
            "country": context.country,
            "latitude": context.latitude,
            "longitude": context.longitude,
            "asn": context.asn,
            "user_agent": context.user_agent,
            "guess_hash": guess,
        }
        if reason is None:
            self.say("auth.logins", logins.LoginSucceeded(**fields))
        else:
            self.say("auth.logins", logins.LoginFailed(**fields, reason=reason))

    def change_credential(self, account_id: str, context: Context, at_ms: int, what: str) -> None:
        self._at_the_door(logins.CredentialChanged, account_id, context, at_ms, reason=what)

    def ask_code(self, account_id: str, context: Context, at_ms: int, provider: str | None = None) -> None:
        """Somebody who gave a password, or claims to have lost it, has a code sent to the customer's phone."""
        self._at_the_door(
            logins.ChallengeSent, account_id, context, at_ms, reason="sms", challenge_provider_id=provider
        )

    def give_code(self, account_id: str, context: Context, at_ms: int, provider: str | None = None) -> None:
        """The customer reads the code that was sent and types it in."""
        self._at_the_door(
            logins.ChallengePassed, account_id, context, at_ms, reason="sms", challenge_provider_id=provider
        )

    def lose_code(self, account_id: str, context: Context, at_ms: int, provider: str) -> None:
        """The code that was sent does not come in time."""
        self._at_the_door(
            logins.ChallengeFailed, account_id, context, at_ms, reason="expired", challenge_provider_id=provider
        )

    def use_session(self, account_id: str, context: Context, at_ms: int, session_id: str) -> None:
        """A call of an open session, from wherever."""
        more = {"asn": context.asn, "user_agent": context.user_agent, "session_id": session_id}
        self._at_the_door(logins.SessionUsed, account_id, context, at_ms, **more)

    def reset_password(self, account_id: str, context: Context, at_ms: int) -> None:
        self._at_the_door(logins.PasswordResetRequested, account_id, context, at_ms)

    def _at_the_door(
        self, kind: type[logins.Login], account_id: str, context: Context, at_ms: int, **more: Any
    ) -> None:
        """Something of an account that says from where it came; `more` is what only this kind has."""
        envelope = self.envelope(account_id, at_ms)
        came = kind(**envelope, ip=context.ip, device_id=context.device_id, country=context.country, **more)
        self.say("auth.logins", came)

    def bind_device(self, account_id: str, context: Context, at_ms: int) -> None:
        self.say(
            "auth.logins",
            logins.DeviceBound(**self.envelope(account_id, at_ms), ip=context.ip, device_id=context.device_id),
        )

    def movement(self, person: Person, context: Context, amount_minor: int, terminal: int) -> dict[str, Any]:
        """The fields of a card payment of `person` at `terminal`."""
        return {
            "payment_id": self.next_payment(),
            "amount_minor": amount_minor,
            "currency": CURRENCY,
            "method": "card",
            "order_amount_minor": amount_minor,
            "merchant_id": f"merchant-{terminal // TERMINALS_OF_A_MERCHANT}",
            "terminal_id": f"terminal-{terminal}",
            "mcc": MCCS[terminal // TERMINALS_OF_A_MERCHANT % len(MCCS)],
            "card_token": person.card_token,
            "bin": person.bin,
            "issuer_id": person.issuer_id,
            "gateway_id": GATEWAYS[terminal // TERMINALS_OF_A_MERCHANT % len(GATEWAYS)],
            "network": person.network,
            "device_id": context.device_id,
            "ip": context.ip,
            "country": context.country,
            "latitude": context.latitude,
            "longitude": context.longitude,
            "channel": "app",
        }

    def ask_to_pay(self, person: Person, at_ms: int, fields: Mapping[str, Any]) -> None:
        """A payment that its system holds until it is answered: nothing is debited, and its id says how it would go."""
        fields = {**fields, "payment_id": f"{fields['payment_id']}{GOES_WELL}"}
        envelope = self.envelope(person.account_id, at_ms)
        self.say("payments.transactions", payments.PaymentRequested(**envelope, **fields))

    def pay(
        self, person: Person, context: Context, at_ms: int, fields: Mapping[str, Any], code: str | None = None
    ) -> None:
        """A payment from request to its end, two seconds later; with a `code` (ISO 8583) the end is a refusal."""
        account_id = person.account_id
        self.say("payments.transactions", payments.PaymentRequested(**self.envelope(account_id, at_ms), **fields))
        if code is not None:
            self.say(
                "payments.transactions",
                payments.PaymentFailed(
                    **self.envelope(account_id, at_ms + 2 * SECOND_MS),
                    **fields,
                    codes=(payments.Code(source="iso8583_1987", code=code),),
                ),
            )
            return
        self.post(account_id, at_ms + SECOND_MS, "debit", fields)
        self.say(
            "payments.transactions",
            payments.PaymentSucceeded(**self.envelope(account_id, at_ms + 2 * SECOND_MS), **fields),
        )

    def post(self, account_id: str, at_ms: int, direction: str, fields: Mapping[str, Any]) -> None:
        """A line of the ledger about the movement in `fields`."""
        envelope = self.envelope(account_id, at_ms)
        self.say(
            "ledger.entries",
            accounts.LedgerPosted(
                **envelope,
                entry_id=f"{envelope['event_id']}-entry",
                direction="debit" if direction == "debit" else "credit",
                amount_minor=fields["amount_minor"],
                currency=fields["currency"],
                payment_id=fields["payment_id"],
                counterparty_id=fields.get("counterparty_id"),
            ),
        )

    def receive(self, account_id: str, at_ms: int, amount_minor: int, payer: str) -> None:
        """Money from `payer`, as the ledger tells it."""
        envelope = self.envelope(account_id, at_ms)
        self.say(
            "ledger.entries",
            accounts.LedgerPosted(
                **envelope,
                entry_id=f"{envelope['event_id']}-entry",
                direction="credit",
                amount_minor=amount_minor,
                currency=CURRENCY,
                counterparty_id=payer,
            ),
        )

    def transfer(self, person: Person, context: Context, at_ms: int, amount_minor: int, payee: str) -> None:
        """Money to `payee`, gone two seconds later."""
        fields: dict[str, Any] = {
            "payment_id": self.next_payment(),
            "amount_minor": amount_minor,
            "currency": CURRENCY,
            "method": "wallet_balance",
            "counterparty_id": payee,
            "device_id": context.device_id,
            "ip": context.ip,
            "country": context.country,
            "latitude": context.latitude,
            "longitude": context.longitude,
            "channel": "app",
        }
        account_id = person.account_id
        self.say("payments.transactions", payments.TransferRequested(**self.envelope(account_id, at_ms), **fields))
        self.post(account_id, at_ms + SECOND_MS, "debit", fields)
        self.say(
            "payments.transactions",
            payments.TransferSucceeded(**self.envelope(account_id, at_ms + 2 * SECOND_MS), **fields),
        )

    def label(self, account_id: str, fields: Mapping[str, Any], at_ms: int, known_ms: int, *, fraud: bool) -> None:
        """The truth about a payment of `at_ms`, told at `known_ms`."""
        self.say(
            "risk.labels",
            accounts.LabelRecorded(
                **self.envelope(account_id, known_ms),
                subject_id=fields["payment_id"],
                verdict="fraud" if fraud else "legit",
                label_source="chargeback" if fraud else "expired",
                subject_occurred_at=from_ms(at_ms),
                merchant_id=fields.get("merchant_id"),
                terminal_id=fields.get("terminal_id"),
                device_id=fields.get("device_id"),
                amount_minor=fields["amount_minor"],
            ),
        )

    # Ordinary life.

    def rows(self, first_day: int, days: int, frauds: handbook.Frauds = handbook.NO_FRAUDS) -> Iterator[Row]:
        """The payments of the whole population over some days, as the handbook's population makes them."""
        return handbook.rows(
            self.rng,
            self.customers,
            terminals=self.number("terminals"),
            first_second=(self.day(first_day) - EPOCH_MS) // SECOND_MS,
            days=days,
            frauds=frauds,
        )

    def live(
        self, first_day: int, days: int, frauds: handbook.Frauds = handbook.NO_FRAUDS, label_days: int | None = None
    ) -> None:
        """Ordinary days: logins, payments with ledger lines, some declines; with `label_days` also late labels."""
        rng = self.rng
        for row in self.rows(first_day, days, frauds):
            person = self.people[int(row.customer_id)]
            at_ms = EPOCH_MS + row.second * SECOND_MS
            context = self.home(person)
            if rng.random() < LOGS_IN:
                if rng.random() < _MISTYPES:
                    self.login(person.account_id, context, at_ms - 110 * SECOND_MS, "wrong_password")
                self.login(person.account_id, context, at_ms - 90 * SECOND_MS)
            fields = self.movement(person, context, row.amount_minor, int(row.terminal_id))
            declined = not row.fraud and rng.random() < _ORDINARY_DECLINES
            self.pay(person, context, at_ms, fields, rng.choice(_DECLINE_CODES) if declined else None)
            if label_days is not None and not declined:
                self.label(person.account_id, fields, at_ms, at_ms + label_days * DAY_MS, fraud=row.fraud)

    def warm_up(self) -> int:
        """Profiles and `days` ordinary days; returns the number of the day after, on which the story begins."""
        days = self.number("days")
        self.profiles(self.start_ms)
        self.live(0, days)
        return days

    def goes_on(self, from_ms: int, until_ms: int) -> None:
        """Meanwhile everybody pays in turn, one every three minutes.

        Feeds that are silent are complete only when something is heard again, and so nothing is called late before.
        """
        for number, at_ms in enumerate(range(from_ms, until_ms, 3 * MINUTE_MS)):
            person = self.people[number % len(self.people)]
            context, terminal = self.home(person), person.terminals[number % len(person.terminals)]
            self.login(person.account_id, context, at_ms)
            fields = self.movement(person, context, person.mean_minor, terminal)
            self.pay(person, context, at_ms + 90 * SECOND_MS, fields)

    def address(self) -> str:
        """An address that nobody used before, out of the ranges kept for documentation and benchmarks."""
        return f"198.{self.rng.choice((18, 19))}.{self.rng.randrange(256)}.{self.rng.randrange(1, 255)}"

    def device(self) -> str:
        return f"device-{self.rng.getrandbits(64):016x}"

    def records(self) -> Iterator[Outgoing]:
        return self.order.rest()

    def _person(self, customer: handbook.Customer) -> Person:
        issuer_id, range_, network = self.rng.choice(ISSUERS)
        return Person(
            account_id=f"{self.tag}-{customer.number:05d}",
            device_id=self.device(),
            ip=f"10.{self.rng.randrange(256)}.{self.rng.randrange(256)}.{self.rng.randrange(1, 255)}",
            # The square of the handbook, laid over the middle of Germany: one unit is about two kilometres.
            latitude=round(50.0 + customer.y * 0.02, 4),
            longitude=round(9.0 + customer.x * 0.03, 4),
            card_token=f"card-{self.rng.getrandbits(64):016x}",
            bin=f"{range_}{self.rng.randrange(10, 10 + BINS_PER_ISSUER)}",
            issuer_id=issuer_id,
            network=network,
            language=self.rng.choice(("zh-Hans", "en")),
            mean_minor=int(customer.mean_minor),
            terminals=customer.terminals,
        )
