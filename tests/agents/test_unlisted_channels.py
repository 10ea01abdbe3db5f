"""Is a word through a channel that the policy does not list counted, so that somebody lists it?"""

from __future__ import annotations

from support.happenings import MINUTE, NOON, SECOND, event
from support.scenes import Scene

from producers.feed import outgoing
from streams.contracts.accounts import CustomerConfirmed, UserReport
from streams.metrics import CHANNELS_UNLISTED


def test_reports_and_answers_through_unlisted_channels_are_counted() -> None:
    channels = ["App", "phone", "social", "fax", "FAX"]
    feed = [
        outgoing("support.requests", event(kind, NOON + number * SECOND, number, channel=channel, **said))
        for number, channel in enumerate(channels)
        for kind, said in ((UserReport, {"kind": "stolen"}), (CustomerConfirmed, {"answer": "no"}))
    ]
    run = Scene(partitions=1, step_ms=MINUTE, responder=False).play(feed, MINUTE)
    assert sum(number for (each, _), number in run.run.counts.items() if each is CHANNELS_UNLISTED) == 4
