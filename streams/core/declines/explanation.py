"""How is one code explained to a person, in Chinese and English: cause, fault, retry, who acts, what may be said?"""

from __future__ import annotations

import msgspec

from streams.core.declines.profiles import Cap, Profile
from streams.core.declines.resolve import Resolved
from streams.core.declines.table import Entry

_PARTY = {
    "customer": ("客户", "the customer"),
    "merchant": ("商户", "the merchant"),
    "issuer": ("发卡行", "the issuer"),
    "network": ("网络或清算机构", "the network"),
    "platform": ("本平台", "this platform"),
    "fraud": ("疑似欺诈", "suspected fraud"),
    "payee": ("收款方", "the payee"),
    "none": ("无", "nobody"),
    "unknown": ("未知", "unknown"),
}
_SAID = {
    "plain": ("可说明具体原因", "the exact reason"),
    "category": ("只可说明原因类别；登录的钱包用户可知具体原因", "the kind of problem; a signed-in owner, everything"),
    "generic": ("不得说明原因", "only that it did not work"),
}
_MONEY = {
    "not_moved": ("未扣款（以账务为准）", "not moved, if the ledger agrees"),
    "unknown": ("未知，须先查询", "unknown: ask before anything else"),
    "moved": ("已扣款", "moved"),
    "moved_partial": ("部分扣款", "moved in part"),
}
_VERDICT = {
    "never": ("不得用同一付款工具重试", "never with the same instrument"),
    "after_fix": ("原因消除后可重试", "after the cause is mended"),
    "later": ("可稍后重试", "later"),
    "query_first": ("先查询结果，切勿重复扣款", "only after the outcome was queried; never charge again before"),
    "step_up": ("完成身份验证后可重试", "after the customer has verified"),
    "n/a": ("不适用", "not applicable"),
}


class Bilingual(msgspec.Struct, frozen=True):
    """A sentence for people who read Chinese, and one for those who read English."""

    zh: str
    en: str


class Support(msgspec.Struct, frozen=True):
    """Whose official support can help, and how it is reached: the only contact that an app should show."""

    profile: str
    name: Bilingual
    page: str
    phone: str | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to say about one answer of a payment source."""

    source: str
    code: str
    known: bool
    meaning: str | None
    cause: str
    flow: str
    rank: str
    fault_party: str
    who_acts: str
    queue: str
    retryable: str
    earliest_retry_s: int | None
    max_retries: int
    caps: tuple[Cap, ...]
    money_state: str
    disclosure: str
    health_scope: str | None
    confidence: str | None
    ref: str | None
    fault: Bilingual
    acts: Bilingual
    retry: Bilingual
    money: Bilingual
    said: Bilingual
    customer: Bilingual
    contact: Support | None


def explain(
    source: str,
    code: str,
    resolved: Resolved,
    speakers: tuple[Profile, ...],
    shown: Entry | None,
    helps: Profile | None = None,
) -> Explanation:
    """The explanation of `source` `code` as it was resolved; `shown` is its own row, which need not have decided.

    `helps` is whose support the customer, or of what a merchant has to mend the merchant, may turn to.
    """
    cause, entry = resolved.cause, resolved.entry
    verdict = "never" if resolved.forbidden else (entry.retryable if entry is not None else cause.retryable)
    earliest_s = entry.earliest_retry_s if entry is not None else cause.earliest_retry_s
    retries = entry.max_retries if entry is not None else cause.max_retries
    caps = tuple(sorted({cap for profile in speakers for cap in profile.retry}, key=lambda cap: cap.window_s))
    if verdict in ("never", "n/a"):
        earliest_s, retries = None, 0
    money = entry.money_state if entry is not None else cause.money_state
    return Explanation(
        source=source,
        code=code,
        known=shown is not None,
        meaning=shown.meaning if shown is not None else None,
        cause=cause.cause,
        flow=cause.flow,
        rank=resolved.rank,
        fault_party=cause.fault_party,
        who_acts=cause.who_acts,
        queue=cause.queue,
        retryable=verdict,
        earliest_retry_s=earliest_s,
        max_retries=retries,
        caps=caps,
        money_state=money,
        disclosure=cause.disclosure,
        health_scope=cause.health_scope,
        confidence=shown.confidence if shown is not None else None,
        ref=shown.ref if shown is not None else None,
        fault=Bilingual(*_PARTY[cause.fault_party]),
        acts=Bilingual(*_PARTY[cause.who_acts]),
        retry=_retry(verdict, earliest_s, retries, caps),
        money=Bilingual(*_MONEY[money]),
        said=Bilingual(*_SAID[cause.disclosure]),
        customer=Bilingual(cause.zh, cause.en),
        contact=_support(helps),
    )


def _support(profile: Profile | None) -> Support | None:
    if profile is None:
        return None
    name = Bilingual(profile.name.zh, profile.name.en)
    return Support(profile.id, name, profile.support.page, profile.support.phone)


def _retry(verdict: str, earliest_s: int | None, retries: int, caps: tuple[Cap, ...]) -> Bilingual:
    zh, en = _VERDICT[verdict]
    if verdict in ("never", "n/a"):
        return Bilingual(zh, en)
    if earliest_s:
        zh, en = f"{zh}，最早{_span(earliest_s, _ZH)}后", f"{en}, not before {_span(earliest_s, _EN)}"
    zh += f"，自动重试最多{retries}次" if retries else "，不自动重试"
    en += f", at most {retries} automatic" if retries else ", not automatically"
    for cap in caps:
        zh += f"；渠道上限{_span(cap.window_s, _ZH)}内{cap.attempts}次"
        en += f"; cap of the network or gateway {cap.attempts} in {_span(cap.window_s, _EN)}"
    return Bilingual(zh, en)


_ZH = ((86_400, "天"), (3_600, "小时"), (60, "分钟"), (1, "秒"))
_EN = ((86_400, " days"), (3_600, " hours"), (60, " minutes"), (1, " seconds"))


def _span(seconds: int, units: tuple[tuple[int, str], ...]) -> str:
    for size, name in units:
        if seconds % size == 0:
            number = seconds // size
            return f"{number}{name.removesuffix('s') if number == 1 and name.startswith(' ') else name}"
    raise AssertionError("every number of seconds is a multiple of one")
