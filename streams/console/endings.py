"""Which ways to say how a case ended does what the store knows of its money not bear out?

It says no only where it has looked at all there is; the core, which follows the books, has the last word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from streams.adapters.case_store import linked, queries
from streams.adapters.case_store.linked import Act
from streams.adapters.case_store.store import decode_case
from streams.contracts.cases import CaseVersion
from streams.core.cases.endings import STANDS, About, is_about_same, shows_refund

_MOST: Final = 20  # cases of the account that are looked at
_BACK: Final = frozenset({"refund.sent", "refund.credited", "payment.reversed"})


def unborne(connection: Connection, case: CaseVersion) -> Mapping[str, str]:
    """Resolutions that nothing bears out, each with the key of the sentence that says so."""
    if case.owner != "account" or _may_be_back(connection, case):
        return {}
    wrong = {"refunded": "refused.not_refunded"}
    return wrong | {"reversed": "refused.not_reversed"} if case.money_state in STANDS else wrong


def _may_be_back(connection: Connection, case: CaseVersion) -> bool:
    account_id = case.entities.account_id or ""
    known = queries.account(connection, account_id, _MOST)
    lines = () if known is None else known.cases
    if len(lines) == _MOST:
        return True
    cases = [decode_case(queries.case_body(connection, line.case_id) or b"") for line in lines]
    same = [each for each in cases if is_about_same(_about(case), _about(each))]
    if any(each.evidence_dropped or shows_refund(each.money_state, (x.kind for x in each.evidence)) for each in same):
        return True
    payments = {each.entities.payment_id for each in same if each.entities.payment_id}
    return any(
        _is_back(act) for payment_id in payments for act in linked.of_payment(connection, account_id, payment_id)
    )


def _is_back(act: Act) -> bool:
    return act.kind in _BACK or (act.kind == "ledger.posted" and act.label != "debit")


def _about(case: CaseVersion) -> About:
    return About(case.case_id, case.parent_id, case.entities.payment_id, case.entities.order_id)
