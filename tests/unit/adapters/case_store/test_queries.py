"""Do pages show what they should, in the order that the review queue has?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, event
from support.stores import START_MS, case, fresh, load, record

from streams.adapters.case_store import linked, queries
from streams.adapters.case_store.queries import BadCursor, Filters, Sought
from streams.adapters.case_store.store import CaseStore
from streams.adapters.case_store.tables import DONE, WAITING, WORK
from streams.adapters.case_store.words import phrases, words_of
from streams.console.masking import shown_words
from streams.console.wording import Wording
from streams.contracts.actions import Lock, LocksState
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, CustomerText, Entities, Evidence, Sla
from streams.core.cases.review import LOSS, OPERATOR, review_queue

SNAPSHOT = "support.cases.snapshot"


def many(count: int, seed: int = 5) -> list[CaseVersion]:
    """Cases of every status, priority and loss, some of them worked on today or yesterday, some in observe mode."""
    random = Random(seed)
    found = []
    for number in range(count):
        at = from_ms(START_MS + random.randrange(86_400_000))
        kind = random.choice([f"{OPERATOR}note", "payment"])
        line = Evidence(at=at - timedelta(days=random.randrange(2)), kind=kind, event_id="e", text="t")
        found.append(
            case(
                f"case_{number:04}",
                occurred_at=at,
                priority=random.choice(["P1", "P2", "P3"]),
                status=random.choice(["classified", "assigned", "waiting_customer", "resolved", "reopened"]),
                counters={LOSS: random.choice([0, 40, 150, 170, 900])},
                sla=Sla(
                    first_response_due=from_ms(START_MS + random.randrange(3) * 86_400_000),
                    next_update_due=from_ms(START_MS),
                    resolution_due=from_ms(START_MS + (3 + random.randrange(3)) * 86_400_000),
                    responded=random.random() < 0.5,
                ),
                created_at=from_ms(START_MS + random.randrange(3)),
                shadow=random.random() < 0.1,
                evidence=(line,),
                queue=random.choice(["security", "technical"]),
            )
        )
    return found


def test_the_queue_ranks_as_the_review_queue_does_page_by_page(store: CaseStore) -> None:
    cases = many(300)
    load(store, [record(SNAPSHOT, each) for each in cases])
    now_ms = START_MS + 43_200_000
    wanted = review_queue(cases, 1_000, now_ms)
    with store.reading() as connection:
        day = queries.review_day(connection)
        assert queries.worked_on(connection, day) == wanted.worked > 0
        found: list[str] = []
        cursor = None
        while True:
            # Later pages go on as of the first one, however late they are asked for.
            page = queries.ranked(connection, Filters(unworked_day=day), 7, cursor, now_ms=now_ms + len(found) * 10**7)
            found += [line.case_id for line in page.lines]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == [each.case_id for each in wanted.today]
        security = queries.ranked(connection, Filters(queue="security"), 300).lines
        assert {line.queue for line in security} == {"security"}
        counts = [queries.counted(connection, Filters(stage=stage)) for stage in (None, WAITING, DONE)]
        open_ones = [each for each in cases if not each.shadow]
        assert counts[0] == len(open_ones)
        assert counts[1] == sum(each.status == "waiting_customer" for each in open_ones)


@pytest.mark.parametrize("cursor", ["nonsense", "", "W10", "WyJ4Il0"])
def test_a_made_up_cursor_is_refused(store: CaseStore, cursor: str) -> None:
    with store.reading() as connection, pytest.raises(BadCursor):
        queries.ranked(connection, Filters(), 5, cursor)


def test_words_are_found_in_both_languages(store: CaseStore) -> None:
    text = CustomerText(template="t", zh="您的退款已经发出，预计三个工作日到账。", en="Your refund is on its way.")
    load(
        store,
        [
            record(SNAPSHOT, case("case_refund", messages=(text,))),
            record(SNAPSHOT, case("case_account", subject="Ｃａｆé-17 订单 A-550 退货款项")),
            record(SNAPSHOT, case("case_ip", entities=Entities(ip="203.0.113.77", account_id="acc-70021"))),
            record(SNAPSHOT, case("case_shadow", shadow=True, messages=(text,))),
        ],
    )

    def found(asked: str) -> list[str]:
        with store.reading() as connection:
            return [line.case_id for line in queries.search(connection, asked, 10).lines]

    assert found("退款") == ["case_refund"]  # and not the case that has the two characters apart
    assert found("款") == ["case_account", "case_refund"]
    assert found("退款 refund") == ["case_refund"]
    assert found("refun") == ["case_refund"]
    assert found("café-17") == ["case_account"]
    assert found("CAFÉ") == ["case_account"]
    assert found("203.0.113.77") == found("acc-70021") == ["case_ip"]
    assert found("退款 café") == []
    for hostile in ("", "  ", '"', "'", "*", "' OR 1=1 --", '" OR "', "NEAR(", "a:b", "\\", "词*\x00"):
        found(hostile)
    with store.reading() as connection:
        assert len(queries.search(connection, "refund", 10, shadow=True).lines) == 2
        first = queries.search(connection, "payments", 1)
        second = queries.search(connection, "payments", 5, first.next_cursor)
        assert {line.case_id for line in (*first.lines, *second.lines)} == {"case_refund", "case_ip"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_case_is_found_by_what_pages_call_it(store: CaseStore, language: str) -> None:
    """By the name of its type and of its cause, whole and together with another word, for viewers as for analysts."""
    wording = Wording()
    types = ("account_takeover", "fraud_alert", "credential_attack", "card_testing", "incident.channel", "refund_late")
    load(store, [record(SNAPSHOT, case(f"case_{each}", case_type=each, cause_family="neither")) for each in types])
    causes = ("issuer_unavailable", "said.wrong_transfer")
    load(store, [record(SNAPSHOT, case(f"case_{each}", case_type="inquiry", cause_family=each)) for each in causes])

    def found(asked: str) -> list[str]:
        with store.reading() as connection:
            seen = queries.search(connection, asked, 10, names=wording.written).lines
            shown = queries.search_shown(connection, asked, 10, None, shown_words, wording.written).lines
        assert seen == shown
        return [line.case_id for line in seen]

    for each in types:
        assert found(wording.word("type", each, language)) == [f"case_{each}"], each
        assert found(f"{wording.word('type', each, language)} case_{each}") == [f"case_{each}"], each
    assert found(wording.word("cause", "issuer_unavailable", language)) == ["case_issuer_unavailable"]
    assert found(wording.word("type", "wrong_transfer", language)) == ["case_said.wrong_transfer"]
    assert found(f"{wording.word('type', 'fraud_alert', language)} walrus") == []


def test_the_newest_version_is_what_is_found(store: CaseStore) -> None:
    load(store, [record(SNAPSHOT, case(version=1, subject="walrus"))])
    load(store, [record(SNAPSHOT, case(version=2, subject="narwhal"))])
    with store.reading() as connection:
        assert queries.search(connection, "walrus", 5).lines == ()
        assert len(queries.search(connection, "narwhal", 5).lines) == 1


def test_how_words_are_cut() -> None:
    assert words_of("退款 R-17，ＡＢＣ straße ไทย") == ["退", "款", "r", "17", "abc", "strasse", "ไ", "ท", "ย"]
    long = "a1_" + "x" * 300
    assert words_of(long) == words_of(f"{long} é")[:-1] == ["a1", "x" * 128, "x" * 128, "x" * 44]
    assert phrases("  退款  case_x ") == [["退", "款"], ["case", "x"]]


def test_children_of_an_incident_and_pages_of_locks(store: CaseStore) -> None:
    load(
        store,
        [
            record(SNAPSHOT, case("inc_1", cause_family="outage", owner="entity")),
            record(SNAPSHOT, case("case_1", incident_id="inc_1")),
            record(SNAPSHOT, case("case_2", incident_id="inc_1", priority="P1")),
            record(SNAPSHOT, case("case_3")),
            record(SNAPSHOT, case("case_4", parent_id="inc_1", incident_id="inc_1", status="merged")),
        ],
    )

    def lock(number: int, ends: int | None, status: str = "effective") -> Lock:
        return Lock(
            action_id=f"act_{number}",
            action="lock",
            scope="login",
            status=status,
            reason_class="ladder",
            since=from_ms(START_MS),
            expires_at=None if ends is None else from_ms(START_MS + ends),
        )

    state = LocksState(
        occurred_at=from_ms(START_MS),
        account_id="ada",
        version=3,
        locks=(lock(1, None), lock(2, 9_000), lock(3, 5_000), lock(4, 1_000, "released")),
    )
    load(store, [record("account.locks", state)])
    with store.reading() as connection:
        children, total = queries.children(connection, "inc_1", 2)
        rest_of, _ = queries.children(connection, "inc_1", 2, 2)
        assert ([line.case_id for line in (*children, *rest_of)], total) == (["case_2", "case_1", "case_4"], 3)
        first, cursor = queries.locks(connection, 2)
        rest, end = queries.locks(connection, 2, cursor)
        assert [each.action_id for each in (*first, *rest)] == ["act_3", "act_2", "act_1"]
        assert [each.left_ms(START_MS + 6_000) for each in (*first, *rest)] == [0, 3_000, None]
        assert end is None
    opened = LocksState(occurred_at=from_ms(START_MS + 1), account_id="ada", version=4)
    load(store, [record("account.locks", opened)])
    with store.reading() as connection:
        assert queries.locks(connection, 5) == ((), None)


def test_an_account_nobody_knows_is_none(store: CaseStore) -> None:
    with store.reading() as connection:
        assert queries.account(connection, "nobody") is None
        assert queries.case_body(connection, "nothing") is None


@pytest.mark.parametrize(
    ("index", "ask"),
    [
        ("cases_of_entities", lambda c: queries.of_entities(c, WORK, 50)),
        ("cases_of_assignee", lambda c: queries.ranked(c, Filters(assignee="mei"), 50)),
        ("cases_ranked", lambda c: queries.ranked(c, Filters(unworked_day=1), 50)),
        ("cases_ranked_in_queue", lambda c: queries.ranked(c, Filters(queue="technical"), 50)),
        ("cases_ranked", lambda c: queries.counted(c, Filters(stage=DONE))),
        ("cases_ranked_in_queue", queries.open_cases),
        ("cases_by_time", queries.review_day),
        ("cases_by_time", lambda c: queries.changed(c, Filters(stage=None, queue="technical"), 0, 50)),
        ("entities_by_time", lambda c: queries.changed(c, Filters(stage=None, owner="entity"), 0, 50)),
        ("cases_of_incident", lambda c: queries.children(c, "case_incident", 200)),
        ("activity_of_order_id", lambda c: linked.payments(c, Sought(order="o-1"), (), 50)),
        ("activity_by_amount", lambda c: linked.payments(c, Sought(amount_minor=1), (), 50)),
        ("activity_of_ip", lambda c: linked.accounts(c, "ip", "203.0.113.7", 100)),
        ("activity_of_merchant_by_day", lambda c: linked.at_merchant(c, "mer_1", 0)),
    ],
)
def test_what_a_page_asks_takes_the_index_that_was_made_for_it(
    tmp_path: Path, index: str, ask: Callable[[Connection], object]
) -> None:
    """SQLite knows no sizes here, so its choice is the same with no case and with a million."""
    store = fresh(tmp_path)
    plans: list[str] = []

    def explained(
        connection: Connection, _: object, statement: str, parameters: tuple[object, ...], *__: object
    ) -> None:
        if statement.startswith("SELECT"):
            driver = connection.connection.cursor()
            plans.append(" / ".join(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)))

    event.listen(store.engine, "before_cursor_execute", explained)
    with store.reading() as connection:
        ask(connection)
    store.close()
    assert f" INDEX {index} " in f"{plans[0]} ", plans
    # What is grouped, or found by either of two ids, is little and sorted afterwards.
    few = "GROUP" in plans[0] or "MULTI-INDEX OR" in plans[0]
    assert few or "TEMP B-TREE FOR ORDER BY" not in plans[0], plans
