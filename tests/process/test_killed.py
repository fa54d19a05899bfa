"""Killed again and again, and resumed: the union of what was written is the truth, exactly."""

import random
import signal
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest
from program import KEY, PROGRAM, arguments_of_read, run, sandbox

Rows = dict[tuple[str, str, str], dict[str, Any]]
NAMES = [f"TK{number:02}" for number in range(38)] + ["TSLA", "AAPL", "NVDA"]
WAYS = [signal.SIGKILL, signal.SIGTERM, signal.SIGPIPE, signal.SIGINT] * 2


@pytest.mark.usefixtures("uncounted")
@pytest.mark.long
@pytest.mark.fault("eight kills")
def test_eight_kills_of_four_kinds_lose_nothing_and_invent_nothing(tmp_path: Path) -> None:
    choice = random.Random(41)  # noqa: S311 - a seed that anyone can repeat
    arguments = ["--page-rows", "200", "--tickers", ",".join(NAMES), "--clock", "2026-11-20"]
    with sandbox(*arguments) as url:
        config = {
            "stock_ticker": ",".join(NAMES),
            "api_key": KEY,
            "base_url": url,
            "start_date": "2023-11-20",
            "end_date": "2026-11-18",
            "max_concurrent_requests": 4,
        }
        read = arguments_of_read(tmp_path, config)
        written: Rows = {}
        states = tmp_path / "states.jsonl"
        states.write_bytes(b'{"type":"LOG","log":{"level":"INFO","message":"no state yet"}}\n')
        for way in WAYS:
            output = _killed([*read, "--state", str(states)], way, after=choice.randint(1, 8000))
            _add(written, output)
            # as somebody would who appends one run to another: a half line is followed by a whole one
            states.write_bytes(states.read_bytes() + b"\n" + output)
        last = run(*read, "--state", str(states))
        assert last.returncode == 0
        _add(written, last.stdout)
        truth: Rows = {}
        _add(truth, run(*read).stdout)
    assert len(truth) == 2 * 41 * 752
    assert written == truth


def _killed(arguments: list[str], way: signal.Signals, *, after: int) -> bytes:
    """What reached the reader of a run that was ended after so many lines."""
    with subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [line for _, line in zip(range(after), process.stdout, strict=False)]
        if way is signal.SIGPIPE:
            process.stdout.close()
        else:
            process.send_signal(way)
            lines += process.stdout.readlines()
        assert process.wait(timeout=30) == -way
    return b"".join(lines)


def _add(rows: Rows, output: bytes) -> None:
    """The rows of an output by their keys; a row that came before must be the same again."""
    for line in output.splitlines():
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue  # the half line of a kill
        if message["type"] == "RECORD":
            stream, row = message["record"]["stream"], message["record"]["data"]
            assert rows.setdefault((stream, row["stock_ticker"], row["date"]), row) == row
