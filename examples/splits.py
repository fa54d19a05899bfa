"""The effect of splits on prices: TSLA as traded and split-adjusted, through the splits of 2020 and 2022.

`make example` runs this script, which draws examples/splits.png, or the file in the first argument. An editor
with support for `# %%` cells also runs the script. The data comes from the sandbox: no key, no network. The
splits and some prices of December 2020 are real; all other prices are made up. For real prices, leave out
`base_url` and use your API key.
"""

# %% The connector, and a sandbox as its API

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

HERE = Path(__file__).parent
CONNECTOR = Path(os.environ.get("CONNECTOR", HERE.parent / ".venv/bin/source-stockticker-async")).absolute()
os.environ |= {"DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1"}  # no telemetry from PyAirbyte
try:
    import airbyte
except ImportError:  # PyAirbyte needs Python 3.12 or older
    airbyte = None


@contextlib.contextmanager
def sandbox() -> Iterator[str]:
    """The URL of an imitation of the API on this machine."""
    command = [str(CONNECTOR), "sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


# %% Reading


def read(config: dict[str, Any], streams: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The rows of the streams: through PyAirbyte and DuckDB, or else from the connector's own lines."""
    with tempfile.TemporaryDirectory() as folder:
        if airbyte is not None:
            source = airbyte.get_source(
                "source-stockticker-async",
                config=config,
                local_executable=CONNECTOR,
                streams=list(streams),
            )
            result = source.read(cache=airbyte.caches.DuckDBCache(db_path=Path(folder) / "stocks.duckdb"))
            return {stream: [dict(row) for row in result[stream]] for stream in streams}
        asked = Path(folder) / "config.json"
        asked.write_text(json.dumps(config))
        catalog = Path(folder) / "catalog.json"
        catalog.write_bytes(subprocess.check_output([CONNECTOR, "catalog", *streams]))
        lines = subprocess.check_output([CONNECTOR, "read", "--config", asked, "--catalog", catalog])
    rows: dict[str, list[dict[str, Any]]] = {stream: [] for stream in streams}
    for message in map(json.loads, lines.splitlines()):
        if message["type"] == "RECORD":
            rows[message["record"]["stream"]].append(message["record"]["data"])
    return rows


def closes(rows: Sequence[dict[str, Any]]) -> tuple[list[date], list[float]]:
    """Days and prices, in the order of days."""
    found = sorted((date.fromisoformat(str(row["date"])[:10]), float(row["price"])) for row in rows)
    return [day for day, _ in found], [price for _, price in found]


with sandbox() as url:
    config = {
        "stock_ticker": "TSLA",
        "api_key": "demo-key",
        "base_url": url,
        "start_date": "2020-01-02",
        "end_date": "2023-06-30",
    }
    traded = read({**config, "adjusted": False}, ["stock_prices", "splits"])
    adjusted = read(config, ["stock_prices"])

# %% Drawing

BLUE, ORANGE, GREY = "#1f5fa8", "#e07b39", "#6b7280"


def mark(axes: Axes, split: dict[str, Any]) -> None:
    """A line at the first day on the new basis, with the ratio and the date of the split."""
    day = date.fromisoformat(str(split["execution_date"])[:10])
    axes.axvline(dates.date2num(day), color=GREY, linewidth=1, linestyle=(0, (2, 2)))
    axes.annotate(
        f"{float(split['split_to']):g}-for-{float(split['split_from']):g} split\n{day:%d %b %Y}",
        xy=(dates.date2num(day), 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(7, 0),
        textcoords="offset points",
        va="top",
        color=GREY,
        fontsize=10,
    )


def draw(path: Path) -> None:
    figure = Figure(figsize=(10, 5.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(
        *closes(traded["stock_prices"]), color=ORANGE, linewidth=1.4, label="as traded (adjusted: false)"
    )
    axes.plot(
        *closes(adjusted["stock_prices"]), color=BLUE, linewidth=1.8, label="split-adjusted (the default)"
    )
    for split in traded["splits"]:
        mark(axes, split)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(ticker.FixedLocator([100, 200, 500, 1000, 2000, 5000]))
    axes.yaxis.set_major_formatter("${x:,.0f}")
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.set_ylim(100, 8000)
    axes.xaxis.set_major_locator(dates.MonthLocator(bymonth=(1, 7)))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%b %Y"))
    axes.margins(x=0.01)
    axes.grid(axis="y", color="#e6e8ec", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color("#c9ced6")
    axes.set_ylabel("closing price, US dollars (log scale)", color=GREY)
    axes.set_title("TSLA through two splits", loc="left", fontsize=15, fontweight="bold", pad=14)
    axes.legend(frameon=False, loc="center", bbox_to_anchor=(0.5, 0.74))
    figure.text(
        0.995, 0.965, "made-up prices of the sandbox, real splits", ha="right", color=GREY, fontsize=9
    )
    figure.savefig(path, dpi=150, metadata={"Software": None})


path = Path(sys.argv[1] if sys.argv[1:] else HERE / "splits.png")
draw(path)
how = "PyAirbyte" if airbyte else "the connector's lines, without PyAirbyte"
print(f"Read with {how}; drawn: {path}")
