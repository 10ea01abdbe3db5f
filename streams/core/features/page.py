"""What does the page docs/features.md say? Everything on it comes from the catalogue."""

from __future__ import annotations

from itertools import groupby

from streams.core.features.catalogue import FEATURE_SET, FEATURES, VERSION, FeatureSpec

_HEAD = """\
# Features

Generated from `streams/core/features/catalogue.py`; do not edit. `make docs` writes it again.

What rules and models know about an event: {number} numbers, in this order, computed from what was seen of the account
before the event, the event's own fields, and entity risk. Counts and sums include the event itself, as the handbook's
windows do; habits ("usual", "new", "since") do not. A window of length w at time t is (t - w, t]. No feature is
negative, so {missing} is the missing value; "never" in the last column means that there is always a value.

Amounts are in major units of the account's home currency: the profile's, else the policy's, else that of the first
movement. Another currency is converted by the policy's rate; without one it is counted, but not summed.

Feature set `{feature_set}`, version {version}. A model names the set that it was trained on; another set is refused.
"""

_FAMILIES = {
    "event": "The event itself",
    "account": "The account",
    "time": "Time of day, where the customer lives",
    "spend": "Outgoing movements: payments, transfers, withdrawals, bills, each counted once",
    "habit": "This amount against the customer's habit",
    "declines": "Refused movements",
    "novelty": "Is this new for the account?",
    "diversity": "How many different ones?",
    "credentials": "Since something sensitive happened",
    "flow": "Money in and out",
    "logins": "Logins",
    "travel": "Where",
    "labels": "What has been proved about this account",
    "risk": "Entity risk",
    "journey": "How the last login got there",
    "pattern": "The latest amounts, against their median",
    "proved": "What has been proved about this account, in detail",
    "place": "How the labels of the terminal, else the merchant, follow each other",
    "login risk": "From where this customer logs in, against everybody else",
    "slices": "Entity risk of networks, autonomous systems and user agents",
    "device": "Devices of logins that are not named, or new for everybody",
    "parts": "What goes to payees and places that were never paid before",
    "acting": "Who may act where a movement names no device",
    "gathered": "What is collected from people who never sent anything before",
}


def render_features() -> str:
    """The whole page."""
    head = _HEAD.format(number=len(FEATURES), missing="-1", feature_set=FEATURE_SET, version=VERSION)
    return head + "".join(_family(name, list(specs)) for name, specs in groupby(FEATURES, lambda spec: spec.family))


def _family(name: str, specs: list[FeatureSpec]) -> str:
    rows = "".join(f"| `{spec.name}` | {spec.unit} | {spec.meaning} | {_missing(spec)} |\n" for spec in specs)
    return f"\n## {_FAMILIES[name]}\n\n| feature | unit | meaning | missing |\n|---|---|---|---|\n{rows}"


def _missing(spec: FeatureSpec) -> str:
    return "never" if spec.missing is None else f"{spec.missing:g}"
