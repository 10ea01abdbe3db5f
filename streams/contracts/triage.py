"""What does PayWarden say about one failed payment: cause, party at fault, who acts, retry advice, safe words?"""

from __future__ import annotations

from typing import Literal

FaultParty = Literal["customer", "merchant", "issuer", "network", "platform", "fraud", "payee", "none", "unknown"]
# never: not with this instrument. query_first: the outcome is unknown; ask before anything else, never charge again.
RetryVerdict = Literal["never", "after_fix", "later", "query_first", "step_up", "n/a"]
# How much may be said: everything, the kind of problem, or only that it did not work.
Disclosure = Literal["plain", "category", "generic"]
MoneyState = Literal["not_moved", "unknown", "moved", "moved_partial"]
