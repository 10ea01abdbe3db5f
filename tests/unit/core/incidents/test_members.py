"""Does a failed payment find its outage, whenever it is known; is there no ticket, and one message at either end?"""

from __future__ import annotations

from typing import Any

import pytest
from support.entities import START_MS
from support.play import Player, policy

from streams.contracts.actions import PspQuery
from streams.contracts.base import Event, from_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.logins import ChallengeFailed, LoginSucceeded
from streams.contracts.payments import (
    Code,
    PaymentFailed,
    PaymentPending,
    PaymentRequested,
    PaymentSucceeded,
    PspStatus,
)
from streams.contracts.signals import EntityRisk
from streams.core.entities.health import HealthBuckets, Joined
from streams.core.incidents.outages import Outages
from streams.core.library import packaged_library, read_library
from streams.core.money.completeness import IDLE
from streams.core.steps import DecideContext, Effect

ROOT = "gateway:g1"


class Partition(Player):
    """A player whose partition hears of outages and collects what joined them."""

    def __init__(self, *overrides: str) -> None:
        super().__init__(policy(*overrides))
        self.outages = Outages()
        self.health = HealthBuckets()
        self.library = packaged_library()
        self.version = 0
        self.told: list[Effect] = []

    def _context(self, account_id: str) -> DecideContext:
        context = super()._context(account_id)
        context.outages, context.health, context.library = self.outages, self.health, self.library
        return context

    def hear(
        self,
        at_s: float,
        *,
        since_s: float = 0.0,
        closed: bool = False,
        recovers: bool = False,
        retired: bool = False,
        root: str = ROOT,
    ) -> None:
        self.version += 1
        self.outages.apply(
            EntityRisk(
                occurred_at=at(at_s),
                kind="health",
                value=root,
                effective_at=at(at_s),
                expires_at=at(at_s + 86_400),
                level="normal" if closed or recovers else "elevated",
                typology="outage",
                version=self.version,
                case_id=f"inc_{root}",
                since=at(since_s),
                closed=closed,
                retired=retired,
            )
        )

    def fail(self, at_s: float, account: str = "anna", number: int = 0, code: str = "96", **fields: Any) -> None:
        given = {"gateway_id": "g1", "issuer_id": "i1", "payment_id": f"{account}-{at_s:g}-{number}"} | fields
        event: Event = PaymentFailed(
            event_id=f"{account}-{at_s:g}-{number}",
            source="test",
            occurred_at=at(at_s),
            account_id=account,
            amount_minor=500,
            currency="EUR",
            codes=(Code(source="iso8583_1987", code=code),),
            **given,
        )
        self.told += self.see(event)

    def ask(self, at_s: float, kind: type[Event] = PaymentRequested, account: str = "anna", **fields: Any) -> None:
        """A payment of which nothing is known yet."""
        given = {"gateway_id": "g1", "issuer_id": "i1", "payment_id": f"{account}-hangs"} | fields
        self.told += self.see(
            kind(
                event_id=f"{kind.__name__}-{account}-{at_s:g}",
                source="test",
                occurred_at=at(at_s),
                account_id=account,
                amount_minor=500,
                currency="EUR",
                **given,
            )
        )

    def wait(self, until_s: float) -> None:
        self.feeds[IDLE] = START_MS + int(until_s * 1000)  # every input has been read that far
        self.told += self.pass_until(self.feeds[IDLE])

    @property
    def notices(self) -> list[NotificationRequested]:
        return [each for each in self.told if isinstance(each, NotificationRequested)]

    @property
    def messages(self) -> list[tuple[str, str]]:
        return [(each.account_id, each.template) for each in self.told if isinstance(each, NotificationRequested)]

    @property
    def cases(self) -> list[CaseVersion]:
        return [each for each in self.told if isinstance(each, CaseVersion)]

    @property
    def joined(self) -> Joined:
        return self.health.joined.get(f"inc_{ROOT}", Joined())


def at(seconds: float) -> Any:
    return from_ms(START_MS + int(seconds * 1000))


def test_a_failure_of_a_known_outage_joins_it_and_makes_no_ticket() -> None:
    town = Partition()
    town.hear(10)
    for number in range(5):
        town.fail(20 + number)
    assert town.messages == [("anna", "incident.channel.began")]
    assert town.cases == []
    assert (town.joined.users, town.joined.failures, town.joined.amounts) == (1, 5, {"EUR": 2_500})
    assert town.joined.codes == {"iso8583_1987/96": 5}


def test_a_failure_before_anybody_knew_joins_later() -> None:
    town = Partition()
    town.fail(2)
    town.fail(3, "bert")
    town.hear(10)
    assert town.joined.failures == 0
    town.wait(30)
    assert (town.joined.users, town.joined.failures) == (2, 2)
    assert sorted(town.messages) == [("anna", "incident.channel.began"), ("bert", "incident.channel.began")]


def test_a_slow_outage_is_joined_at_the_end_of_the_look_back_and_nothing_after_it() -> None:
    town = Partition()
    town.fail(2)
    town.fail(2, "bert")
    town.wait(200)
    town.hear(250)
    town.wait(400)
    assert town.joined.failures == 2
    town.fail(500, "carl", gateway_id="g2")
    town.wait(1_000)
    assert town.obligations["carl"].suspects == []
    assert town.joined.failures == 2


def test_failures_elsewhere_of_other_causes_or_before_it_began_do_not_join() -> None:
    town = Partition()
    town.fail(1, "early")
    town.hear(10, since_s=5)
    town.fail(20, "elsewhere", gateway_id="g2")
    town.fail(20, "poor", code="51")
    town.fail(20, "merchant", code="03", merchant_id="m1")
    town.wait(400)
    assert town.joined.failures == 0
    assert town.messages == []


def test_everybody_concerned_hears_once_that_it_is_over_and_a_relapse_stays_silent() -> None:
    town = Partition()
    town.hear(10)
    town.fail(20)
    town.hear(600, closed=True)
    town.wait(700)
    assert [what for _, what in town.messages] == ["incident.channel.began", "incident.channel.over"]
    town.hear(900)
    town.fail(910)
    town.hear(1_500, closed=True)
    town.wait(9_000)
    assert len(town.messages) == 2
    assert town.joined.users == 1
    assert town.obligations["anna"].memberships == []


@pytest.mark.parametrize(("root", "concerned"), [("gateway:g1", "channel"), ("issuer:i1", "bank")])
def test_nobody_hears_that_what_was_taken_out_of_service_works_again(root: str, concerned: str) -> None:
    town = Partition()
    town.hear(10, root=root)
    town.fail(20)
    town.hear(600, closed=True, retired=True, root=root)
    town.wait(9_000)
    assert [what for _, what in town.messages] == [f"incident.{concerned}.began", f"incident.{concerned}.retired"]


def test_whoever_joins_when_it_is_over_is_left_in_peace() -> None:
    town = Partition()
    town.fail(2)
    town.hear(10)
    town.hear(12, closed=True)
    town.wait(5_000)
    assert town.joined.failures == 1
    assert town.messages == []


CODES = "authentication@challenge:sms-1"


def fails(town: Partition, at_s: float, account: str = "anna", **fields: Any) -> None:
    """A second factor fails on the phone that the account is known by."""
    given: dict[str, Any] = {"source": "test", "account_id": account, "ip": "198.51.100.7", "device_id": account}
    town.told += town.see(LoginSucceeded(event_id=f"in-{at_s:g}", occurred_at=at(at_s), **given))
    given |= {"challenge_provider_id": "sms-1"} | fields
    town.told += town.see(ChallengeFailed(event_id=f"code-{at_s:g}", occurred_at=at(at_s + 1), **given))


def test_codes_that_fail_belong_to_the_outage_of_their_provider_and_open_no_ticket() -> None:
    town = Partition()
    town.hear(10, root=CODES)
    for number in range(6):
        fails(town, 20 + 10 * number)
    assert town.messages == [("anna", "incident.verification.began")]
    assert town.cases == []
    joined = town.health.joined[f"inc_{CODES}"]
    assert (joined.users, joined.failures, joined.amounts, joined.codes) == (1, 6, {}, {"challenge/none": 6})
    town.hear(600, closed=True, root=CODES)
    town.wait(9_000)
    assert [what for _, what in town.messages] == ["incident.verification.began", "incident.verification.over"]


def test_a_case_about_codes_from_before_the_outage_was_known_is_linked_to_it() -> None:
    town = Partition()
    for number in range(4):
        fails(town, 20 + 10 * number)
    town.hear(55, root=CODES)
    town.wait(100)
    assert {(case.flow, case.incident_id) for case in town.cases[-1:]} == {("F08", f"inc_{CODES}")}


def test_codes_of_another_provider_or_on_a_strange_device_do_not_join() -> None:
    town = Partition()
    town.hear(10, root=CODES)
    fails(town, 20, challenge_provider_id="sms-2")
    fails(town, 30, challenge_provider_id=None)
    fails(town, 40, device_id="strange")
    town.wait(400)
    assert town.messages == []


def test_a_payment_whose_second_factor_fails_joins_as_well() -> None:
    town = Partition()
    town.hear(10, root=CODES)
    town.fail(20, code="86", network="visa", challenge_provider_id="sms-1")
    assert town.messages == [("anna", "incident.verification.began")]
    assert town.health.joined[f"inc_{CODES}"].amounts == {"EUR": 500}


def test_what_takes_effect_later_is_not_known_yet() -> None:
    town = Partition()
    town.hear(100)
    town.fail(50)
    assert town.messages == []
    town.wait(99)
    assert town.joined.failures == 0
    town.wait(120)
    assert town.joined.failures == 1


BANK = read_library({"templates.toml": '[words."issuer.i1"]\nzh = "临海银行"\nen = "Seaside Bank"'})
SAID = [
    ("issuer:i1", {}, "Your bank is temporarily unavailable"),
    ("merchant:m1", {}, "The merchant's system has a problem"),
    ("gateway:g1", {"method": "alipay"}, "Payments by Alipay have a problem"),
    ("gateway:g1", {"method": "of_their_own"}, "Payments by this method have a problem"),
]


@pytest.mark.parametrize(("root", "fields", "text"), SAID, ids=[text for _, _, text in SAID])
def test_customers_hear_where_it_is_broken(root: str, fields: dict[str, str], text: str) -> None:
    town = Partition()
    town.hear(10, root=root)
    town.fail(20, merchant_id="m1", **fields)
    (said,) = town.notices
    assert said.en.startswith(text)


def test_a_bank_that_the_deployment_names_is_named() -> None:
    town = Partition()
    town.library = BANK
    town.hear(10, root="issuer:i1")
    town.fail(20)
    town.hear(600, closed=True, root="issuer:i1")
    town.wait(700)
    assert [said.en.split(" is ")[0] for said in town.notices] == ["Seaside Bank", "Seaside Bank"]
    assert town.notices[0].zh.startswith("临海银行系统")


def test_who_fails_as_usual_while_it_recovers_is_told_nothing_unless_it_comes_back() -> None:
    town = Partition()
    town.hear(10)
    town.fail(20)
    town.hear(300, recovers=True)
    town.fail(400, "bert")
    town.fail(410, "cora")
    assert [account for account, _ in town.messages] == ["anna"]
    assert town.joined.failures == 3
    town.hear(500)
    town.fail(510, "bert")
    town.hear(900, closed=True)
    town.wait(1_200)
    began = [account for account, what in town.messages if what == "incident.channel.began"]
    over = [account for account, what in town.messages if what == "incident.channel.over"]
    assert (began, sorted(over)) == (["anna", "bert"], ["anna", "bert"])


def test_the_ticket_that_was_opened_too_early_is_linked() -> None:
    town = Partition()
    for number in range(3):
        town.fail(1 + number)
    assert [case.flow for case in town.cases] == ["F09"]
    town.hear(10)
    town.wait(60)
    assert town.cases[-1].incident_id == f"inc_{ROOT}"


def test_three_failures_before_anybody_knew_are_no_ticket_once_it_is_known() -> None:
    partition = Partition()
    for number in range(3):
        partition.fail(10 + number, number=number)
    assert [case.status for case in partition.cases if case.flow == "F09"][-1] != "withdrawn"
    partition.hear(14)
    partition.wait(400)
    last = [case for case in partition.cases if case.flow == "F09"][-1]
    assert (last.status, last.resolution_code, last.incident_id) == ("withdrawn", "joined_incident", f"inc_{ROOT}")
    assert partition.obligations["anna"].failures == []
    assert [each for _, each in partition.messages].count("incident.channel.began") == 1


def test_a_ticket_that_ended_before_anybody_knew_is_still_told_to_be_part_of_it() -> None:
    partition = Partition()
    for number in range(3):
        partition.fail(10 + number, number=number)
    partition.ask(13, PaymentSucceeded)
    partition.hear(14)
    partition.wait(400)
    last = [case for case in partition.cases if case.flow == "F09"][-1]
    assert (last.status, last.resolution_code, last.incident_id) == ("resolved", "paid", f"inc_{ROOT}")


def test_a_ticket_of_three_other_failures_stays() -> None:
    partition = Partition()
    for number in range(4):
        partition.fail(10 + number, number=number, code="96" if number == 1 else "51")
    partition.hear(14)
    partition.wait(400)
    last = [case for case in partition.cases if case.flow == "F09"][-1]
    assert last.status not in ("withdrawn", "resolved")


def test_observing_joins_and_writes_to_nobody() -> None:
    town = Partition('mode = "observe"')
    town.hear(10)
    town.fail(20)
    assert town.joined.failures == 1
    assert town.messages == []


def test_outages_are_told_twice_late_and_for_ever_without_harm() -> None:
    town = Partition()
    town.hear(10)
    assert town.outages.by_root[ROOT].version == 1
    for number in range(200):
        town.hear(20 + number, root=f"gateway:g{number + 2}")
    assert len(town.outages.by_root) <= 64


@pytest.mark.parametrize("kind", [PaymentRequested, PaymentPending])
@pytest.mark.parametrize("known_at_s", [70.0, 100.0], ids=["known", "known later"])
def test_a_payment_that_only_hangs_is_part_of_its_outage(kind: type[Event], known_at_s: float) -> None:
    town = Partition()
    town.ask(5, kind)
    town.wait(min(known_at_s, 65))
    town.hear(known_at_s, since_s=60)
    town.wait(400)
    assert (town.joined.users, town.joined.failures, town.joined.codes) == (1, 1, {"none": 1})
    assert ("anna", "incident.channel.began") in town.messages


def test_one_that_hangs_on_another_gateway_or_is_answered_in_time_is_not() -> None:
    town = Partition()
    town.hear(1, since_s=0)
    town.ask(5, gateway_id="g2")
    town.ask(5, account="bert")
    town.fail(30, "bert", code="51", payment_id="bert-hangs")
    town.wait(400)
    assert town.joined.failures == 0


def test_while_the_outage_lasts_a_hanging_payment_is_asked_about_and_makes_no_ticket() -> None:
    town = Partition()
    town.hear(1)
    town.ask(5)
    town.wait(3_600)
    queries = [each for each in town.told if isinstance(each, PspQuery)]
    assert town.cases == []
    assert len({each.query_id for each in queries}) == len(queries) > 10
    assert [each.attempt for each in queries] == list(range(1, len(queries) + 1))
    town.hear(3_600, closed=True)
    town.wait(4_300)
    assert [(case.case_type, case.incident_id) for case in town.cases] == [("payment_unknown", f"inc_{ROOT}")]


def test_the_answer_after_the_outage_leaves_nothing_open() -> None:
    town = Partition()
    town.hear(1)
    town.ask(5)
    town.wait(1_800)
    town.hear(1_800, closed=True)
    town.ask(1_805, PspStatus, status="succeeded")
    town.wait(9_000)
    assert town.cases == []
    assert {template for _, template in town.messages} == {
        "incident.channel.began",
        "payment_unknown",
        "payment_unknown.succeeded",
        "incident.channel.over",
    }


def test_whoever_tells_of_a_failure_once_more_may_say_that_an_outage_is_the_reason() -> None:
    partition = Partition()
    partition.hear(0)
    for number in range(4):
        at_s = 60 + number * 60
        partition.fail(at_s, number=1, payment_id=f"p{number}", gateway_id=None, issuer_id=None)
        partition.fail(at_s + 1, number=2, payment_id=f"p{number}")
    assert [each.case_type for each in partition.told if isinstance(each, CaseVersion)] == []


@pytest.mark.parametrize("known_at_s", [0, 5], ids=["known before", "known after"])
def test_a_payment_counts_once_whoever_tells_of_its_failure(known_at_s: float) -> None:
    town = Partition()
    town.fail(1, number=1, payment_id="p1")
    town.hear(known_at_s)
    town.fail(6, number=2, payment_id="p1", code="91")
    town.fail(7, number=3, payment_id="p2")
    town.wait(70)
    assert (town.joined.users, town.joined.failures, town.joined.amounts) == (1, 2, {"EUR": 1_000})


def test_a_payment_that_hung_and_failed_then_counts_once() -> None:
    town = Partition()
    town.hear(1)
    town.ask(10)
    town.wait(90)
    town.fail(100, payment_id="anna-hangs")
    assert (town.joined.failures, town.joined.amounts) == (1, {"EUR": 500})
