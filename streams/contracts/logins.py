"""Which events tell how somebody tried to enter an account and what was changed there?"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from streams.contracts.base import Country, Event, Id, Ip, Label, Latitude, Longitude, ShortText


class Login(Event, frozen=True, kw_only=True, tag_field="type"):
    """Context of an attempt at the account's door."""

    ip: Ip
    username: ShortText | None = None
    user_agent: Annotated[str, Meta(max_length=1024)] | None = None
    device_id: Id | None = None
    session_id: Id | None = None
    country: Country | None = None
    asn: Annotated[int, Meta(ge=0, le=4294967295)] | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    rtt_ms: Annotated[float, Meta(ge=0, le=600000)] | None = None
    ja3: Label | None = None
    guess_hash: Label | None = None  # keyed, truncated hash of the guess; never the guess
    reason: Label | None = None


class LoginSucceeded(Login, frozen=True, kw_only=True, tag="login.succeeded.v1", tag_field="type"):
    """The right credential was given."""

    app_version: Label | None = None  # as in the policy's `advice.minimum_app_versions`: "8.4.1" or "ios/8.4.1"
    password_leaked: bool = False  # whoever checked the password knows it from a list of leaked ones


class LoginFailed(Login, frozen=True, kw_only=True, tag="login.failed.v1", tag_field="type"):
    """`reason` says why: wrong_password, wrong_username, account_locked, ..."""


class Challenge(Login, frozen=True, kw_only=True, tag_field="type"):
    """Context of a second factor."""

    challenge_provider_id: Id | None = None  # who sends the code or asks the customer: an SMS provider, for example


class ChallengeSent(Challenge, frozen=True, kw_only=True, tag="challenge.sent.v1", tag_field="type"):
    """A second factor was asked for; `reason` names the factor."""


class ChallengePassed(Challenge, frozen=True, kw_only=True, tag="challenge.passed.v1", tag_field="type"):
    """The second factor was right."""


class ChallengeFailed(Challenge, frozen=True, kw_only=True, tag="challenge.failed.v1", tag_field="type"):
    """The second factor was wrong or expired."""


class CredentialChanged(Login, frozen=True, kw_only=True, tag="credential.changed.v1", tag_field="type"):
    """Password, phone, e-mail, second factor or payee list changed; `reason` says which."""


class PasswordResetRequested(Login, frozen=True, kw_only=True, tag="password.reset.requested.v1", tag_field="type"):
    """Somebody asked for a reset link."""


class DeviceBound(Login, frozen=True, kw_only=True, tag="device.bound.v1", tag_field="type"):
    """`device_id` became a trusted device."""


class SessionUsed(Login, frozen=True, kw_only=True, tag="session.used.v1", tag_field="type"):
    """An open session was used from this context."""
