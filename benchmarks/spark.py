"""`make spark-bench`: Spark on two cores beside the library in one process, in turn, from one server.

What is compared is rows a second on the wall, so it needs cores that have nothing else to do: the server,
which sends pages that it has ready, takes a part of them, too. Beside it stands the CPU that both took: a
read that takes no more CPU in sum is twice as fast on two cores.
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
def _spark(master: str) -> Iterator[Any]:
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "MASSIVE_API_KEY": "none"}
    os.environ["PYTHONPATH"] = str(ROOT)
    from pyspark.sql import SparkSession  # noqa: PLC0415 - after the environment

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
    """All rows arrive in Spark's columns, of which one is added up."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - pyspark is loaded

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
    found: dict[str, list[_Run]] = {"library": [], "spark": []}
    calls = {}
    with serving("--latency-ms", str(_LATENCY_MS)) as url, _spark(master) as session:
        _in_spark(session, url, names, "2024-12-30")  # Python and the JVM have loaded what they need
        _in_one_process(url, names, first)  # the server has its pages
        for _ in range(runs):
            before = _calls(url)
            # Spark's idle processes may end just then, and take their CPU with them
            library = partial(_in_one_process, url, names, first)
            found["library"].append(_measured(library, time.process_time))
            between = _calls(url)
            found["spark"].append(_measured(partial(_in_spark, session, url, names, first), _cpu_seconds))
            calls = {"library": between - before - 1, "spark": _calls(url) - between - 1}
    pairs = list(zip(found["spark"], found["library"], strict=True))
    faster = statistics.median(a.rows_a_second / b.rows_a_second for a, b in pairs)
    more = statistics.median(a.cpu / b.cpu for a, b in pairs)
    rows = found["library"][0].rows
    assert all(one.rows == rows for some in found.values() for one in some)
    return Table(
        "Spark beside one process",
        f"{rows:,} minute bars of {tickers} tickers, {_LATENCY_MS} ms a call; median of {runs} interleaved "
        f"pairs, on {os.cpu_count()} cores (load before: {os.getloadavg()[0]:.1f}). Spark: {master}, "
        f"{_PARTITIONS} partitions, started before.",
        ("", "rows a second", "times", "CPU", "times", "calls"),
        [
            (
                name,
                f"{statistics.median(one.rows_a_second for one in found[key]):,.0f}",
                f"**{faster:.2f}**" if key == "spark" else "",
                f"{statistics.median(one.cpu for one in found[key]):.2f} s",
                f"{more:.2f}" if key == "spark" else "",
                f"{calls[key]}",
            )
            for key, name in (("library", "the library, one process"), ("spark", "Spark"))
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark")
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tickers", type=int, default=24)
    parser.add_argument("--first", default="2024-07-01")
    given = parser.parse_args()
    print(run(given.master, given.runs, given.tickers, given.first).markdown())
