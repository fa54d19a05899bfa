"""A flat file of minutes, as whole processes: to RECORD lines and to Arrow, beside bare scripts."""

import statistics
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from benchmarks.processes import ROOT, cost, interleaved, median_cpu, serving
from benchmarks.reads import NAME, reading
from benchmarks.report import Table
from benchmarks.session_file import KEY, SESSION, bucket
from benchmarks.size import Size

_MIB = 2**20
_FEW = 20
"""Tickers of the file that measures the start."""
_CONTENDERS = ROOT / "benchmarks" / "contenders"


def run(size: Size) -> Iterator[Table]:
    names = bucket(size.file_tickers), bucket(_FEW)
    with serving() as url:
        bare = [_bare(url, name) for name in names]
        rows = int(cost([*bare[0], "--arrow"]).told)  # and the file is made
        with (
            reading(_config(url, names[0]), "stock_bars") as ours,
            reading(_config(url, names[1]), "stock_bars") as start,
        ):
            told = f"{rows:,} rows. The limits are 1.25 times the bare script, and 150 MiB."
            yield _beside("to RECORD lines", [ours, start], bare, told, size)
        library = [
            [sys.executable, str(_CONTENDERS / "library_files.py"), url, name, str(SESSION)] for name in names
        ]
        told = f"{rows:,} rows. The limit is 1.3 times Arrow's reader of CSV alone, without the start."
        yield _beside("to record batches", library, [[*one, "--arrow"] for one in bare], told, size)


def _bare(url: str, name: str) -> list[str]:
    return [sys.executable, str(_CONTENDERS / "bare_files.py"), f"{url}/{name}/{KEY}"]


def _config(url: str, name: str) -> dict[str, Any]:
    keys = {"access_key_id": "none", "secret_access_key": "none", "endpoint": url, "bucket": name}
    return {
        "stock_ticker": "*",
        "start_date": str(SESSION),
        "end_date": str(SESSION),
        "timespan": "minute",
        "adjusted": False,
        "base_url": url,
        "flat_files": keys,
    }


def _beside(
    what: str, ours: Sequence[Sequence[str]], bare: Sequence[Sequence[str]], told: str, size: Size
) -> Table:
    """The commands read a whole file, and one of a few tickers, which is the start."""
    contenders = {NAME: ours, "bare script": bare}
    costs, starts = (
        interleaved({name: partial(cost, one[place]) for name, one in contenders.items()}, size.runs)
        for place in (0, 1)
    )
    start = {name: median_cpu(found) for name, found in starts.items()}
    pairs = list(zip(costs[NAME], costs["bare script"], strict=True))
    whole = statistics.median(one.cpu / other.cpu for one, other in pairs)
    rest = statistics.median(
        (one.cpu - start[NAME]) / (other.cpu - start["bare script"]) for one, other in pairs
    )
    return Table(
        f"A minute file of the whole market {what}",
        f"As whole processes; median of {size.runs} interleaved runs; the start is a file of {_FEW} tickers. "
        f"{told}",
        ("", "CPU", "of which the start", "ratio", "without the start", "peak memory"),
        [
            (
                name,
                f"{median_cpu(found):.2f} s",
                f"{start[name]:.2f} s",
                f"**{whole:.2f}**" if name == NAME else "",
                f"**{rest:.2f}**" if name == NAME else "",
                f"{max(one.peak_bytes for one in found) / _MIB:.0f} MiB",
            )
            for name, found in costs.items()
        ],
    )
