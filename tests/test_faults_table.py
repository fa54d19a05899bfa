"""docs/faults.md says what is proven: its tests exist, and all cases of `tests/faults` stand in it."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from stockticker_async import client, endpoints, limits, room, runner, verdict
from stockticker_async.operations import check

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "faults.md"
PROVEN = ("Transport", "Answers", "Input", "Process", "Secrets", "Soak")
SECTIONS = (*PROVEN, "Limits")


@cache
def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    text = DOCUMENT.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def named(section: str) -> list[str]:
    """The tests that a section names, each as often as it does."""
    return [name for row in rows(section) for name in re.findall(r"`([^`]*)`", row[2])]


@cache
def collected() -> frozenset[str]:
    """What pytest finds in the files that the document names, and in tests/faults."""
    files = {name.partition("::")[0] for section in PROVEN for name in named(section)}
    paths = [str(TESTS / file) for file in sorted({*files, "faults"})]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *paths]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, timeout=60, check=False)
    # 5: there is nothing to collect
    assert done.returncode in (0, 5), done.stdout + done.stderr
    return frozenset(
        line.removeprefix("tests/") for line in done.stdout.splitlines() if line.startswith("tests/")
    )


def test_the_document_has_its_sections_in_order() -> None:
    assert tuple(re.findall(r"^## (.*)$", DOCUMENT.read_text(), re.MULTILINE)) == SECTIONS


@pytest.mark.parametrize("section", SECTIONS)
def test_every_row_has_three_cells_and_none_is_empty(section: str) -> None:
    for row in rows(section):
        assert len(row) == 3, row
        assert all(row), row


@pytest.mark.parametrize("section", PROVEN)
def test_every_row_names_tests_that_exist(section: str) -> None:
    for row in rows(section):
        assert "::" in row[2], f"no test proves: {row[0]}"
    for name in named(section):
        cases = [case for case in collected() if case == name or case.startswith(f"{name}[")]
        assert cases, f"there is no test {name}"


def test_every_case_of_the_suite_stands_in_the_document() -> None:
    told = {name for section in PROVEN for name in named(section)}
    cases = {case for case in collected() if case.startswith("faults/")}
    assert {case for case in cases if not {case, case.partition("[")[0]} & told} == set()


LIMITS = {
    "a connection": f"{limits.LIMITS.connect:.0f} s",
    "silence in an answer": f"{limits.LIMITS.silence:.0f} s",
    "a call": f"{limits.LIMITS.call:.0f} s",
    "a body, unpacked": f"{limits.LIMITS.body_bytes // limits.MIB} MiB",
    "rows of a page": f"{endpoints.PAGE_ROWS:,}",
    "pages of one question": f"{limits.PAGES:,}",
    "bodies under way": (
        f"{room.POOL_BYTES // limits.MIB} MiB, and {room.SMALL_BYTES // limits.MIB} MiB of one more"
    ),
    "what a body is decoded to": f"{limits.DECODED_BYTES // limits.MIB} MiB",
    "tries of a body": str(client.BODY_TRIES),
    "time without any answer": f"{client.PATIENCE:.0f} s",
    "tries of a call in an outage": str(client.OUTAGE_TRIES),
    "time for splits, and for the reference": f"{limits.SIDE_PATIENCE:.0f} s",
    "Retry-After": f"{verdict.RETRY_AFTER_CAP:.0f} s",
    "time without an answer in `check`": f"{check._PATIENCE:.0f} s",
    "429s in a row in `check`": f"{check._MOST_WAIT:.0f} s",
    "a reader that stopped, after a signal": f"{runner._FLUSH:.0f} s",
}


def test_the_limits_are_those_of_the_code() -> None:
    told = {row[0]: row[1] for row in rows("Limits")}
    assert {name: value for name, value in told.items() if name in LIMITS} == LIMITS
