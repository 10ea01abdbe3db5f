"""Where do policies come from? The packaged default, and files over it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from streams.core.policy import Policy, PolicyError, PolicySchedule, parse_policy


def default_text() -> str:
    """The text of policy.default.toml as it was shipped."""
    return (files("streams.core") / "policy.default.toml").read_text(encoding="utf-8")


def load_policy(path: Path | None = None) -> Policy:
    """The default policy with the file at `path` over it; raises PolicyError, which then also names the file."""
    if path is None:
        return _checked_zone(parse_policy(default_text()))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path} cannot be read ({error})", "", "name a readable UTF-8 file") from None
    try:
        return _checked_zone(parse_policy(default_text(), text))
    except PolicyError as error:
        raise PolicyError(f"{error.problem} (in {path})", error.where, error.remedy) from None


def load_schedule(paths: Sequence[Path] = ()) -> PolicySchedule:
    """One policy per file, each over the default, which itself is in force until the first of them is.

    A file that names no date of its own takes the place of the default.
    """
    default, given = load_policy(), tuple(load_policy(path) for path in paths)
    if any(policy.effective_at <= default.effective_at for policy in given):
        return PolicySchedule.of(given)
    return PolicySchedule.of((default, *given))


def _checked_zone(policy: Policy) -> Policy:
    try:
        ZoneInfo(policy.default_time_zone)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise PolicyError(
            f"this system knows no time zone {policy.default_time_zone!r}",
            "default_time_zone",
            "use an IANA name like Asia/Shanghai",
        ) from None
    return policy
