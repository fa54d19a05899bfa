"""The allowance: no rolling minute holds more calls, of all partitions, tries and the driver."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import LAST, Read, Served, rows_of, serving

SPEED = 60
"""A minute of the clocks is a second."""
ALLOWANCE = 6
NAMES = "TSLA,AAPL,MSFT,NVDA,AMZN,META,GOOG,F,GE,IBM"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Served]:
    with serving("2025-01-01", "--speed", str(SPEED)) as one:
        yield one


@pytest.mark.parametrize("partitions", [1, 4])
def test_no_minute_holds_more_calls_than_are_allowed(
    read: Read, sandbox: Served, folder: Path, partitions: int
) -> None:
    (folder / "clock").write_text(f"{sandbox.ask('clock')['now']} {SPEED}")
    # a task that fails has made its calls, too
    sandbox.ask("faults", "POST", kind="status", status=400, match="/AAPL/", times=1)
    frame = read(
        stock_ticker=NAMES,
        start_date="2024-11-01",
        end_date=LAST,
        partitions=partitions,
        requests_per_minute=ALLOWANCE,
    )
    rows = rows_of(frame)
    assert len(rows) == len(set(rows))
    assert {row[0] for row in rows} >= {"TSLA", "AAPL", "MSFT"}
    calls = sorted(sandbox.times())
    assert len(calls) > 2 * ALLOWANCE
    for first, following in zip(calls, calls[ALLOWANCE:], strict=False):
        assert following - first >= 60
