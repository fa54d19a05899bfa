"""The sandbox in a process of its own, and what it knows: its calls, its truth."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from stockticker_async.sandbox.data.simulated_market import Market

KEY = "k3y-OF-the-tests/+=9"
ACCESS_KEY_ID = "1d-OF-the-files/+="
FILES_SECRET = "s3cret-OF-the-files/+=8"
ROOT = Path(__file__).parents[3]
UNIVERSE = 300
LAST = "2024-12-31"
"""The last settled session of the sandbox of most tests."""
Read = Callable[..., Any]
"""Loads a frame with the options given."""


@dataclass(frozen=True)
class Served:
    """A sandbox that serves."""

    url: str
    market: Market
    """The same market as that of the sandbox."""

    def ask(self, path: str, method: str = "GET", **body: Any) -> Any:
        data = json.dumps(body).encode() if body else None
        with urlopen(Request(f"{self.url}/sandbox/{path}", data, method=method)) as answer:  # noqa: S310 - loopback
            return json.loads(answer.read())

    def today(self) -> date:
        """The sandbox's date in New York: its clock stands at noon."""
        return datetime.fromisoformat(self.ask("clock")["now"]).date()

    def add_split(self, ticker: str, day: date, split_from: float, split_to: float) -> None:
        """Here and there."""
        self.ask(
            "splits", "POST", ticker=ticker, execution_date=str(day), split_from=split_from, split_to=split_to
        )
        today = self.today()
        listing = self.market.listing(ticker)
        self.market.book.add(listing, day.toordinal(), split_from, split_to, today.toordinal())

    def calls(self) -> list[str]:
        """The paths asked for, with their queries, since the last `forget`."""
        return [call["path"] + json.dumps(call["query"], sort_keys=True) for call in self.ask("calls")]

    def times(self) -> list[float]:
        """When the calls came, by the sandbox's clock."""
        return [call["at"] for call in self.ask("calls")]

    def forget(self) -> None:
        self.ask("calls", "DELETE")
        self.ask("faults", "DELETE")

    def truth(
        self,
        tickers: str,
        first: str,
        last: str,
        *,
        bar: tuple[int, str] = (1, "day"),
        adjusted: bool = True,
    ) -> set[tuple[Any, ...]]:
        """Every bar of these tickers and days: ticker, start, open, high, low, close, volume, vwap, count."""
        return {
            (
                ticker,
                datetime.fromtimestamp(one["t"] / 1000, UTC).replace(tzinfo=None),
                *(float(one[name]) for name in ("o", "h", "l", "c", "v")),
                one.get("vw"),
                one.get("n"),
            )
            for ticker in tickers.split(",")
            for one in self.market.bars(
                ticker,
                date.fromisoformat(first),
                date.fromisoformat(last),
                adjusted=adjusted,
                multiplier=bar[0],
                timespan=bar[1],
            )
        }


COLUMNS = (
    *("stock_ticker", "timestamp", "open", "high", "low", "close"),
    *("volume", "vwap", "transactions"),
)


def rows_of(frame: Any) -> list[tuple[Any, ...]]:
    """The rows of a frame of bars as `Served.truth` has them, with repetitions."""
    return [tuple(row) for row in frame.select(*COLUMNS).collect()]


def of_files(bars: set[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """What flat files have of these bars: no vwap, and always a number of trades."""
    return {(*bar[:-2], None, bar[-1] or 1.0) for bar in bars}


@contextmanager
def serving(clock: str, *arguments: str, universe: int = UNIVERSE) -> Iterator[Served]:
    """A sandbox whose clock stands still at noon, New York, of a day."""
    now = datetime.fromisoformat(f"{clock}T17:00:00+00:00")
    command = [
        sys.executable,
        "-m",
        "stockticker_async",
        "sandbox",
        "--universe",
        str(universe),
        "--key",
        KEY,
        "--access-key-id",
        ACCESS_KEY_ID,
        "--secret-access-key",
        FILES_SECRET,
    ]
    with subprocess.Popen(
        [*command, "--clock", now.isoformat(), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            found: list[Served] = []
            market = Market(1, universe, (), lambda: found[0].today() if found else now.date())
            found.append(Served(url, market))
            yield found[0]
        finally:
            process.terminate()


def batches_available(
    spark: Any, checkpoint: Path, options: Mapping[str, Any], *, fails: bool
) -> list[list[tuple[Any, ...]]]:
    """Run a streaming query to the end of what is available; return the rows of each batch.

    ``fails``: the query keeps no batch.
    """
    batches: list[list[tuple[Any, ...]]] = []

    def keep(frame: Any, _: int) -> None:
        batches.append(rows_of(frame))
        if fails:
            raise RuntimeError("the batch was read, and not kept")

    query = (
        spark.readStream.format("stockticker")
        .options(**options)
        .load()
        .writeStream.foreachBatch(keep)
        .option("checkpointLocation", str(checkpoint))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    return batches
