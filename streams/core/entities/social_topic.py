"""Do many customers write in public about one thing?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, CustomerText, Entities, Evidence, Status
from streams.contracts.signals import CaseActed, EntityObserved, EntityRisk
from streams.core.entities import handling
from streams.core.entities.context import EntityContext, EntityEffect, reference
from streams.core.entities.recent import mark
from streams.core.entities.sketch import different, keep
from streams.core.entities.threat import Level, note
from streams.core.ids import incident_id
from streams.core.intake.posts import TOPIC_KIND
from streams.core.intake.topics import SCAMMED, TOPICS
from streams.core.messages.render import render
from streams.core.policy import Policy
from streams.core.risk import SOCIAL_TOPIC

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState

CASE_TYPE: Final = "social_escalation"
FLOW: Final = "F43"
PUBLIC: Final = "social.topic"  # the words for the answer that everybody can read
POSTS_MAX: Final = 64  # the policy's thresholds are not above it
AUTHORS_MAX: Final = 128  # above it the number of authors is an estimate, within a tenth
LINKED_MAX: Final = 16  # cases of single posts that the timeline names
_FLOW_OF: Final = {topic.case_type: topic.flow for topic in (*TOPICS.values(), SCAMMED)}


class Post(NamedTuple):
    """What is remembered of one post."""

    at_ms: int
    reach: int
    author: int  # 48 bits that stand for the account
    urgent: bool  # it tells of something that is P1 or P2 by itself
    case_id: str  # of its own case, if as many read it as the policy says


class TopicCase(msgspec.Struct, array_like=True):
    """The open case about one topic, bounded by AUTHORS_MAX and the policy's evidence_max."""

    case_id: str
    opened_ms: int
    last_ms: int  # newest post
    close_due_ms: int  # when to look whether it is quiet; moved only when looked at, so posts cost no timer
    version: int = 0
    priority: int = 2
    posts: int = 0
    reach: int = 0
    authors: list[int] = []  # the smallest of their hashes
    linked: int = 0
    told: int = 0  # posts in the newest version; the next one comes when they have doubled
    linked_until_ms: int = 0  # so long accounts link the cases of single posts with this one
    evidence: list[Evidence] = []
    evidence_dropped: int = 0
    work: handling.Work = msgspec.field(default_factory=handling.Work)


class Posts(msgspec.Struct, array_like=True):
    """What is written in public about one topic: at most 2 KiB, and its case."""

    merchant_id: str = ""
    recent: list[Post] = []  # oldest first; none while the case is open
    case: TopicCase | None = None


def observe_post(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Public posts of many customers about one topic: the flow that their words tell of, and the merchant they name.

    Asks: how many posts were there within the window, and of how many different customers?
    Fires when: posts of at least authors: one case F43 of the policy queue, which further posts join; P1 if what they
    are about is urgent by itself, or urgent_reach people read them in all. It closes when nobody posts for quiet_s, or
    when somebody has answered and closes it.
    Blind to: posts that nobody understands, and those that tell nothing but of different merchants. The same post told
    again as another event counts again, but not its author.
    Costs: one signal per post that is understood; at most 64 posts per topic, forgotten with the window.
    """
    settings = policy.entities.social_topic
    if state.topic is None:
        state.topic = Posts(merchant_id=signal.merchant_id or "")
    topic = state.topic
    post = Post(at_ms, signal.reach, mark(signal.account_id), signal.urgent, signal.case_id or "")
    if topic.case is not None:
        return _join(state, topic, topic.case, post, signal.event_id, policy, ctx)
    recent = [each for each in topic.recent if each.at_ms > at_ms - settings.window_s * 1000]
    topic.recent = [*recent, post][-POSTS_MAX:]
    authors = {each.author for each in topic.recent}
    if not settings.enabled or len(topic.recent) < settings.posts or len(authors) < settings.authors:
        return []
    return _open(state, topic, signal.event_id, at_ms, policy, ctx)


def _open(
    state: EntityState, topic: Posts, event_id: str, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    settings = policy.entities.social_topic
    case_id = incident_id(SOCIAL_TOPIC, reference(TOPIC_KIND, state.value), event_id)
    case = topic.case = TopicCase(case_id, at_ms, at_ms, at_ms + settings.quiet_s * 1000)
    posts, topic.recent = topic.recent, []
    for post in posts:
        _count(case, post)
    case.priority = min(_priority(case, post, policy) for post in posts)
    text = (
        f"{case.posts} posts by {_authors(case)} customers within {settings.window_s} s, read by {case.reach}; "
        f"{_about(state)}"
    )
    note(case, at_ms, "social.mention", event_id, text, policy.cases.evidence_max)
    for post in posts:
        _link(case, post, policy)
    return [_version(state, topic, case, ("opened",), at_ms, policy, ctx), *_told(state, case, at_ms, policy, ctx)]


def _join(
    state: EntityState,
    topic: Posts,
    case: TopicCase,
    post: Post,
    event_id: str,
    policy: Policy,
    ctx: EntityContext,
) -> list[EntityEffect]:
    """One more post: no case of its own, and a version only where it says something new."""
    _count(case, post)
    case.last_ms = post.at_ms
    changed = []
    priority = _priority(case, post, policy)
    if priority < case.priority:
        changed.append(f"priority P{case.priority} to P{priority}")
        case.priority = priority
    if case.posts >= 2 * case.told:
        changed.append("counters")
    if changed:
        text = f"{case.posts} posts by {_authors(case)} customers by now, read by {case.reach}"
        note(case, post.at_ms, "social.mention", event_id, text, policy.cases.evidence_max)
    if _link(case, post, policy):
        changed.append("timeline: linked")
    effects: list[EntityEffect] = []
    if changed:
        effects.append(_version(state, topic, case, tuple(changed), post.at_ms, policy, ctx))
    return [*effects, *_told(state, case, post.at_ms, policy, ctx)]


def close_if_quiet(state: EntityState, due_ms: int, policy: Policy, ctx: EntityContext) -> list[EntityEffect]:
    """At the case's timer: close it, or look again when it can be quiet at the earliest."""
    topic = state.topic
    case = topic.case if topic is not None else None
    if topic is None or case is None or case.close_due_ms > due_ms:
        return []
    quiet_s = policy.entities.social_topic.quiet_s
    quiet_ms = case.last_ms + quiet_s * 1000
    if quiet_ms > due_ms:
        case.close_due_ms = quiet_ms
        return []
    note(case, due_ms, "closed", case.case_id, f"no post for {quiet_s} s", policy.cases.evidence_max)
    return _close(state, topic, case, ("status",), "quiet", due_ms, policy, ctx)


def act(
    state: EntityState, signal: CaseActed, entity: str, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect] | None:
    """What a person does to the case; None if there is no such open one.

    Whoever closes it says what was answered in public. It stops no counting, but only posts from then on count.
    """
    topic = state.topic
    case = topic.case if topic is not None else None
    if topic is None or case is None or case.case_id != signal.case_id:
        return None
    if signal.event_id in case.work.asked:
        return []
    refusal = handling.refusal_of(case.work, signal, case.version, is_over=False)
    if refusal is not None:
        return handling.rejected(signal, entity, at_ms, *refusal)
    changed = handling.apply(case.work, signal)
    text = handling.told(signal)
    note(case, at_ms, f"operator_{signal.action}", signal.event_id, text, policy.cases.evidence_max)
    remark = handling.remark(signal, entity, at_ms)
    if signal.action == "close":
        ending = "closed_by_a_person"
        return [*remark, *_close(state, topic, case, ("status", changed), ending, at_ms, policy, ctx)]
    return [*remark, _version(state, topic, case, (changed,), at_ms, policy, ctx)]


def forget_case(topic: Posts) -> bool:
    """Drops the case, which nobody was told of; False if there is none."""
    was_open, topic.case = topic.case is not None, None
    return was_open


def _close(
    state: EntityState,
    topic: Posts,
    case: TopicCase,
    changed: tuple[str, ...],
    ending: str,
    at_ms: int,
    policy: Policy,
    ctx: EntityContext,
) -> list[EntityEffect]:
    topic.case = None
    version = _version(state, topic, case, changed, at_ms, policy, ctx, ending)
    if case.linked_until_ms <= at_ms:
        return [version]
    return [version, _risk(state, "normal", None, case.linked_until_ms, at_ms, ctx)]


def _count(case: TopicCase, post: Post) -> None:
    case.posts += 1
    case.reach += post.reach
    keep(case.authors, post.author, AUTHORS_MAX)


def _link(case: TopicCase, post: Post, policy: Policy) -> bool:
    """Names the case of a single post that as many read as the policy says; False if there is nothing new to name."""
    if not post.case_id or case.linked >= LINKED_MAX or any(post.case_id == line.event_id for line in case.evidence):
        return False
    case.linked += 1
    text = f"goes with {CASE_TYPE} {post.case_id}"
    note(case, post.at_ms, "linked", post.case_id, text, policy.cases.evidence_max)
    return True


def _priority(case: TopicCase, post: Post, policy: Policy) -> int:
    return 1 if post.urgent or case.reach >= policy.entities.social_topic.urgent_reach else 2


def _authors(case: TopicCase) -> int:
    return different([case.authors], AUTHORS_MAX)


def _about(state: EntityState) -> str:
    """The type of the cases that the topic's flow makes."""
    return state.value.partition("/")[0]


def _told(state: EntityState, case: TopicCase, at_ms: int, policy: Policy, ctx: EntityContext) -> list[EntityEffect]:
    """Lets accounts link the cases of single posts; told again while posts come. No real case joins a shadow."""
    settings = policy.entities.social_topic
    hold_ms = settings.quiet_s * 1000
    if _is_shadow(policy) != (policy.mode != "enforce") or case.linked_until_ms - at_ms >= hold_ms // 2:
        return []
    case.linked_until_ms = ctx.effective_ms(at_ms) + hold_ms
    return [_risk(state, "elevated", case.case_id, case.linked_until_ms, at_ms, ctx)]


def _risk(
    state: EntityState, level: Level, case_id: str | None, until_ms: int, at_ms: int, ctx: EntityContext
) -> EntityRisk:
    state.risk_version += 1
    state.risk_expires_ms = max(state.risk_expires_ms, until_ms)
    return EntityRisk(
        occurred_at=from_ms(at_ms),
        kind=TOPIC_KIND,
        value=state.value,
        effective_at=from_ms(ctx.effective_ms(at_ms)),
        expires_at=from_ms(until_ms),
        level=level,
        typology=SOCIAL_TOPIC,
        version=state.risk_version,
        case_id=case_id,
    )


def _is_shadow(policy: Policy) -> bool:
    return not policy.entities.social_topic.enforced(policy.mode)


def _version(
    state: EntityState,
    topic: Posts,
    case: TopicCase,
    changed: tuple[str, ...],
    at_ms: int,
    policy: Policy,
    ctx: EntityContext,
    ending: str | None = None,
) -> CaseVersion:
    """The next version of the case, whole."""
    case.version += 1
    case.told = case.posts
    promise = policy.cases.priority(f"P{case.priority}")
    entity, about = reference(TOPIC_KIND, state.value), _about(state)
    status: Status = "assigned" if case.work.assignee else "classified"
    public = render(PUBLIC, {}, policy.default_time_zone, ctx.messages)
    return CaseVersion(
        occurred_at=from_ms(at_ms),
        case_id=case.case_id,
        version=case.version,
        changed=changed,
        case_type=CASE_TYPE,
        flow=FLOW,
        cause_family=SOCIAL_TOPIC,
        owner="entity",
        shadow=_is_shadow(policy),
        queue="policy",
        priority=f"P{case.priority}",  # type: ignore[arg-type]
        status="closed" if ending is not None else status,
        category="policy",
        confidence=1.0,  # counted, not guessed
        root_cause=case.work.root_cause or None,
        assignee=case.work.assignee or None,
        subject=entity,
        entities=Entities(entity=entity, merchant_id=topic.merchant_id or None),
        reason_codes=(f"about_{_FLOW_OF[about]}",) if about in _FLOW_OF else (),
        evidence=tuple(case.evidence),
        evidence_dropped=case.evidence_dropped,
        counters={"posts": case.posts, "reach": case.reach, "authors": _authors(case)},
        sla=handling.sla_of(promise, case.opened_ms, at_ms, responded=case.work.acted or ending is not None),
        messages=case.work.statement() or (CustomerText(template=PUBLIC, zh=public.zh, en=public.en),),
        resolution_code=ending,
        created_at=from_ms(case.opened_ms),
        detected_at=from_ms(case.opened_ms),
    )
