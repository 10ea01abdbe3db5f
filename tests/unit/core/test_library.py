from __future__ import annotations

import re

import pytest

from streams.core.library import packaged_library, read_library
from streams.core.messages.render import render, unfit
from streams.core.tables import TableError

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


def test_own_wording_is_as_much_as_the_docs_say() -> None:
    """Its texts alone; what is not named stays as it is packaged."""
    text = '[template.unlocked]\nzh = "已解除"\nen = "Lifted."\n[words."topic.F46"]\nzh = "费"\nen = "the fee"\n'
    messages, packaged = read_library({"templates.toml": text}).messages, packaged_library().messages
    assert messages.template["unlocked"].en == "Lifted."
    assert messages.template["unlocked"].flow == packaged.template["unlocked"].flow
    assert messages.words["topic.F46"].en == "the fee"
    assert len(messages.template) == len(packaged.template)


def test_packaged_wordings_are_fit_for_customers() -> None:
    messages = packaged_library().messages
    texts = [text for each in messages.template.values() for text in (each.zh, each.en)]
    assert [text for text in texts if unfit(text)] == []


def test_a_source_is_the_same_in_capitals() -> None:
    library = read_library({"codes.csv": CODES.replace("acme", "Acme"), "profiles/acme.toml": PROFILE})
    for source in ("acme", "Acme", "ACME "):
        assert library.table.find(source, "E1") is not None
    assert library.table.find("acme", "e1") is None


def test_a_tariff_may_say_only_the_most_or_that_it_costs_nothing() -> None:
    rows = "most,多,most,EUR,,,,500,us\nfree,免,free,EUR,0,,,,us\n"
    tariffs = read_library({"tariffs.csv": TARIFFS + rows}).tariffs
    assert (tariffs["most"].most_minor(None), tariffs["free"].most_minor(1_000)) == (500, 0)


FRENCH = """
instant = "{day} {month} à {time}"
months = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]
[template]
"fraud_alert.confirm" = "Un paiement de {amount}, le {time}, attend jusqu'à {until} : est-ce vous ?"
"payment_failure.reason" = "{reason}"
[words]
"cause.insufficient_funds" = "Le solde est insuffisant."
"""
CONFIRM = {"amount": "CNY 12.00", "time": "2026-04-01T12:00:00Z", "until": "2026-04-01T14:00:00Z"}
LIMIT = '[[limits]]\nname = { zh = "日", en = "day" }\nper = "day"\ncurrency = "EUR"\namount = 5\n'
TARIFFS = "tariff,name_zh,name_en,currency,fixed_minor,rate_bp,min_minor,max_minor,source\n"


def test_a_further_locale_is_told_to_those_who_speak_it() -> None:
    messages = read_library({"locales/fr.toml": FRENCH}).messages
    for language in ("fr", "fr-CA"):
        told = render("fraud_alert.confirm", CONFIRM, "Europe/Paris", messages, language)
        assert told.texts == {
            "fr": "Un paiement de CNY 12.00, le 1 avr. à 14:00, attend jusqu'à 1 avr. à 16:00 : est-ce vous ?"
        }
        assert told.en.startswith("A payment of CNY 12.00")
    assert render("fraud_alert.confirm", CONFIRM, "Europe/Paris", messages, "de").texts == {}


def test_what_a_locale_lacks_is_said_in_the_packaged_languages_only() -> None:
    messages = read_library({"locales/fr.toml": FRENCH}).messages
    known, unknown = ({"reason": f"cause.{cause}"} for cause in ("insufficient_funds", "limit_amount_exceeded"))
    assert render("payment_failure.reason", known, "", messages, "fr").texts == {"fr": "Le solde est insuffisant."}
    assert render("payment_failure.reason", unknown, "", messages, "fr").texts == {}
    assert render("unlocked", {}, "", messages, "fr").texts == {}


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        ({"code.csv": ""}, "code.csv: there is no such file in an overlay"),
        ({"profiles/acme.csv": ""}, "profiles/acme.csv: there is no such file in an overlay"),
        ({"codes.csv": "source,code,cause\nacme,E1,insufficient_funds\n"}, "codes.csv"),
        ({"codes.csv": CODES.replace("insufficient_funds", "no_money")}, "no_money"),
        ({"codes.csv": CODES + "acme,E1,insufficient_funds,again\n"}, "codes.csv"),
        ({"codes.csv": CODES.replace("meaning", "meaning,colour").replace("money", "money,red")}, "colour"),
        ({"codes.csv": "source,code,cause,meaning,retryable\nacme,E1,insufficient_funds,x,perhaps\n"}, "perhaps"),
        ({"causes.csv": "cause,fault_party\ninsufficient_funds,moon\n"}, "causes.csv"),
        ({"tariffs.csv": TARIFFS + "t,费,fee,EUR,-1,,,,us\n"}, "tariffs.csv"),
        ({"tariffs.csv": "tariff\nt\n"}, "tariffs.csv"),
        ({"profiles/acme.toml": PROFILE}, "profiles/acme.toml: no code row has the source 'acme'"),
        ({"profiles/acme.toml": "kind = 1"}, "profiles/acme.toml: "),
        ({"profiles/acme.toml": "kind = "}, "profiles/acme.toml: "),
        ({"profiles/acme.toml": PROFILE.replace('"gateway"', '"bank"')}, "profiles/acme.toml: "),
        ({"profiles/acme.toml": 'id = "other"\n' + PROFILE}, "the id is the name of the file"),
        ({"profiles/acme.toml": PROFILE.replace('"acme"', '"stripe"')}, "gateways 'stripe' is also claimed by"),
        ({"profiles/acme.toml": PROFILE + 'phone = "call us"'}, "phone"),
        ({"profiles/acme.toml": PROFILE.replace("https", "http")}, "page"),
        ({"profiles/acme.toml": PROFILE + '[refund]\nbalance = "soon"'}, "refund"),
        (
            {"profiles/acme.toml": PROFILE + '[refund]\ndebitcard = "3bd"', "codes.csv": CODES},
            "profiles/acme.toml: [refund] has the key 'debitcard', which nothing asks for; write debit_card.",
        ),
        (
            {"profiles/acme.toml": PROFILE + '[withdrawal]\nrealtime = "1d"', "codes.csv": CODES},
            "profiles/acme.toml: [withdrawal] has the key 'realtime', which nothing asks for; write real_time.",
        ),
        (
            {"profiles/acme.toml": PROFILE + '[withdrawal]\nsoon = "1d"', "codes.csv": CODES},
            "[withdrawal] has the key 'soon', which nothing asks for; use one of next_day, ordinary, real_time.",
        ),
        ({"profiles/acme.toml": PROFILE + '[topup]\nother = "1d"', "codes.csv": CODES}, "[topup] has the key 'other'"),
        ({"profiles/acme.toml": PROFILE + '[topup]\nbank_crad = "1d"', "codes.csv": CODES}, "write bank_card."),
        ({"profiles/acme.toml": PROFILE + '[refunds]\nbalance = "1d"', "codes.csv": CODES}, "there is no key refunds"),
        ({"profiles/acme.toml": PROFILE + 'pone = "95000"', "codes.csv": CODES}, "there is no key support.pone"),
        ({"profiles/acme.toml": PROFILE + "[[retry]]\nattempts = 99\nwindow_s = 60"}, "attempts"),
        ({"profiles/acme.toml": PROFILE.replace("source", "passes_through = true\nsource")}, "passes codes through"),
        ({"profiles/acme.toml": PROFILE + LIMIT.replace('"day"\nc', '"hour"\nc'), "codes.csv": CODES}, "per"),
        ({"profiles/acme.toml": PROFILE + LIMIT * 2, "codes.csv": CODES}, "two limits per day in EUR hold"),
        ({"profiles/acme.toml": PROFILE + LIMIT.replace("EUR", "EUX"), "codes.csv": CODES}, "no currency EUX"),
        ({"profiles/acme.toml": PROFILE + LIMIT.replace("5", f"1{'0' * 26}"), "codes.csv": CODES}, "amount"),
        ({"profiles/acme.toml": PROFILE.replace("acme.example/", "pay@acme.example/")}, "page"),
        ({"profiles/acme.toml": PROFILE.replace("acme.example/", "acme example/")}, "page"),
        ({"profiles/acme.toml": PROFILE.replace("Acme", "\\u202eemca")}, "name"),
        ({"profiles/more/acme.toml": PROFILE}, "profiles/more/acme.toml: there is no such file in an overlay"),
        ({"codes.csv": "a" * 200_000}, "codes.csv line 1: this is not CSV"),
        ({"codes.csv": CODES.replace("E1", "E\u202e1")}, "characters that nobody can see"),
        (
            {
                "codes.csv": CODES.replace("insufficient_funds", "suspected_fraud")
                .replace("ing\n", "ing,retryable\n")
                .replace("y\n", "y,later\n")
            },
            "is fraud",
        ),
        ({"tariffs.csv": TARIFFS + "t,费,fee,EUX,1,,,,us\n"}, "no currency EUX"),
        (
            {"templates.toml": ""},
            'templates.toml: this file words nothing; write [template."NAME"] or [words."NAME"] with zh and en',
        ),
        ({"templates.toml": "# nothing yet\n[template]\n"}, "templates.toml: this file words nothing"),
        (
            {"templates.toml": LOGIN.replace("fraud_alert.login", "hello")},
            "templates.toml, template hello: there is no message of that name",
        ),
        (
            {"templates.toml": LOGIN.replace("{time}登录", "登录")},
            "template fraud_alert.login: the zh text does not use {time}",
        ),
        (
            {"templates.toml": LOGIN.replace("{time}登录", "{time:d}登录")},
            "the zh text uses {time:d}, which it is not given",
        ),
        ({"templates.toml": LOGIN.replace("{time}登录", "{time登录")}, "the zh text has braces that do not match"),
        (
            {"templates.toml": LOGIN.replace("time", "when")},
            "template fraud_alert.login: its parameters are time = instant",
        ),
        (
            {"templates.toml": LOGIN.replace('"security"', '"joke"')},
            "its kind is security, not joke; remove the key kind",
        ),
        (
            {"templates.toml": LOGIN + "[locales]\n" + 'fr = { instant = "", months = [], template = {} }'},
            "there is no section [locales]",
        ),
        ({"templates.toml": LOGIN.replace("F24", "F01")}, "its flow is F24, not F01"),
        ({"templates.toml": LOGIN.replace("{time}登录", " ")}, "the zh text is empty"),
        ({"templates.toml": LOGIN.replace("{time}登录", "{time}" + "x" * 600)}, "606 characters, and the most is 600"),
        ({"templates.toml": LOGIN.replace("{time}登录", "{time}\\u0000")}, "characters that nobody can see"),
        ({"templates.toml": LOGIN.replace("{time}登录", "{time}\\u202e")}, "characters that nobody can see"),
        ({"templates.toml": LOGIN.replace("{time}登录", "{time} https://x.example")}, "the zh text has a link"),
        *(
            ({"templates.toml": LOGIN.replace("{time}登录", "{time} " + address)}, "the zh text has a link, an address")
            for address in (
                "evil-bank.com",
                "bit.ly/x",
                "help@evil.example",
                "1.2.3.4/a",
                "见evil.shop。",
                "+86 138-0013-8000",
            )
        ),
        ({"templates.toml": LOGIN.replace("zh =", "zhs =")}, "template fraud_alert.login: "),
        ({"templates.toml": LOGIN.replace("en =", "fr =")}, "template fraud_alert.login: "),
        ({"templates.toml": "[template]\nunlocked = 1\n"}, "template unlocked: its texts are missing"),
        ({"templates.toml": LOGIN.replace('"fraud_alert.login"', "fraud_alert.login")}, "quotation marks"),
        ({"templates.toml": '[words.moon]\nzh = "月"\nen = "moon"'}, "word moon: there is no word of that name"),
        ({"templates.toml": '[words."topic.F46"]\nzh = ""\nen = "fee"'}, "word topic.F46: the zh text is empty"),
        ({"templates.toml": "[template"}, "templates.toml: this is not TOML"),
        (
            {"locales/fr.toml": FRENCH.replace('"Le solde est insuffisant."', '""')},
            "word cause.insufficient_funds is empty",
        ),
        (
            {"locales/fr.toml": FRENCH.replace('"Le solde est insuffisant."', "1")},
            "key words.cause.insufficient_funds: it",
        ),
        ({"locales/fr.toml": FRENCH.replace("est-ce vous", "www.x.example")}, "has a link"),
        (
            {"profiles/acme.toml": PROFILE + '[refund]\nbalance = "1d"\nother = "soon"'},
            "key refund.other: it should be",
        ),
        ({"tariffs.csv": ""}, "tariffs.csv: this file is empty"),
        ({"codes.csv": " \n"}, "codes.csv: this file is empty"),
        ({"causes.csv": ""}, "causes.csv: this file is empty"),
        ({"tariffs.csv": TARIFFS.replace("source", "source,source")}, "the column source is there twice"),
        ({"codes.csv": CODES.replace("meaning", "meaning,meaning")}, "the column meaning is there twice"),
        ({"codes.csv": CODES.replace("E1", "E1 ")}, "begins or ends with a blank"),
        ({"codes.csv": CODES.replace("E1", "")}, "codes.csv line 2: the column code is empty"),
        ({"tariffs.csv": TARIFFS + "t,费,fee,EUR,,,,,us\n"}, "tariff t says no number"),
        ({"tariffs.csv": TARIFFS + "t,费,fee,EUR,,,5,,us\n"}, "tariff t says no number"),
        ({"tariffs.csv": TARIFFS + "t,,fee,EUR,1,,,,us\n"}, "the column name_zh is empty"),
        ({"tariffs.csv": TARIFFS + "t,费,fee,eur,1,,,,us\n"}, "column currency: it should be three capital letters"),
        ({"locales/french.toml": FRENCH}, "'french' is no language tag"),
        ({"locales/en-GB.toml": FRENCH}, "Chinese and English are in every template"),
        ({"locales/fr.toml": FRENCH.replace("instant", "moment")}, "locales/fr.toml: "),
        ({"locales/fr.toml": FRENCH.replace("{day} ", "")}, "instant has to use {day}, {month} and {time}"),
        ({"locales/fr.toml": FRENCH.replace('"mars", ', "")}, "months has 11 names, not 12"),
        ({"locales/fr.toml": FRENCH.replace("fraud_alert.confirm", "salut")}, "there is no message salut"),
        ({"locales/fr.toml": FRENCH.replace("de {amount}", "")}, "template fraud_alert.confirm: uses ['time', 'until'"),
        ({"locales/fr.toml": FRENCH.replace("{amount}", "{}")}, "template fraud_alert.confirm: uses"),
        ({"locales/fr.toml": FRENCH.replace("{amount}", "{amount")}, "locales/fr.toml: "),
        ({"locales/fr.toml": FRENCH.replace("est-ce vous", "x" * 600)}, "the most is 600"),
        ({"locales/fr.toml": FRENCH.replace("insufficient_funds", "no_money")}, "there is no word cause.no_money"),
    ],
)
def test_mistakes_in_an_overlay_are_one_sentence(texts: dict[str, str], complaint: str) -> None:
    with pytest.raises(TableError, match=re.escape(complaint)) as refused:
        read_library(texts)
    assert refused.value.where.partition(":")[0].partition(",")[0].split(" ")[0].endswith((".csv", ".toml"))
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


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
