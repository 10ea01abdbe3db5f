"""What is said about a file that is not what its format promises?"""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from producers.errors import BadInput
from producers.inputs import Format, InputOptions, read_inputs
from producers.sources import fdh, logins

HEADERS = {"fdh": ",".join(fdh.COLUMNS), "logins": ",".join(logins.COLUMNS)}
CSV = pytest.mark.parametrize("form", ["fdh", "logins"])


def refusal(path: Path, form: Format) -> str:
    with pytest.raises(BadInput) as caught:
        list(read_inputs([path], form, InputOptions()))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def damaged(how: str) -> bytes:
    """An archive cut short, or with one of its first bytes changed."""
    packed = lzma.compress(b"".join(b"%d\n" % number for number in range(5_000)))
    return packed[:16] if how == "cut" else packed[:30] + bytes([packed[30] ^ 255]) + packed[31:]


@CSV
def test_bytes_are_not_text(form: Format, tmp_path: Path) -> None:
    path = tmp_path / "binary.csv"
    path.write_bytes(HEADERS[form].encode() + b"\n\xff\xfe\x00\x81")
    assert "not UTF-8 text" in refusal(path, form)


@pytest.mark.parametrize("form", ["fdh", "logins", "jsonl"])
@pytest.mark.parametrize("how", ["cut", "changed"])
def test_a_damaged_archive(form: Format, how: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged.xz"
    path.write_bytes(damaged(how))
    assert "not a whole .xz archive" in refusal(path, form)


def test_a_plain_file_called_xz(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv.xz"
    path.write_text(HEADERS["fdh"])
    assert "not a whole .xz archive" in refusal(path, "fdh")


@CSV
def test_what_the_csv_reader_refuses(form: Format, tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(HEADERS[form] + "\n" + "9" * 200_000)
    assert "is not CSV (field larger than field limit" in refusal(path, form)


@CSV
class TestFirstLine:
    def test_an_empty_file_is_called_empty(self, form: Format, tmp_path: Path) -> None:
        path = tmp_path / "empty.csv"
        path.touch()
        assert "is empty" in refusal(path, form)

    def test_a_long_line_is_cut(self, form: Format, tmp_path: Path) -> None:
        path = tmp_path / "long.csv"
        path.write_text("secret" * 500)
        message = refusal(path, form)
        assert HEADERS[form] in message
        assert message.count("secret") == 13

    def test_json_is_recognised(self, form: Format, tmp_path: Path) -> None:
        path = tmp_path / "events.csv"
        path.write_text('{"type":"payment.succeeded.v1","account_id":"a1"}\n')
        assert "--format jsonl" in refusal(path, form)
