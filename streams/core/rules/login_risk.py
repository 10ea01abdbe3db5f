"""Does the right password come from where the owner never is?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.base import Share
from streams.contracts.logins import LoginSucceeded
from streams.core.features import MISSING, Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult, band_of
from streams.core.sections import Count, RuleSection

NO_HISTORY = NotApplicable("too few logins of this customer, or of the whole site, are known")
ADDRESS_ALONE = NotApplicable("the event names nothing but an address, which changes too often to judge by")


class LoginRiskPolicy(RuleSection, frozen=True, kw_only=True):
    """The score from which each band begins: percentiles of ordinary logins (docs/logins.md says how to measure)."""

    BANDS: ClassVar[int] = 3

    warm_logins: float
    release_accounts: Count
    release_share: Share
    release_s: Count
    ratios: tuple[float, ...]


def login_risk(event: LoginSucceeded, _at_ms: int, features: Features, policy: LoginRiskPolicy) -> RuleResult:
    """Likelihood ratio of a successful login (Freeman et al. 2016, domain 5.1).

    Asks: how much likelier are this address, network, country, browser, system, device and distance if it is anybody's
        login than if it is this customer's?
    Fires when: the ratio reaches policy.ratios: the score of 95 /01, 99 /02 and 99.9 /03 of 100 ordinary logins. Band
        /02 also limits money out for a while; band /03 is a stranger with the right password (case F21): money stays in
        on devices that the account does not know until the second factor is given there, then as after /02. An event
        that does not name both user agent and autonomous system or country tells too little for more than /01, unless
        it leaves out what this customer has always named. While a version gives everybody new devices (at home, within
        an hour: policy.release_accounts, and policy.release_share of its logins), a new device that comes from a known
        network with a known system is taken for the owner's, for policy.release_s.
    Blind to: a customer's first logins (policy.warm_logins) and the first 1,000 of a site; whoever holds the customer's
        own device or session.
    Costs: at most 450 bytes per account, 14 KiB per partition, some 20 us per successful login.
    """
    unlike = features.login_unlike == 1.0
    if event.user_agent is None and event.device_id is None and event.asn is None and not unlike:
        return ADDRESS_ALONE
    if features.login_risk == MISSING or features.login_history < policy.warm_logins:
        return NO_HISTORY
    band = band_of(features.login_risk, policy.ratios)
    if band == 0:
        return QUIET
    if not unlike and (event.user_agent is None or (event.asn is None and event.country is None)):
        band = 1
    evidence = {
        "login_risk": features.login_risk,
        "login_history": features.login_history,
        "login_known": features.login_known,
        "login_unlike": features.login_unlike,
        "login_excused": features.login_excused,
    }
    return Fired(band, ("R26",), evidence)
