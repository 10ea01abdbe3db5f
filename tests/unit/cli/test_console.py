"""Can an operator add, list and remove who may sign in?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import paywarden

from streams.adapters.case_store import people
from streams.adapters.case_store.store import CaseStore
from streams.console import passwords


def test_a_user_comes_changes_and_goes(tmp_path: Path) -> None:
    url, password = f"sqlite:///{tmp_path}/cases.db", tmp_path / "password"
    users = ("console", "--store", url, "users")
    password.write_text("a long enough password\n")
    assert paywarden(*users, "list").stdout == "nobody\n"
    added = paywarden(*users, "add", "mei", "--role", "analyst", "--password-file", str(password))
    assert (added.exit_code, added.stdout) == (0, "mei may sign in as analyst\n")
    paywarden(*users, "add", "mei", "--role", "supervisor", "--password-file", str(password))
    assert json.loads(paywarden(*users, "list", "--json").stdout) == [{"name": "mei", "role": "supervisor"}]
    store = CaseStore(url)
    with store.reading() as connection:
        user = people.user(connection, "mei")
    store.close()
    assert user is not None
    assert passwords.is_right(user.password_hash, "a long enough password")
    assert not passwords.is_right(user.password_hash, "a long enough passwort")
    assert paywarden(*users, "remove", "mei").exit_code == 0
    assert paywarden(*users, "remove", "mei").exit_code == 64


@pytest.mark.parametrize(
    ("name", "password", "says"), [("mei", "short", "12 to 256"), (" mei", "x" * 20, "a name has")]
)
def test_a_bad_name_or_password_is_a_sentence(tmp_path: Path, name: str, password: str, says: str) -> None:
    file = tmp_path / "password"
    file.write_text(password)
    store = f"sqlite:///{tmp_path}/cases.db"
    given = ("--role", "viewer", "--password-file", str(file))
    ended = paywarden("console", "--store", store, "users", "add", name, *given)
    assert ended.exit_code == 64
    assert says in ended.stderr
