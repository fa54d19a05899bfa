"""`make spark-bench`: Spark on two cores beside the library in one process, in turn, from one server.

What is compared is rows a second on the wall, so it needs cores that have nothing else to do: the server,
which sends pages that it has ready, takes a part of them, too. Beside it stands the CPU that both took: a
read that takes no more CPU in sum is twice as fast on two cores.

The third line is Spark alone, with as many rows that are made already (`spark_alone`). No data source costs
less. So a read on two cores cannot be faster than the library by more than twice the CPU of the library, over
the CPU of both.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.processes import ROOT, serving
from benchmarks.report import Table

_TICKS = os.sysconf("SC_CLK_TCK")
_LATENCY_MS = 50
_LAST = "2024-12-31"
_PARTITIONS = 4
_LINES = {
    "library": "the library, one process",
    "spark": "Spark",
    "alone": "Spark alone, rows made before",
}


@dataclass(frozen=True, slots=True)
class _Run:
    rows: int
    wall: float
    cpu: float

    @property
    def rows_a_second(self) -> float:
        return self.rows / self.wall


def _cpu_seconds() -> float:
    """Of this process and all below it but the server, with those that have ended."""
    own = os.getpid()
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            command = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if b"benchmarks.server" not in command:
            stats[int(path.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    ours = {own}
    while more := {pid for pid, (parent, _) in stats.items() if parent in ours} - ours:
        ours |= more
    return sum(stats[pid][1] for pid in ours) / _TICKS


@contextmanager
def in_spark(master: str) -> Iterator[Any]:
    """A session of Spark that has the data source."""
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "MASSIVE_API_KEY": "none"}
    os.environ["PYTHONPATH"] = str(ROOT)
    from pyspark.sql import SparkSession  # noqa: PLC0415 - after the environment

    from benchmarks.spark_alone import MadeBars  # noqa: PLC0415 - as above
    from stockticker_async.spark import StockTickerDataSource  # noqa: PLC0415 - as above

    builder = SparkSession.builder.master(master)
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.log.level": "ERROR",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.dataSource.register(StockTickerDataSource)
    session.dataSource.register(MadeBars)
    try:
        yield session
    finally:
        session.stop()


def _measured(read: Callable[[], int], used: Callable[[], float]) -> _Run:
    cpu, begun = used(), time.monotonic()
    rows = read()
    wall = time.monotonic() - begun
    return _Run(rows, wall, used() - cpu)


def _in_spark(session: Any, url: str, tickers: str, first: str) -> int:
    frame = (
        session.read.format("stockticker")
        .option("base_url", url)
        .option("stock_ticker", tickers)
        .option("start_date", first)
        .option("end_date", _LAST)
        .option("timespan", "minute")
        .option("partitions", str(_PARTITIONS))
        .option("requests_per_minute", "1000000")
        .load()
    )
    return rows_in(frame)


def _in_spark_alone(session: Any, rows: int) -> int:
    frame = session.read.format("made_bars").option("rows", str(rows)).option("partitions", str(_PARTITIONS))
    return rows_in(frame.load())


def rows_in(frame: Any) -> int:
    """All rows arrive in Spark's columns, of which one is added up."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - pyspark is loaded

    row = frame.agg(f.count("*").alias("rows"), f.sum("close")).first()
    return int(row["rows"])


def _in_one_process(url: str, tickers: str, first: str) -> int:
    import stockticker_async as st  # noqa: PLC0415 - beside pyspark

    table = st.bars(
        tickers, start=first, end=_LAST, timespan="minute", base_url=url, api_key="none", progress=False,
        requests_per_minute=1_000_000,
    )  # fmt: skip
    return int(table.num_rows)


def _calls(url: str) -> int:
    with urlopen(f"{url}/calls") as answer:  # noqa: S310 - loopback
        return int(answer.read())


def run(master: str, runs: int, tickers: int, first: str) -> Table:
    names = ",".join(f"TK{number:05}" for number in range(tickers))
    found: dict[str, list[_Run]] = {"library": [], "spark": [], "alone": []}
    calls = {}
    with serving("--latency-ms", str(_LATENCY_MS)) as url, in_spark(master) as session:
        _in_spark(session, url, names, "2024-12-30")  # Python and the JVM have loaded what they need
        rows = _in_one_process(url, names, first)  # the server has its pages
        _in_spark_alone(session, rows)
        for _ in range(runs):
            before = _calls(url)
            # Spark's idle processes may end just then, and take their CPU with them
            library = partial(_in_one_process, url, names, first)
            found["library"].append(_measured(library, time.process_time))
            between = _calls(url)
            found["spark"].append(_measured(partial(_in_spark, session, url, names, first), _cpu_seconds))
            calls = {"library": between - before - 1, "spark": _calls(url) - between - 1, "alone": 0}
            found["alone"].append(_measured(partial(_in_spark_alone, session, rows), _cpu_seconds))
    assert all(one.rows == rows for some in found.values() for one in some)
    cores = os.cpu_count() or 1
    pairs = zip(found["library"], found["alone"], strict=True)
    most = cores * statistics.median(one.cpu / (one.cpu + alone.cpu) for one, alone in pairs)
    return Table(
        "Spark beside one process",
        f"{rows:,} minute bars of {tickers} tickers, {_LATENCY_MS} ms a call; median of {runs} interleaved "
        f"pairs, on {cores} cores (load before: {os.getloadavg()[0]:.1f}). Spark: {master}, "
        f"{_PARTITIONS} partitions, started before. By CPU, no data source can reach more than "
        f"{most:.2f} times.",
        ("", "rows a second", "times", "CPU", "times", "calls"),
        [
            (
                name,
                f"{statistics.median(one.rows_a_second for one in found[key]):,.0f}",
                _times(found, key, lambda one: one.rows_a_second),
                f"{statistics.median(one.cpu for one in found[key]):.2f} s",
                _times(found, key, lambda one: one.cpu),
                f"{calls[key]}",
            )
            for key, name in _LINES.items()
        ],
    )


def _times(found: dict[str, list[_Run]], key: str, figure: Callable[[_Run], float]) -> str:
    """How many times the figure of the library, as the median of the pairs."""
    pairs = zip(found[key], found["library"], strict=True)
    return "" if key == "library" else f"{statistics.median(figure(a) / figure(b) for a, b in pairs):.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark")
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tickers", type=int, default=60)
    parser.add_argument("--first", default="2024-07-01")
    given = parser.parse_args()
    print(run(given.master, given.runs, given.tickers, given.first).markdown())
