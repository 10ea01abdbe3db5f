"""Has everything that a page can show a wording in Chinese and English?

What the core can say is read from its code (every kind of a line, wherever it is made) and from what the golden stories
published; a new kind, cause or way to end that nobody has given words to makes this red.
"""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from streams.console.pages import HOW_MANY
from streams.console.wording import Wording
from streams.contracts.accounts import HandledBy
from streams.contracts.base import Event
from streams.contracts.registry import tag_of
from streams.contracts.topics import TOPICS
from streams.core.cases.clocks import CLOCKS
from streams.core.cases.operator import PERMITTED
from streams.core.features.catalogue import FEATURES
from streams.core.flows.trail import DONE
from streams.core.incidents.keys import DIMENSIONS
from streams.core.incidents.transitions import STATES
from streams.core.intake.topics import TOPICS as FLOWS
from streams.core.locks.transitions import ABSENT, LOCK_TRANSITIONS
from streams.core.money.expectations import PROMISES

WORDING: Final = Wording()
# Of these nothing is told on a timeline under their own name.
_QUIET: Final = frozenset(
    ("stream.watermark", "case.action", "incident.action", "entity.block", "account.erasure", "action.acknowledged")
)
EVENTS: Final = {
    tag_of(kind).rpartition(".")[0] for topic in TOPICS.values() for kind in topic.types if issubclass(kind, Event)
} - _QUIET
# Kinds that are put together where the line is made, with all that they can be.
PUT_TOGETHER: Final[Mapping[str, tuple[str, ...]]] = {
    "kind_of(event)": tuple(EVENTS),
    "failure.kind": tuple(EVENTS),
    "f'clock.{strike.clock}'": tuple(f"clock.{each}" for each in CLOCKS),
    "f'operator_{event.action}'": tuple(f"operator_{each}" for each in PERMITTED),
    "f'operator_{signal.action}'": tuple(f"operator_{each}" for each in get_args(HandledBy)),
    "f'hold_{cause}'": ("hold_expired", "hold_released", "hold_confirmed"),
    "f'duplicate_{word}'": ("duplicate_certain", "duplicate_probable"),
    "f'{row.kind}_promised'": tuple(f"{each}_promised" for each in PROMISES),
    # What was a line before, or is an argument, of which every call is looked at.
    **dict.fromkeys(("line.kind", "kind", "on"), ()),
}
# Fields of a case that pages show, by the group of words that they are looked up in.
SHOWN: Final = {
    "status": "status",
    "sub_status": "status",
    "finding": "finding",
    "queue": "queue",
    "case_type": "type",
    "cause_family": "cause",
    "resolution_code": "resolution",
    "money_state": "money",
}
FOREIGN: Final = re.compile(r"[A-Za-z]{3,}")


@cache
def trees() -> Mapping[str, ast.Module]:
    paths = sorted(Path("streams/core").rglob("*.py"))
    return {".".join(path.with_suffix("").parts): ast.parse(path.read_text()) for path in paths}


def value_of(module: str, given: ast.expr) -> Any:
    """What an expression is when the module is imported; None if that is known only when it runs."""
    if any(isinstance(each, ast.Call) for each in ast.walk(given)):
        return None
    try:
        return eval(compile(ast.Expression(given), module, "eval"), vars(import_module(module)))
    except (NameError, AttributeError):
        return None


def argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    given = next((each.value for each in call.keywords if each.arg == name), None)
    return given if given is not None else call.args[place] if len(call.args) > place else None


def given_to(makers: Mapping[str, tuple[int, str]]) -> Iterator[tuple[str, ast.expr]]:
    """Every expression that is this argument of the makers, or of a function that hands it on to one; by module."""
    where = dict(makers)
    for module, tree in trees().items():
        for function in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
            names = [each.arg for each in function.args.args]
            for _, given in _calls(function, makers, module):
                if isinstance(given, ast.Name) and given.id in names:
                    where[f"{module}.{function.name}"] = (names.index(given.id), given.id)
    for module, tree in trees().items():
        yield from _calls(tree, where, module)


def _calls(tree: ast.AST, makers: Mapping[str, tuple[int, str]], module: str) -> Iterator[tuple[str, ast.expr]]:
    for call in (each for each in ast.walk(tree) if isinstance(each, ast.Call)):
        made = value_of(module, call.func)
        name = f"{getattr(made, '__module__', '')}.{getattr(made, '__name__', '')}"
        given = argument(call, *makers[name]) if name in makers else None
        if given is not None:
            yield module, given


def unknown(group: str, values: Iterator[str] | set[str] | tuple[str, ...]) -> list[str]:
    return sorted(each for each in values if not WORDING.knows(group, each))


def test_every_line_that_the_core_can_write_has_a_name_in_both_languages() -> None:
    makers = {"streams.core.obligations.Line": (1, "kind"), "streams.contracts.cases.Evidence": (1, "kind")}
    kinds: set[str] = set()
    for module, given in given_to(makers):
        value = value_of(module, given)
        if isinstance(value, str):
            kinds.add(value)
        else:
            assert ast.unparse(given) in PUT_TOGETHER, f"say in PUT_TOGETHER what {ast.unparse(given)} can be"
            kinds.update(PUT_TOGETHER[ast.unparse(given)])
    assert len(kinds) > 150, "the walk finds them"
    assert unknown("kind", kinds) == []


def test_every_way_in_which_a_case_can_end_has_a_name() -> None:
    given = given_to({"streams.core.cases.book.set_status": (3, "resolution")})
    found = {value_of(*each) for each in given} - {None, ""}
    assert len(found) > 10
    assert unknown("resolution", found) == []
    assert unknown("lock", {row.to for row in LOCK_TRANSITIONS} - {ABSENT}) == []
    assert unknown("status", STATES) == []
    assert unknown("clock", CLOCKS) == []


@cache
def published() -> Mapping[str, frozenset[str]]:
    """What the cases of the golden stories say, by field."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in Path("tests/golden").glob("*/expected.jsonl"):
        for line in path.read_text().splitlines():
            for said in _records(json.loads(line)):
                _take(found, said)
    return {name: frozenset(values) for name, values in found.items()}


def _records(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if str(value.get("type", "")).startswith(("case.version", "action.rejected", "notification.")):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _records(each)


def _take(found: dict[str, set[str]], said: dict[str, Any]) -> None:
    if said["type"].startswith("action.rejected"):
        found["refused"].add(f"operator_{said['action']}")
    elif said["type"].startswith("notification."):
        found["channel"].add(said.get("channel", "in_app"))
    else:
        for name in (*SHOWN, "root_cause"):
            if said.get(name):
                found[name].add(said[name])
        found["kind"].update(line["kind"] for line in said.get("evidence", ()))
        found["line"].update(line["text"] for line in said.get("evidence", ()) if line["text"] != line["kind"])
        found["changed"].update(said.get("changed", ()))
        found["reason"].update(said.get("reason_codes", ()))


def test_what_an_attack_is_found_by_is_told_in_chinese_whatever_story_has_it() -> None:
    found = {
        "".join(str(part.value) if isinstance(part, ast.Constant) else "7200" for part in each.values)
        for path in Path("streams/core/entities").glob("*.py")
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.JoinedStr)
    }
    said = {each for each in found if re.search(r"\bwithin 7200 (s|days)\b", each)}
    assert len(said) > 10, "the walk finds them"
    assert {each: told for each in said if re.search(r"[a-z]{3,} [a-z]{2,}", told := WORDING.line(each, "zh"))} == {}
    assert [each for each in said if re.search(r"\b7200 s\b", WORDING.line(each, "en"))] == []


@pytest.mark.parametrize(
    ("line", "en", "zh"),
    [
        (
            "20 guesses at one user name within 3600 s",
            "20 guesses at one user name within 60 min",
            "60 分钟内对同一用户名猜测 20 次",
        ),
        ("nobody new has posted for 172800 s", "nobody new has posted for 2 d", "2 天内没有新的发帖人"),
        ("no attempt for 40 s", "no attempt for 40 s", "40 秒内没有尝试"),
    ],
)
def test_how_long_something_lasted_is_told_with_its_unit(line: str, en: str, zh: str) -> None:
    assert (WORDING.line(line, "en"), WORDING.line(line, "zh")) == (en, zh)


def test_one_of_something_is_no_plural() -> None:
    assert all(WORDING.knows("counter", each) and WORDING.knows("counter_of_one", each) for each in HOW_MANY)
    assert WORDING.word("counter_of_one", "usernames", "en") == "user name"


@pytest.mark.parametrize("name", SHOWN)
def test_what_cases_say_has_a_name_in_both_languages(name: str) -> None:
    assert published()[name]
    assert unknown(SHOWN[name], set(published()[name])) == []


def test_what_else_pages_say_of_the_golden_stories_has_a_name() -> None:
    said = published()
    assert unknown("kind", {*said["kind"], *said["refused"]}) == []
    assert unknown("channel", set(said["channel"])) == []
    assert unknown("root_cause", set(said["root_cause"])) == []


def test_what_has_changed_and_what_was_read_is_said_in_the_readers_language() -> None:
    said = published()
    assert len(said["changed"]) > 100
    foreign = {each: WORDING.changed(each, "zh") for each in said["changed"]}
    assert {each: shown for each, shown in foreign.items() if FOREIGN.search(shown)} == {}
    assert WORDING.changed("clock next_update 80%", "zh") == "时限“进度更新”已过 80%"
    assert WORDING.changed("priority P3 to P1", "en") == "priority P3 to P1"
    assert WORDING.changed("said by a newer release", "zh") == "said by a newer release"
    readings = {each: WORDING.reason(each, "zh") for each in (*said["reason"], *(f"perhaps_{flow}" for flow in FLOWS))}
    names = ("article_", "nearest_", "asks_")  # files and themes have names of their own
    assert {
        each: shown
        for each, shown in readings.items()
        if FOREIGN.search(shown.partition("：")[0] if each.startswith(names) else shown)
    } == {}
    assert WORDING.reason("perhaps_F12", "zh") == "可能是：重复扣款"


def test_what_nobody_has_named_is_shown_as_it_is_written() -> None:
    assert WORDING.word("kind", "of_a_newer_release", "zh") == "of a newer release"
    assert not WORDING.knows("kind", "of_a_newer_release")
    assert WORDING.word("cause", "said.duplicate_charge.ord-77", "zh") == "客户所述：重复扣款"
    assert WORDING.word("cause", "slowness of issuer+gateway", "zh") == "发卡行＋支付通道响应变慢"
    assert unknown("cause", tuple(f"failures of {each}" for each in DIMENSIONS)) == []


# What stays: names of rules, models, people, articles and files, addresses of pages, codes of others, and times.
ID: Final = re.compile(
    r"hxxps?://[^\s，；]+|money\.rates|[\w.@#-]*[\d_@/=][\w.@/:=-]*|[A-Z][A-Za-z._]+|\b[a-z]+-[a-z-]+\b"
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("10 posts by 9 customers within 40 s, read by 1000; duplicate_charge", "…; Charged twice"),
        ("from social, read by 700; fee_issue", "…; Question of a fee"),
        ("step_up ip/203.0.113.7", "step_up ip/203.0.113.7"),
        ("allow; nothing_of_ours", "allow; nothing_of_ours"),
    ],
)
def test_the_type_of_a_case_has_its_name_in_an_english_line_too(text: str, told: str) -> None:
    assert WORDING.line(text, "en") == told.replace("…", text.partition(";")[0])


def test_every_line_of_the_golden_stories_is_told_in_chinese() -> None:
    told = {text: WORDING.line(text, "zh") for text in published()["line"]}
    assert len(told) > 200
    names = r"\b(ana|bo|gus|mei|li|sue|forgotten|stolen|disowned|scam|whose|duplicate|alipay|paypal|stripe|(?:ab)+)\b"
    foreign = {text: shown for text, shown in told.items() if FOREIGN.search(re.sub(names, "", ID.sub("", shown)))}
    assert foreign == {}
    assert WORDING.line("step_up, from 192.0.2.102", "zh") == "加强验证，来自 192.0.2.102"
    assert WORDING.line("said by a newer release; order A-1", "zh") == "said by a newer release；订单 A-1"
    assert WORDING.line("money is back", "en") == "money is back"
    late = "resolution: 50 % of its time is over, it is due 2026-11-28T19:29:45Z"
    assert WORDING.line(late, "en") == "resolution: 50 % of its time is over, it is due 2026-11-28 19:29"
    assert WORDING.line(late, "zh").endswith("50%，截止 2026-11-28 19:29")


def test_what_rules_look_at_is_told_in_chinese() -> None:
    told = {each.name: WORDING.measure(each.name, "zh") for each in FEATURES}
    assert {name: shown for name, shown in told.items() if re.search("[a-z]{2}", shown)} == {}
    assert WORDING.measure("since_credential_change_s", "zh") == "距凭证更改"
    assert WORDING.measure("since_credential_change_s", "en") == "since credential change"


@pytest.mark.parametrize(
    ("template", "zh"),
    [
        ("security_change.limited", "安全设置变更"),
        ("account_locked.risk", "因风险锁定"),
        ("debited_not_confirmed", "已扣款未确认"),
        ("refund_started", "资金通知"),
        ("case.survey", "满意度回访"),
    ],
)
def test_a_message_is_called_by_what_it_is_about(template: str, zh: str) -> None:
    assert WORDING.word("template", template, "zh") == zh
    assert WORDING.changed(f"message {template}", "zh") == f"通知：{zh}"


def test_that_something_was_done_although_it_was_blocked_is_told_in_chinese() -> None:
    assert WORDING.changed(DONE, "zh") == "虽被拦截仍已完成"


def _refusals() -> set[str]:
    """The causes with which the core refuses: pairs of one and a sentence, and what `reject` is told."""
    found: set[str] = set()
    for path in Path("streams/core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and "tuple[str, str]" in ast.unparse(node.returns or node.args):
                for pair in ast.walk(node):
                    if isinstance(pair, ast.Tuple) and len(pair.elts) == 2:
                        found |= _cause(*pair.elts)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
                found |= _cause(*node.value.elts)
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("reject", "rejected"):
                for cause, sentence in pairwise(node.args):
                    found |= _cause(cause, sentence)
    return found


def _cause(cause: ast.expr, sentence: ast.expr) -> set[str]:
    if isinstance(sentence, ast.Subscript):
        sentence = sentence.value
    told = isinstance(sentence, ast.JoinedStr) or (isinstance(sentence, ast.Constant) and " " in str(sentence.value))
    is_cause = isinstance(cause, ast.Constant) and re.fullmatch("[a-z_]+", str(cause.value)) is not None
    return {str(cause.value)} if told and is_cause and isinstance(cause, ast.Constant) else set()


def test_every_refusal_of_the_core_has_words_in_both_languages() -> None:
    causes = _refusals()
    assert {"role", "version_conflict", "not_refunded", "unknown_case", "under_way", "no_address"} <= causes
    assert [each for each in sorted(causes) if not WORDING.knows("refusal", each)] == []
