"""Which scenarios are there, what should become of them, and how is one played?"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from producers.durations import parse_duration, parse_instant
from producers.errors import BadInput
from producers.feed import Outgoing
from producers.simulate import (
    account_takeover,
    card_testing,
    code_never_seen,
    credential_attacks,
    debit_of_nothing,
    debited_but_failed,
    dormant_wakeup,
    double_benefit,
    double_charge,
    gateway_outage,
    honest_logins,
    impossible_travel,
    issuer_outage,
    late_success,
    lockout_attack,
    merchant_misconfigured,
    mule,
    normal_day,
    password_spray,
    payday,
    population,
    probe_then_large,
    public_outcry,
    refund_never_sent,
    release_bug,
    repeat_failures,
    silent_hang,
    sms_outage,
    stalled_ledger,
    topup_lost,
    weekly_rhythm,
    withdrawal_late,
)
from producers.simulate.stage import Stage
from producers.sources.fdh import EPOCH_MS, Row

ACTS: Final[Mapping[str, Callable[[Stage], None]]] = MappingProxyType(
    {
        "account_takeover": account_takeover.play,
        "app_release": honest_logins.app_release,
        "bin_attack": card_testing.bin_attack,
        "brute_force": credential_attacks.brute_force,
        "card_testing": card_testing.play,
        "carrier_nat": honest_logins.carrier_nat,
        "code_never_seen": code_never_seen.play,
        "credential_burst": credential_attacks.credential_burst,
        "credential_burst_spread": credential_attacks.credential_burst_spread,
        "credential_stuffing": credential_attacks.stuffing,
        "debit_of_nothing": debit_of_nothing.play,
        "debited_but_failed": debited_but_failed.play,
        "dormant_wakeup": dormant_wakeup.play,
        "double_benefit": double_benefit.play,
        "double_charge": double_charge.play,
        "family_device": honest_logins.family_device,
        "forgetful": honest_logins.forgetful,
        "gateway_outage": gateway_outage.play,
        "impossible_travel": impossible_travel.play,
        "issuer_outage": issuer_outage.play,
        "late_success": late_success.play,
        "lockout_attack": lockout_attack.play,
        "low_and_slow": credential_attacks.low_and_slow,
        "merchant_misconfigured": merchant_misconfigured.play,
        "mule": mule.play,
        "new_phone": honest_logins.new_phone,
        "normal_day": normal_day.play,
        "one_guess": credential_attacks.one_guess,
        "one_network": credential_attacks.one_network,
        "otp_abuse": credential_attacks.otp_abuse,
        "password_manager": honest_logins.password_manager,
        "password_spray": password_spray.play,
        "payday": payday.play,
        "population": population.play,
        "probe_then_large": probe_then_large.play,
        "public_outcry": public_outcry.play,
        "refund_never_sent": refund_never_sent.play,
        "release_bug": release_bug.play,
        "repeat_failures": repeat_failures.play,
        "shared_office": honest_logins.shared_office,
        "silent_hang": silent_hang.play,
        "sms_outage": sms_outage.play,
        "stalled_ledger": stalled_ledger.play,
        "stolen_session": credential_attacks.stolen_session,
        "topup_lost": topup_lost.play,
        "traveller": honest_logins.traveller,
        "withdrawal_late": withdrawal_late.play,
        "weekly_rhythm": weekly_rhythm.play,
    }
)


Range: TypeAlias = tuple[float, float]
# Least and most of a parameter, unless the scenario's own [limits] say otherwise.
ORDINARY: Final[Range] = (0, 1_000_000)
LIMITS: Final[Mapping[str, Range]] = MappingProxyType(
    {
        "customers": (1, 1_000_000),
        "terminals": (1, 1_000_000),
        "radius": (0.1, 100),
        "days": (0, 3_660),
        "label_days": (0, 3_660),
    }
)


class Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a good detector makes of the scenario; written without looking at ours."""

    flows: tuple[str, ...]  # of which at least one case opens
    never: tuple[str, ...]  # of which no case may open
    verdict: str
    later: tuple[str, ...] = ()  # of `flows`: what PayWarden does not detect yet, so that nobody waits for it


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of `producers/scenarios`."""

    name: str
    title: str
    story: str
    act: str
    start: str
    settle: str
    expect: Expectation
    parameters: dict[str, float]
    limits: dict[str, Range] = {}

    @property
    def settle_ms(self) -> int:
        return parse_duration(self.settle)

    def stage(self, seed: int, start_ms: int | None = None, changes: Mapping[str, float] | None = None) -> Stage:
        """The world before the first event. `changes` replace parameters; unknown names, absurd values are refused."""
        unknown = sorted(set(changes or ()) - set(self.parameters))
        if unknown:
            raise BadInput(f"{self.name} has no parameter {unknown[0]!r}; it has {', '.join(self.parameters)}.")
        for name, value in (changes or {}).items():
            least, most = self.limits.get(name) or LIMITS.get(name, ORDINARY)
            if not least <= value <= most:
                raise BadInput(
                    f"{self.name}: {name} must be between {least:,.12g} and {most:,.12g}, not {value:,.12g}."
                )
        begin_ms = parse_instant(self.start) if start_ms is None else start_ms
        return Stage(self.name, seed, begin_ms, {**self.parameters, **(changes or {})})

    def records(
        self, seed: int, start_ms: int | None = None, changes: Mapping[str, float] | None = None
    ) -> Iterator[Outgoing]:
        """Everything that happens, in order of time."""
        stage = self.stage(seed, start_ms, changes)
        ACTS[self.act](stage)
        return stage.records()

    def rows(self, seed: int, start_ms: int | None = None, changes: Mapping[str, float] | None = None) -> Iterator[Row]:
        """Only the payments, as rows of the handbook's format; for scenarios that are a population and nothing else."""
        if self.act != "population":
            raise BadInput(f"{self.name} is more than card payments; only a population can be written as fdh.")
        stage = self.stage(seed, start_ms, changes)
        if stage.start_ms < EPOCH_MS:
            raise BadInput("The handbook's format counts seconds since 2018-04-01; choose a later start.")
        return stage.rows(0, stage.number("days"), population.frauds_of(stage))


@cache
def scenarios() -> Mapping[str, Scenario]:
    """All scenarios by name."""
    found = {}
    for file in sorted(files("producers").joinpath("scenarios").iterdir(), key=lambda entry: entry.name):
        name, _, kind = file.name.partition(".")
        if kind == "toml":
            table = {"name": name, **tomllib.loads(file.read_text(encoding="utf-8"))}
            found[name] = msgspec.convert(table, Scenario)
    return MappingProxyType(found)


def scenario(name: str) -> Scenario:
    """The scenario of that name; hyphens count as underscores."""
    found = scenarios().get(name.replace("-", "_"))
    if found is None:
        raise BadInput(f"There is no scenario {name!r}; choose one of {', '.join(scenarios())}.")
    return found
