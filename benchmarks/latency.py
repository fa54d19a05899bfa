"""How well waiting is used: many tickers at a latency, against the ideal of full rounds.

The allowance is set far above what is needed, since without one the connector begins with four calls at
once, out of politeness.
"""

import math
import statistics
from collections.abc import Iterator

from benchmarks.processes import cost, serving
from benchmarks.reads import names, reading
from benchmarks.report import Table
from benchmarks.size import LAST_DAY, Size

_AT_ONCE = 16
_LATENCY_MS = 50


def run(size: Size) -> Iterator[Table]:
    """The time on the wall at a latency, less the same without one."""
    tickers = 2 * size.tickers
    config = {
        "stock_ticker": names(tickers),
        "start_date": "2024-03-18",  # 250 weekdays
        "end_date": LAST_DAY,
        "max_concurrent_requests": _AT_ONCE,
    }
    walls = {0: [0.0] * 0, _LATENCY_MS: [0.0] * 0}
    with serving() as near, serving("--latency-ms", str(_LATENCY_MS)) as far:
        for _ in range(size.runs):
            for latency_ms, url in ((0, near), (_LATENCY_MS, far)):
                with reading({**config, "base_url": url}) as command:
                    walls[latency_ms].append(cost(command).wall)
    ideal = (1 + math.ceil(tickers / _AT_ONCE)) * _LATENCY_MS / 1000
    at_once, waiting = (statistics.median(found) for found in walls.values())
    yield Table(
        "Latency",
        f"{tickers} tickers of 250 sessions, {_AT_ONCE} at once, {_LATENCY_MS} ms a call. The ideal: one "
        "call for splits, then full rounds, with all work done meanwhile.",
        ("", "seconds"),
        [
            ("ideal", f"{ideal:.2f}"),
            ("whole read without latency", f"{at_once:.2f}"),
            ("whole read", f"{waiting:.2f}"),
        ],
    )
