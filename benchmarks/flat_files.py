"""A flat file of minutes, as whole processes: to RECORD lines and to Arrow, beside bare scripts."""

import statistics
import sys
from collections.abc import Iterator, Sequence
from functools import partial

from benchmarks.processes import ROOT, Cost, cost, interleaved, median_cpu, serving
from benchmarks.reads import NAME, reading
from benchmarks.report import Table
from benchmarks.session_file import KEY, SESSION, bucket
from benchmarks.size import Size

_MIB = 2**20
_CONTENDERS = ROOT / "benchmarks" / "contenders"


def run(size: Size) -> Iterator[Table]:
    name = bucket(size.file_tickers)
    with serving() as url:
        bare = [sys.executable, str(_CONTENDERS / "bare_files.py"), f"{url}/{name}/{KEY}"]
        rows = int(cost([*bare, "--arrow"]).told)  # and the file is made
        config = {
            "stock_ticker": "*",
            "start_date": str(SESSION),
            "end_date": str(SESSION),
            "timespan": "minute",
            "adjusted": False,
            "base_url": url,
            "flat_files": {
                "access_key_id": "none",
                "secret_access_key": "none",
                "endpoint": url,
                "bucket": name,
            },
        }
        with reading(config, "stock_bars") as ours:
            told = "The limits are 1.25 times the bare script, and 150 MiB."
            yield _beside("to RECORD lines", ours, bare, rows=rows, told=told, size=size)
        library = [sys.executable, str(_CONTENDERS / "library_files.py"), url, name, str(SESSION)]
        told = "The limit is 1.3 times Arrow's reader of CSV alone."
        yield _beside("to record batches", library, [*bare, "--arrow"], rows=rows, told=told, size=size)


def _beside(
    what: str, ours: Sequence[str], bare: Sequence[str], *, rows: int, told: str, size: Size
) -> Table:
    commands = {NAME: ours, "bare script": bare}
    costs = interleaved({name: partial(cost, one) for name, one in commands.items()}, size.runs)
    ratio = _ratio(costs[NAME], costs["bare script"])
    return Table(
        f"A minute file of the whole market {what}",
        f"{rows:,} rows, as whole processes; median of {size.runs} interleaved runs. {told}",
        ("", "CPU", "ratio", "peak memory"),
        [
            (
                name,
                f"{median_cpu(found):.2f} s",
                f"**{ratio:.2f}**" if name == NAME else "",
                f"{max(one.peak_bytes for one in found) / _MIB:.0f} MiB",
            )
            for name, found in costs.items()
        ],
    )


def _ratio(mine: Sequence[Cost], other: Sequence[Cost]) -> float:
    return statistics.median(one.cpu / least.cpu for one, least in zip(mine, other, strict=True))
