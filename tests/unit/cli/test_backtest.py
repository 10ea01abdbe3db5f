"""Does a backtest of a login log flag what the worker would have stopped?"""

from __future__ import annotations

import csv

from click.testing import CliRunner

from streams.cli.backtest import backtest

SPRAY = [f"2018-11-01 10:00:{second:02d},203.0.113.9,name{second},False,error_wrong_username" for second in range(30)]
HONEST = ["2018-11-01 10:00:31,198.51.100.7,nobody,False,error_wrong_username"]


def test_names_that_do_not_exist_are_flagged_at_an_address_that_attacks(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("\n".join(["datetime,source_ip,username,success,failure_reason", *SPRAY, *HONEST]) + "\n")
    out = tmp_path / "out"
    arguments = [str(log), "--format", "logins", "--barrier", "1s", "--partitions", "2", "--out", str(out), "--json"]
    result = CliRunner().invoke(backtest, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    with (out / "flags.csv").open(newline="") as lines:
        flags = list(csv.DictReader(lines))
    assert {flag["source_ip"] for flag in flags} == {"203.0.113.9"}
    assert len(flags) >= 25
    assert (out / "decisions.jsonl").read_bytes() == b"", "a stranger gets signals, never a decision"
