"""Does a machine without the extra run everything else, and say what it lacks?"""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.command import paywarden

from streams.cli.store import lines_of_progress

EXTRA = (
    "sqlalchemy",
    "alembic",
    "psycopg",
    "fastapi",
    "starlette",
    "uvicorn",
    "jinja2",
    "argon2",
    "httpx",
    "authlib",
    "joserfc",
)
WITHOUT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRA!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from streams.cli.main import main
main(sys.argv[1:])
"""

PREPARES = """
from pathlib import Path
from streams.cli.demo import prepared
from streams.cli.demo_console import DemoConsole
from streams.cli.demo_tally import Tally
from streams.cli.demo_view import Lines

view = Lines(Tally())
view.tell = print
assert prepared(DemoConsole(None), Path("unused"), view, 0) is None
"""


def ran_without(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], capture_output=True, text=True, timeout=120, check=False
    )


def test_the_worker_needs_nothing_of_the_extra() -> None:
    done = ran_without("worker", "--help")
    assert done.returncode == 0, done.stderr


def test_the_store_says_what_to_install() -> None:
    done = ran_without("store", "check")
    assert done.returncode == 78
    assert done.stderr.strip() == "paywarden: `paywarden store` needs sqlalchemy: pip install 'paywarden[console]'"


def test_the_demo_runs_without_its_console_and_says_what_to_install() -> None:
    assert ran_without("demo", "--help").returncode == 0
    program = WITHOUT.replace("main(sys.argv[1:])", PREPARES)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "no console: `paywarden console` needs sqlalchemy: pip install 'paywarden[console]'"


@pytest.mark.parametrize(
    ("url", "says"), [("nonsense", "not a database URL"), ("sqlite:////nowhere/cases.db", "no folder")]
)
def test_an_unusable_url_ends_with_a_sentence(url: str, says: str) -> None:
    ended = paywarden("store", "check", "--store", url)
    assert ended.exit_code == 78
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_where_there_is_no_terminal_progress_is_a_line_now_and_then() -> None:
    said: list[str] = []
    at_s = iter((0.0, 1.0, 6.0, 6.0, 7.0, 12.0, 20.0))
    told = lines_of_progress(2_000, said.append, lambda: next(at_s))
    for read in (500, 1_000, 1_500, 2_000, 2_100):  # at 1 s, at 6 s, at 7 s, and at the end whenever that is
        told(read)
    assert said == ["reading: 1,000 of 2,000 records, 50 %", "reading: 2,000 of 2,000 records, 100 %"]
    lines_of_progress(0, said.append, lambda: 0.0)(10)
    assert len(said) == 2, "nothing lay there"
