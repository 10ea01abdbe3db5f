"""What the knowledge base finds, what it leaves to people, and that it finds the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.play import policy

from streams.core.intake.masking import masked
from streams.core.intake.reading import read
from streams.core.intake.topics import TOPICS
from streams.core.knowledge.answers import LookedUp, look_up
from streams.core.knowledge.articles import Article, may_answer, packaged_articles, read_article
from streams.core.knowledge.measures import Question, outcome_of, shares_of
from streams.core.knowledge.search import Knowledge, packaged_knowledge
from streams.core.library import packaged_library, read_library
from streams.core.messages.render import ARTICLE, render

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TODAY = NOW.date()
SEEN = files("models.training.texts").joinpath("questions.txt")
HELD_OUT = files("models.training.texts").joinpath("questions_held_out.txt")


def looked_up(text: str, articles: Mapping[str, Article] | None = None, on: date = TODAY) -> LookedUp | None:
    intake = policy().intake
    knowledge = packaged_knowledge() if articles is None else Knowledge(articles)
    return look_up(read(text, NOW, intake), knowledge, on, intake.article_from)


def article(text: str) -> str:
    found = looked_up(text)
    return found.article.front.id if found is not None and found.article is not None else ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("退款一般要几天？", "refund-time"),
        ("how many days does a refund take?", "refund-time"),
        ("提现手续费多少", "withdrawal-fee"),
        ("Which countries are supported?", "abroad"),
        ("how do I 绑卡", "add-card"),
    ],
)
def test_a_general_question_gets_its_article(text: str, wanted: str) -> None:
    assert article(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "my refund has not arrived, how long does it take",
        "退款一直没到，几天能到",
        "when is my refund here",
        "how do I withdraw? my account was hacked",
        "why did you block my card",
        "I want to talk to a human, how do I top up",
        "refund for order A2026110212, how long",
        "what is the fee, you charged me 5 USD",
    ],
)
def test_what_has_happened_to_somebody_is_no_general_question(text: str) -> None:
    assert looked_up(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "does the refund take long? mine is 20 days late",
        "退款要多久？我的都20天了",
        "how long does a withdrawal take? mine left on Monday",
        "how do I change my phone number, someone else's number is on my account",
        "how to change email, the one shown there belongs to a stranger",
        "how do I reset my pin, my roommate figured it out",
        "怎么改密码，我前男友知道",
        "forgot my password and now there is a device named 'Galaxy' in my list",
        "how to enable face id, my brother can open my wallet with his face",
        "手续费怎么比上次多了",
    ],
)
def test_a_question_with_something_of_ones_own_beside_it_is_for_a_person(text: str) -> None:
    assert article(text) == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("I have a new number, where can I change it", "change-phone"), ("额度太低了，如何提升", "raise-limits")],
)
def test_the_reason_of_a_question_may_be_told_before_it(text: str, wanted: str) -> None:
    assert article(text) == wanted


def test_what_nobody_wrote_about_is_named_by_theme_and_not_by_the_customers_words() -> None:
    found = looked_up("do you offer loans to plumbers from Hamburg?")
    assert found is not None
    assert found.article is None
    assert "asks_loan" in found.reasons
    assert all(reason.startswith(("asks_", "nearest_")) for reason in found.reasons)
    assert not any("hamburg" in reason or "plumb" in reason for reason in found.reasons)
    assert "asks_nothing_known" in (looked_up("which colour has the moon?") or LookedUp(None, 0, (), "")).reasons


def test_an_article_is_sent_on_its_days_only() -> None:
    text = (files("streams.core.knowledge") / "articles" / "refund-time.md").read_text("utf-8")
    text = text.replace("valid_from = 2026-01-01", "valid_from = 2026-03-01\nvalid_until = 2026-05-01")
    changed = {**packaged_articles(), "refund-time": read_article("articles/refund-time.md", text, own=True)}
    for day, sent in ((date(2026, 2, 28), False), (date(2026, 3, 1), True), (date(2026, 5, 1), False)):
        found = looked_up("how many days does a refund take?", changed, day)
        assert found is not None
        assert (found.article is not None and found.article.ref == "refund-time@1+own") is sent


def test_what_was_rewritten_since_is_not_shown_as_what_was_sent() -> None:
    messages = packaged_library().messages
    sent = render(ARTICLE, {"case_id": "case_x", "article": "refund-time@1"}, "UTC", messages)
    gone = render(ARTICLE, {"case_id": "case_x", "article": "refund-time@0"}, "UTC", messages)
    assert "Once the merchant has agreed" in sent.en
    assert "has been rewritten" in gone.en
    assert "case_x" in gone.zh


def test_a_third_language_is_sent_where_the_deployment_has_it() -> None:
    text = (files("streams.core.knowledge") / "articles" / "limits.md").read_text("utf-8")
    text = (
        text.replace('["zh", "en"]', '["zh", "en", "fr"]')
        + "\n# fr: Plafonds\nVoir Moi, Plafonds.\n? quel est mon plafond\n"
    )
    months = ", ".join(f'"{month}"' for month in range(1, 13))
    locale = (
        f'instant = "{{day}} {{month}} {{time}}"\nmonths = [{months}]\n'
        '[template]\n"answer.article" = "{article} Dossier {case_id}."\n'
    )
    library = read_library({"articles/limits.md": text, "locales/fr.toml": locale})
    told = render(ARTICLE, {"case_id": "case_x", "article": "limits@1+own"}, "UTC", library.messages, "fr-CA")
    assert told.texts == {"fr": "Voir Moi, Plafonds. Dossier case_x."}
    assert library.digest != packaged_library().digest


def test_there_are_many_articles_and_all_are_reachable_from_others_or_by_their_questions() -> None:
    articles = packaged_articles()
    assert len(articles) >= 30
    for name, each in articles.items():
        assert set(each.wordings) >= {"zh", "en"}
        assert all(may_answer(TOPICS[flow]) for flow in each.front.flows)
        for wording in each.wordings.values():
            for question in wording.asked:
                assert packaged_knowledge().search(question, TODAY)[0].article.front.id == name, question
            assert masked(wording.text).kinds == ()


@given(st.text(max_size=200))
def test_any_text_has_scores_from_0_to_1_in_order_and_the_same_again(text: str) -> None:
    found = packaged_knowledge().search(text, TODAY)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert found == packaged_knowledge().search(text, TODAY)
    looked_up(text)


def test_the_order_of_articles_changes_nothing() -> None:
    backwards = Knowledge(dict(reversed(packaged_articles().items())))
    for question in questions(HELD_OUT.read_text("utf-8"))[:40]:
        mine = [(each.article.ref, each.score) for each in packaged_knowledge().search(question.text, TODAY)]
        assert mine == [(each.article.ref, each.score) for each in backwards.search(question.text, TODAY)]


def questions(text: str) -> list[Question]:
    return [Question(*line.split(" ", 2)) for line in text.splitlines()]


def test_questions_that_measure_are_no_phrasings_of_articles() -> None:
    known = {
        asked.casefold()
        for each in packaged_articles().values()
        for wording in each.wordings.values()
        for asked in wording.asked
    }
    held_out = {each.text.casefold() for each in questions(HELD_OUT.read_text("utf-8"))}
    assert held_out.isdisjoint(known)
    assert held_out.isdisjoint(each.text.casefold() for each in questions(SEEN.read_text("utf-8")))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_few_answers_are_wrong(language: str) -> None:
    asked = [each for each in questions(HELD_OUT.read_text("utf-8")) if each.language == language]
    shares = shares_of(outcome_of(each, packaged_knowledge(), policy().intake, NOW) for each in asked)
    assert shares.wrong <= 0.1
    assert shares.right >= 0.25


@pytest.mark.parametrize("text", ["is the mail asking for my pin from you?", "这封要我填密码的邮件是你们发的吗?"])
def test_who_asks_whether_something_is_a_trick_is_not_told_how_to_change_what_it_wants(text: str) -> None:
    """Its own advice answers it, or the article about tricks."""
    assert article(text) in ("", "phishing")
