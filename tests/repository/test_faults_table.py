"""docs/faults.md: a test proves each fault, each proof has its row, and the limits are those of the code."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from stockticker_async.connector import check, runner
from stockticker_async.marketdata import (
    body_budget,
    bucket,
    call_limits,
    client,
    endpoints,
    patience,
    responses,
    split_list,
)

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs" / "faults.md"
PROVEN = ("Transport", "Responses", "Flat files", "Input", "Process", "Secrets", "Soak")
SECTIONS = (*PROVEN, "Limits")


@cache
def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    text = DOCUMENT.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def faults() -> list[str]:
    """The names of all faults: what stands before the colon."""
    return [row[0].partition(": ")[0].replace("`", "") for section in PROVEN for row in rows(section)]


@cache
def proofs() -> dict[str, list[str]]:
    """The faults of every test in tests/whole/faults, and in all files with such a marker."""
    folder = TESTS / "whole" / "faults"
    others = [path for path in sorted(TESTS.rglob("test_*.py")) if folder not in path.parents]
    marked = [str(path) for path in others if "mark.fault(" in path.read_text()]
    command = [sys.executable, str(TESTS / "proofs.py"), str(folder), *marked]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_the_document_has_its_sections_in_order() -> None:
    assert tuple(re.findall(r"^## (.*)$", DOCUMENT.read_text(), re.MULTILINE)) == SECTIONS


@pytest.mark.parametrize("section", SECTIONS)
def test_no_cell_is_empty(section: str) -> None:
    assert rows(section)
    for row in rows(section):
        assert len(row) == (3 if section == "Limits" else 2), row
        assert all(row), row


def test_no_fault_stands_twice() -> None:
    assert sorted(set(faults())) == sorted(faults())


def test_a_test_proves_each_fault_and_each_proof_has_its_row() -> None:
    assert {name for names in proofs().values() for name in names} == set(faults())


def test_every_test_of_a_fault_says_which() -> None:
    assert [
        test for test, names in proofs().items() if test.startswith("tests/whole/faults/") and not names
    ] == []


LIMITS = {
    "a connection": f"{call_limits.LIMITS.connect:.0f} s",
    "silence in an answer": f"{call_limits.LIMITS.silence:.0f} s",
    "a call": f"{call_limits.LIMITS.call:.0f} s",
    "a flat file": (
        f"{call_limits.LIMITS.call:.0f} s, and {1e6 / call_limits.LIMITS.slowest:.0f} s for each MB"
    ),
    "a flat file, packed": f"{bucket.MOST_BYTES // call_limits.MIB} MiB",
    "a body, unpacked": f"{call_limits.LIMITS.body_bytes // call_limits.MIB} MiB",
    "rows of a page": f"{endpoints.PAGE_ROWS:,}",
    "pages in a row without rows": str(call_limits.EMPTY_PAGES),
    "splits of all tickers": f"{split_list.MOST_SPLITS:,}",
    "pages of one question": f"{call_limits.PAGES:,}",
    "bodies under way": (
        f"{body_budget.POOL_BYTES // call_limits.MIB} MiB, "
        f"and {body_budget.SMALL_BYTES // call_limits.MIB} MiB of one more"
    ),
    "what a body is decoded to": f"{call_limits.DECODED_BYTES // call_limits.MIB} MiB",
    "tries of a body": str(client.BODY_TRIES),
    "time without any answer": f"{patience.PATIENCE:.0f} s",
    "tries of a call in an outage": str(patience.OUTAGE_TRIES),
    "time for splits, and for the reference": f"{call_limits.SIDE_PATIENCE:.0f} s",
    "Retry-After": f"{responses.RETRY_AFTER_CAP:.0f} s",
    "time without an answer in `check`": f"{check._PATIENCE:.0f} s",
    "429s in a row in `check`": f"{check._MOST_WAIT:.0f} s",
    "a reader that stopped, after a signal": f"{runner._FLUSH:.0f} s",
}


def test_the_limits_are_those_of_the_code() -> None:
    told = {row[0]: row[1] for row in rows("Limits")}
    assert {name: value for name, value in told.items() if name in LIMITS} == LIMITS
