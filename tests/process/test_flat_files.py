"""Flat files and the program as a process: killed at any time, and what it takes of memory."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import program
import pytest

from benchmarks.processes import ROOT, serving
from benchmarks.reads import reading
from benchmarks.session_file import SESSION, bucket

LAUNCH = [sys.executable, str(Path(__file__).parents[1] / "launch.py"), "2020-12-23T17:00:00+00:00", "1"]
MOST_BYTES = 150_000_000
MEASURED = """
import sys
from benchmarks.processes import cost
used = cost(sys.argv[1:], count=True)
print(used.lines, used.peak_bytes)
"""
"""In a process of its own: a child's peak begins with what its parent has."""
Rows = dict[tuple[str, str], dict[str, Any]]


def rows_of(*outputs: bytes) -> Rows:
    """The rows of all outputs, the later over the earlier; half a line at the end is no row."""
    found: Rows = {}
    for output in outputs:
        for row in program.Finished(0, output[: output.rfind(b"\n") + 1], b"").records:
            found[row["stock_ticker"], row["timestamp"]] = row
    return found


def killed_after(command: list[str], size_bytes: int) -> bytes:
    """What a process wrote before it was killed, after so many bytes or a little more."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        written = process.stdout.read(size_bytes)
        process.kill()
        return written


@pytest.mark.long
@pytest.mark.fault("killed within a flat file")
def test_a_program_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    with program.sandbox("--universe", "1", "--clock", "2020-12-23T12:00") as url:
        keys = {
            "access_key_id": "demo-access-key-id",
            "secret_access_key": "demo-secret-access-key",
            "endpoint": url,
        }
        config = {
            "stock_ticker": "*",
            "api_key": program.KEY,
            "base_url": url,
            "start_date": "2020-12-18",
            "end_date": "2020-12-21",
            "timespan": "minute",
            "adjusted": False,
            "flat_files": keys,
        }
        arguments = program.arguments_of_read(tmp_path, config, ["stock_bars", "--incremental"])
        whole = subprocess.run([*LAUNCH, *arguments], capture_output=True, check=True).stdout
        outputs: list[bytes] = []
        state = tmp_path / "state.jsonl"
        state.write_bytes(b"")
        for share in (0.3, 0.6, 0.9):
            outputs.append(
                killed_after([*LAUNCH, *arguments, "--state", str(state)], int(len(whole) * share))
            )
            state.write_bytes(b"".join(output[: output.rfind(b"\n") + 1] for output in outputs))
        last = subprocess.run([*LAUNCH, *arguments, "--state", str(state)], capture_output=True, check=True)
        assert rows_of(*outputs, last.stdout) == rows_of(whole)
        assert len(rows_of(whole)) > 50_000


@pytest.mark.long
@pytest.mark.usefixtures("uncounted")
def test_a_file_of_many_rows_takes_little_memory() -> None:
    with serving() as url:
        keys = {
            "access_key_id": "none",
            "secret_access_key": "none",
            "endpoint": url,
            "bucket": bucket(4_000),
        }
        config = {
            "stock_ticker": "*",
            "start_date": str(SESSION),
            "end_date": str(SESSION),
            "timespan": "minute",
            "adjusted": False,
            "base_url": url,
            "flat_files": keys,
        }
        with reading(config, "stock_bars") as command:
            measuring = [sys.executable, "-c", MEASURED, *command]
            told = subprocess.run(measuring, cwd=ROOT, capture_output=True, check=True).stdout
    lines, peak_bytes = map(int, told.split())
    assert lines > 700_000
    assert peak_bytes < MOST_BYTES
