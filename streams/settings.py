"""Where is this process running? Everything that an environment may set, and nothing that the business decides."""

from __future__ import annotations

import difflib
import os
import re
from collections import Counter
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as Unparsable

from streams.contracts.topics import TOPICS, Names, physical
from streams.runtime.options import PartitionOptions, RuntimeOptions, Security


class SettingsError(Exception):
    """A setting is wrong. The message names the environment variable and says what to do. Exit code 78."""


class Settings(BaseSettings):
    """One field is one environment variable: `PAYWARDEN_` and the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="PAYWARDEN_", secrets_dir=None, extra="forbid", frozen=True, env_ignore_empty=True
    )

    bootstrap: str = Field("127.0.0.1:9092", description="Brokers, comma separated host:port.")
    app_id: str = Field("paywarden", description="Consumer group; transactional ids derive from it.")
    instance_id: str = Field(
        "", description="Static membership: stable per pod, so that a quick restart moves nothing. Empty: dynamic."
    )
    topic_prefix: str = Field("", description="Before every topic name, so that deployments can share a broker.")
    topic_names: dict[str, str] = Field(
        {},
        description="Topics with a name of their own, without the prefix (JSON: logical name to name in the cluster).",
    )
    partitions: int = Field(
        12, ge=1, le=4096, description="Partitions of every topic that `topics create` makes. Not to be changed later."
    )
    replication: int = Field(1, ge=1, le=15, description="Replication factor of topics that `topics create` makes.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How every Kafka client of the process connects."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "SCRAM-SHA-512", description="With a SASL protocol."
    )
    sasl_username: str = Field("", description="With a SASL protocol; of OAUTHBEARER the client's id.")
    sasl_password: SecretStr = Field(SecretStr(""), description="With a SASL protocol; or use sasl_password_file.")
    sasl_password_file: Path | None = Field(None, description="A file that holds the password; wins over the variable.")
    oauth_token_file: str = Field(
        "", description="OAUTHBEARER: a file with the current token, renewed by the platform; read at every connection."
    )
    oauth_token_url: str = Field(
        "", description="OAUTHBEARER: token endpoint (client credentials; the secret is sasl_password)."
    )
    oauth_scope: str = Field("", description="OAUTHBEARER: scope to ask for at the endpoint.")
    ssl_ca_file: str = Field("", description="Certificate authorities; empty: those of the system.")
    ssl_certificate_file: str = Field("", description="Client certificate, for mutual TLS.")
    ssl_key_file: str = Field("", description="Key of the client certificate.")
    ssl_key_password: SecretStr = Field(SecretStr(""), description="Opens the key; or ssl_key_password_file.")
    ssl_key_password_file: Path | None = Field(None, description="A file that holds it; wins over the variable.")
    schema_registry_url: str = Field("", description="Of Avro and Protobuf sources, for example https://registry:8081.")
    schema_registry_username: str = Field("", description="Basic authentication at the registry.")
    schema_registry_password: SecretStr = Field(SecretStr(""), description="Or use schema_registry_password_file.")
    schema_registry_password_file: Path | None = Field(
        None, description="A file that holds it; wins over the variable."
    )
    pseudonym_key: SecretStr = Field(
        SecretStr(""),
        description="Key of the hashes that stand for people without an account, and for personal data in ids "
        "(docs/privacy.md), and of references of people in addresses of the console's pages; or pseudonym_key_file. "
        "Empty: a public one, and for the references one that the case store keeps.",
    )
    pseudonym_key_file: Path | None = Field(None, description="A file that holds the key; wins over the variable.")
    merge: Literal["live", "strict"] = Field(
        "live",
        description="live: wait at most 500 ms for a slow input, 30 s while catching up. strict: without bound.",
    )
    clock: Literal["live", "replay"] = Field(
        "live", description="live: an idle partition's clock follows the wall clock. replay: events alone move it."
    )
    barrier_s: int | None = Field(
        None, ge=1, description="With clock=replay and `replay --barrier`: the same step, in seconds."
    )
    policy_files: tuple[Path, ...] = Field(
        (), description="Policy files (JSON list of paths), each over the packaged default; the event's time selects."
    )
    overlay: Path | None = Field(
        None, description="Folder with this deployment's own codes, profiles and texts; docs/declines.md."
    )
    geo_databases: tuple[Path, ...] = Field(
        (),
        description="Files in MaxMind's format (JSON list): country and autonomous system of logins that name none.",
    )
    model_dir: Path | None = Field(
        None,
        description="Folder of the model that scores, or a shipped one's id; without one the rules decide alone.",
    )
    models_dir: Path | None = Field(
        None, description="Folder of models, each in a folder named like it, of which a policy may name the champion."
    )
    shadow_model_dirs: tuple[Path, ...] = Field(
        (), description="Folders of models (JSON list) that score beside it and are only published, never acted on."
    )
    model_deadline_ms: int = Field(
        250, ge=1, le=10_000, description="Longest wait for the scores of a batch; after it the rules decide alone."
    )
    member_timeout_s: float = Field(
        10.0, ge=6.0, le=300.0, description="A silent worker loses its partitions after this."
    )
    pace_ms: int = Field(20, ge=0, le=10_000, description="Least time between two commits of the accounts agent.")
    entities_pace_ms: int = Field(100, ge=0, le=10_000, description="The same for the entities agent.")
    dead_letter_share: float = Field(
        0.2, gt=0, le=1, description="Share of dead letters among the last 10,000 records that stops the worker."
    )
    ingest_dead_letter_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="The same for `paywarden ingest run`. 1: never, because whoever may fill the foreign topic could "
        "stop it; less only where its writers are trusted.",
    )
    web_host: str = Field("127.0.0.1", description="Address of /metrics, /healthz and /readyz.")
    web_port: int = Field(6066, ge=0, le=65_535, description="Port of these pages; 0: none.")
    store_url: SecretStr = Field(
        SecretStr("sqlite:///cases.db"),
        description="Database of the case store (docs/console.md), `sqlite:///FILE` or `postgresql://...`; or "
        "store_url_file. Default: `sqlite:///cases.db` in the working folder.",
    )
    store_url_file: Path | None = Field(None, description="A file that holds the URL; wins over the variable.")
    console_requests_per_minute: int = Field(
        300,
        ge=1,
        le=1_000_000,
        description="Console: pages and forms of one person, counted per process; more are answered 429.",
    )
    console_searches_per_minute: int = Field(
        60, ge=1, le=1_000_000, description="Console: of them searches, for cases or for whoever is on the telephone."
    )
    console_reveals_per_hour: int = Field(
        60, ge=1, le=1_000_000, description="Console: how often one person has whole ids or places of files shown."
    )
    console_proxies: str = Field(
        "",
        description="Console: addresses or networks of the proxies before it, separated by commas; of a request that "
        "comes from one of them the address counts that its `X-Forwarded-For` names. Empty: nobody's header counts.",
    )
    oidc_issuer: str = Field(
        "",
        description="Console: identity provider of OpenID Connect (docs/console.md). Empty: local accounts only.",
    )
    oidc_client_id: str = Field("", description="Under which the provider knows the console.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Or use oidc_client_secret_file.")
    oidc_client_secret_file: Path | None = Field(None, description="A file that holds it; wins over the variable.")
    oidc_redirect_url: str = Field("", description="`https://CONSOLE/oidc/callback`, as the provider knows it.")
    oidc_role_claim: str = Field("groups", description="Claim of the ID token whose values say the role.")
    oidc_name_claim: str = Field("preferred_username", description="Claim that names the person in every action.")
    oidc_roles: dict[str, Literal["viewer", "analyst", "supervisor", "admin"]] = Field(
        {}, description="Value of the role claim to role (JSON); the highest counts, and without one nobody signs in."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe log line written."
    )
    hold_ms: int = Field(0, ge=0, le=10_000, description="Crash tests: keep every transaction open this long.")

    @field_validator("topic_prefix")
    @classmethod
    def _prefix_is_a_topic_name(cls, value: str) -> str:
        if value:
            physical(value, "x")
        return value

    @field_validator("console_proxies")
    @classmethod
    def _proxies_are_addresses(cls, value: str) -> str:
        for each in filter(None, (part.strip() for part in value.split(","))):
            try:
                network = ip_network(each)
            except ValueError:
                raise ValueError(f"{each!r} is no address or network such as 10.0.0.5 or 10.0.0.0/24") from None
            if network.prefixlen == 0:
                raise ValueError(f"{each} is everybody, so anybody could say where they are; name the proxies")
        return value

    @field_validator("schema_registry_url")
    @classmethod
    def _no_password_in_a_url(cls, value: str) -> str:
        if "@" in urlsplit(value).netloc:
            raise ValueError(
                "a user in the address would be shown wherever the address is; set PAYWARDEN_SCHEMA_REGISTRY_USERNAME "
                "and PAYWARDEN_SCHEMA_REGISTRY_PASSWORD_FILE"
            )
        return value

    @field_validator("topic_names")
    @classmethod
    def _names_are_topics(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        for name, theirs in value.items():
            if name not in TOPICS:
                raise ValueError(f"no topic is called {name!r}; docs/contracts.md lists them")
            physical(theirs, "")
        names = Counter(physical(Names(info.data.get("topic_prefix", ""), value), name) for name in TOPICS)
        twice = [name for name, times in names.items() if times > 1]
        if twice:
            raise ValueError(f"two topics would both be called {twice[0]!r}")
        return value

    @property
    def names(self) -> Names:
        """How this deployment calls its topics."""
        return Names(self.topic_prefix, self.topic_names)

    def security(self) -> Security:
        """How clients authenticate. Raises SettingsError if the password file cannot be read."""
        password = self.secret("sasl_password")
        self._check_identity(password)
        return Security(
            protocol=self.security_protocol,
            sasl_mechanism=self.sasl_mechanism,
            username=self.sasl_username,
            password=password,
            ca_file=self.ssl_ca_file,
            certificate_file=self.ssl_certificate_file,
            key_file=self.ssl_key_file,
            key_password=self.secret("ssl_key_password"),
            token_file=self.oauth_token_file,
            token_url=self.oauth_token_url,
            scope=self.oauth_scope,
        )

    def _check_identity(self, password: str) -> None:
        """What is missing would otherwise show as a broker that does not answer."""
        if self.security_protocol in ("SSL", "SASL_SSL") and self.ssl_key_file and not self.ssl_certificate_file:
            raise SettingsError("PAYWARDEN_SSL_CERTIFICATE_FILE: a key is set and its certificate is not.")
        if not self.security_protocol.startswith("SASL"):
            return
        if self.sasl_mechanism != "OAUTHBEARER":
            if not self.sasl_username or not password:
                raise SettingsError(
                    f"PAYWARDEN_SASL_USERNAME: {self.security_protocol} with {self.sasl_mechanism} needs a user and a "
                    "password (PAYWARDEN_SASL_PASSWORD_FILE)."
                )
        elif bool(self.oauth_token_file) == bool(self.oauth_token_url):
            raise SettingsError(
                "PAYWARDEN_OAUTH_TOKEN_FILE: OAUTHBEARER needs exactly one of it and PAYWARDEN_OAUTH_TOKEN_URL."
            )
        elif self.oauth_token_url and (not self.sasl_username or not password):
            raise SettingsError(
                "PAYWARDEN_SASL_USERNAME: the token endpoint needs the client's id there and its secret in "
                "PAYWARDEN_SASL_PASSWORD_FILE."
            )

    def secret(self, name: str) -> str:
        """The setting `name`, from its file if there is one. Raises SettingsError if the file cannot be read."""
        file: Path | None = getattr(self, f"{name}_file")
        if file is None:
            value: SecretStr = getattr(self, name)
            return value.get_secret_value()
        try:
            return file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"PAYWARDEN_{name.upper()}_FILE: {file} cannot be read ({type(error).__name__}); "
                "mount the secret or correct the path."
            ) from error

    def runtime(self) -> RuntimeOptions:
        """What the Kafka side of a worker needs to know."""
        return RuntimeOptions(
            bootstrap=self.bootstrap,
            app_id=self.app_id,
            instance_id=self.instance_id,
            topic_prefix=self.topic_prefix,
            topic_names=self.topic_names,
            security=self.security(),
            member_timeout_s=self.member_timeout_s,
            hold_s=self.hold_ms / 1000,
            web_host=self.web_host,
            web_port=self.web_port,
        )

    def partition(self, lateness_s: int) -> PartitionOptions:
        """How one partition treats order, time and bad records."""
        return PartitionOptions(
            merge=self.merge,
            clock=self.clock,
            lateness_ms=lateness_s * 1000,
            dead_letter_share=self.dead_letter_share,
        )


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, with command line options over them. Raises SettingsError with one sentence."""
    _refuse_unknown(os.environ)
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = "PAYWARDEN_" + "_".join(str(part) for part in first["loc"][:1]).upper()
        raise SettingsError(
            f"{name}: {first['msg'].removeprefix('Value error, ')}; see docs/configuration.md for what it takes."
        ) from None
    except Unparsable as error:
        field = str(error).split('"')[1]
        raise SettingsError(
            f"PAYWARDEN_{field.upper()}: not JSON; see docs/configuration.md for what it takes."
        ) from None


# Variables of ours that are not settings of a process: keys of single commands, and what tests are told.
_OTHERS = frozenset(
    {
        "PAYWARDEN_CHROMIUM",
        "PAYWARDEN_EVAL_DATA",
        "PAYWARDEN_KAFKA_HOME",
        "PAYWARDEN_REQUIRE_BROKER",
        "PAYWARDEN_REQUIRE_BROWSER",
        "PAYWARDEN_REQUIRE_POSTGRESQL",
        "PAYWARDEN_REQUIRE_PROMETHEUS",
        "PAYWARDEN_SCREENSHOTS",
        "PAYWARDEN_SOAK",
        "PAYWARDEN_TEST_BOOTSTRAP",
    }
)


# What Kubernetes tells every container about a Service called `paywarden`, or whose name begins so
# (`enableServiceLinks`): names, each with the shape of its value, so that a misspelt setting is still refused.
_SERVICE_LINKS = tuple(
    (re.compile(f"PAYWARDEN_(?:[A-Z0-9_]+_)?{name}"), re.compile(value))
    for name, value in (
        ("SERVICE_HOST", r"[0-9a-fA-F.:]+"),
        ("SERVICE_PORT(?:_[A-Z0-9_]+)?", r"[0-9]{1,5}"),
        ("PORT(?:_[0-9]+_(?:TCP|UDP|SCTP))?", r"(?:tcp|udp|sctp)://.+"),
        ("PORT_[0-9]+_(?:TCP|UDP|SCTP)_ADDR", r"[0-9a-fA-F.:]+"),
        ("PORT_[0-9]+_(?:TCP|UDP|SCTP)_PORT", r"[0-9]{1,5}"),
        ("PORT_[0-9]+_(?:TCP|UDP|SCTP)_PROTO", r"tcp|udp|sctp"),
    )
)


def _is_service_link(name: str, value: str) -> bool:
    return any(named.fullmatch(name) and valued.fullmatch(value) for named, valued in _SERVICE_LINKS)


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """A misspelt setting would silently leave its default in force, and with it perhaps the wrong policy."""
    settings = {f"PAYWARDEN_{name.upper()}" for name in Settings.model_fields}
    for name in sorted(environment):
        if (
            name.startswith("PAYWARDEN_")
            and name not in settings | _OTHERS
            and not _is_service_link(name, environment[name])
        ):
            close = difflib.get_close_matches(name, settings, n=1)
            meant = f"did you mean {close[0]}?" if close else "docs/configuration.md lists them."
            raise SettingsError(f"{name}: there is no such setting; {meant}")


def render_configuration() -> str:
    """docs/configuration.md: one row per setting."""
    lines = [
        "# Configuration",
        "",
        "Generated from `streams/settings.py` by `make docs`. A setting says where a worker runs; what the business",
        "decides is in the policy file (`streams/core/policy.default.toml`), and topics and events are contracts.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default in ("", None, (), {}) or isinstance(default, SecretStr) else f"`{default}`"
        lines.append(f"| `PAYWARDEN_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"
