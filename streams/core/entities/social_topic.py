"""Do many customers write in public about one thing?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, CustomerText, Entities, Evidence, Status
from streams.contracts.signals import CaseActed, EntityObserved, EntityRisk
from streams.core.entities import handling
from streams.core.entities.context import EntityContext, EntityEffect, reference
from streams.core.entities.policies import SocialTopicPolicy
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
    merchant: int = 0  # 48 bits that stand for the merchant it names, at the topic of the whole flow; 0: none


class TopicCase(msgspec.Struct, array_like=True):
    """The open case about one topic, bounded by AUTHORS_MAX and the policy's evidence_max."""

    case_id: str
    opened_ms: int
    last_ms: int  # newest post of an author who had not posted before
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
    readers: dict[int, int] = {}  # of the most read post of each of `authors`
    crowd_ms: int = 0  # newest post of a crowd: as many as open a case
    again_ms: int = 0  # when another crowd came to what people had answered: deadlines count from here; 0: none has


class Posts(msgspec.Struct, array_like=True):
    """What is written in public about one topic: at most 4 KiB, and its case."""

    merchant_id: str = ""
    recent: list[Post] = []  # oldest first; while the case is open the first posts of its authors
    case: TopicCase | None = None


def observe_post(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Public posts of many customers about one topic: the flow that their words tell of, and the merchant they name.

    Asks: how many posts were there within the window, and of how many different customers?
    Fires when: posts of at least authors: one case F43 of the policy queue, which further posts join; P1 if what they
    are about is urgent by itself, or urgent_reach people read them in all, each author's counted once. Posts that name
    one merchant are added to those that name none; while the case of these is open, whatever names a merchant without a
    case of its own joins it. It closes when nobody new posts for quiet_s, or when somebody has answered and closes it.
    As many posts of new authors within the window, a quiet window after the crowd before, are another crowd: the case
    says so, and where somebody had answered its deadlines begin again.
    Blind to: posts that nobody understands, those that tell nothing but of different merchants, and crowds that are
    slower than posts within window_s, however long they go on. The same post told again as another event counts again,
    but not its author. In a flood that names a merchant or none, the posts of the seconds until accounts hear of the
    case may count in the merchant's case as well.
    Costs: one signal per post that is understood, two if it names a merchant; at most 64 posts per topic, and as many
    that name a merchant, forgotten with the window.
    """
    settings = policy.entities.social_topic
    if state.topic is None:
        state.topic = Posts(merchant_id=(_of_merchant(state) and signal.merchant_id) or "")
    topic = state.topic
    merchant = mark(signal.merchant_id) if signal.merchant_id and not _of_merchant(state) else 0
    post = Post(at_ms, signal.reach, mark(signal.account_id), signal.urgent, signal.case_id or "", merchant)
    if signal.incident_id is not None and (topic.case is None or topic.case.case_id != signal.incident_id):
        return []  # it is counted there: in the case of the merchant it names, or of those that name none
    if topic.case is not None:
        return _join(state, topic, topic.case, post, signal.event_id, policy, ctx)
    topic.recent = _within(topic.recent, post, settings)
    if merchant and _is_crowd([each for each in topic.recent if each.merchant == merchant], settings):
        topic.recent = [each for each in topic.recent if each.merchant != merchant]  # they are its own case
    posts = _about_one_thing(topic.recent)
    if not settings.enabled or not _is_crowd(posts, settings):
        return []
    return _open(state, topic, posts, signal.event_id, at_ms, policy, ctx)


def _within(recent: list[Post], post: Post, settings: SocialTopicPolicy) -> list[Post]:
    """The posts of the window; those that name a merchant push out none that names nobody."""
    kept = [each for each in recent if each.at_ms > post.at_ms - settings.window_s * 1000]
    alike = [each for each in kept if bool(each.merchant) == bool(post.merchant)]
    if len(alike) >= POSTS_MAX:
        kept.remove(alike[0])
    return [*kept, post]


def _is_crowd(posts: list[Post], settings: SocialTopicPolicy) -> bool:
    return len(posts) >= settings.posts and len({each.author for each in posts}) >= settings.authors


def _about_one_thing(recent: list[Post]) -> list[Post]:
    """Those that name no merchant, and those of the merchant that most of the others name."""
    named = Counter(each.merchant for each in recent if each.merchant)
    if len(named) == len({each.merchant for each in recent}):
        return []  # nothing but merchants: each has a topic of its own
    merchant = max(named, key=lambda each: named[each], default=0)
    return [each for each in recent if each.merchant in (0, merchant)]


def _open(
    state: EntityState,
    topic: Posts,
    posts: list[Post],
    event_id: str,
    at_ms: int,
    policy: Policy,
    ctx: EntityContext,
) -> list[EntityEffect]:
    settings = policy.entities.social_topic
    case_id = incident_id(SOCIAL_TOPIC, reference(TOPIC_KIND, state.value), event_id)
    case = topic.case = TopicCase(case_id, at_ms, at_ms, at_ms + settings.quiet_s * 1000, crowd_ms=at_ms)
    topic.recent = []
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
    settings, changed = policy.entities.social_topic, []
    if _count(case, post, topic.recent):
        case.last_ms = post.at_ms
        topic.recent = _within(topic.recent, post, settings)
        if _is_crowd(topic.recent, settings):
            if post.at_ms - case.crowd_ms > settings.window_s * 1000:
                changed.append("another crowd")
                _comes_again(case, topic.recent, event_id, policy)
            case.crowd_ms = post.at_ms
    priority = _priority(case, post, policy)
    if priority < case.priority:
        changed.append(f"priority P{case.priority} to P{priority}")
        case.priority = priority
    if case.posts >= 2 * case.told:
        changed.append("counters")
    if changed and changed != ["another crowd"]:
        text = f"{case.posts} posts by {_authors(case)} customers by now, read by {case.reach}"
        note(case, post.at_ms, "social.mention", event_id, text, policy.cases.evidence_max)
    if _link(case, post, policy):
        changed.append("timeline: linked")
    effects: list[EntityEffect] = []
    if changed:
        effects.append(_version(state, topic, case, tuple(changed), post.at_ms, policy, ctx))
    return [*effects, *_told(state, case, post.at_ms, policy, ctx)]


def _comes_again(case: TopicCase, crowd: list[Post], event_id: str, policy: Policy) -> None:
    """Another crowd: whoever answered the one before has not answered this one."""
    window_s = policy.entities.social_topic.window_s
    text = f"another crowd: {len(crowd)} posts by {len({each.author for each in crowd})} customers within {window_s} s"
    if case.work.acted:
        case.again_ms, case.work.acted = crowd[-1].at_ms, False
        text += "; deadlines begin again"
    note(case, crowd[-1].at_ms, "social.mention", event_id, text, policy.cases.evidence_max)


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
    note(case, due_ms, "closed", case.case_id, f"nobody new has posted for {quiet_s} s", policy.cases.evidence_max)
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


def _count(case: TopicCase, post: Post, recent: Sequence[Post] = ()) -> bool:
    """True if its author has not posted before; above AUTHORS_MAX that is known of some of them, and of recent ones."""
    case.posts += 1
    is_known = post.author in case.authors
    read = case.readers.get(post.author, 0) if is_known else _read(post.author, recent)
    case.reach += max(0, post.reach - read)
    keep(case.authors, post.author, AUTHORS_MAX)
    if post.author in case.authors:
        case.readers[post.author] = max(read, post.reach)
    if len(case.readers) > len(case.authors):
        case.readers = {author: case.readers.get(author, 0) for author in case.authors}
    return not is_known and all(each.author != post.author for each in recent)


def _read(author: int, recent: Sequence[Post]) -> int:
    return max((each.reach for each in recent if each.author == author), default=0)


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


def _of_merchant(state: EntityState) -> bool:
    return "/" in state.value


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
        sla=handling.sla_of(
            promise, case.again_ms or case.opened_ms, at_ms, responded=case.work.acted or ending is not None
        ),
        messages=case.work.statement() or (CustomerText(template=PUBLIC, zh=public.zh, en=public.en),),
        resolution_code=ending,
        created_at=from_ms(case.opened_ms),
        detected_at=from_ms(case.opened_ms),
    )
