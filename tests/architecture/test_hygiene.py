"""Is there anything in the repository that must not be: data without a licence, personal data, unfinished marks?"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parents[2]
# An identifier of a person or card has no place even in a test; reserved and documented ones do.
EXAMPLE_CARDS = {"4111111111111111", "5555555555554444", "378282246310005", "4242424242424242", "4000000000000002"}
# Of tests that want to see them refused or hidden; the token has no signature.
EXAMPLE_SECRETS = {"hunter2", "word", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0."}
LARGEST = 2_000_000
SECRETS = (
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)


@cache
def tracked() -> tuple[Path, ...]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    ).stdout
    return tuple(path for name in names.split("\0") if name and (path := ROOT / name).is_file())


@cache
def texts() -> dict[str, str]:
    found = {}
    for path in tracked():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # the malformed examples are that on purpose
    return found


def luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def test_no_evaluation_data_is_shipped() -> None:
    """The handbook's transactions have no declared licence; what is shipped has its notice beside it."""
    header = "TRANSACTION_ID," + "TX_DATETIME"
    assert [name for name, text in texts().items() if header in text and text.count("\n") > 1_000] == []
    formats = {".csv", ".pkl", ".pickle", ".joblib", ".parquet", ".gz", ".xz", ".zst", ".zip"}
    without_notice = [
        path.name
        for path in tracked()
        if path.suffix in formats and not [*path.parent.glob("LICEN[CS]E*"), *path.parent.glob("NOTICE*")]
    ]
    assert without_notice == []


def test_no_file_is_huge() -> None:
    assert [path.name for path in tracked() if path.stat().st_size > LARGEST] == []


def test_no_card_number_that_could_be_real() -> None:
    found = {
        f"{name}: {number}"
        for name, text in texts().items()
        if not name.startswith("requirements")
        for number in re.findall(r"(?<![\w.])[3-6]\d{12,18}(?![\w.])", text)
        if len(number) in {13, 15, 16, 19} and luhn(number) and number not in EXAMPLE_CARDS
    }
    assert found == set()


@pytest.mark.parametrize("part", range(4))
def test_no_secret_of_anybody(part: int) -> None:
    """Keys and tokens of a known form; entropy alone would name every hash in the tree."""
    found = set()
    with transient_settings({"plugins_used": [{"name": each} for each in SECRETS]}):
        for path in tracked()[part::4]:
            for secret in scan_file(str(path)):
                if secret.secret_value not in EXAMPLE_SECRETS:
                    found.add((path.relative_to(ROOT).as_posix(), secret.type, secret.line_number))
    assert found == set()


def test_no_mail_address_of_a_person() -> None:
    found = {
        f"{name}: {address}"
        for name, text in texts().items()
        for address in re.findall(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b", text)
        if not re.search(r"@([\w.-]+\.)?(example|example\.(com|org|net)|invalid|test|localhost)$", address)
    }
    assert found == set()


def test_no_path_of_somebody_elses_machine() -> None:
    # The folders are put together here, so that this file does not find itself.
    homes = "|".join(["/" + folder + "/" for folder in ("home", "Users", "root", "work")])
    found = {
        name
        for name, text in texts().items()
        if re.search(rf"(?<![\w./*-])({homes})[\w.]", text) and name != "tests/architecture/test_hygiene.py"
    }
    assert found == set()


@pytest.mark.parametrize("mark", ["TO" + "DO", "FIX" + "ME", "X" * 3 + ":", "HACK" + ":"])
def test_nothing_is_left_unfinished(mark: str) -> None:
    word = re.compile(rf"\b{mark}")
    assert [
        name for name, text in texts().items() if name.endswith((".py", ".md", ".toml", ".yml")) and word.search(text)
    ] == []


def test_nothing_has_a_name_that_says_nothing() -> None:
    banned = {"utils.py", "helpers.py", "common.py", "manager.py", "types.py", "logging.py", "queue.py", "time.py"}
    assert [str(path) for path in tracked() if path.name in banned] == []
    assert not (ROOT / "tests/models").exists(), "it could shadow the real package"


def test_the_licence_is_the_whole_text() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_one_place_decides_how_kafka_clients_authenticate() -> None:
    said = re.compile(r"SASLCredentials|SSLCredentials|sasl_plain_")
    where = {name for name, text in texts().items() if name.startswith("streams/") and said.search(text)}
    assert where == {"streams/runtime/clients.py", "streams/runtime/faust_client.py"}
