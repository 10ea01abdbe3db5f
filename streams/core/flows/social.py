"""What follows when a customer complains in public, and many people read it (F43)?

One post that many read, or several within an hour that as many read together. It opens a case of its own and raises
the customer's open cases by one priority, because they are what it is about. The customer is written to in private;
what may be said in public is on the case, and names nothing and nobody. Who resolves it says what was answered there.
Where many customers write about the same it is a part of their case (`streams.core.entities.social_topic`), and stays
one of its own.
"""

from __future__ import annotations

from streams.contracts.accounts import SocialMention
from streams.core.cases import timeline
from streams.core.cases.book import Draft, add_line, open_or_join, raise_to
from streams.core.intake.posts import SEVERE, TOPIC_KIND, values_of
from streams.core.intake.topics import Topic
from streams.core.messages.notify import notify
from streams.core.obligations import DECORATION_MAX, POSTS_MAX, Case, Line
from streams.core.risk import NO_PART, PartOf, RiskView
from streams.core.steps import Prepared
from streams.core.turn import Turn

FLOW = "F43"


def topic_case(risk: RiskView, event: SocialMention, about: Topic | None, at_ms: int) -> PartOf:
    """The open case of all posts about the same, if there are so many: that of the merchant it names before others."""
    for value in values_of(about, event.merchant_id):
        fact = risk(TOPIC_KIND, value, at_ms)
        if fact is not None and fact.case_id:
            return PartOf(fact.case_id, TOPIC_KIND, fact.typology or "")
    return NO_PART


def mentioned(turn: Turn, event: SocialMention, prepared: Prepared) -> None:
    """Opens or joins the case of posts that reach as many people as the policy says; others are shown only."""
    timeline.attach(turn, event)
    reach = _read_lately(turn, event)
    if reach < turn.policy.cases.raise_social_reach:
        return
    about = prepared.about
    told = f"from {event.channel[:32]}, read by {event.reach}"
    if reach > event.reach:
        told += f"; several posts lately, read by {reach}"
    told += f"; {about.case_type}" if about else ""
    affected = [each for each in turn.obligations.cases if each.is_open and each.flow != FLOW]
    affected = [each for each in affected if each.shadow == turn.shadow]
    case = open_or_join(
        turn,
        Draft(
            case_type="social_escalation",
            flow=FLOW,
            family="social",
            queue="policy",
            priority=1 if about is not None and about.priority <= SEVERE else 2,
            lines=(Line(turn.at_ms, "social.mention", turn.cause, told),),
            reasons=(f"about_{about.flow}",) if about is not None else (),
            counters=(("reach", reach),),
            incident_id=prepared.incident,
        ),
    )
    turn.ctx.post_case = case.case_id
    if prepared.incident and case.incident_id == prepared.incident:
        add_line(turn, case, Line(turn.at_ms, "joined_incident", prepared.incident, f"part of {prepared.incident}"))
    if case.version:
        return  # told already; one more post is one more line
    case.channel = event.channel if len(event.channel) <= DECORATION_MAX else ""
    for each in affected:
        add_line(turn, case, Line(turn.at_ms, "linked", each.case_id, f"goes with {each.case_type} {each.case_id}"))
        text = f"the customer has written about this in public; see {case.case_id}"
        add_line(turn, each, Line(turn.at_ms, "social.mention", turn.cause, text))
        raise_to(turn, each, max(1, each.priority - 1))
    notify(turn, "social.private", {"case_id": case.case_id}, case)
    case.template, case.parameters = "social.public", {}  # whoever answers the post finds these words on the case


def unanswered(case: Case, text: str | None) -> tuple[str, str] | None:
    """(cause, sentence) while it may not be resolved: what everybody has read is answered where they read it."""
    if case.flow != FLOW or (text or "").strip():
        return None
    return "not_answered", "answer the post in public first, and say here what was answered"


def _read_lately(turn: Turn, event: SocialMention) -> int:
    """How many people have read this post and those of the customer shortly before it.

    Posts that are a case by themselves are not added to, and those that have become one together begin anew.
    """
    line, window_ms = turn.policy.cases.raise_social_reach, turn.policy.cases.social_window_s * 1000
    if event.reach >= line:
        return event.reach
    posts = [each for each in turn.obligations.posts if each[0] > turn.at_ms - window_ms]
    posts = [*posts, (turn.at_ms, event.reach)]
    reach = sum(each for _, each in posts)
    if len(posts) > POSTS_MAX:
        (_, oldest), (at_ms, older), *posts = posts
        posts.insert(0, (at_ms, oldest + older))
    turn.obligations.posts = [] if reach >= line else posts
    return reach
