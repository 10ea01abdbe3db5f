"""Which flows do customers write about, who works them, and what is asked or answered (domain 1.3)?"""

from __future__ import annotations

from typing import Final, NamedTuple


class Topic(NamedTuple):
    """What follows once a message is known to be about this flow."""

    flow: str
    case_type: str
    queue: str
    priority: int
    needs: tuple[str, ...] = ()  # details without which nobody can begin
    answer: bool = False  # its template `answer.<flow>` says all there is to say
    family: str = ""  # of the case that a report of the same thing opens, so that both are one
    told: str = ""  # what the customer is told that it is about, where that is not the flow's own word
    at_once: bool = False  # people begin with what is known, whatever its priority: it can be stopped for a short time

    @property
    def word(self) -> str:
        """The word of the message catalogue that says what it is about."""
        return f"topic.{self.told or self.flow}"


_PAYMENT = ("order", "amount", "time")
# Whoever has sent money to a cheat made the transfer themselves: no payment of somebody else's, and no enquiry.
SCAMMED: Final = Topic(
    "F41", "authorised_scam", "security", 1, ("payee", "amount", "time"), family="authorised_scam", told="scammed"
)
# Whoever did not make a change that we told them of may be losing the account at this minute.
DISOWNED: Final = Topic("F28", "security_change", "security", 1, family="takeover")
# What nobody has understood: a person reads it.
UNREAD: Final = Topic("F42", "inquiry.unread", "policy", 3)
# Nobody writes about F04 (a customer sees F35), F26, F30, F43 and F45: events raise those.
TOPICS: Final = {
    topic.flow: topic
    for topic in (
        Topic("F01", "payment_failure.insufficient_funds", "self_service", 4, answer=True),
        Topic("F02", "payment_failure.limit", "policy", 4),
        Topic("F03", "payment_unknown", "technical", 3, _PAYMENT),
        Topic("F05", "payment_failure.merchant_system", "technical", 3, ("payee", "time")),
        Topic("F06", "transfer_failure.payee", "self_service", 4, answer=True),
        Topic("F07", "payment_failure.card", "self_service", 4, answer=True),
        Topic("F08", "authentication_issue", "technical", 3),
        Topic("F09", "payment_failure.repeat", "technical", 3, ("time",)),
        Topic("F10", "debited_not_confirmed", "accounting", 2, _PAYMENT),
        Topic("F11", "amount_mismatch", "accounting", 2, ("order", "amount")),
        Topic("F12", "duplicate_charge", "accounting", 2, ("order", "amount")),
        Topic("F13", "topup_not_credited", "accounting", 2, ("amount", "time")),
        Topic("F14", "withdrawal_delay", "accounting", 3, ("amount", "time")),
        Topic("F15", "refund_request", "policy", 3, ("order",)),
        Topic("F16", "refund_dispute", "policy", 2, ("order", "payee")),
        Topic("F17", "refund_failed", "accounting", 2, ("order",)),
        Topic("F18", "stale_record", "technical", 3, ("time",)),
        Topic("F19", "login_issue", "self_service", 4, answer=True),
        Topic("F20", "account_locked.password", "security", 3),
        Topic("F21", "account_locked.risk", "security", 2),
        Topic("F22", "unlock_request", "security", 2),
        Topic("F23", "account_takeover", "security", 1, family="takeover"),
        Topic("F24", "fraud_alert", "security", 2),
        Topic("F25", "unauthorised_txn", "security", 1, ("amount", "time"), family="unauthorised"),
        Topic("F27", "card_change", "self_service", 4, answer=True),
        Topic("F28", "security_change", "security", 3),
        Topic("F29", "security_advice", "self_service", 4, answer=True),
        Topic("F31", "mule_account", "security", 2, family="mule_account"),
        Topic("F32", "promo_issue", "policy", 4),
        Topic("F33", "refund_abuse", "security", 3),
        Topic("F34", "incident.merchant", "technical", 2, ("time",)),
        Topic("F35", "incident.channel", "technical", 2),
        Topic("F36", "bill_not_posted", "accounting", 2, ("amount", "time")),
        Topic("F37", "method_unsupported", "policy", 4, answer=True),
        Topic("F38", "payment_failure.code", "self_service", 4, answer=True),
        Topic("F39", "merchant_onboarding", "policy", 4),
        Topic("F40", "security_inquiry", "security", 4, answer=True),
        Topic("F41", "wrong_transfer", "policy", 3, ("payee", "amount", "time"), family="wrong_transfer", at_once=True),
        Topic("F42", "inquiry", "self_service", 4),
        Topic("F44", "feedback", "policy", 4),
        Topic("F46", "fee_issue", "accounting", 3, ("amount",)),
    )
}
