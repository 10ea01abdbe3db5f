"""Which rules are there, in which order are they asked, and about which events?"""

from __future__ import annotations

from streams.core.rules.amount_habit import amount_habit
from streams.core.rules.attacked_site import attacked_site
from streams.core.rules.base import (
    ARRIVALS,
    CHALLENGES,
    CHANGES,
    FAILURES,
    LOGINS,
    PAYOUTS,
    SESSIONS,
    SPENDING,
    TOPUPS,
    Rule,
)
from streams.core.rules.card_testing import card_testing
from streams.core.rules.challenge_abuse import challenge_abuse
from streams.core.rules.cold_amount import cold_amount
from streams.core.rules.compromised_account import compromised_account
from streams.core.rules.dormant import dormant
from streams.core.rules.dormant_login import dormant_login
from streams.core.rules.fan_in import fan_in
from streams.core.rules.fan_out import fan_out
from streams.core.rules.hostile_address import hostile_address
from streams.core.rules.impossible_travel import impossible_travel
from streams.core.rules.login_failures import login_failures
from streams.core.rules.login_risk import login_risk
from streams.core.rules.merchant_hopping import merchant_hopping
from streams.core.rules.new_card import new_card
from streams.core.rules.new_country import new_country
from streams.core.rules.new_device_amount import new_device_amount
from streams.core.rules.pass_through import pass_through
from streams.core.rules.probe import probe
from streams.core.rules.repeated_failures import repeated_failures
from streams.core.rules.risky_terminal import risky_terminal
from streams.core.rules.scam_push import scam_push
from streams.core.rules.session_reuse import session_reuse
from streams.core.rules.spending_spike import spending_spike
from streams.core.rules.structuring import structuring
from streams.core.rules.takeover import takeover
from streams.core.rules.unusual_hour import unusual_hour
from streams.core.rules.velocity import velocity

# The order is the order of hits on the wire. Slugs and band numbers are never used again for something else.
RULES: tuple[Rule, ...] = (
    Rule("velocity", "velocity", velocity, SPENDING),
    Rule("merchant-hopping", "merchant_hopping", merchant_hopping, SPENDING),
    Rule("amount-habit", "amount_habit", amount_habit, SPENDING),
    Rule("spending-spike", "spending_spike", spending_spike, SPENDING),
    Rule("unusual-hour", "unusual_hour", unusual_hour, SPENDING),
    Rule("dormant", "dormant", dormant, SPENDING),
    Rule("probe", "probe", probe, SPENDING),
    Rule("structuring", "structuring", structuring, SPENDING),
    Rule("takeover", "takeover", takeover, SPENDING),
    Rule("new-device-amount", "new_device_amount", new_device_amount, SPENDING),
    Rule("new-country", "new_country", new_country, SPENDING | ARRIVALS),
    Rule("impossible-travel", "impossible_travel", impossible_travel, SPENDING | ARRIVALS),
    Rule("scam-push", "scam_push", scam_push, PAYOUTS),
    Rule("pass-through", "pass_through", pass_through, PAYOUTS),
    Rule("fan-in", "fan_in", fan_in, PAYOUTS),
    Rule("fan-out", "fan_out", fan_out, PAYOUTS),
    Rule("card-testing", "card_testing", card_testing, SPENDING | TOPUPS),
    Rule("risky-terminal", "risky_terminal", risky_terminal, SPENDING),
    Rule("compromised-account", "compromised_account", compromised_account, SPENDING),
    Rule("repeated-failures", "repeated_failures", repeated_failures, FAILURES),
    Rule("login-failures", "login_failures", login_failures, LOGINS),
    Rule("hostile-address", "hostile_address", hostile_address, LOGINS | CHANGES),
    Rule("attacked-site", "attacked_site", attacked_site, LOGINS),
    Rule("challenge-abuse", "challenge_abuse", challenge_abuse, CHALLENGES),
    Rule("cold-amount", "cold_amount", cold_amount, SPENDING),
    Rule("login-risk", "login_risk", login_risk, ARRIVALS),
    Rule("dormant-login", "dormant_login", dormant_login, ARRIVALS),
    Rule("session-reuse", "session_reuse", session_reuse, SESSIONS),
    Rule("new-card", "new_card", new_card, SPENDING),
)

BY_SLUG: dict[str, Rule] = {rule.slug: rule for rule in RULES}
