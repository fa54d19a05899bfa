"""Whole reads, as processes: CPU from the start of Python to its end, beside what else can be done.

The bare script keeps no promise at all (`contenders/bare.py`); it shows what Python, aiohttp, msgspec and
orjson take.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.processes import CONNECTOR, ROOT, Cost, cost, interleaved, median_cpu, serving
from benchmarks.report import Table
from benchmarks.size import LAST_DAY, LAST_MINUTE, Size

NAME = "stockticker_async"
_CDK = ROOT / "build" / "cdk" / "bin"
_SOME = 4
"""Tickers that the Airbyte CDK reads."""
_CONTENDERS = ROOT / "benchmarks" / "contenders"


def names(count: int) -> str:
    return ",".join(f"TK{number:05}" for number in range(count))


@contextmanager
def reading(config: Mapping[str, Any], *streams: str) -> Iterator[list[str]]:
    """The command that reads these streams; without any, `stock_prices` with the tutorial's catalog."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = ROOT / "catalogs" / "fullrefresh_configured_catalog.json"
        if streams:
            catalog = Path(folder, "catalog.json")
            made = subprocess.run(
                [*CONNECTOR, "catalog", *streams], check=True, capture_output=True, cwd=ROOT
            )
            catalog.write_bytes(made.stdout)
        path = Path(folder, "config.json")
        path.write_text(json.dumps({"api_key": "none", "requests_per_minute": 1_000_000, **config}))
        yield [*CONNECTOR, "read", "--config", str(path), "--catalog", str(catalog)]


def run(size: Size) -> Iterator[Table]:
    """Day bars as prices, as bars; minute bars; sessions of the whole market; with and without gzip."""
    days = {"stock_ticker": names(size.tickers), "start_date": size.first, "end_date": LAST_DAY}
    few = {**days, "stock_ticker": names(size.few_tickers)}
    market = {"stock_ticker": "*", "start_date": size.sessions_first, "end_date": LAST_DAY}
    minutes = {
        "stock_ticker": "TK00000",
        "timespan": "minute",
        "start_date": size.minutes_first,
        "end_date": LAST_MINUTE,
    }
    with serving() as plain, serving("--gzip") as gzip:
        yield _beside_all(plain, days, size)
        rows = []
        packings = [
            (name, url) for name, url in (("plain", plain), ("gzip", gzip)) if name in size.contenders
        ]
        for what, stream, config in (
            ("day bars to `stock_prices`", "stock_prices", days),
            (f"{size.few_tickers} tickers to `stock_prices`", "stock_prices", few),
            ("day bars to `stock_bars`", "stock_bars", days),
            ("minute bars to `stock_bars`", "stock_bars", minutes),
            ("`*` to `stock_prices`", "stock_prices", market),
        ):
            for packing, url in packings:
                rows.append((f"{what}, {packing}", *_beside_bare(url, stream, config, size)))
    yield Table(
        "CPU of a read beside the bare script",
        f"Day bars as above, or of {size.few_tickers} tickers; about as many minutes in ten pages; sessions "
        f"of 12,000 stocks. Ratios are medians of {size.runs} interleaved pairs.",
        ("read", "connector", "bare script", "ratio", "range"),
        rows,
    )


def _beside_bare(url: str, stream: str, config: Mapping[str, Any], size: Size) -> tuple[str, ...]:
    with reading({**config, "base_url": url}, stream) as ours:
        commands = {NAME: ours, "bare": bare(kind(stream, config), url, config)}
        costs, _ = _measured(commands, size.runs)
    ratios = sorted(one.cpu / other.cpu for one, other in zip(costs[NAME], costs["bare"], strict=True))
    mine, least = median_cpu(costs[NAME]), median_cpu(costs["bare"])
    return (
        f"{mine:.2f} s",
        f"{least:.2f} s",
        f"**{statistics.median(ratios):.2f}**",
        f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
    )


def kind(stream: str, config: Mapping[str, Any]) -> str:
    """The bare script's name of what is read."""
    return "stock_bars_of_days" if stream == "stock_bars" and "timespan" not in config else stream


def bare(what: str, url: str, config: Mapping[str, Any]) -> list[str]:
    script = str(_CONTENDERS / "bare.py")
    return [
        sys.executable,
        script,
        what,
        url,
        config["stock_ticker"],
        config["start_date"],
        config["end_date"],
    ]


def _beside_all(url: str, config: Mapping[str, Any], size: Size) -> Table:
    script = str(_CONTENDERS / "tutorial.py")
    given = [url, config["stock_ticker"], config["start_date"], config["end_date"]]
    with reading({**config, "base_url": url}) as ours:
        commands = {
            "bare script": bare("stock_prices", url, config),
            NAME: ours,
            "the tutorial's way": [sys.executable, script, *given],
        }
        costs, bars = _measured(commands, size.runs)
    if "cdk" in size.contenders:
        costs |= dict(_cdk({**config, "base_url": url}, size))
    least = median_cpu(costs["bare script"])
    rows = [
        (
            name,
            f"{median_cpu(found):.2f} s",
            f"{median_cpu(found) / least:.1f}",
            f"{statistics.median(one.peak_bytes for one in found) / 2**20:.0f} MiB",
        )
        for name, found in costs.items()
    ]
    return Table(
        "CPU of a read",
        f"{size.tickers} tickers of day bars from {size.first} to {LAST_DAY}, {bars:,} in all, "
        "to `stock_prices`.",
        ("", "CPU", "times the bare script", "peak memory"),
        rows,
    )


def _cdk(config: Mapping[str, Any], size: Size) -> Iterator[tuple[str, list[Cost]]]:
    """The declarative connector, where `make bench-cdk` has installed what runs it.

    It takes minutes for all tickers: what they would take is told by one and by some.
    """
    program = _CDK / "source-declarative-manifest"
    if not program.exists():
        print("The Airbyte CDK is left out: `make bench-cdk` installs it.")
        return
    asked = "from importlib.metadata import version; print(version('airbyte-cdk'))"
    told = subprocess.run([str(_CDK / "python"), "-c", asked], check=True, capture_output=True, text=True)
    version = f"Airbyte CDK {told.stdout.strip()}"
    with tempfile.TemporaryDirectory() as folder:
        for text, what in _manifests():
            path = Path(folder) / "manifest.yaml"
            path.write_text(text)
            yield f"{version}, {what}, from {_SOME} tickers", [_cdk_cost(program, path, config, size)]


def _manifests() -> Iterator[tuple[str, str]]:
    """The same records as ours; and the API's rows as they are, since interpolation is what costs most."""
    text = (_CONTENDERS / "manifest.yaml").read_text()
    yield text, "the same records"
    begin, end = text.index("    transformations:"), text.index("    schema_loader:")
    yield text[:begin] + text[end:], "the API's own rows"


def _cdk_cost(program: Path, manifest: Path, config: Mapping[str, Any], size: Size) -> Cost:
    costs = []
    for count in (1, _SOME):
        with reading({**config, "stock_ticker": names(count)}) as ours:
            command = [str(program), "read", "--manifest-path", str(manifest), *ours[len(CONNECTOR) + 1 :]]
            costs.append(cost(command))
    one, some = costs
    return replace(some, cpu=one.cpu + (some.cpu - one.cpu) / (_SOME - 1) * (size.tickers - 1))


def _measured(commands: Mapping[str, Sequence[str]], runs: int) -> tuple[dict[str, list[Cost]], int]:
    """The costs, and the least number of lines: a contender that wrote fewer records would be fast."""
    contenders: dict[str, Callable[[], Cost]] = {
        name: partial(cost, command, count=True) for name, command in commands.items()
    }
    costs = interleaved(contenders, runs)
    counts = {one.lines for found in costs.values() for one in found}
    assert max(counts) - min(counts) < 20, counts  # states, statuses, logs
    return costs, min(counts)
