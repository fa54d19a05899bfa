"""The library: a page to columns, and whole tables as processes, beside what else can be done."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from importlib.util import find_spec
from typing import Any

import orjson
import pyarrow as pa

from benchmarks.processes import ROOT, cost, interleaved, median_cpu, serving
from benchmarks.reads import names
from benchmarks.report import Table
from benchmarks.server import page_of_minutes
from benchmarks.size import LAST_MINUTE, Size
from stockticker_async.library.arrow_schemas import schema_of
from stockticker_async.library.bar_columns import ROW_BYTES, bars_batch
from stockticker_async.marketdata.bar_pages import Wanted, read_page
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.bars import Asked, Bar
from stockticker_async.streams.table import STOCK_BARS

_CONTENDERS = ROOT / "benchmarks" / "contenders"
_MIB = 2**20
_FIRST = date(2024, 1, 2)
_MANY = 4
"""Tickers of the reads that keep nothing: their memory is compared with that of `Size.more` times as many."""


def run(size: Size) -> Iterator[Table]:
    yield _page(size)
    with serving() as url:
        yield _tables(url, size)
        yield _memory(url, size)


class _Kept:
    """A batch, as a chunk."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch
        self.size_bytes = ROW_BYTES * batch.num_rows


def _page(size: Size) -> Table:
    """CPU a bar of a full page, in this process, each way in turn."""
    last = _FIRST + timedelta(days=114 if size.runs > 1 else 7)
    body = page_of_minutes(_FIRST, last)
    asked = Asked("TK00000", _FIRST, last, BarSize(1, "minute"), adjusted=True)
    ways: dict[str, Callable[[], int]] = {
        "bytes to dicts, `from_pylist`": partial(_naive, body),
        "stockticker_async: judged, twelve columns": partial(_judged, body, asked),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(size.short_runs):
        for name, way in ways.items():
            begun = time.process_time()
            bars = way()
            taken[name].append((time.process_time() - begun) / bars * 1e9)
    naive, ours = taken.values()
    ratios = [one / other for one, other in zip(ours, naive, strict=True)]
    return Table(
        "A page to a record batch",
        f"CPU of a page of {bars:,} minute bars; median of {size.short_runs} turns. The limit is 0.6.",
        ("", "ns a bar", "ratio"),
        [
            (name, f"{statistics.median(found):.0f}", f"**{statistics.median(ratios):.2f}**" if mine else "")
            for mine, (name, found) in enumerate(taken.items())
        ],
    )


def _naive(body: bytes) -> int:
    return int(pa.RecordBatch.from_pylist(orjson.loads(body)["results"]).num_rows)


def _judged(body: bytes, asked: Asked) -> int:
    schema = schema_of(STOCK_BARS)

    def convert(bars: Sequence[Bar]) -> _Kept:
        return _Kept(bars_batch("bars", schema, bars, asked))

    steps = read_page(body, asked, [Wanted(asked.first, convert)], after_ms=None)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            page: Any = done.value
            return int(pa.concat_batches([one.batch for one in page.converted[0].take()]).num_rows)


def _command(script: str, url: str, tickers: str, first: str, *flags: str) -> list[str]:
    return [sys.executable, str(_CONTENDERS / f"{script}.py"), url, tickers, first, LAST_MINUTE, *flags]


def _tables(url: str, size: Size) -> Table:
    scripts = {"bare script": "bare_columns", "stockticker_async": "library"}
    if find_spec("pandas") and find_spec("massive"):
        scripts["official client, pandas"] = "official"
    else:
        print("The official client is left out: it is measured where pandas is installed, too.")
    ticker = names(1)
    whole = {name: _command(script, url, ticker, size.minutes_first) for name, script in scripts.items()}
    begin = {name: _command(script, url, ticker, LAST_MINUTE) for name, script in scripts.items()}
    (rows,) = {
        int(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)
        for command in whole.values()
    }
    costs, starts = (
        interleaved({name: partial(cost, one) for name, one in commands.items()}, size.runs)
        for commands in (whole, begin)
    )
    held = cost([*whole["stockticker_async"], "--held"]).told.split()
    least = costs["bare script"], median_cpu(starts["bare script"])
    return Table(
        "Minute bars to one table",
        f"{rows:,} bars of one ticker, as whole processes; median of {size.runs} interleaved runs. The start "
        f"is a read of one session. The library's loop is held for {held[0]} ms at most.",
        ("", "CPU", "times the bare script", "of which the start", "the rest", "seconds", "peak memory"),
        [
            (
                name,
                f"{median_cpu(found):.2f} s",
                f"{statistics.median(a.cpu / b.cpu for a, b in zip(found, least[0], strict=True)):.2f}",
                f"{(start := median_cpu(starts[name])):.2f} s",
                _rest([one.cpu - start for one in found], [one.cpu - least[1] for one in least[0]]),
                f"{statistics.median(one.wall for one in found):.2f}",
                f"{statistics.median(one.peak_bytes for one in found) / _MIB:.0f} MiB",
            )
            for name, found in costs.items()
        ],
    )


def _rest(mine: Sequence[float], bare: Sequence[float]) -> str:
    """Beside the bare script's, without the start of both."""
    ratio = statistics.median(one / other for one, other in zip(mine, bare, strict=True))
    return f"**{ratio:.2f}** times"


def _memory(url: str, size: Size) -> Table:
    few, many = (names(count) for count in (_MANY, _MANY * size.more))
    peaks = [
        cost(_command("library", url, tickers, size.minutes_first, "--batches")).peak_bytes / _MIB
        for tickers in (few, many)
    ]
    return Table(
        "Batch after batch, of which none is kept",
        f"Peak of the resident memory: minute bars of {_MANY} tickers, and of {size.more} times as many.",
        ("", "MiB", f"rows times {size.more}"),
        [("stockticker_async", f"{peaks[0]:.0f}", f"{peaks[1]:.0f} ({peaks[1] / peaks[0]:.2f})")],
    )
