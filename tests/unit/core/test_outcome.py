"""Is the order of outcomes the one on the wire, and is an unknown word refused?"""

from __future__ import annotations

import pytest

from streams.core.outcome import LABELS, Outcome


def test_strictness_follows_the_order_of_the_vocabulary():
    assert sorted(Outcome) == [Outcome.parse(label) for label in LABELS]
    assert LABELS == ("allow", "notify", "step_up", "review", "hold", "block")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_label_reads_back(outcome):
    assert Outcome.parse(outcome.label) is outcome


def test_an_unknown_word_is_refused_and_the_known_ones_are_named():
    with pytest.raises(ValueError, match="allow, notify"):
        Outcome.parse("deny")
