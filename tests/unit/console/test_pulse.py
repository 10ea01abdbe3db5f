"""Is somebody who looks at a console told that no worker reads, and never while one does?"""

from __future__ import annotations

from streams.console.pulse import MANY, SILENT_MS, Pulse

BEGAN_MS = 1_000_000
LATER_MS = BEGAN_MS + SILENT_MS


def told(*batches: dict[str, int]) -> int | None:
    """What a console says a minute after these batches."""
    pulse = Pulse()
    for at, batch in enumerate(batches):
        pulse.heard(batch, BEGAN_MS + at)
    return pulse.silent_since_ms(LATER_MS)


def test_payments_and_logins_without_a_decision_are_told_with_their_begin() -> None:
    assert told({"payments.transactions": MANY - 1}, {"auth.logins": 1}) == BEGAN_MS


def test_it_is_not_told_before_a_worker_could_have_started() -> None:
    pulse = Pulse()
    pulse.heard({"auth.logins": 1_000}, BEGAN_MS)
    assert pulse.silent_since_ms(LATER_MS - 1) is None


def test_whatever_a_worker_writes_ends_it() -> None:
    for written in ("fraud.decisions", "support.cases", "account.locks"):
        assert told({"auth.logins": MANY}, {written: 1, "auth.logins": 5}) is None


def test_what_brings_nothing_to_decide_is_no_reason() -> None:
    assert told({"ledger.entries": 50_000}) is None  # a statement of the night
    assert told({"auth.logins": MANY}, {"account.profiles": 1}) == BEGAN_MS  # that is not a worker's word either
    assert told({"payments.transactions": MANY - 1}) is None  # outcomes of what was decided before
