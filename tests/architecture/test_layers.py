"""Do imports go down only, and would the contracts notice if one did not?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("streams", "models", "producers")

# What somebody might write one day, and the contract that must answer.
OFFENCES = {
    "streams/core/offence_clock.py": ("import time\n", "the core knows no clock"),
    "streams/contracts/offence_up.py": ("import streams.core.ids\n", "cli > app > agents"),
    "streams/adapters/offence_sideways.py": ("import streams.runtime.logic\n", "cli > app > agents"),
    "producers/offence.py": ("import streams.core.ids\n", "producers import streams.contracts and nothing else"),
    "streams/cli/offence_faust.py": ("import faust\n", "Faust is imported in runtime, agents and app only"),
    "streams/agents/offence_sklearn.py": ("import sklearn\n", "scikit-learn is imported in models.training"),
    "streams/runtime/offence_pickle.py": ("import pickle\n", "nothing pickled crosses"),
    "models/offence.py": ("import streams.runtime.logic\n", "models.serving knows features and the artifact"),
    "streams/nowhere.py": ("\n", "cli > app > agents"),
}
ALLOWED = {
    "models/training/__init__.py": '"""Training."""\n',
    "models/training/fit.py": "import sklearn\n\nimport streams.core.ids\n",
    "producers/allowed.py": "import streams.contracts.base\n",
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "400", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in ALLOWED.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_every_import_contract_is_kept(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout


def test_every_offence_is_noticed(copy: Path) -> None:
    for name, (text, _) in OFFENCES.items():
        (copy / name).write_text(text)
    report = lint(copy)
    assert report.returncode == 1
    for name, (_, contract) in OFFENCES.items():
        assert f"{contract}" in report.stdout
        assert name.removesuffix(".py").rpartition("/")[2] in report.stdout, f"nobody noticed {name}"
    assert "models.training.fit" not in report.stdout
    assert "producers.allowed" not in report.stdout


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("streams/core/offence.py", "NOW = datetime.now(UTC)"),
        ("streams/core/offence.py", "NOW = time.time()"),
        ("streams/core/offence.py", "ID = uuid.uuid4()"),
        ("streams/agents/offence.py", "CHANCE = random.random()"),
    ],
)
def test_time_and_chance_are_banned_by_name(name: str, line: str) -> None:
    head = "import random\nimport time\nimport uuid\nfrom datetime import UTC, datetime\n\n"
    report = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", "--stdin-filename", name, "-"],
        cwd=ROOT,
        input=head + line + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert report.returncode == 1
    assert "TID251" in report.stdout


@pytest.mark.parametrize("command", ["listings", "decline", "dead_letters", "replay", "policy_report"])
def test_a_command_that_asks_does_not_wait_for_faust_to_be_imported(command: str) -> None:
    asked = f"import sys, streams.cli.{command}; print('faust' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.strip() == "False"
