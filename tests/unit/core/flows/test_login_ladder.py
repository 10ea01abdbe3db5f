"""Whom do failed logins keep out, and can a stranger keep the owner out?"""

from __future__ import annotations

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, IdentityVerified, UserMessage
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengeFailed, ChallengePassed, CredentialChanged, LoginFailed, LoginSucceeded
from streams.core.risk import RiskFact

OWN = {"device_id": "own", "ip": "198.51.100.7"}
THIEF = {"device_id": "thief", "ip": "192.0.2.9"}
HOME = {"ip": "198.51.100.7"}  # on a site whose events name no device
NEIGHBOUR = {"ip": "198.51.100.99"}  # in the owner's /24


ASSUMED = policy('[locks]\nack = "assumed"\n')


def at_home(days=5, rules=None, **where):
    """An account whose owner logged in daily."""
    player = Player(rules or policy())
    for day in range(days):
        player.see(login(NOON - (days - day) * DAY, f"home{day}", LoginSucceeded, **(where or OWN)))
    return player


def fail(player, times, every_ms=MINUTE, at_ms=NOON, name="f", **where):
    """What failures in a row bring about."""
    effects = []
    for number in range(times):
        effects += player.see(login(at_ms + number * every_ms, f"{name}{number}", LoginFailed, **where))
    return effects


def commanded(effects):
    """What was commanded about the login, and of whom."""
    return {(one.action, one.applies_to) for one in effects if type(one) is ActionRequested}


def locked_out(effects):
    """Who had to wait."""
    return {applies_to for action, applies_to in commanded(effects) if action in ("lock", "step_up")}


def states(effects):
    return [one.state for one in effects if type(one) is LocksState]


class TestStrangers:
    def test_a_neighbour_without_a_device_never_keeps_out_an_owner_who_names_one(self):
        player = at_home()
        effects = fail(player, 101, **NEIGHBOUR)
        assert locked_out(effects) == {"unknown_devices"}
        assert states(effects)[-1] == "challenged"
        own = fail(player, 5, at_ms=NOON + 102 * MINUTE, **OWN)
        assert locked_out(own) == {"known_devices"}, "the owner's own failures still count"


class TestTrial:
    @pytest.mark.parametrize("where", [OWN, THIEF], ids=["known", "unknown"])
    def test_a_ladder_that_observes_makes_nobody_wait_because_another_rule_enforces(self, where):
        trial = policy('mode = "observe"\n', '[rules.hostile_address]\nmode = "enforce"\n')
        player = Player(trial, risk=lambda kind, *_: RiskFact(2, guessing=2) if kind == "ip" else None)
        for day in range(5):
            player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, **OWN))
        effects = fail(player, 12, **where)
        asked = [one for one in effects if type(one) is DecisionMade and not one.shadow]
        assert asked
        assert not commanded(effects)


class TestTheNetworkStandsForADevice:
    """Where no event names one: its owner comes in from there, and so do all the neighbours."""

    def comes(self, player, at_ms, **where):
        told = player.see(login(at_ms, f"in{at_ms}", LoginSucceeded, **where))
        return next(one.outcome for one in told if type(one) is DecisionMade)

    def test_it_waits_with_the_password_alone(self):
        player = at_home(**HOME)
        assert commanded(fail(player, 5, **NEIGHBOUR)) == {("step_up", "known_devices")}
        assert self.comes(player, NOON + 4 * MINUTE + SECOND, **HOME) == "step_up"
        assert self.comes(player, NOON + 6 * MINUTE, **HOME) == "allow"

    def test_a_neighbour_who_fails_every_hour_disables_nothing_and_shuts_nobody_out(self):
        player = at_home(**HOME)
        effects = fail(player, 130, every_ms=HOUR, **NEIGHBOUR)
        assert commanded(effects) == {("step_up", "known_devices")}
        assert set(states(effects)) == {"challenged", "active"}
        assert states(effects)[-1] == "challenged", "the password alone is no use there any more"
        assert states(player.pass_until(NOON + 160 * HOUR))[-1] == "active"

    def test_who_guesses_the_password_there_is_asked_until_a_second_factor_is_given(self):
        player = at_home(**HOME)
        fail(player, 10, **NEIGHBOUR)
        assert [self.comes(player, NOON + hour * HOUR, **NEIGHBOUR) for hour in (1, 2, 20)] == ["step_up"] * 3
        player.see(login(NOON + 21 * HOUR, "yes", ChallengePassed, **HOME))
        assert self.comes(player, NOON + 21 * HOUR + MINUTE, **HOME) == "allow"

    def test_strangers_elsewhere_ask_nothing_of_it(self):
        player = at_home(**HOME)
        assert commanded(fail(player, 40, ip="192.0.2.9")) == {("step_up", "unknown_devices")}
        assert self.comes(player, NOON + HOUR, **HOME) == "allow"


class TestWhoeverIsAskedIsUnknownUntilProved:
    def guessed(self):
        """The hour after strangers guessed, with the right password by an unknown device, which is asked."""
        player = at_home()
        fail(player, 32, device_id="bot", ip="203.0.113.9")
        assert self.outcome(player, 33) == "step_up"
        return player

    def outcome(self, player, minute):
        told = player.see(login(NOON + minute * MINUTE, f"in{minute}", LoginSucceeded, **THIEF))
        return next(one.outcome for one in told if type(one) is DecisionMade)

    def test_a_failed_second_factor_is_asked_for_again(self):
        player = self.guessed()
        player.see(login(NOON + 34 * MINUTE, "no", ChallengeFailed, **THIEF))
        assert self.outcome(player, 35) == "step_up"
        assert locked_out(fail(player, 12, at_ms=NOON + 36 * MINUTE, name="t", **THIEF)) <= {"unknown_devices"}

    def test_a_passed_one_makes_the_device_known(self):
        player = self.guessed()
        player.see(login(NOON + 34 * MINUTE, "yes", ChallengePassed, ip=THIEF["ip"]))
        assert self.outcome(player, 35) == "allow"

    def test_one_that_was_told_before_the_login_counts_too(self):
        player = at_home()
        fail(player, 32, device_id="bot", ip="203.0.113.9")
        player.see(login(NOON + 32 * MINUTE, "yes", ChallengePassed, ip=THIEF["ip"]))
        self.outcome(player, 33)
        assert self.outcome(player, 34) == "allow"


class TestTheWayOut:
    def test_what_a_lock_refuses_is_no_guess(self):
        player = at_home()
        fail(player, 5, SECOND, **OWN)
        refused = fail(player, 120, 10 * SECOND, NOON + MINUTE, "r", reason="account_locked", **OWN)
        assert locked_out(refused) == set()
        assert states(refused) == ["active"], "the wait of five failures ends as it would have"

    def test_a_proved_owner_with_a_new_password_may_mistype(self):
        player = at_home()
        assert states(fail(player, 100, SECOND, **OWN))[-1] == "hard_lock"
        check = {"method": "face_and_document", "level": 3, "passed": True, "actor": "idv", "role": "identity_service"}
        player.see(event(IdentityVerified, NOON + HOUR, "check", **check))
        player.see(login(NOON + HOUR + MINUTE, "new", CredentialChanged, reason="password", **OWN))
        typos = fail(player, 4, SECOND, NOON + HOUR + 2 * MINUTE, "typo", **OWN)
        assert locked_out(typos) == set()

    def test_a_second_factor_lifts_a_soft_lock_and_begins_anew(self):
        player = at_home()
        fail(player, 10, SECOND, **OWN)
        assert states(player.see(login(NOON + MINUTE, "yes", ChallengePassed, **OWN)))[-1] == "active"
        assert locked_out(fail(player, 4, SECOND, NOON + 2 * MINUTE, "typo", **OWN)) == set()

    def test_a_new_password_does_not_acquit_strangers(self):
        player = at_home()
        fail(player, 9, SECOND, **THIEF)
        player.see(login(NOON + MINUTE, "new", CredentialChanged, reason="password", **OWN))
        assert locked_out(fail(player, 1, SECOND, NOON + HOUR, "next", **THIEF)) == {"unknown_devices"}


class TestWhatAPersonHasLifted:
    """Whoever let the owner in has seen who failed: the failures from before lock nobody again."""

    def lifted(self, player, effects, action, at_ms):
        case = next(one for one in reversed(effects) if type(one) is CaseVersion and one.flow == "F20")
        said = {"case_id": case.case_id, "expected_version": case.version, "role": "analyst", "actor": "ana"}
        return player.see(event(CaseAction, at_ms, action, action=action, **said))

    @pytest.mark.parametrize("action", ["confirm_legit", "unlock"])
    @pytest.mark.parametrize(
        ("failures", "was", "where"),
        [(101, "hard_lock", OWN), (10, "soft_lock", OWN), (10, "challenged", THIEF)],
        ids=["a disabled password", "a wait of known devices", "a question to unknown ones"],
    )
    def test_one_more_slip_does_not_lock_it_again(self, failures, was, where, action):
        player = Player(policy('[locks]\nack = "assumed"\n'))
        for day in range(5):
            player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, **OWN))
        effects = fail(player, failures, SECOND, **where)
        assert states(effects)[-1] == was
        assert states(self.lifted(player, effects, action, NOON + 5 * MINUTE))[-1] == "active"
        assert locked_out(fail(player, 4, SECOND, NOON + 6 * MINUTE, "slip", **where)) == set()
        side = "unknown_devices" if where is THIEF else "known_devices"
        assert locked_out(fail(player, 1, SECOND, NOON + 7 * MINUTE, "fifth", **where)) == {side}, "counted from anew"

    def test_the_other_side_of_the_door_goes_on_counting(self):
        player = Player(policy('[locks]\nack = "assumed"\n'))
        for day in range(5):
            player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, **OWN))
        fail(player, 4, SECOND, name="thief", **THIEF)
        effects = fail(player, 10, SECOND, NOON + MINUTE, **OWN)
        self.lifted(player, effects, "unlock", NOON + 5 * MINUTE)
        assert locked_out(fail(player, 1, SECOND, NOON + 6 * MINUTE, "again", **THIEF)) == {"unknown_devices"}

    def test_the_owner_begins_anew_whichever_side_was_lifted(self):
        player = Player(policy('[locks]\nack = "assumed"\n'))
        for day in range(5):
            player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, **OWN))
        fail(player, 4, SECOND, name="own", **OWN)
        effects = fail(player, 10, SECOND, NOON + MINUTE, **THIEF)
        self.lifted(player, effects, "unlock", NOON + 5 * MINUTE)
        assert locked_out(fail(player, 1, SECOND, NOON + 6 * MINUTE, "slip", **OWN)) == set()

    def test_an_account_that_nobody_ever_entered_is_not_disabled_again_by_the_next_wait(self):
        """Failures of strangers at it, three times as far as the first wait: the password is disabled."""
        player = Player(policy('[locks]\nack = "assumed"\n'))
        effects = []
        for round_ in range(3):
            effects += fail(player, 5, SECOND, NOON + round_ * 2 * HOUR, f"r{round_}-", **THIEF)
        assert states(effects)[-1] == "hard_lock"
        self.lifted(player, effects, "unlock", NOON + 5 * HOUR)
        assert locked_out(fail(player, 4, SECOND, NOON + 6 * HOUR, "slip", **THIEF)) == set()
        assert locked_out(fail(player, 1, SECOND, NOON + 6 * HOUR + MINUTE, "fifth", **THIEF)) == {"unknown_devices"}


def waits(effects):
    """What the owner is told of waits."""
    templates = [one.template for one in effects if type(one) is NotificationRequested]
    return [template for template in templates if template.startswith("account_locked.")]


class TestWhatItsOwnerHears:
    @pytest.mark.parametrize(
        ("where", "template"), [(THIEF, "account_locked.password"), (OWN, "account_locked.own_device")]
    )
    def test_whoever_fails_every_hour_has_the_owner_written_to_once_a_day(self, where, template):
        """A stranger needs nothing for it, and a message about safety knows no quiet hours."""
        player = at_home()
        effects = fail(player, 80, HOUR, **where)
        assert len(commanded(effects)) == 1
        told = [one for one in effects if type(one) is NotificationRequested and one.template == template]
        days = [(one.occurred_at - told[0].occurred_at).total_seconds() / 86_400 for one in told]
        assert days == [0.0, 1.0, 2.0]

    @pytest.mark.parametrize("over", ["second factor", "unlock", "confirm_legit", "resolve"])
    def test_after_the_word_that_it_is_over_the_next_wait_is_told_again(self, over):
        player = at_home(rules=ASSUMED)
        effects = fail(player, 10, SECOND, **OWN)
        case = next(one for one in effects if type(one) is CaseVersion)
        if over == "second factor":
            player.see(login(NOON + 5 * MINUTE, "otp", ChallengePassed, reason="otp", **OWN))
        else:
            player.pass_until(NOON + 2 * HOUR if over == "resolve" else NOON + 5 * MINUTE)  # the wait ends by itself
            case = player.obligations["a1"].case(case.case_id)
            said = {"case_id": case.case_id, "expected_version": case.version, "role": "analyst", "actor": "ana"}
            at_ms = max(player.clock_ms, NOON + 5 * MINUTE)
            player.see(event(CaseAction, at_ms, over, action=over, **said))
        assert waits(fail(player, 10, SECOND, NOON + 3 * HOUR, "again", **OWN)) == ["account_locked.own_device"]
        assert waits(fail(player, 10, SECOND, NOON + 5 * HOUR, "still", **OWN)) == [], "nothing has ended it since"

    def test_the_owners_own_slip_in_the_morning_hides_no_guesses_in_the_evening(self):
        player = at_home()
        new = OWN | {"device_id": "phone-2"}
        assert waits(fail(player, 12, SECOND, **new)) == ["account_locked.password"]
        player.see(login(NOON + MINUTE, "in", LoginSucceeded, **new))
        player.see(login(NOON + 2 * MINUTE, "otp", ChallengePassed, reason="otp", **new))
        assert waits(fail(player, 20, SECOND, NOON + 9 * HOUR, "thief", **THIEF)) == ["account_locked.password"]

    def test_that_the_other_side_waits_as_well_is_news(self):
        player = at_home()
        effects = fail(player, 12, SECOND, **THIEF) + fail(player, 12, SECOND, NOON + MINUTE, "own", **OWN)
        told = [one.template for one in effects if type(one) is NotificationRequested]
        assert told == ["account_locked.password", "login_issue.help", "account_locked.own_device"]


class TestWhoGoesOnGuessing:
    """A payment system that has not heard of the lock yet goes on telling of wrong passwords."""

    def cases(self, effects):
        return [one for one in effects if type(one) is CaseVersion and one.flow == "F20"]

    def test_a_thousand_failures_after_the_lock_are_few_versions_and_the_last_one_counts_them_all(self):
        player = at_home()
        locked = self.cases(fail(player, 100, SECOND, **OWN))
        assert locked[-1].counters["failures"] == 100
        ongoing = self.cases(fail(player, 1_000, SECOND, NOON + 2 * MINUTE, "more", **OWN))
        assert len([one for one in ongoing if "failures" in one.changed]) <= 4
        quiet = NOON + 2 * MINUTE + 999 * SECOND + HOUR
        ending = self.cases(player.pass_until(quiet))
        assert ending[-1].counters["failures"] == 1_100
        assert len([one for one in ongoing + ending if one.changed != ("clock",)]) < 20
        later = self.cases(player.pass_until(quiet + HOUR))
        assert not [one for one in later if "counters" in one.changed], "told once"

    def test_however_slowly_a_known_device_guesses_the_password_is_disabled_at_a_hundred(self):
        player = at_home()
        effects = fail(player, 99, 8 * HOUR, **OWN)
        assert locked_out(effects) == set()
        assert locked_out(fail(player, 1, SECOND, NOON + 99 * 8 * HOUR, "last", **OWN)) == {"everyone"}

    def test_where_a_cap_keeps_the_lock_away_there_are_few_versions_too(self):
        player = Player(policy("[locks.caps]\nper_rule = 1\n"))
        for day in range(5):
            about = OWN | {"account_id": "other"}
            player.see(login(NOON - (5 - day) * DAY, f"other{day}", LoginSucceeded, **about))
        fail(player, 5, SECOND, name="o", **about)
        for day in range(5):
            player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, **OWN))
        effects = fail(player, 600, SECOND, **OWN)
        assert locked_out(effects) == set()
        versions = self.cases(effects)
        assert "lock_capped" in {line.kind for line in versions[-1].evidence}
        assert len(versions) < 30


class TestTheCase:
    """It ends when nobody has to wait any more, and not before (domain F20)."""

    @staticmethod
    def versions(effects):
        return [one for one in effects if type(one) is CaseVersion and one.flow == "F20"]

    @pytest.mark.parametrize("where", [OWN, THIEF], ids=["known", "unknown"])
    def test_it_rests_when_the_wait_is_over_and_closes_after_a_quiet_day(self, where):
        player = at_home(rules=ASSUMED)
        fail(player, 10, **where)
        told = self.versions(player.pass_until(NOON + 4 * DAY))
        assert [told[0].status, told[-1].status, told[-1].resolution_code] == ["auto_answered", "closed", "answered"]
        assert {one.priority for one in told} == {"P3"}, "nobody has missed anything"

    def test_it_rests_when_the_owner_has_given_a_second_factor(self):
        player = at_home(rules=ASSUMED)
        fail(player, 10, **OWN)
        told = self.versions(player.see(login(NOON + 15 * MINUTE, "otp", ChallengePassed, **OWN)))
        assert told[-1].status == "auto_answered"

    def test_it_rests_no_sooner_than_the_payment_system_has_lifted_the_lock(self):
        player = at_home()
        fail(player, 10, **OWN)
        told = self.versions(player.see(login(NOON + 15 * MINUTE, "otp", ChallengePassed, **OWN)))
        assert [one.status for one in told] == ["classified"]

    def test_a_disabled_password_is_a_persons_work_until_it_is_enabled(self):
        player = at_home(rules=ASSUMED)
        fail(player, 101, every_ms=2 * HOUR, **OWN)
        told = self.versions(player.pass_until(NOON + 15 * DAY))
        assert told[-1].status not in ("auto_answered", "closed")
        face = event(
            IdentityVerified,
            NOON + 15 * DAY,
            "face",
            method="face_and_document",
            level=3,
            passed=True,
            actor="i",
            role="identity_service",
        )
        assert self.versions(player.see(face))[-1].status == "auto_answered"
        assert self.versions(player.pass_until(NOON + 17 * DAY))[-1].status == "closed"

    def test_who_goes_on_guessing_does_not_open_it_again_and_again(self):
        player = at_home(rules=ASSUMED)
        told = fail(player, 10, **THIEF) + fail(
            player, 16 * 5, every_ms=90 * MINUTE, at_ms=NOON + HOUR, name="g", **THIEF
        )
        assert "closed" not in {one.status for one in self.versions(told)}
        texts = [
            one for one in told if type(one) is NotificationRequested and one.template == "account_locked.password"
        ]
        assert len(texts) <= 6, "once a day"
        assert self.versions(player.pass_until(NOON + 8 * DAY))[-1].status == "closed"

    def test_what_a_person_has_taken_up_is_theirs(self):
        player = at_home(rules=ASSUMED)
        case = self.versions(fail(player, 10, **THIEF))[-1]
        taken = event(
            CaseAction,
            NOON + 20 * MINUTE,
            "take",
            case_id=case.case_id,
            expected_version=case.version,
            action="assign",
            actor="ann",
            role="analyst",
        )
        player.see(taken)
        assert self.versions(player.pass_until(NOON + 2 * HOUR))[-1].status not in ("auto_answered", "closed")


class TestStrangersAlone:
    """A wait with the password alone keeps nobody out, so nobody has anything to decide while it lasts."""

    @staticmethod
    def versions(effects):
        return [one for one in effects if type(one) is CaseVersion and one.flow == "F20"]

    @pytest.mark.parametrize("where", [THIEF, NEIGHBOUR], ids=["on the account", "of the site"])
    def test_its_case_rests_from_the_beginning_and_misses_nothing_however_often_they_wait(self, where):
        player = at_home(**(OWN if where is THIEF else HOME))
        told = self.versions(fail(player, 44, every_ms=DAY // 44, **where))
        assert {one.status for one in told} == {"auto_answered"}
        assert {(one.priority, one.sub_status) for one in told} == {("P3", None)}
        assert not [word for one in told for word in one.changed if word.startswith("clock")]
        assert self.versions(player.pass_until(player.clock_ms + 3 * DAY))[-1].status == "closed"

    def test_closed_and_opened_again_it_rests_again(self):
        player = at_home(rules=ASSUMED)
        fail(player, 10, **THIEF)
        assert self.versions(player.pass_until(NOON + 3 * DAY))[-1].status == "closed"
        assert self.versions(fail(player, 40, at_ms=NOON + 3 * DAY, name="g", **THIEF))[-1].status == "auto_answered"

    def test_a_known_device_that_has_to_wait_as_well_makes_it_a_persons(self):
        player = at_home(rules=ASSUMED)
        fail(player, 10, **THIEF)
        told = self.versions(fail(player, 10, SECOND, NOON + 20 * MINUTE, "own", **OWN))
        assert told[-1].status == "classified"
        rested = self.versions(player.pass_until(NOON + 90 * MINUTE))
        assert rested[-1].status == "auto_answered"

    def test_strangers_who_wait_keep_no_case_of_the_owners_own_wait_from_resting(self):
        player = at_home(rules=ASSUMED)
        fail(player, 10, SECOND, **OWN)
        fail(player, 10, SECOND, NOON + 50 * MINUTE, "g", **THIEF)
        assert self.versions(player.pass_until(NOON + 65 * MINUTE))[-1].status == "auto_answered"

    def test_where_a_cap_kept_the_owners_device_from_waiting_it_is_a_persons(self):
        player = at_home(rules=policy("[locks.caps]\nper_rule = 1\n", '[locks]\nack = "assumed"\n'))
        about = OWN | {"account_id": "other"}
        player.see(login(NOON - DAY, "other", LoginSucceeded, **about))
        fail(player, 5, SECOND, at_ms=NOON - MINUTE, name="o", **about)
        fail(player, 10, SECOND, **THIEF)
        told = self.versions(fail(player, 10, SECOND, NOON + MINUTE, "own", **OWN))
        assert told[-1].status == "classified"

    def test_where_a_cap_kept_from_disabling_the_password_of_an_account_nobody_entered_it_is_a_persons(self):
        player = Player(policy("[locks.caps]\nper_rule = 1\n", '[locks]\nack = "assumed"\nhard_lock_soft_locks = 8\n'))
        about = OWN | {"account_id": "other"}
        player.see(login(NOON - DAY, "other", LoginSucceeded, **about))
        fail(player, 5, SECOND, at_ms=NOON - MINUTE, name="o", **about)
        told = self.versions(fail(player, 10, SECOND, **THIEF))
        assert told[-1].status == "auto_answered"
        told = self.versions(fail(player, 7, 2 * HOUR, NOON + 2 * HOUR, "more", **THIEF))
        assert told[-1].status == "classified"

    def test_a_priority_that_a_missed_promise_raised_falls_back_when_it_rests(self):
        slow = policy('[cases.P3]\nfirst_response_s = 1800\nfirst_response_by = "person"\n')
        player = at_home(rules=slow)
        fail(player, 10, SECOND, **OWN)
        raised = self.versions(player.pass_until(NOON + 40 * MINUTE))[-1]
        assert (raised.priority, raised.sub_status) == ("P2", "escalated")
        rested = self.versions(player.pass_until(NOON + 2 * HOUR))[-1]
        assert (rested.status, rested.priority, rested.sub_status, rested.assignee) == (
            "auto_answered",
            "P3",
            None,
            None,
        )

    def test_what_a_customer_asks_about_it_is_a_persons_whoever_goes_on_guessing(self):
        player = at_home(rules=ASSUMED)
        case_id = self.versions(fail(player, 10, SECOND, **THIEF))[-1].case_id
        case = player.obligations["a1"].case(case_id)
        contact = event(UserMessage, NOON + HOUR, "ask", text="why", case_id=case_id, channel="app")
        player.see(contact)
        assert case.status == "classified"
        fail(player, 6, SECOND, NOON + 61 * MINUTE, "g", **THIEF)
        assert case.status == "classified"

    def test_it_is_a_child_of_the_attack_that_it_is_part_of_however_late_that_is_seen(self):
        seen_ms = NOON + 12 * MINUTE

        def risk(kind, _value, at_ms):
            if kind != "health" or at_ms < seen_ms:
                return None
            return RiskFact(2, guessing=2, typology="site_spray", incident="i-1", incident_typology="site_spray")

        player = Player(policy(), risk=risk)
        for day in range(5):
            player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, **OWN))
        told = self.versions(fail(player, 14, **THIEF))
        assert (told[0].incident_id, told[-1].incident_id) == (None, "i-1")
        assert [line.kind for line in told[-1].evidence].count("joined_incident") == 1
        early = Player(policy(), risk=lambda *about: risk(*about[:2], seen_ms))
        assert self.versions(fail(early, 10, **THIEF))[0].incident_id == "i-1"


class TestAnOldPassword:
    """A tablet goes on with the password that its owner has changed on the phone."""

    TABLET = OWN | {"device_id": "tablet"}

    def at_two_devices(self):
        player = at_home()
        player.see(login(NOON - DAY, "tablet", LoginSucceeded, **self.TABLET))
        return player

    def test_the_same_guess_again_from_a_known_device_counts_once(self):
        player = self.at_two_devices()
        effects = fail(player, 150, MINUTE, guess_hash="old", **self.TABLET)
        assert not [one for one in effects if type(one) in (ActionRequested, CaseVersion, NotificationRequested)]
        typos = fail(player, 3, at_ms=NOON + 3 * HOUR, name="t", **OWN)
        assert commanded(typos) == set(), "the tablet's guess and three others are four"
        assert locked_out(fail(player, 1, at_ms=NOON + 3 * HOUR + 5 * MINUTE, name="5", **OWN)) == {"known_devices"}

    def test_a_device_that_waits_is_not_made_to_wait_anew_by_it(self):
        player = self.at_two_devices()
        fail(player, 1, guess_hash="old", **self.TABLET)
        assert locked_out(fail(player, 4, SECOND, NOON + MINUTE, "t", **OWN)) == {"known_devices"}
        again = fail(player, 30, MINUTE, NOON + 5 * MINUTE, "again", guess_hash="old", **self.TABLET)
        assert commanded(again) == set()

    def test_other_guesses_and_those_of_another_device_count_each(self):
        player = self.at_two_devices()
        effects = []
        for number in range(4):
            effects += fail(player, 1, at_ms=NOON + number * SECOND, name=f"g{number}", guess_hash=f"g{number}", **OWN)
        assert commanded(effects) == set()
        assert locked_out(fail(player, 1, at_ms=NOON + MINUTE, guess_hash="g0", **self.TABLET)) == {"known_devices"}

    @pytest.mark.parametrize("where", [THIEF, HOME], ids=["a stranger", "a network that stands for a device"])
    def test_elsewhere_every_attempt_counts(self, where):
        player = at_home(**(OWN if where is THIEF else HOME))
        assert commanded(fail(player, 5, guess_hash="old", **where)) != set()
