"""Is the vocabulary of reasons fixed, bilingual, used, and silent towards customers?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from streams.core import rules
from streams.core.reasons import REASONS, SafeClass

# Reasons that no rule gives: the score's own, the one of a rule that failed, and the one of a lock.
BY_THE_CORE = {"R22", "R23", "R28", "R29"}
# Nobody gives them any more; decisions of the past have them.
RETIRED = {"R06"}


def test_codes_are_numbered_without_holes_and_slugs_unique():
    assert list(REASONS) == [f"R{number:02d}" for number in range(1, len(REASONS) + 1)]
    assert len({reason.slug for reason in REASONS.values()}) == len(REASONS)


def test_analysts_can_read_each_in_both_languages():
    for reason in REASONS.values():
        assert re.search(r"[\u4e00-\u9fff]", reason.zh)
        assert re.fullmatch(r"[A-Z][\w ,;'-]+", reason.en)


def test_customers_get_one_of_few_classes():
    assert {reason.safe for reason in REASONS.values()} == set(get_args(SafeClass))


def test_every_reason_is_given_by_somebody():
    folder = Path(rules.__file__).parent
    given = {code for path in folder.glob("*.py") for code in re.findall(r'"(R\d\d)"', path.read_text("utf-8"))}
    assert given | BY_THE_CORE | RETIRED == set(REASONS)
    assert not given & RETIRED
