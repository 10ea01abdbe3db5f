"""Do settings come from the environment, and does a misspelt one end in a sentence?"""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.contracts.topics import physical
from streams.settings import Settings, SettingsError, load_settings


def test_a_setting_is_read_and_an_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYWARDEN_BOOTSTRAP", "kafka-1:9092")
    monkeypatch.setenv("PAYWARDEN_APP_ID", "bank")
    settings = load_settings(bootstrap="kafka-2:9092", app_id=None)
    assert (settings.bootstrap, settings.app_id) == ("kafka-2:9092", "bank")


def test_a_misspelt_setting_is_refused_with_the_likely_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYWARDEN_POLICY_FILE", "strict.toml")
    with pytest.raises(SettingsError, match=r"PAYWARDEN_POLICY_FILE: .*did you mean PAYWARDEN_POLICY_FILES"):
        load_settings()


LINKS = {
    "PAYWARDEN_PORT": "tcp://10.0.0.7:9090",
    "PAYWARDEN_SERVICE_HOST": "10.0.0.7",
    "PAYWARDEN_SERVICE_PORT": "9090",
    "PAYWARDEN_SERVICE_PORT_METRICS": "9090",
    "PAYWARDEN_PORT_9090_TCP": "tcp://10.0.0.7:9090",
    "PAYWARDEN_PORT_9090_TCP_ADDR": "fd00::7",
    "PAYWARDEN_PORT_9090_TCP_PORT": "9090",
    "PAYWARDEN_PORT_9090_TCP_PROTO": "tcp",
    "PAYWARDEN_WORKER_PORT_6066_TCP": "tcp://10.0.0.8:6066",
    "PAYWARDEN_WORKER_SERVICE_HOST": "10.0.0.8",
}


def test_what_kubernetes_says_about_a_service_of_our_name_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LINKS.items():
        monkeypatch.setenv(name, value)
    assert load_settings().app_id == "paywarden"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYWARDEN_PORT", "9090"),  # somebody means the pages
        ("PAYWARDEN_HTTP_PORT", "9090"),
        ("PAYWARDEN_SERVICE_HOST", "broker one"),
        ("PAYWARDEN_PORTS", "tcp://10.0.0.7:9090"),
        ("PAYWARDEN_SERVICE", "10.0.0.7"),
    ],
)
def test_what_only_resembles_that_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}: there is no such setting"):
        load_settings()


@pytest.mark.parametrize("name", ["PAYWARDEN_NOPE", "PAYWARDEN_SOAKS", "PAYWARDEN_EVAL_DATUM"])
def test_only_settings_are_suggested(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    _, _, meant = str(refused.value).partition("did you mean PAYWARDEN_")
    assert not meant or meant.removesuffix("?").lower() in Settings.model_fields


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYWARDEN_MERGE", "sometimes")
    with pytest.raises(SettingsError, match="PAYWARDEN_MERGE"):
        load_settings()


def test_a_password_comes_from_its_file_and_never_out_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    monkeypatch.setenv("PAYWARDEN_SASL_PASSWORD_FILE", str(tmp_path / "secret"))
    settings = load_settings()
    assert settings.security().password == "hunter2"
    assert "hunter2" not in repr(settings) + repr(settings.runtime())
    assert settings.secret("sasl_password") == "hunter2"
    monkeypatch.setenv("PAYWARDEN_SASL_PASSWORD_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="mount the secret"):
        load_settings().security()


def test_topics_may_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYWARDEN_TOPIC_PREFIX", "prod.")
    monkeypatch.setenv("PAYWARDEN_TOPIC_NAMES", '{"payments.transactions": "core.tx.v2"}')
    names = load_settings().runtime().names
    assert physical(names, "payments.transactions") == "core.tx.v2"
    assert physical(names, "auth.logins") == "prod.auth.logins"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ('{"payments": "tx"}', "no topic is called 'payments'"),
        ('{"auth.logins": "a/b"}', "not a topic name"),
        ('{"auth.logins": "payments.transactions"}', "two topics would both be called"),
        ("payments=tx", "PAYWARDEN_TOPIC_NAMES: not JSON"),
    ],
)
def test_a_wrong_topic_name_is_refused(monkeypatch: pytest.MonkeyPatch, value: str, says: str) -> None:
    monkeypatch.setenv("PAYWARDEN_TOPIC_NAMES", value)
    with pytest.raises(SettingsError, match=says) as refused:
        load_settings()
    assert "PAYWARDEN_TOPIC_NAMES" in str(refused.value)
    assert "Value error" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"PAYWARDEN_SECURITY_PROTOCOL": "SASL_SSL"}, "needs a user and a password"),
        (
            {"PAYWARDEN_SECURITY_PROTOCOL": "SASL_SSL", "PAYWARDEN_SASL_MECHANISM": "OAUTHBEARER"},
            "exactly one of it and PAYWARDEN_OAUTH_TOKEN_URL",
        ),
        (
            {
                "PAYWARDEN_SECURITY_PROTOCOL": "SASL_SSL",
                "PAYWARDEN_SASL_MECHANISM": "OAUTHBEARER",
                "PAYWARDEN_OAUTH_TOKEN_URL": "https://idp/token",
            },
            "the client's id",
        ),
        ({"PAYWARDEN_SECURITY_PROTOCOL": "SSL", "PAYWARDEN_SSL_KEY_FILE": "k.pem"}, "its certificate is not"),
    ],
)
def test_half_an_identity_is_refused(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], says: str) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=says):
        load_settings().security()
