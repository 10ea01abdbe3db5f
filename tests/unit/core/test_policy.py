"""Is a policy file refused in one clear sentence, hashed canonically, and selected by the time of the event?"""

from __future__ import annotations

import tomllib

import msgspec
import pytest

from streams.adapters.policy_file import default_text
from streams.core.outcome import Outcome
from streams.core.policy import TEXT_MAX, PolicyError, PolicySchedule, ScoreThresholds, parse_policy

DEFAULT = default_text()


@pytest.fixture(scope="module")
def policy():
    return parse_policy(DEFAULT)


def dated(day):
    return parse_policy(DEFAULT, f"effective_at = 2026-01-{day:02d}T00:00:00Z")


def tables(table, above=""):
    """Paths of all tables of keys that the policy knows; tables by currency or method accept more keys."""
    for name, value in table.items():
        if isinstance(value, dict) and not name.endswith("_minor") and name != "debit_without_payment_s":
            yield f"{above}{name}"
            yield from tables(value, f"{above}{name}.")


class TestDefault:
    def test_it_observes_until_somebody_says_otherwise(self, policy):
        assert policy.mode == "observe"

    def test_the_ladder_is_the_one_of_the_domain(self, policy):
        assert [(step.failures, step.wait_s) for step in policy.locks.ladder] == [
            (5, 30),
            (6, 60),
            (7, 300),
            (8, 900),
            (9, 1800),
            (10, 3600),
        ]

    def test_graces_of_rule_l1(self, policy):
        assert policy.money.grace_s("wallet_balance") == 120
        assert policy.money.grace_s("card") == policy.money.grace_s("bank_transfer") == 1800

    def test_the_three_numbers_of_repeated_failures_agree(self, policy):
        assert policy.repeat_failures.count == policy.rules.repeated_failures.attempts[0]

    def test_label_delay_is_seven_days(self, policy):
        assert policy.entities.risky_terminal.delay_s == 604_800


class TestRefusal:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("x = " + "[" * 5000 + "]" * 5000, "nested more than 16 deep"),
            ("x = " + "[" * 17 + "]" * 17, "nested more than 16 deep"),
            ("[" + "a." * 5000 + "b]", "nested more than 16 deep"),
            ("x = " + "9" * 5000, "this is not TOML"),
            ("\x00 = 1", "this is not TOML"),
            ("#" * (TEXT_MAX + 1), "at most 10,000,000 are read"),
        ],
        ids=["deep", "just too deep", "deep tables", "long number", "no text", "long"],
    )
    def test_hostile_texts_are_refused_like_others(self, text, problem):
        with pytest.raises(PolicyError, match=problem):
            parse_policy(DEFAULT, text)

    @pytest.mark.parametrize(
        ("text", "where", "words"),
        [
            ("modes = 'observe'", "modes", "no such key"),
            ("[locks]\nladders = []", "locks.ladders", "no such key"),
            ("[rules.velocity]\nthreshold = 3", "rules.velocity.threshold", "no such key"),
            ("[rules.vellocity]\nenabled = true", "rules.vellocity", "no such key"),
            ("mode = 'off'", "mode", "'off'"),
            ("lateness_s = 'soon'", "lateness_s", "int"),
            ("lateness_s = 0", "lateness_s", ">= 1"),
            ("policy_hash = 'abc'", "policy_hash", "never given"),
            ("effective_at = 2026-01-01T00:00:00", "effective_at", "offset"),
            ("default_time_zone = 'over there'", "default_time_zone", "matching"),
            ("[locks]\nladder = [{ failures = 5 }]", "locks.ladder[0].wait_s", "missing"),
            (
                "[locks]\nladder = [{ failures = 5, wait_s = 30 }, { failures = 6, wait_s = 10 }]",
                "locks.ladder",
                "do not rise",
            ),
            ("[locks]\nverified_channels = ['App']", "locks.verified_channels", "lower case"),
            ("[locks]\nverified_channels = ['app ']", "locks.verified_channels", "spaces"),
            ("[locks]\nunverified_channels = ['']", "locks.unverified_channels", "empty"),
            ("[locks]\nverified_channels = ['app', 'email']", "locks.verified_channels", "unverified_channels too"),
            ("[cases.raise_minor]\nyuan = 1", "cases.raise_minor", "str"),
            ("[cases.raise_minor]\nCNY = -1", "cases.raise_minor[...]", ">= 0"),
            ("[model.payment]\nstep_up = 0.9\nhold = 0.5", "model.payment", "stricter outcome"),
            ("[model.payment]\nhold = 90", "model.payment.hold", "<= 1"),
            ("[money]\nrates = []", "money.rates", "no rates"),
            ("[money]\nhome_currency = 'XTS'", "money.rates", "XTS"),
            ("[rules.velocity]\noutcomes = ['review', 'notify', 'hold']", "rules.velocity.outcomes", "milder"),
            ("[rules.velocity]\noutcomes = ['review']", "rules.velocity.in_5m", "outcomes"),
            ("[rules.velocity]\nin_5m = [9, 8, 7]", "rules.velocity.in_5m", "rise"),
        ],
    )
    def test_the_sentence_names_the_key_and_the_problem(self, text, where, words):
        with pytest.raises(PolicyError) as caught:
            parse_policy(DEFAULT, text)
        assert caught.value.where == where
        assert words in caught.value.problem
        assert caught.value.remedy
        assert str(caught.value).count("\n") == 0

    @pytest.mark.parametrize("path", sorted(tables(tomllib.loads(DEFAULT))))
    def test_an_unknown_key_is_refused_in_every_table(self, path):
        with pytest.raises(PolicyError) as caught:
            parse_policy(DEFAULT, f"[{path}]\nsurprise = 1")
        # A table whose keys are free, like `money.calendars`, refuses the value instead.
        assert caught.value.where in (f"{path}.surprise", path, f"{path}[...]")

    @pytest.mark.parametrize("path", sorted(tables(tomllib.loads(DEFAULT))))
    def test_a_table_may_not_become_a_number(self, path):
        parent, _, name = path.rpartition(".")
        with pytest.raises(PolicyError) as caught:
            parse_policy(DEFAULT, f"[{parent}]\n{name} = 1" if parent else f"{name} = 1")
        assert caught.value.where == path

    def test_broken_toml_is_a_policy_error_with_the_place(self):
        with pytest.raises(PolicyError, match="line 1"):
            parse_policy("= 3")

    def test_a_missing_debit_grace_for_other_methods_is_refused(self):
        text = DEFAULT.replace("other = 1800 ", "card = 1800 ")
        with pytest.raises(PolicyError, match="other"):
            parse_policy(text)


class TestHash:
    def test_layout_and_comments_do_not_matter(self, policy):
        assert parse_policy(DEFAULT, "# a note\nmode    = 'observe'").policy_hash == policy.policy_hash

    def test_any_decision_of_the_business_does(self, policy):
        changed = {
            policy.policy_hash,
            parse_policy(DEFAULT, "mode = 'enforce'").policy_hash,
            parse_policy(DEFAULT, "[locks.caps]\ntotal = 501").policy_hash,
            parse_policy(DEFAULT, "[cases.raise_minor]\nCNY = 500001").policy_hash,
        }
        assert len(changed) == 4


class TestAmounts:
    def test_listed_currencies_are_kept_and_the_rest_converted(self, policy):
        assert policy.cases.raise_minor["CNY"] == 500_000
        assert policy.cases.raise_minor["USD"] == 70_000
        assert policy.cases.raise_minor["JPY"] == 105_634  # 5000 CNY in yen, which has no decimals

    def test_a_currency_without_rate_has_no_amount(self, policy):
        assert "XTS" not in policy.cases.raise_minor

    def test_the_home_amount_uses_the_rate_of_the_day(self):
        later = """
        [[money.rates]]
        effective_at = 1970-01-01T00:00:00Z
        per_unit = { USD = 1.0, CNY = 7.0 }
        [[money.rates]]
        effective_at = 2026-01-02T00:00:00Z
        per_unit = { USD = 1.0, CNY = 8.0 }
        """
        policy = parse_policy(DEFAULT, later)
        day_ms = 1_767_312_000_000  # 2026-01-02T00:00:00Z
        assert policy.to_home(100, "USD", "CNY", day_ms - 1) == 700
        assert policy.to_home(100, "USD", "CNY", day_ms) == 800
        assert policy.to_home(100, "XTS", "CNY", day_ms) is None


class TestSchedule:
    def test_event_time_selects(self):
        first, second = dated(1), dated(10)
        schedule = PolicySchedule.of((second, first))
        start_ms = schedule.starts_ms[1]
        assert schedule.at(start_ms - 1) is first
        assert schedule.at(start_ms) is second
        assert schedule.at(0) is first

    def test_two_policies_of_one_date_are_refused(self):
        with pytest.raises(PolicyError, match="same date"):
            PolicySchedule.of((dated(1), dated(1)))

    def test_an_empty_schedule_is_refused(self):
        with pytest.raises(PolicyError, match="no policy"):
            PolicySchedule.of(())


@pytest.mark.parametrize(
    ("score", "outcome"),
    [(0.0, Outcome.ALLOW), (0.49, Outcome.ALLOW), (0.5, Outcome.STEP_UP), (0.9, Outcome.HOLD), (1.0, Outcome.HOLD)],
)
def test_scores_become_the_strictest_outcome_they_reach(score, outcome):
    assert ScoreThresholds(step_up=0.5, hold=0.9).outcome_of(score) is outcome


def test_a_small_cap_still_locks_one_account_per_partition(policy):
    caps = msgspec.structs.replace(policy.locks.caps, per_rule=6, partition_share=0.0)
    assert caps.of_partition(caps.per_rule, 12) == 1
    assert caps.of_partition(1200, 12) == 100
