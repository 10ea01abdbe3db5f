"""How do a few hundred patterns become thousands of different messages, the same ones for the same seed?

`zh.txt` and `en.txt` hold one pattern a line: the flow, a blank, the pattern. `(a|b|)` is one of them, `{amount}` a
slot that is filled with an invented value. Some messages get a greeting, an end, a slip of the finger: as people write.

A fifth of the patterns of every flow and language is held out as a whole, chosen by the digest of the pattern: what the
model is tested on shares no sentence frame with what it was trained on. A flow with a plus, `F42+`, marks a pattern
that was written after others had been measured: it is only learnt from, so the test stays the one that it was.
`colloquial.txt` (trained on) and `handwritten.txt` (a test, by which nothing is ever chosen) hold messages that no
pattern produced.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from hashlib import blake2b
from importlib.resources import files
from typing import Literal, NamedTuple

Language = Literal["zh", "en"]
Part = Literal["train", "held_out", "handwritten"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
PER_FLOW = 60  # different messages per flow and language, of which the held-out patterns give their share
LEAST = 40
HELD_OUT = 5  # one in so many patterns, at least one
LATER = "+"


class Written(NamedTuple):
    """One message; the `pattern` of one written by hand is its text."""

    flow: str
    language: Language
    text: str
    part: Part
    pattern: str


class TooFew(Exception):
    """A flow has not enough patterns: the sentence says which, and what to add."""


_CHOICE = re.compile(r"\(([^()]*)\)(\??)")
_SLOT = re.compile(r"\{(\w+)\}")
_MERCHANTS = {
    "zh": ("美团", "京东", "便利店", "星星咖啡", "滴滴", "小红超市", "淘宝店", "健身房", "药店", "加油站"),
    "en": (
        "Greenmart",
        "the bookshop",
        "Luna Coffee",
        "the gym",
        "CityTaxi",
        "the pharmacy",
        "Bikehouse",
        "a web shop",
    ),
}
_NAMES = {
    "zh": ("小王", "张伟", "我妈", "李娜", "房东", "同事", "老刘"),
    "en": ("Anna", "my brother", "Tom", "the landlord", "Maria", "a colleague", "Mr Lee"),
}
_BANKS = {
    "zh": ("工商银行", "建行", "招行", "农业银行", "中行", "邮储"),
    "en": ("First Bank", "my bank", "ICBC", "HSBC", "Northern Bank", "CCB"),
}
_TIMES = {
    "zh": ("昨天", "今天上午", "刚才", "前天下午3点", "11月2日", "昨晚九点", "上周五", "中午"),
    "en": ("yesterday", "this morning", "at 3pm", "on Nov 2", "last night", "on Friday", "an hour ago", "today"),
}
_OPENERS = {
    "zh": ("你好，", "您好 ", "请问", "客服，", "喂，", "急！", "那个，", "麻烦看下，"),
    "en": ("hi, ", "hello ", "hey ", "please help, ", "urgent: ", "excuse me, ", "so ", "good morning, "),
}
_CLOSERS = {
    "zh": ("，怎么办", "，急", "，谢谢", "？？", "，帮忙看看", "！", "，麻烦处理一下", "啊"),
    "en": (" please", ", thanks", "??", " help", "!!", ", please check", " asap", ", what now"),
}


def written(seed: int) -> list[Written]:
    """All messages of patterns, by language, flow and pattern; raises TooFew."""
    found: list[Written] = []
    for language in LANGUAGES:
        later = patterns_of(language, later=True)
        for flow, patterns in patterns_of(language).items():
            out = set(sorted(patterns, key=_digest)[: max(1, len(patterns) // HELD_OUT)])
            mine: dict[str, Written] = {}
            share = -(-PER_FLOW // len(patterns))
            for pattern in (*patterns, *later.get(flow, ())):
                chance = random.Random(f"{seed}/{language}/{flow}/{pattern}")
                made: set[str] = set()
                for _ in range(share * 12):
                    if len(made) == share:
                        break
                    text = _filled(pattern, language, chance)
                    if text not in mine:
                        mine[text] = Written(flow, language, text, "held_out" if pattern in out else "train", pattern)
                        made.add(text)
            if len(mine) < LEAST:
                raise TooFew(f"{language}.txt: flow {flow} gives {len(mine)} messages, not {LEAST}: add a pattern.")
            found.extend(mine.values())
    return found


def colloquial() -> list[Written]:
    """Colloquial, misspelt and mixed messages to learn from; each counts as a pattern of its own."""
    return _by_hand("colloquial.txt", "train")


def handwritten() -> list[Written]:
    """Messages of the same kind to be tested with."""
    return _by_hand("handwritten.txt", "handwritten")


def _by_hand(name: str, part: Part) -> list[Written]:
    """One message a line: flow, language, text."""
    lines = files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()
    split = [line.split(" ", 2) for line in lines]
    return [Written(flow, "zh" if language == "zh" else "en", text, part, text) for flow, language, text in split]


def patterns_of(language: Language, *, later: bool = False) -> dict[str, list[str]]:
    """Patterns by flow, as the file has them: the first ones, or those that were written `later`."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in files(__package__).joinpath(f"{language}.txt").read_text(encoding="utf-8").splitlines():
        flow, _, pattern = line.partition(" ")
        if flow.endswith(LATER) == later:
            found[flow.removesuffix(LATER)].append(pattern)
    return dict(found)


def _digest(pattern: str) -> str:
    return blake2b(pattern.encode(), digest_size=8).hexdigest()


def _filled(pattern: str, language: Language, chance: random.Random) -> str:
    text = pattern
    while (found := _CHOICE.search(text)) is not None:
        chosen = "" if found.group(2) and chance.random() < 0.5 else chance.choice(found.group(1).split("|"))
        text = text[: found.start()] + chosen + text[found.end() :]
    text = _SLOT.sub(lambda slot: _value(slot.group(1), language, chance), text)
    if chance.random() < 0.3:
        text = chance.choice(_OPENERS[language]) + text
    if chance.random() < 0.3:
        text += chance.choice(_CLOSERS[language])
    return _slipped(text, chance) if chance.random() < 0.15 else text


def _value(slot: str, language: Language, chance: random.Random) -> str:
    match slot:
        case "amount":
            number = chance.choice((f"{chance.randint(1, 999)}", f"{chance.randint(10, 9999) / 10:.2f}"))
            return (
                number + chance.choice(("元", "块", "块钱"))
                if language == "zh"
                else chance.choice((f"${number}", f"{number} USD", f"{number} yuan"))
            )
        case "order":
            return f"{chance.choice('ABDT')}{chance.randint(10**9, 10**10 - 1)}"
        case "last4":
            return f"{chance.randint(0, 9999):04d}"
        case "n":
            return str(chance.randint(3, 9))
        case "merchant":
            return chance.choice(_MERCHANTS[language])
        case "name":
            return chance.choice(_NAMES[language])
        case "bank":
            return chance.choice(_BANKS[language])
        case "time":
            return chance.choice(_TIMES[language])
        case _:
            raise TooFew(f"{language}.txt: there is no slot {{{slot}}}; use one that `_value` knows.")


def _slipped(text: str, chance: random.Random) -> str:
    """One character lost, doubled or exchanged with its neighbour."""
    at = chance.randrange(len(text) - 1)
    return chance.choice(
        (text[:at] + text[at + 1 :], text[: at + 1] + text[at:], text[:at] + text[at + 1] + text[at] + text[at + 2 :])
    )
