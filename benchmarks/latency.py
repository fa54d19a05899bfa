"""How well waiting is used: many tickers at a latency, against the ideal of full rounds.

The allowance is set far above what is needed, since without one the connector begins with four calls at
once, out of politeness. No call can begin before the program is there: so the start-up is measured, too, as a
read of one session without latency. The bare script makes the same rounds without the call for splits.
"""

import math
import statistics
from collections.abc import Iterator

from benchmarks.processes import cost, serving
from benchmarks.reads import bare, names, reading
from benchmarks.report import Table
from benchmarks.size import LAST_DAY, Size

_AT_ONCE = 16
_LATENCY_MS = 50


def run(size: Size) -> Iterator[Table]:
    """The time on the wall: at a latency and without one, of the start alone, and of the bare script."""
    tickers = 2 * size.tickers
    config = {
        "stock_ticker": names(tickers),
        "start_date": "2024-03-18",  # 250 weekdays
        "end_date": LAST_DAY,
        "max_concurrent_requests": _AT_ONCE,
    }
    one = {**config, "stock_ticker": names(1), "start_date": LAST_DAY}
    with (
        serving() as near,
        serving("--latency-ms", str(_LATENCY_MS)) as far,
        reading({**one, "base_url": near}) as start,
        reading({**config, "base_url": near}) as at_once,
        reading({**config, "base_url": far}) as whole,
    ):
        commands = {
            "start-up": start,
            "whole read without latency": at_once,
            "whole read": whole,
            "bare script": bare("stock_prices", far, config),
        }
        walls: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(size.runs):
            for name, command in commands.items():
                walls[name].append(cost(command).wall)
    ideal = (1 + math.ceil(tickers / _AT_ONCE)) * _LATENCY_MS / 1000
    begun = zip(walls["whole read"], walls["start-up"], strict=True)
    calls = statistics.median(read - start for read, start in begun)
    yield Table(
        "Latency",
        f"{tickers} tickers of 250 sessions, {_AT_ONCE} at once, {_LATENCY_MS} ms a call. The ideal: one "
        "call for splits, then full rounds, with all work done meanwhile.",
        ("", "seconds", "times the ideal"),
        [
            ("ideal", f"{ideal:.2f}", "1.00"),
            *((name, f"{statistics.median(found):.2f}", "") for name, found in walls.items()),
            ("whole read less the start-up", f"{calls:.2f}", f"**{calls / ideal:.2f}**"),
        ],
    )
