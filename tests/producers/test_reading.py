"""What is said about a file that is not what its format promises?"""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from producers.durations import DAY_MS
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


class TestNothingToRead:
    DAY = 1_541_030_400_000  # 2018-11-01
    LINE = "2018-11-01 10:00:00,203.0.113.9,a1,True,"

    @pytest.fixture
    def log(self, tmp_path: Path) -> Path:
        path = tmp_path / "log.csv"
        path.write_text(f"{HEADERS['logins']}\n{self.LINE}\n")
        return path

    @pytest.mark.parametrize("form", ["fdh", "logins", "jsonl"])
    def test_a_file_without_records(self, form: Format, tmp_path: Path) -> None:
        path = tmp_path / "none"
        path.write_text(HEADERS.get(form, ""))
        assert "No records in" in refusal(path, form)

    def test_a_start_after_the_end_of_the_file_says_when_it_begins(self, log: Path) -> None:
        with pytest.raises(BadInput, match="--start 2018-11-02T00:00:00Z; the first one is of 2018-11-01T10:00:00Z"):
            list(read_inputs([log], "logins", InputOptions(start_ms=self.DAY + DAY_MS)))

    def test_a_start_that_is_not_before_the_end(self, log: Path) -> None:
        with pytest.raises(BadInput, match="is not before --end 2018-11-01T00:00:00Z"):
            read_inputs([log], "logins", InputOptions(start_ms=self.DAY, end_ms=self.DAY))

    def test_one_record_is_enough(self, log: Path, tmp_path: Path) -> None:
        empty = tmp_path / "empty.csv"
        empty.write_text(HEADERS["logins"])
        assert len(list(read_inputs([empty, log], "logins", InputOptions()))) == 1
