"""Which thresholds does each rule have? One table of the policy file per rule."""

from __future__ import annotations

from streams.core.rules.amount_habit import AmountHabitPolicy
from streams.core.rules.attacked_site import AttackedSitePolicy
from streams.core.rules.card_testing import CardTestingPolicy
from streams.core.rules.challenge_abuse import ChallengeAbusePolicy
from streams.core.rules.cold_amount import ColdAmountPolicy
from streams.core.rules.compromised_account import CompromisedAccountPolicy
from streams.core.rules.dormant import DormantPolicy
from streams.core.rules.dormant_login import DormantLoginPolicy
from streams.core.rules.fan_in import FanInPolicy
from streams.core.rules.fan_out import FanOutPolicy
from streams.core.rules.hostile_address import HostileAddressPolicy
from streams.core.rules.impossible_travel import ImpossibleTravelPolicy
from streams.core.rules.login_failures import LoginFailuresPolicy
from streams.core.rules.login_risk import LoginRiskPolicy
from streams.core.rules.merchant_hopping import MerchantHoppingPolicy
from streams.core.rules.new_card import NewCardPolicy
from streams.core.rules.new_country import NewCountryPolicy
from streams.core.rules.new_device_amount import NewDeviceAmountPolicy
from streams.core.rules.pass_through import PassThroughPolicy
from streams.core.rules.probe import ProbePolicy
from streams.core.rules.repeated_failures import RepeatedFailuresPolicy
from streams.core.rules.risky_terminal import RiskyTerminalPolicy
from streams.core.rules.scam_push import ScamPushPolicy
from streams.core.rules.session_reuse import SessionReusePolicy
from streams.core.rules.spending_spike import SpendingSpikePolicy
from streams.core.rules.structuring import StructuringPolicy
from streams.core.rules.takeover import TakeoverPolicy
from streams.core.rules.unusual_hour import UnusualHourPolicy
from streams.core.rules.velocity import VelocityPolicy
from streams.core.sections import Section


class RulesPolicy(Section, frozen=True, kw_only=True):
    """The tables `rules.*`: one field per rule, named like the rule's file."""

    velocity: VelocityPolicy
    merchant_hopping: MerchantHoppingPolicy
    amount_habit: AmountHabitPolicy
    spending_spike: SpendingSpikePolicy
    unusual_hour: UnusualHourPolicy
    dormant: DormantPolicy
    probe: ProbePolicy
    structuring: StructuringPolicy
    takeover: TakeoverPolicy
    new_device_amount: NewDeviceAmountPolicy
    new_country: NewCountryPolicy
    impossible_travel: ImpossibleTravelPolicy
    scam_push: ScamPushPolicy
    pass_through: PassThroughPolicy
    fan_in: FanInPolicy
    fan_out: FanOutPolicy
    card_testing: CardTestingPolicy
    risky_terminal: RiskyTerminalPolicy
    compromised_account: CompromisedAccountPolicy
    repeated_failures: RepeatedFailuresPolicy
    login_failures: LoginFailuresPolicy
    hostile_address: HostileAddressPolicy
    attacked_site: AttackedSitePolicy
    challenge_abuse: ChallengeAbusePolicy
    cold_amount: ColdAmountPolicy
    login_risk: LoginRiskPolicy
    dormant_login: DormantLoginPolicy
    session_reuse: SessionReusePolicy
    new_card: NewCardPolicy
