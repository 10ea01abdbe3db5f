from __future__ import annotations

import re

import pytest

from streams.core.declines.table import TableError
from streams.core.library import packaged_library, read_library

PROFILE = """
kind = "gateway"
name = { zh = "某网关", en = "Acme" }
gateways = ["acme"]
codes = ["acme"]
source = "our contract"
[support]
page = "https://acme.example/"
"""
CODES = "source,code,cause,meaning\nacme,E1,insufficient_funds,no money\n"
LOGIN = """
[template."fraud_alert.login"]
flow = "F24"
kind = "security"
parameters = { time = "instant" }
zh = "{time}登录"
en = "Sign-in at {time}"
[words]
"""


def test_a_new_gateway_is_two_files() -> None:
    library = read_library({"codes.csv": CODES, "profiles/acme.toml": PROFILE})
    assert library.profiles.by_gateway["acme"].id == "acme"
    assert library.table.find("acme", "E1") is not None
    assert len(library.table.entries) == 782
    assert library.digest != packaged_library().digest


def test_a_profile_of_the_same_name_takes_the_place_of_the_packaged_one() -> None:
    library = read_library({"profiles/visa.toml": PROFILE.replace("acme", "visa").replace('codes = ["visa"]', "")})
    assert library.profiles.by_id["visa"].retry == ()


def test_own_wording() -> None:
    assert read_library({"templates.toml": LOGIN}).messages.template["fraud_alert.login"].zh == "{time}登录"


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        ({"code.csv": ""}, "code.csv: there is no such file in an overlay"),
        ({"profiles/acme.toml": PROFILE}, "profiles/acme.toml: no code row has the source 'acme'"),
        ({"profiles/acme.toml": "kind = 1"}, "profiles/acme.toml: "),
        ({"profiles/acme.toml": PROFILE.replace('"acme"', '"stripe"')}, "gateways 'stripe' is also claimed by"),
        ({"profiles/acme.toml": PROFILE + 'phone = "call us"'}, "phone"),
        ({"templates.toml": LOGIN.replace("fraud_alert.login", "hello")}, "there is no message hello"),
        ({"templates.toml": LOGIN.replace("{time}登录", "登录")}, "template fraud_alert.login, zh: uses"),
        ({"templates.toml": LOGIN.replace("time", "when")}, "has other parameters than the packaged one"),
    ],
)
def test_mistakes_in_an_overlay_are_one_sentence(texts: dict[str, str], complaint: str) -> None:
    with pytest.raises(TableError, match=re.escape(complaint)):
        read_library(texts)


def test_every_profile_has_a_name_and_a_support_page() -> None:
    profiles = packaged_library().profiles.by_id
    assert set(profiles) == {
        "adyen",
        "alipay",
        "apple_pay",
        "google_pay",
        "mastercard",
        "paypal",
        "stripe",
        "unionpay",
        "visa",
        "wechat_pay",
    }
    for profile in profiles.values():
        assert re.search(r"[\u4e00-\u9fffA-Z]", profile.name.zh)
        assert profile.support.page.startswith("https://")
