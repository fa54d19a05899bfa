"""`python -m benchmarks.spark_files`: flat files a minute in Spark, with two cores beside one.

Each number of cores has a Spark in a process of its own, which is started before. They read in turn, from one
server that has its files ready. As for `benchmarks.spark`, cores are needed that have nothing else to do.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks.processes import ROOT, serving
from benchmarks.report import Table
from benchmarks.session_file import SESSION, bucket, sessions
from benchmarks.spark import in_spark, rows_in

_SERVE = "--serve"


def _read(session: Any, url: str, name: str, first: str) -> int:
    frame = (
        session.read.format("stockticker")
        .options(base_url=url, stock_ticker="*", timespan="minute", adjusted="false")
        .options(**{"flat_files": "true", "flat_files.endpoint": url, "flat_files.bucket": name})
        .options(start_date=first, end_date=str(SESSION))
        .load()
    )
    return rows_in(frame)


def _serve(master: str, url: str, name: str) -> None:
    """For each first day in a line of stdin, read the files and print the rows and the seconds."""
    os.environ |= {"MASSIVE_ACCESS_KEY_ID": "none", "MASSIVE_SECRET_ACCESS_KEY": "none"}
    with in_spark(master) as session:
        for line in sys.stdin:
            begun = time.monotonic()
            rows = _read(session, url, name, line.strip())
            print(rows, time.monotonic() - begun, flush=True)


class _Spark:
    """A Spark in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def read(self, first: str) -> tuple[int, float]:
        """Return the number of rows from a day on, and the seconds that they took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{first}\n")
        self._process.stdin.flush()
        rows, seconds = self._process.stdout.readline().split()
        return int(rows), float(seconds)


@contextmanager
def _started(master: str, url: str, name: str) -> Iterator[_Spark]:
    command = [sys.executable, "-m", "benchmarks.spark_files", _SERVE, master, url, name]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            yield _Spark(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def run(runs: int, tickers: int, count: int) -> Table:
    """Measure. Every read has the same rows."""
    name, first = bucket(tickers, count), str(sessions(count)[0])
    found: dict[int, list[float]] = {1: [], 2: []}
    with serving() as url, ExitStack() as stack:
        sparks = {cores: stack.enter_context(_started(f"local[{cores}]", url, name)) for cores in found}
        # the files are made, and Python and the JVM have loaded what they need
        rows = {spark.read(first)[0] for spark in sparks.values()}
        for _ in range(runs):
            for cores, spark in sparks.items():
                more, seconds = spark.read(first)
                rows.add(more)
                found[cores].append(seconds)
    (whole,) = rows
    faster = statistics.median(one / two for one, two in zip(found[1], found[2], strict=True))
    return Table(
        "Flat files in Spark",
        f"{count} minute files of {tickers:,} tickers, {whole:,} rows; median of {runs} interleaved pairs, "
        f"on {os.cpu_count()} cores (load before: {os.getloadavg()[0]:.1f}).",
        ("", "files a minute", "times"),
        [
            (
                f"{cores} core{'' if cores == 1 else 's'}",
                f"{60 * count / statistics.median(seconds):.1f}",
                f"**{faster:.2f}**" if cores > 1 else "",
            )
            for cores, seconds in found.items()
        ],
    )


if __name__ == "__main__":
    if sys.argv[1:2] == [_SERVE]:
        _serve(*sys.argv[2:])
    else:
        parser = argparse.ArgumentParser(prog="python -m benchmarks.spark_files")
        parser.add_argument("--runs", type=int, default=5)
        parser.add_argument("--tickers", type=int, default=3000)
        parser.add_argument("--files", type=int, default=12)
        given = parser.parse_args()
        print(run(given.runs, given.tickers, given.files).markdown())
