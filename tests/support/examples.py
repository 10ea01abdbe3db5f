"""How does a test run the examples, which are programs of their own and import nothing of PayWarden?"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.broker import KAFKA_HOME, kafka_is_installed

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(path: str) -> ModuleType:
    """A Python example as a module."""
    file = EXAMPLES / path
    spec = importlib.util.spec_from_file_location(f"example_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def jdk_command(path: str, *arguments: str) -> list[str]:
    """Runs a Java example that needs nothing but the JDK."""
    if shutil.which("javac") is None:
        pytest.skip("needs a JDK")
    return ["java", "-Xmx64m", str(EXAMPLES / path), *arguments]


def java_command(path: str, *arguments: str) -> list[str]:
    """Runs a Java example from its source against the Kafka clients that the connected tests use."""
    if shutil.which("javac") is None or not kafka_is_installed():
        pytest.skip("needs a JDK and the jars of .ci/kafka-libs")
    # Jackson logs nothing and Kafka's clients only warnings, on stderr.
    return ["java", "-Xmx200m", "-cp", str(KAFKA_HOME / "libs" / "*"), str(EXAMPLES / path), *arguments]


def java(path: str, *arguments: str, timeout_s: float = 120.0) -> list[dict[str, Any]]:
    """The JSON lines that a Java example prints."""
    done = subprocess.run(
        java_command(path, *arguments), capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
