"""How long the event loop is held: the longest single step of a read, in CPU seconds of its thread.

`python -m benchmarks.held read ...` is the program with every step of its loop timed.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import CONNECTOR, cost, serving
from benchmarks.reads import names, reading
from benchmarks.report import Table
from benchmarks.size import LAST_DAY, LAST_MINUTE, Size


def run(size: Size) -> Iterator[Table]:
    days = {"stock_ticker": names(size.tickers), "start_date": size.first, "end_date": LAST_DAY}
    minutes = {
        "stock_ticker": "TK00000",
        "timespan": "minute",
        "start_date": size.minutes_first,
        "end_date": LAST_MINUTE,
    }
    market = {"stock_ticker": "*", "start_date": "2025-02-27", "end_date": LAST_DAY}
    day = {**market, "start_date": LAST_DAY}
    both = ("stock_prices", "stock_bars")
    rows = []
    with serving("--gzip") as url:
        for what, config, streams in (
            ("pages of 5,000 days", days, both),
            ("pages of 50,000 minutes", minutes, both[1:]),
            ("sessions of 12,000 tickers", market, both),
            ("a list of 15,000 rows", day, ("short_volume",)),
        ):
            with reading({**config, "base_url": url}, *streams) as command:
                program = [sys.executable, "-m", "benchmarks.held"]
                told = cost([*program, *command[len(CONNECTOR) :]]).told
            rows.append((what, *told.split()[-2:]))
    yield Table(
        "How long the event loop is held",
        "CPU milliseconds of its thread in one step: the longest, and the third of a hundred.",
        ("read", "longest", "97 of 100 are below"),
        rows,
    )


def timed() -> list[float]:
    """Make every handle of the loop tell how long it ran."""
    held: list[float] = []
    plain = asyncio.Handle._run  # noqa: SLF001 - there is no other place where every step passes

    def run_timed(handle: asyncio.Handle) -> None:
        begun = time.thread_time()
        plain(handle)
        held.append(time.thread_time() - begun)

    asyncio.Handle._run = run_timed  # type: ignore[method-assign, assignment]  # noqa: SLF001
    return held


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from stockticker_async.connector.cli import main

    steps = timed()
    code = main(sys.argv[1:])
    steps.sort()
    sys.stderr.write(f"{steps[-1] * 1000:.1f} {steps[len(steps) * 97 // 100] * 1000:.2f}\n")
    sys.exit(code)
