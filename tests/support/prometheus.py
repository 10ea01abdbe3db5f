"""What do dashboards and alerts ask, and can Prometheus be had here?"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "dashboards/prometheus"
DASHBOARDS: Final = tuple(
    json.loads(path.read_text()) for path in sorted((ROOT / "dashboards/grafana/dashboards").glob("*.json"))
)


def rules_of(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS: Final = rules_of("alerts.yml")
RECORDED: Final = rules_of("recording.yml")

_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\{[^}]*\}')
_COMPARED: Final = re.compile(r"(==|!=|>=|<=|>|<)")


def expressions_of_dashboards() -> list[str]:
    return [target["expr"] for board in DASHBOARDS for panel in board["panels"] for target in panel.get("targets", [])]


def asked(expression: str) -> str:
    """The expression with Grafana's variables filled in, and comparisons that answer 0 or 1 instead of nothing."""
    filled = expression.replace("$__rate_interval", "15s").replace("$__range", "1m")
    parts: list[str] = []
    end = 0
    for quoted in _QUOTED.finditer(filled):
        parts += [_COMPARED.sub(r"\1 bool", filled[end : quoted.start()]), quoted[0]]
        end = quoted.end()
    return "".join([*parts, _COMPARED.sub(r"\1 bool", filled[end:])])


def prometheus_is_installed() -> bool:
    """Fails, never skips, where the environment says that it has to be there."""
    if shutil.which("prometheus") is not None:
        return True
    if os.environ.get("PAYWARDEN_REQUIRE_PROMETHEUS") == "1":
        pytest.fail("PAYWARDEN_REQUIRE_PROMETHEUS=1, but there is no Prometheus: apt-get install prometheus")
    return False
