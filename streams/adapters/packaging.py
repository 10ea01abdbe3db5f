"""Are `streams`, `models` and `producers` really ours, or did another distribution take one of these ordinary names?

Installers do not report the collision: an editable install imports the stranger, a wheel install overwrites files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PACKAGES: Final = ("streams", "models", "producers")
DISTRIBUTION: Final = "paywarden"
_CONFIGURATION: Final = 78  # exit code: do not restart me


def collisions(
    homes: Mapping[str, Path | None] | None = None, claims: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """What is wrong, one sentence each with the next step; empty when nothing is.

    `homes` are the folders of the three packages, `claims` the distributions that say they install a top-level package;
    by default those of the running interpreter.
    """
    return [
        *_apart(_homes() if homes is None else homes),
        *_strangers(packages_distributions() if claims is None else claims),
    ]


def _homes() -> dict[str, Path | None]:
    found: dict[str, Path | None] = {}
    for name in PACKAGES:
        spec = find_spec(name)
        found[name] = Path(spec.origin).resolve().parent if spec is not None and spec.origin else None
    return found


def _apart(homes: Mapping[str, Path | None]) -> Iterable[str]:
    missing = sorted(name for name in PACKAGES if homes.get(name) is None)
    if missing:
        yield f"not importable as a package: {', '.join(missing)}. Install the distribution: pip install --no-deps -e ."
    parents = {home.parent for home in homes.values() if home is not None}
    if len(parents) > 1:
        places = ", ".join(f"{name} in {home}" for name, home in homes.items())
        yield (
            f"the packages come from different folders: {places}. Use an environment that holds "
            f"{DISTRIBUTION} and its locked dependencies only: make setup, or the image"
        )


def _strangers(claims: Mapping[str, Sequence[str]]) -> Iterable[str]:
    for name in PACKAGES:
        strangers = sorted({claimant for claimant in claims.get(name, ()) if _normal(claimant) != DISTRIBUTION})
        if strangers:
            yield (
                f"the distribution {', '.join(strangers)} installs a package {name!r} too: uninstall it, then install "
                f"{DISTRIBUTION} again, because its files may have been overwritten"
            )


def _normal(distribution: str) -> str:
    return distribution.lower().replace("_", "-").replace(".", "-")


def main() -> int:
    problems = collisions()
    for problem in problems:
        sys.stderr.write(f"packaging: {problem}\n")
    return _CONFIGURATION if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
