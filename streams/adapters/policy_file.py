"""Where do policies come from? The packaged default, and files over it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from streams.contracts.policies import PolicyApproved, PolicyProposed, PolicyRolledBack
from streams.core.policy import Policy, PolicyError, PolicySchedule, parse_policy
from streams.core.policy_history import PolicyHistory

_RECORD = msgspec.json.Decoder(PolicyProposed | PolicyApproved | PolicyRolledBack)


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


def parse_published(text: str, effective_at: datetime) -> Policy:
    """A published policy over the packaged default, in force from `effective_at` on; raises PolicyError."""
    return _checked_zone(parse_policy(default_text(), text, effective_at=effective_at))


def load_schedule(paths: Sequence[Path] = ()) -> PolicySchedule:
    """One policy per file, each over the default, which itself is in force until the first of them is.

    A file that names no date of its own takes the place of the default. A `.jsonl` file holds published policies, as
    `paywarden policy history --out` writes them; what it says holds over the other files.
    """
    texts: list[Path] = []
    histories: list[Path] = []
    for path in paths:
        (histories if path.suffix == ".jsonl" else texts).append(path)
    default, given = load_policy(), tuple(load_policy(path) for path in texts)
    if any(policy.effective_at <= default.effective_at for policy in given):
        schedule = PolicySchedule.of(given)
    else:
        schedule = PolicySchedule.of((default, *given))
    for path in histories:
        schedule = load_history(path).over(schedule)
    return schedule


def load_history(path: Path) -> PolicyHistory:
    """Published policies from a file of their records; raises PolicyError that names file and line."""
    history = PolicyHistory(parse_published)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise PolicyError(f"{path} cannot be read ({error})", "", "name a readable file") from None
    for number, line in enumerate(lines, start=1):
        try:
            history.tell(_RECORD.decode(line))
        except msgspec.MsgspecError as error:
            raise PolicyError(
                f"line {number} of {path} is no record of a policy ({error})", "", "export it again"
            ) from None
    return history


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
