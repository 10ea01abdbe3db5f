"""Does a merchant hear of a payment that only it can mend, and not of each of them?"""

from __future__ import annotations

from support.entities import Entity, failed_by_shop, policy

from streams.core.entities.merchant_faults import Faults

DAY_S = 86_400


def test_the_merchant_hears_which_payment_failed_and_why() -> None:
    shop = Entity(policy())
    shop.play([failed_by_shop(0)])
    (told,) = shop.notifications
    assert (told.account_id, told.template, told.case_id) == ("merchant/shop", "merchant_failure", None)
    assert told.parameters == {
        "payment": "p0",
        "cause": "cause_name.merchant_config_error",
        "code": "code.wechatpay_v3 NO_AUTH",
    }


def test_one_message_a_day_about_one_cause() -> None:
    shop = Entity(policy())
    shop.play(failed_by_shop(at_s) for at_s in range(0, DAY_S, 3_600))
    assert len(shop.notifications) == 1
    shop.play([failed_by_shop(DAY_S - 1, "test_mode")])
    assert len(shop.notifications) == 2, "another cause"
    shop.play([failed_by_shop(DAY_S)])
    assert len(shop.notifications) == 3


def test_what_is_remembered_goes_after_a_day() -> None:
    shop = Entity(policy())
    shop.play(failed_by_shop(turn, f"cause{turn}") for turn in range(5))
    shop.play([failed_by_shop(2 * DAY_S)])
    assert shop.state.faults == Faults({"merchant_config_error": shop.state.newest_ms})


def test_nothing_is_told_where_nothing_is_enforced_or_it_is_turned_off() -> None:
    for quiet in ('mode = "observe"', "[entities.merchant_faults]\nenabled = false"):
        shop = Entity(policy(quiet))
        shop.play([failed_by_shop(0)])
        assert shop.effects == []
