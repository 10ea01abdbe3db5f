"""Does an outage become one incident with the right root, and does nothing else become one?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from random import Random

import msgspec
import pytest
from support.entities import START_MS, policy

from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.signals import CaseActed, EntityRisk, FeedsTold, FeedTally, HealthBucket, Member, Trial
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.pipeline import fire, next_due_ms, observe
from streams.core.entities.state import EntityState
from streams.core.incidents.causes import METERED
from streams.core.incidents.keys import Route, keys_of
from streams.core.incidents.slowness import Speed
from streams.core.incidents.state import KeyHealth

POLICY = policy()
USUAL = 0.02
ROUTES = [
    Route("card", f"g{gateway}", f"i{issuer}", f"n{issuer % 2}", f"m{merchant}", f"r{merchant % 2}", f"v{merchant % 3}")
    for gateway in range(3)
    for issuer in range(6)
    for merchant in range(6)
]
PAYMENTS, LEDGER = "payments.transactions", "ledger.entries"
NOT_TIMED: Mapping[str, tuple[int, ...]] = {}
Failing = Callable[[Route], float]


@cache
def usual_hour() -> tuple[bytes, int]:
    """The state after an hour without news, and the time then."""
    site = Site()
    site.run(3_600)
    assert site.effects == []
    return msgspec.msgpack.encode(site.state), site.at_ms


def warm(overrides: str = "") -> Site:
    """A site that knows what is normal."""
    site = Site(overrides)
    raw, site.at_ms = usual_hour()
    site.state = msgspec.msgpack.decode(raw, type=EntityState)
    return site


class Site:
    """Traffic over all routes, told in buckets to the entity `health`; its state goes through bytes now and then."""

    def __init__(self, overrides: str = "", seed: int = 5) -> None:
        self.policy = policy(overrides) if overrides else POLICY
        self.state: EntityState = EntityState()
        self.effects: list[EntityEffect] = []
        self.rng = Random(seed)
        self.at_ms = START_MS
        self.sequence = 0

    def run(
        self,
        seconds: int,
        failing: Failing = lambda _: USUAL,
        *,
        trials: int = 40,
        group: str = "",
        spans: Mapping[str, tuple[int, ...]] = NOT_TIMED,
        routes: list[Route] = ROUTES,
        members: tuple[Member, ...] = (),
    ) -> list[EntityEffect]:
        """`trials` per bucket of five seconds; those that fail do so for the channel, or are of `group`."""
        before = len(self.effects)
        for _ in range(seconds // 5):
            self._see(self._bucket(trials, failing, group, spans, routes, members))
            members = ()
        self.state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.state), type=EntityState)
        return self.effects[before:]

    def pass_time(self, seconds: int) -> list[EntityEffect]:
        """Time without any signal."""
        before = len(self.effects)
        self.at_ms += seconds * 1000
        self._fire(self.at_ms)
        return self.effects[before:]

    def repeat(self, trials: int, times: int, routes: list[Route] = ROUTES) -> None:
        """The same faultless bucket every minute."""
        bucket = self._bucket(trials, lambda _: 0.0, "", NOT_TIMED, routes, ())
        for _ in range(times):
            self.at_ms += 60_000
            moved = self.at_ms - 5_000
            self._see(msgspec.structs.replace(bucket, at_ms=self.at_ms - 1, bucket_ms=moved))

    def hear(self, seconds: int, *feeds: str) -> list[EntityEffect]:
        """Only these feeds, each half minute, and no attempt."""
        before = len(self.effects)
        for _ in range(seconds // 30):
            self.at_ms += 30_000
            self.tell(*feeds)
        return self.effects[before:]

    def tell(self, *feeds: str, payments_ms: int = 0) -> None:
        """What has come of these feeds since the last telling; `payments_ms`: how new payments are, if they are not."""
        self.sequence += 1
        at_ms = self.at_ms - 1
        newest_ms = {feed: payments_ms if payments_ms and feed == PAYMENTS else at_ms for feed in feeds}
        tallies = tuple(FeedTally(feed=feed, newest_ms=newest, events=20) for feed, newest in newest_ms.items())
        self._fire(at_ms)
        told = FeedsTold(at_ms=at_ms, partition=0, sequence=self.sequence, feeds=tallies)
        self.effects += observe(self.state, told, self.policy, self._context(at_ms))
        self._fire(self.at_ms)

    def close(self, role: str) -> None:
        """Somebody ends the newest case and says why."""
        self.at_ms += 1_000
        self.sequence += 1
        newest = self.cases[-1]
        signal = CaseActed(
            at_ms=self.at_ms,
            partition=0,
            sequence=self.sequence,
            kind="health",
            value=newest.subject,
            event_id=f"opr_{self.sequence}",
            case_id=newest.case_id,
            action="close",
            expected_version=newest.version,
            actor="ana",
            role=role,
            text="it was switched off",
        )
        self.effects += observe(self.state, signal, self.policy, self._context(self.at_ms))
        self.at_ms += 4_000

    @property
    def cases(self) -> list[CaseVersion]:
        return [effect for effect in self.effects if isinstance(effect, CaseVersion)]

    @property
    def notices(self) -> list[NotificationRequested]:
        return [effect for effect in self.effects if isinstance(effect, NotificationRequested)]

    @property
    def risks(self) -> list[EntityRisk]:
        return [effect for effect in self.effects if isinstance(effect, EntityRisk)]

    def _bucket(
        self,
        trials: int,
        failing: Failing,
        group: str,
        spans: Mapping[str, tuple[int, ...]],
        routes: list[Route],
        members: tuple[Member, ...],
    ) -> HealthBucket:
        counts: dict[str, list[int]] = {}
        for _ in range(trials):
            route = self.rng.choice(routes)
            failed = self.rng.random() < failing(route)
            for key in keys_of(route):
                count = counts.setdefault(key, [0, 0, 0])
                count[0] += 1
                if failed:
                    count[1] += 1
                    count[2] |= 1 << self.rng.randrange(63)
        self.sequence += 1
        bucket_ms = self.at_ms
        self.at_ms += 5_000
        return HealthBucket(
            at_ms=self.at_ms - 1,
            partition=0,
            sequence=self.sequence,
            bucket_ms=bucket_ms,
            members=members,
            trials=tuple(
                Trial(
                    key=key,
                    attempts=n,
                    failures=0 if group else f,
                    users=n,
                    failing=0 if group else users,
                    groups=tuple(f * (name == group) for name in METERED) if group and f and key[0] in "in" else (),
                    spans=spans.get(key, ()),
                )
                for key, (n, f, users) in counts.items()
            ),
        )

    def tell_trials(self, *trials: Trial) -> None:
        """A bucket with these trials alone."""
        self.sequence += 1
        bucket_ms = self.at_ms
        self.at_ms += 5_000
        at_ms = self.at_ms - 1
        bucket = HealthBucket(at_ms=at_ms, partition=0, sequence=self.sequence, bucket_ms=bucket_ms, trials=trials)
        self._see(bucket)

    def _see(self, bucket: HealthBucket) -> None:
        self._fire(bucket.at_ms)
        self.effects += observe(self.state, bucket, self.policy, self._context(bucket.at_ms))
        self._fire(self.at_ms)

    def _fire(self, until_ms: int) -> None:
        while (due_ms := next_due_ms(self.state)) is not None and due_ms <= until_ms:
            self.effects += fire(self.state, due_ms, self.policy, self._context(due_ms))
            later = next_due_ms(self.state)
            assert later is None or later > due_ms

    def _context(self, at_ms: int) -> EntityContext:
        return EntityContext(partition=0, partitions=4, now_ms=at_ms)


def down(**parts: str) -> Failing:
    """Nine of ten fail where all of `parts` match the route."""
    return lambda route: 0.9 if all(getattr(route, name) == value for name, value in parts.items()) else USUAL


ROOTS = [
    ("gateway:g1", down(gateway="g1")),
    ("issuer:i3", down(issuer="i3")),
    ("network:n1", down(network="n1")),
    ("merchant:m2", down(merchant="m2")),
    ("app:v1", down(app="v1")),
    ("region:r0", down(region="r0")),
    ("issuer+gateway:i3+g1", down(issuer="i3", gateway="g1")),
    ("platform:all", lambda _: 0.9),
]


@pytest.mark.parametrize(("root", "failing"), ROOTS, ids=[root for root, _ in ROOTS])
def test_one_case_on_the_root_that_closes_by_itself(root: str, failing: Failing):
    site = warm()
    site.run(180, failing)
    assert {case.subject for case in site.cases} == {root}
    assert site.cases[0].version == 1
    site.run(960)
    assert [case.sub_status for case in site.cases if case.changed[0].startswith("state")] == ["recovering", "closed"]
    assert (site.cases[-1].status, site.cases[-1].finding) == ("closed", "outage")
    assert [case.version for case in site.cases] == list(range(1, len(site.cases) + 1))
    assert {risk.value for risk in site.risks} == {root}
    told = [(risk.level, risk.closed) for risk in site.risks]
    assert told == [("elevated", False), ("normal", False), ("normal", True)], "began, recovers, over"


def test_merchant_incidents_are_another_flow():
    site = warm()
    site.run(180, down(merchant="m2"))
    assert (site.cases[0].case_type, site.cases[0].flow) == ("incident.merchant", "F34")
    assert site.cases[0].entities.merchant_id == "m2"


def failures_of(site: Site, **codes: int) -> tuple[Member, ...]:
    """What the accounts tell of the failures that joined the site's only incident."""
    joined = sum(codes.values())
    return (Member(incident_id=site.cases[0].case_id, users=joined, failures=joined, amounts={}, codes=codes),)


def test_a_merchant_hears_of_its_own_incident_once_at_its_start_and_once_at_its_end():
    site = warm()
    site.run(30, down(merchant="m2"))
    assert site.notices == [], "the main error is not known yet"
    site.run(60, down(merchant="m2"), members=failures_of(site, acme=1, martian=9))
    (began,) = site.notices
    assert (began.account_id, began.case_id) == ("merchant/m2", site.cases[0].case_id)
    assert began.template == "merchant_incident.began"
    assert began.parameters["code"] == "code.martian"
    assert int(began.parameters["rate"]) < 30
    assert 30 <= int(began.parameters["window"]) <= 120
    assert f"fell to {began.parameters['rate']}%" in began.en
    assert "martian" in began.zh
    site.run(300, down(merchant="m2"), members=failures_of(site, acme=90))
    site.run(1_200)
    assert [notice.template for notice in site.notices] == ["merchant_incident.began", "merchant_incident.over"]
    assert site.notices[1].account_id == "merchant/m2"
    site.run(300, down(merchant="m2"), members=failures_of(site, acme=9))
    site.run(1_200)
    assert site.cases[-1].counters["reopened"] == 1
    assert len(site.notices) == 2, "the same incident again"


def test_where_one_way_of_paying_fails_at_a_merchant_it_hears_which():
    site = warm()
    routes = [route._replace(method=method) for route in ROUTES for method in ("card", "wallet_balance")]
    site.run(1_800, routes=routes)
    broken = down(merchant="m2", method="wallet_balance")
    site.run(120, broken, routes=routes)
    assert site.cases[0].subject == "merchant+method:m2+wallet_balance"
    site.run(30, broken, routes=routes, members=failures_of(site, none=5))
    (began,) = site.notices
    assert (began.account_id, began.template) == ("merchant/m2", "merchant_incident.method.began")
    assert "wallet balance" in began.en
    assert "no answer" in began.en


@pytest.mark.parametrize("dimension", ["gateway", "issuer", "app"])
def test_no_merchant_hears_of_an_incident_of_others(dimension: str):
    site = warm()
    site.run(120, down(**{dimension: f"{dimension[0] if dimension != 'app' else 'v'}1"}))
    site.run(120, down(merchant="m2"), members=failures_of(site, acme=9))
    assert site.notices == []


def test_in_mode_observe_a_merchant_hears_nothing():
    site = warm('mode = "observe"')
    site.run(60, down(merchant="m2"))
    site.run(120, down(merchant="m2"), members=failures_of(site, acme=9))
    assert site.cases[0].shadow
    assert site.notices == []


def test_two_gateways_are_two_incidents():
    site = warm()
    site.run(120, lambda route: 0.9 if route.gateway in ("g0", "g1") and route.method == "card" else USUAL)
    assert {case.subject for case in site.cases} == {"gateway:g0", "gateway:g1"}


def joined_by(newcomer: Route, share: float) -> list[Route]:
    """`share` of the traffic of each route is the newcomer's, on that route."""
    kept = round((1.0 - share) * 10)
    changed = [
        route._replace(**{name: value for name, value in newcomer._asdict().items() if value is not None})
        for route in ROUTES
    ]
    return ROUTES * kept + changed * (10 - kept)


@pytest.mark.parametrize("seed", range(6))
def test_a_new_release_that_fails_is_the_root_and_not_the_whole_platform(seed: int):
    """Nobody knows what is normal for it; the platform alarms first, and is not what is wrong."""
    site = Site(seed=seed)
    site.run(3_600, lambda _: 0.002, trials=3)
    routes = joined_by(Route("card", None, None, None, None, None, "v9"), 0.3)
    site.run(1_200, lambda route: 0.55 if route.app == "v9" else 0.002, trials=3, routes=routes)
    assert {case.subject for case in site.cases} == {"app:v9"}


def test_a_new_merchant_whose_customers_often_fail_is_no_incident():
    site = warm()
    routes = joined_by(Route("card", None, None, None, "m9", None, None), 0.1)
    site.run(1_200, lambda route: 0.25 if route.merchant == "m9" else USUAL, routes=routes)
    assert site.cases == []


def test_hours_of_ordinary_failures_is_no_incident():
    site = warm()
    site.run(3 * 3_600)
    assert site.effects == []


def test_hours_of_ordinary_refusals_of_a_small_site_are_not_even_a_suspicion():
    """Most buckets of an issuer are empty or hold one payment: those without a refusal count as well."""
    site = Site()
    site.run(2 * 3_600, lambda _: 0.1, trials=1, group="refusal")
    assert (site.effects, site.state.health.incidents) == ([], {})


@pytest.mark.parametrize(
    ("group", "case_type"),
    [("funds", None), ("refusal", "incident.issuer_rules"), ("fraud", "incident.fraud_refusals")],
)
def test_spikes_that_are_nobodys_outage_page_nobody(group: str, case_type: str | None):
    site = Site()
    site.run(3_600, group=group)
    site.run(600, lambda _: 0.5, group=group)
    assert {case.case_type for case in site.cases} == ({case_type} if case_type else set())
    assert all(case.priority == "P3" for case in site.cases)
    assert site.risks == []


def test_a_failing_authentication_service_is_an_incident_of_its_own():
    site = Site()
    site.run(3_600, group="authentication")
    site.run(300, down(network="n1"), group="authentication")
    assert {case.subject for case in site.cases} == {"authentication@network:n1"}


CODES = "authentication@challenge:sms-1"
EVERYBODY = (1 << 40) - 1


def challenges(site: Site, seconds: int, failing: int, who: int = EVERYBODY, attempts: int = 10) -> None:
    """Second factors of one provider per bucket, and how many of them fail; `who` is the map of those who do."""
    for _ in range(seconds // 5):
        trial = Trial(key=CODES, attempts=attempts, failures=failing, users=attempts, failing=who if failing else 0)
        site.tell_trials(trial)


def test_codes_that_do_not_come_are_one_outage_of_their_provider_that_ends_by_itself():
    site = Site()
    challenges(site, 3_600, 0)
    challenges(site, 300, 8)
    (opened,) = [case for case in site.cases if case.changed == ("opened",)]
    assert (opened.case_type, opened.flow, opened.priority, opened.queue) == (
        "incident.channel",
        "F35",
        "P2",
        "technical",
    )
    assert (opened.subject, opened.root_cause) == (CODES, "failures of challenge")
    assert [(risk.value, risk.closed) for risk in site.risks] == [(CODES, False)]
    challenges(site, 1_800, 0)
    assert (site.cases[-1].status, site.cases[-1].resolution_code) == ("closed", "recovered")
    assert [risk.closed for risk in site.risks] == [False, False, True]


def test_however_often_few_customers_fail_it_is_no_outage():
    site = Site()
    challenges(site, 3_600, 0)
    challenges(site, 3_600, 8, who=0b111)
    challenges(site, 3_600, 10, who=0b111)
    assert site.cases == []


def test_of_a_3ds_server_and_the_issuers_behind_it_the_server_is_the_root():
    site = Site()
    challenges(site, 3_600, 0)
    for _ in range(120):
        trials = [
            Trial(key=f"issuer:i{issuer}", attempts=20, failures=0, users=20, groups=refused(3)) for issuer in range(3)
        ]
        server = Trial(key=CODES, attempts=10, failures=9, users=10, failing=EVERYBODY)
        site.tell_trials(server, *trials)
    assert {case.subject for case in site.cases} == {CODES}


def refused(authentications: int) -> tuple[int, ...]:
    return tuple(authentications if group == "authentication" else 0 for group in METERED)


QUIET = [route for route in ROUTES if route.gateway != "g1"]


@cache
def usual_week() -> tuple[bytes, int]:
    """The state after the week that is needed to know an hour of the week."""
    site = warm()
    site.repeat(20, times=169 * 60)
    assert site.cases == []
    return msgspec.msgpack.encode(site.state), site.at_ms


def settled() -> Site:
    """A site that knows how much traffic is usual."""
    site = Site()
    raw, site.at_ms = usual_week()
    site.state = msgspec.msgpack.decode(raw, type=EntityState)
    assert keys_of_site(site)["gateway:g1"].learnt.expected > 250
    return site


def keys_of_site(site: Site) -> dict[str, KeyHealth]:
    assert site.state.health is not None
    return site.state.health.keys


def test_silence_of_a_gateway_is_an_outage_that_ends_when_it_is_heard_again():
    site = settled()
    site.run(900, trials=2, routes=QUIET)
    assert [(case.subject, case.root_cause) for case in site.cases] == [("gateway:g1", "silence of gateway")]
    site.run(1_500, trials=2)
    assert site.cases[-1].status == "closed"


def test_the_first_line_of_a_silence_says_that_it_is_silent_and_that_nobody_fails():
    site = settled()
    site.run(900, trials=2, routes=QUIET)
    (case,) = site.cases
    assert [line.text for line in case.evidence] == [
        "100% of the usual attempts are missing",
        "it is silent: 100% of the usual attempts are missing",
    ]


@pytest.mark.parametrize("calm_s", range(5, 35, 5))
def test_the_first_line_counts_the_bucket_that_raised_the_alarm_wherever_it_lies(calm_s: int):
    site = warm()
    site.run(calm_s, trials=400)
    site.run(20, lambda route: 0.97 if route.gateway == "g1" else USUAL, trials=400)
    first = site.cases[-1].evidence[0]
    assert first.kind == "alarmed"
    assert int(first.text.partition(" ")[0]) > 50, first.text


def test_the_silence_of_what_was_taken_out_of_service_is_ended_by_a_supervisor_until_it_is_heard_again():
    site = settled()
    site.run(900, trials=2, routes=QUIET)
    site.close("analyst")
    site.run(120, trials=2, routes=QUIET)
    assert site.cases[-1].status == "reopened", "an analyst may be wrong"
    assert [(risk.closed, risk.retired) for risk in site.risks if risk.closed] == [(True, False)]
    site.close("supervisor")
    closed = site.cases[-1]
    assert (closed.status, closed.finding, closed.resolution_code) == ("closed", "outage", "out_of_service")
    assert [risk.retired for risk in site.risks if risk.closed] == [False, True]
    ended = site.cases[-1].version
    site.repeat(20, times=12 * 60, routes=QUIET)
    assert site.cases[-1].version == ended
    site.run(1_800, trials=2)
    site.run(900, trials=2, routes=QUIET)
    assert (site.cases[-1].subject, site.cases[-1].version) == ("gateway:g1", 1), "in use again, and silent again"


def test_what_only_the_retired_gateway_served_is_silent_with_it_and_no_other_gateway_is():
    site = settled()
    site.run(900, trials=2, routes=QUIET)
    site.close("supervisor")
    site.repeat(20, times=75, routes=QUIET)
    known = len(site.cases)
    site.run(900, trials=2, routes=[route for route in QUIET if route.network != "n0"])
    assert {case.subject for case in site.cases[known:]} == {"network:n0"}
    site.run(1_800, trials=2, routes=QUIET)
    known = len(site.cases)
    site.run(900, trials=2, routes=[route for route in QUIET if route.gateway != "g2"])
    assert {case.subject for case in site.cases[known:]} == {"gateway:g2"}


def fed() -> Site:
    """The same with a ledger and logins, whose habits are known."""
    site = settled()
    for _ in range(120):
        site.run(30, trials=2)
        site.tell(PAYMENTS, LEDGER)
    return site


def kinds(site: Site) -> list[tuple[str, str, str]]:
    return [(case.case_type, case.subject, case.status) for case in site.cases]


def test_payments_that_are_not_heard_while_the_ledger_goes_on_are_the_feeds_incident_alone():
    site = fed()
    site.hear(3_600, LEDGER)
    assert kinds(site) == [("incident.feed", f"feed/{PAYMENTS}", "classified")]
    for _ in range(60):
        site.run(30, trials=2)
        site.tell(PAYMENTS, LEDGER)
    assert kinds(site)[1:] == [("incident.feed", f"feed/{PAYMENTS}", "closed")]


def test_where_everything_falls_silent_the_platform_is_missed_once_a_stop_would_be_known():
    site = fed()
    site.pass_time(600)
    assert site.cases == []
    site.pass_time(180)
    assert [case.subject for case in site.cases] == ["platform:all"]


def test_a_gateway_is_missed_at_once_while_others_are_heard():
    site = fed()
    for _ in range(11):
        site.run(30, trials=2, routes=QUIET)
        site.tell(PAYMENTS, LEDGER)
    assert [case.subject for case in site.cases] == ["gateway:g1"]


def test_a_silence_that_was_the_feeds_is_withdrawn():
    """A trickle of late payments looks like a platform that nobody pays at."""
    site = fed()
    behind_ms = site.at_ms
    for _ in range(60):
        site.at_ms += 25_000
        site.run(5, trials=1)
        site.tell(LEDGER, PAYMENTS, payments_ms=behind_ms)
    missed, *_, stalled, withdrawn = site.cases
    assert (missed.subject, missed.sub_status) == ("platform:all", "down")
    assert stalled.case_type == "incident.feed"
    assert (withdrawn.case_id, withdrawn.status, withdrawn.finding) == (missed.case_id, "closed", "false_alarm")
    assert withdrawn.resolution_code == "feed_stalled"
    assert [(risk.value, risk.closed) for risk in site.risks if risk.typology == "outage"] == [
        ("platform:all", False),
        ("platform:all", True),
    ]


def test_the_incident_comes_back_as_itself_within_the_hour_and_as_another_one_later():
    site = warm()
    ids = []
    for rest_s in (1_800, 7_200, 0):
        site.run(120, down(gateway="g1"))
        ids.append(site.cases[-1].case_id)
        site.run(rest_s)
    assert ids[0] == ids[1] != ids[2]
    assert "reopened" in {case.status for case in site.cases if case.case_id == ids[0]}


def test_an_incident_that_nobody_tries_any_more_closes_too():
    site = warm()
    site.run(120, down(merchant="m2"))
    site.run(3_900, routes=[route for route in ROUTES if route.merchant != "m2"], trials=10)
    assert site.cases[-1].status == "closed"


def test_what_is_sent_no_payment_any_more_does_not_work_again_until_it_is_heard():
    """A gateway fails, and whoever routes sends nothing there for two hours."""
    site = settled()
    site.run(120, down(gateway="g1"))
    site.run(7_200, trials=2, routes=QUIET)
    assert (site.cases[-1].sub_status, site.cases[-1].root_cause) == ("down", "silence of gateway")
    assert len({case.case_id for case in site.cases}) == 1
    assert not any(risk.closed for risk in site.risks), "its customers are told nothing yet"
    site.run(1_500, trials=2)
    assert site.cases[-1].status == "closed"


def test_what_an_outage_does_is_not_learnt_as_normal():
    site = warm()
    health = site.state.health
    assert health is not None
    before = health.keys["gateway:g1"].learnt.p0
    site.run(7_200, down(gateway="g1"))
    health = site.state.health
    assert health is not None
    assert health.keys["gateway:g1"].learnt.p0 == pytest.approx(before, rel=0.2)
    assert health.keys["issuer:i1"].learnt.p0 < 0.06


def test_members_count_on_their_incident_and_versions_are_damped():
    site = warm()
    site.run(30, down(gateway="g1"))
    (opened,) = site.cases
    for _ in range(60):
        member = Member(
            incident_id=opened.case_id, users=30, failures=40, amounts={"EUR": 100}, codes={"iso8583_1987/96": 40}
        )
        site.run(10, down(gateway="g1"), members=(member,))
    assert len(site.cases) <= 5
    last = site.cases[-1]
    assert last.priority == "P1"
    assert last.codes == ("iso8583_1987/96",)
    assert last.counters["users"] >= 900
    assert last.counters["failures"] == last.counters["users"] * 4 // 3


def test_observing_makes_shadows():
    site = warm('mode = "observe"')
    site.run(60, down(gateway="g1"))
    assert {case.shadow for case in site.cases} == {True}


USUAL_SPANS, LATE_SPANS = (4, 10, 2, 0, 0, 0, 0, 0), (0, 0, 0, 0, 2, 10, 4, 0)
HALF_LATE = tuple((usual + late) // 2 for usual, late in zip(USUAL_SPANS, LATE_SPANS, strict=True))


def timed(**spans: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Durations of each key of a dimension; `g1`, `i2`: of one of them."""
    dimensions = {"g": "gateway", "i": "issuer"}
    return {f"{dimensions[name[0]]}:{name}": each for name, each in spans.items()}


def test_slow_answers_are_a_suspicion_and_a_case_only_if_they_last():
    site = Site()
    site.run(3_600, spans=timed(g1=USUAL_SPANS))
    assert site.cases == []
    site.run(300, spans=timed(g1=LATE_SPANS))
    health = site.state.health
    assert health is not None
    assert [(incident.root, incident.cause) for incident in health.incidents.values()] == [("gateway:g1", "slowness")]
    assert site.cases == []
    site.run(1_200, spans=timed(g1=LATE_SPANS))
    assert [(case.subject, case.priority) for case in site.cases] == [("gateway:g1", "P3")]
    site.run(300, spans=timed(g1=USUAL_SPANS))
    assert (site.cases[-1].status, site.cases[-1].finding) == ("closed", "outage")
    assert site.cases[-1].resolution_code == "recovered"
    assert isinstance(health.keys["gateway:g1"].speed, Speed)


def test_the_issuers_of_a_slow_gateway_are_not_blamed_though_one_of_them_was_noticed_first():
    site = Site()
    usual = timed(g0=USUAL_SPANS, g1=USUAL_SPANS, i0=USUAL_SPANS, i1=USUAL_SPANS)
    site.run(3_600, spans=usual)
    site.run(60, spans=usual | timed(i0=HALF_LATE))
    site.run(1_500, spans=usual | timed(g1=LATE_SPANS, i0=HALF_LATE, i1=HALF_LATE))
    assert {case.subject for case in site.cases} == {"gateway:g1"}
    site.run(300, spans=usual)
    assert (site.cases[-1].subject, site.cases[-1].finding) == ("gateway:g1", "outage")


def test_a_case_of_slowness_that_turns_out_to_have_another_root_says_which():
    site = Site()
    usual = timed(g1=USUAL_SPANS, i0=USUAL_SPANS)
    site.run(3_600, spans=usual)
    site.run(1_200, spans=usual | timed(i0=HALF_LATE))
    assert [(case.subject, case.finding) for case in site.cases] == [("issuer:i0", "unset")]
    site.run(300, spans=usual | timed(g1=LATE_SPANS, i0=HALF_LATE))
    ended = site.cases[-1]
    assert (ended.subject, ended.status, ended.resolution_code) == ("issuer:i0", "closed", "joined_incident")
    assert "gateway:g1" in ended.evidence[-1].text


def test_a_gateway_with_few_answers_is_timed_over_longer_windows():
    """Seven answers a minute: a window is three minutes long."""
    site = Site()
    few, late = timed(g1=(1, 5, 1, 0, 0, 0, 0, 0)), timed(g1=(0, 0, 0, 0, 1, 5, 1, 0))
    for _ in range(120):
        site.run(5, spans=few)
        site.run(55)
    for _ in range(40):
        site.run(5, spans=late)
        site.run(55)
    assert [(case.subject, case.root_cause) for case in site.cases] == [("gateway:g1", "slowness of gateway")]


def test_a_slow_gateway_that_nobody_uses_any_more_is_not_slow_for_ever():
    site = Site()
    site.run(3_600, spans=timed(g1=USUAL_SPANS))
    site.run(1_300, spans=timed(g1=LATE_SPANS))
    site.run(4_200)
    assert site.cases[-1].status == "closed"


def test_what_is_late_in_full_is_not_explained_by_what_is_late_in_part():
    site = Site()
    usual = timed(g1=USUAL_SPANS, i0=tuple(30 * each for each in USUAL_SPANS))
    site.run(3_600, spans=usual)
    site.run(1_200, spans=usual | timed(g1=LATE_SPANS))
    site.run(300, spans=timed(g1=LATE_SPANS, i0=tuple(30 * each for each in HALF_LATE)))
    assert [(case.subject, case.status) for case in site.cases] == [("gateway:g1", "classified")]


def test_two_slow_gateways_are_two_cases():
    site = Site()
    usual = timed(g0=USUAL_SPANS, g1=USUAL_SPANS, g2=USUAL_SPANS)
    site.run(3_600, spans=usual)
    site.run(1_500, spans=usual | timed(g0=LATE_SPANS, g1=LATE_SPANS))
    assert {case.subject for case in site.cases} == {"gateway:g0", "gateway:g1"}


BROAD = [
    Route("card", f"g{gateway}", f"i{issuer}", "n0", "m0", f"r{region}", f"v{release}")
    for gateway in range(6)
    for issuer in range(8)
    for region in range(5)
    for release in range(5)
]


@cache
def broad_hour() -> tuple[bytes, int]:
    site = Site()
    site.run(3_600, routes=BROAD, trials=60)
    return msgspec.msgpack.encode(site.state), site.at_ms


PARTS = [("gateway:g1", "app:v1"), ("app:v1", "region:r0"), ("issuer:i3", "region:r0"), ("gateway:g1", "issuer:i3")]


@pytest.mark.parametrize("behind_s", [0, 120])
@pytest.mark.parametrize("parts", PARTS, ids=" ".join)
def test_two_outages_of_different_parts_are_two_incidents_with_their_own_roots(parts: tuple[str, str], behind_s: int):
    site = Site()
    raw, site.at_ms = broad_hour()
    site.state = msgspec.msgpack.decode(raw, type=EntityState)
    broken: list[str] = []

    def failing(route: Route) -> float:
        return 0.9 if not set(broken).isdisjoint(keys_of(route)) else USUAL

    for part in parts:
        broken.append(part)
        site.run(behind_s, failing, routes=BROAD, trials=120)
    site.run(180, failing, routes=BROAD, trials=120)
    assert {case.subject for case in site.cases} == set(parts)


BOUND = [
    Route("card", f"g{merchant % 3}", f"i{issuer}", f"n{issuer % 2}", f"m{merchant}", f"r{merchant % 2}", "v1")
    for issuer in range(6)
    for merchant in range(6)
]


def test_merchants_who_have_one_gateway_only_are_down_with_it():
    site = warm()
    site.run(600, routes=BOUND)
    site.run(300, down(gateway="g1"), routes=BOUND)
    site.run(300, lambda route: max(down(gateway="g1")(route), down(issuer="i3")(route)), routes=BOUND)
    assert {case.subject for case in site.cases} == {"gateway:g1", "issuer:i3"}


def states(site: Site) -> list[str]:
    return [case.sub_status for case in site.cases if case.changed[0].startswith("state")]


@pytest.mark.parametrize("share", [0.25, 0.4])
def test_what_goes_down_at_once_does_not_recover_in_the_same_breath(share: float):
    site = warm()
    site.run(300, lambda route: share if route.gateway == "g1" else USUAL, trials=200)
    assert "recovering" not in states(site)
    assert {case.subject for case in site.cases} == {"gateway:g1"}


@pytest.mark.parametrize("before_s", range(0, 35, 5))
def test_an_outage_that_is_shorter_than_the_slots_is_found_wherever_it_falls(before_s: int):
    site = warm()
    site.run(300 + before_s, trials=400)
    site.run(10, lambda route: 0.3 if route.gateway == "g1" else USUAL, trials=400)
    site.run(60, trials=400)
    assert {case.subject for case in site.cases} == {"gateway:g1"}


def test_a_gateway_that_comes_back_in_part_is_down_until_it_is_as_good_as_before():
    site = warm()
    site.run(180, down(gateway="g1"))
    site.run(600, lambda route: 0.25 if route.gateway == "g1" else USUAL)
    assert states(site) == []
    site.run(120)
    assert states(site) == ["recovering"]


def test_a_gateway_that_becomes_slowly_worse_is_one_incident():
    site = warm()
    for step in range(1, 13):
        site.run(60, lambda route, bad=step: 0.02 + 0.03 * bad if route.gateway == "g1" else USUAL)
    assert {case.subject for case in site.cases if case.priority != "P3"} == {"gateway:g1"}


def test_failures_that_were_real_and_too_few_for_an_outage_end_as_what_they_were():
    site = warm()
    site.run(1_800, lambda route: 0.085 if route.gateway == "g1" else USUAL)
    site.run(900)
    ended = site.cases[-1]
    assert {case.priority for case in site.cases} == {"P3"}
    assert (ended.subject, ended.status) == ("gateway:g1", "closed")
    assert (ended.resolution_code, ended.finding) == ("recovered", "outage")
    assert ended.counters["root_failures"] > 0
    assert site.risks == []


def test_what_fails_as_little_as_usual_once_it_is_looked_at_was_a_false_alarm():
    site = Site("[entities.health]\ndegraded_s = 5")
    good = Trial(key="gateway:g1", attempts=20, failures=0, users=20)
    bad = Trial(key="gateway:g1", attempts=20, failures=20, users=2, failing=0b11)
    for trial in (*[good] * 720, bad, *[good] * 60):
        site.tell_trials(trial)
    ended = site.cases[-1]
    assert (ended.priority, ended.resolution_code, ended.finding) == ("P3", "false_alarm", "false_alarm")


def test_an_unconfirmed_suspicion_that_has_another_root_says_so():
    site = warm()
    site.run(1_800, lambda route: 0.085 if route.gateway == "g1" else USUAL)
    suspected = site.cases[-1]
    assert (suspected.subject, suspected.priority) == ("gateway:g1", "P3")
    site.run(300, down(network="n1"))
    ended = [case for case in site.cases if case.case_id == suspected.case_id][-1]
    assert (ended.status, ended.resolution_code, ended.finding) == ("closed", "joined_incident", "outage")
