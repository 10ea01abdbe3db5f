"""Is every number of a policy file checked, and does each refusal say file, key and what to do in one sentence?"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from streams.adapters.policy_file import default_text, load_policy
from streams.core.policy import PolicyError, parse_policy
from streams.core.policy_ranges import RANGES, _numbers


def refusal(text: str) -> str:
    with pytest.raises(PolicyError) as refused:
        parse_policy(default_text(), text)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[rules.velocity]\nin_5m = [-1, 15, 25]", r"rules\.velocity\.in_5m\[0\]: -1 is no sensible value"),
        ("[rules.velocity]\nin_5m = [10, 10, 25]", r"rules\.velocity\.in_5m: bands do not rise"),
        ("[rules.amount_habit]\ndeviations = nan", r"rules\.amount_habit\.deviations: nan"),
        ("[rules.amount_habit]\ntimes_usual = [0.0, 1.0, 2.0]", r"rules\.amount_habit\.times_usual\[0\]: 0"),
        ("[entities.site_attack]\nsigmas = inf", r"entities\.site_attack\.sigmas: inf"),
        ("[rules.takeover]\nbalance_share = 1.5", r"balance_share: 1\.5 .* above 0, at most 1\."),
        ("[rules.dormant]\nmin_minor = { EUR = 0 }", r"min_minor\[EUR\]: 0 .* minor units"),
        ("[rules.probe]\nlarge_minor = { EUR = 50 }", "EUR is not above small_minor"),
        ("[rules.unusual_hour]\nhours = 13.0", r"hours: 13 .* 0\.5 to 12 hours"),
        ("[rules.impossible_travel]\nkm = -5.0", r"km: -5 .* 1 to 20,040 km"),
        ("[model.payment]\nnotify = 0.0", r"model\.payment\.notify: 0 "),
        ("[model.costs.hold]\nstops = 0.5", r"model\.costs\.hold\.stops: hold stops less than review"),
        ("[model.costs.hold]\nfriction_minor = { USD = 1 }", "friction_minor: hold annoys less than review in USD"),
        ("[model.costs]\nreviews_per_day = 2000000", r"model\.costs\.reviews_per_day: 2,000,000"),
        ("[locks.caps]\nper_rule = 900", r"locks\.caps\.total: 500 is less than locks\.caps\.per_rule"),
        ("[locks]\ndisable_at_failures = 101", "disable_at_failures: 101 .* 1 to 100"),
        ("[locks]\nstrangers_failures = 105", "strangers_failures: 105 .* 1 to 104 failures"),
        ("[locks]\nrestrict_s = 315360000", r"restrict_s: 315,360,000 .* \(30 days\)"),
        ("[locks]\nresend_s = 900", "ack_timeout_s: 300 is less than locks"),
        ("[money]\nnear_limits = [5000, 1000]", r"money\.near_limits: values do not rise"),
        ("[money]\nauto_refunds_per_30d = -1", "auto_refunds_per_30d: -1"),
        ("[money.debit_without_payment_s]\nother = 9999", "other\\]: 9,999 .* 1 to 7,200 seconds"),
        ("[cases]\nopen_max = 9", "open_max: 9 .* 1 to 8"),
        ("[cases.P1]\nresolution_s = 100", "resolution_s: 100 is less than cases.P1.first_response_s"),
        ("[cases.P2]\nfirst_response_s = 60", r"cases\.P2\.first_response_s: 60 is less than cases\.P1"),
        ("[notifications]\nweekly_cap = 17", "weekly_cap: 17 .* 1 to 16"),
        ("lateness_s = 100", "lateness_s: 100 is less than entities.feeds.stalled_s"),
        ("[entities.card_testing]\nattack_cards = 3", "attack_cards: 3 is less than"),
        ("[entities.risky_terminal]\nattack_rate = 0.05", "attack_rate: 0.05 is less than"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(text: str, says: str) -> None:
    sentence = refusal(text)
    assert re.search(says, sentence), sentence
    assert sentence.startswith("policy key ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_the_sentence_names_the_file_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[rules.takeover]\ndevice_days = -1.0\n")
    with pytest.raises(PolicyError, match=r"rules\.takeover\.device_days.*mine\.toml"):
        load_policy(file)


def test_every_number_of_the_default_has_a_range_and_is_refused_far_outside_it() -> None:
    """Set each number of the default, one after the other, to a value that nobody can have meant."""
    default = tomllib.loads(default_text())
    checked = 0
    for path, _ in _numbers(load_policy(), ""):
        if "[" in path or re.search(r"\.\d+\.|^money\.rates", path):
            continue
        *tables, key = path.split(".")
        assert any(each.path.search(path) for each in RANGES)
        holder = default
        for table in tables:
            holder = holder[table]
        decimal = isinstance(holder[key], float)
        for value in ("-3", str(10**18)):
            number = f"{value}.0" if decimal else value
            table = f"[{'.'.join(tables)}]\n" if tables else ""
            refusal(f"{table}{key} = {number}")
            checked += 1
    assert checked > 150
