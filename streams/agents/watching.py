"""What did the accounts agent know when it decided about one event? The agent itself, run again under observation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from streams.agents.accounts import AccountsLogic, Work
from streams.contracts.base import to_ms
from streams.contracts.topics import ENTITY_RISK
from streams.core.policy import PolicySchedule
from streams.core.steps import Prepared
from streams.ports import Places, Scorer
from streams.runtime.logic import Incoming, Record, Refused

# Earlier events of the account from which "usual" is told. More would not change a median that a person looks at.
_HISTORY = 200


class _When(msgspec.Struct):
    """All that another account's event contributes: time."""

    occurred_at: datetime


_when = msgspec.json.Decoder(_When).decode


class WatchingLogic(AccountsLogic):
    """The accounts agent that keeps what it prepared for one event.

    `alone`: of other accounts' events only the time counts. That is enough for one account's features, because what
    spans accounts comes as entity risk; it is not enough where entity risk is made in the same run, nor for a login,
    whose risk is measured against all others of the partition.
    """

    def __init__(
        self,
        policies: PolicySchedule,
        scorer: Scorer[Prepared],
        barrier_s: int | None,
        *,
        account_id: str,
        event_id: str,
        alone: bool,
        pseudonym_key: str,
        places: Places | None = None,
    ) -> None:
        super().__init__(policies, scorer, barrier_s, pseudonym_key=pseudonym_key, places=places)
        self.found: Prepared | None = None
        self.earlier: deque[Prepared] = deque(maxlen=_HISTORY)
        self._account_id = account_id
        self._event_id = event_id
        self._key = account_id.encode()
        self._alone = alone

    def read(self, record: Record) -> Incoming | Refused:
        if not self._alone or record.key == self._key or record.topic == ENTITY_RISK.name:
            return super().read(record)
        try:
            return Incoming(None, None, to_ms(_when(record.value or b"").occurred_at))
        except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError, TypeError) as error:
            return Refused("undecodable", type(error).__name__)

    def prepare(
        self, state: Any, incoming: Incoming, peek: Callable[[bytes], Any], late: bool, topic: str, shared: Any
    ) -> Work | None:
        prepared = super().prepare(state, incoming, peek, late, topic, shared)
        if type(prepared) is Prepared and prepared.features is not None and self.found is None:
            if prepared.event.event_id == self._event_id:
                self.found = prepared
            elif prepared.event.account_id == self._account_id:
                self.earlier.append(prepared)
        return prepared
