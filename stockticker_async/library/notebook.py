"""The synchronous library, for notebooks and scripts: one call, one table.

The loop runs in a thread of its own, so that a call works inside a running loop, too, as Jupyter has one. The
calling thread waits and draws the progress; Ctrl-C there cancels what runs, waits until nothing of it is
left, and is raised.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, overload

import pyarrow as pa
from anyio.from_thread import start_blocking_portal

from stockticker_async.clock import Clock
from stockticker_async.errors import ConnectorError
from stockticker_async.library import question
from stockticker_async.library.arrow_tables import by_ticker, table_of
from stockticker_async.library.market import open_market
from stockticker_async.library.outcome import Result, incomplete
from stockticker_async.library.question import Access, Day, FlatFileKeys, OnError, Question, Tickers
from stockticker_async.streams.table import STOCK_BARS
from stockticker_async.sync.progress import SyncProgress

_DRAWN_EVERY = 0.1
"""Seconds between two looks at the progress."""
_DRAWN_FROM = 5
"""Looks before anything is drawn: half a second is nothing to wait for."""


@dataclass(slots=True)
class _Watched:
    """How far a call is."""

    sync: SyncProgress = field(default_factory=SyncProgress)
    rows: int = 0


@overload
def bars(
    tickers: Tickers,
    *,
    start: Day = None,
    end: Day = None,
    timespan: str = "day",
    multiplier: int = 1,
    adjusted: bool = True,
    include_otc: bool = False,
    on_error: Literal["raise"] = "raise",
    api_key: str | None = None,
    base_url: str | None = None,
    requests_per_minute: int | None = None,
    max_concurrent_requests: int | None = None,
    flat_files: FlatFileKeys | None = None,
    progress: bool | None = None,
) -> pa.Table: ...


@overload
def bars(
    tickers: Tickers,
    *,
    start: Day = None,
    end: Day = None,
    timespan: str = "day",
    multiplier: int = 1,
    adjusted: bool = True,
    include_otc: bool = False,
    on_error: Literal["skip"],
    api_key: str | None = None,
    base_url: str | None = None,
    requests_per_minute: int | None = None,
    max_concurrent_requests: int | None = None,
    flat_files: FlatFileKeys | None = None,
    progress: bool | None = None,
) -> Result: ...


def bars(
    tickers: Tickers,
    *,
    start: Day = None,
    end: Day = None,
    timespan: str = "day",
    multiplier: int = 1,
    adjusted: bool = True,
    include_otc: bool = False,
    on_error: OnError = "raise",
    api_key: str | None = None,
    base_url: str | None = None,
    requests_per_minute: int | None = None,
    max_concurrent_requests: int | None = None,
    flat_files: FlatFileKeys | None = None,
    progress: bool | None = None,
) -> pa.Table | Result:
    """Bars of any size (the stream `stock_bars`), by ticker in the order asked, each ticker's by time.

    ``start`` and ``end`` are New York days, both included; without them the last seven days are read. Without
    a key that of the environment is taken. ``progress`` None: drawn where a person looks. Raises
    `ConfigError` for what cannot be asked, and `IncompleteError`, which has the table, for what cannot be
    read; with ``on_error="skip"`` that is returned beside the table.
    """
    how = question.access(api_key, base_url, requests_per_minute, max_concurrent_requests, flat_files)
    asked = Question(STOCK_BARS, tickers, start, end, timespan, multiplier, adjusted, include_otc)
    return ask(asked, how, on_error, progress=progress)


@overload
def read(
    stream: str,
    tickers: Tickers = "*",
    *,
    start: Day = None,
    end: Day = None,
    timespan: str = "day",
    multiplier: int = 1,
    adjusted: bool = True,
    include_otc: bool = False,
    on_error: Literal["raise"] = "raise",
    api_key: str | None = None,
    base_url: str | None = None,
    requests_per_minute: int | None = None,
    max_concurrent_requests: int | None = None,
    flat_files: FlatFileKeys | None = None,
    progress: bool | None = None,
) -> pa.Table: ...


@overload
def read(
    stream: str,
    tickers: Tickers = "*",
    *,
    start: Day = None,
    end: Day = None,
    timespan: str = "day",
    multiplier: int = 1,
    adjusted: bool = True,
    include_otc: bool = False,
    on_error: Literal["skip"],
    api_key: str | None = None,
    base_url: str | None = None,
    requests_per_minute: int | None = None,
    max_concurrent_requests: int | None = None,
    flat_files: FlatFileKeys | None = None,
    progress: bool | None = None,
) -> Result: ...


def read(
    stream: str,
    tickers: Tickers = "*",
    *,
    start: Day = None,
    end: Day = None,
    timespan: str = "day",
    multiplier: int = 1,
    adjusted: bool = True,
    include_otc: bool = False,
    on_error: OnError = "raise",
    api_key: str | None = None,
    base_url: str | None = None,
    requests_per_minute: int | None = None,
    max_concurrent_requests: int | None = None,
    flat_files: FlatFileKeys | None = None,
    progress: bool | None = None,
) -> pa.Table | Result:
    """Any stream by its name, as `bars`: of some tickers, or of all.

    Rows come in the order of the API's lists; those of `stock_prices` as bars do.
    """
    how = question.access(api_key, base_url, requests_per_minute, max_concurrent_requests, flat_files)
    one = question.stream_named(stream)
    asked = Question(one, tickers, start, end, timespan, multiplier, adjusted, include_otc)
    return ask(asked, how, on_error, progress=progress)


async def _answered(
    asked: Question, how: Access, watched: _Watched, clock: Clock
) -> tuple[pa.Table, tuple[ConnectorError, ...]]:
    """What could be read, and what could not."""
    batches = []
    async with open_market(how, clock, hasty=True) as market:
        answer = market.ask(asked, "skip", progress=watched.sync)
        async for batch in answer:
            watched.rows += batch.num_rows
            batches.append(batch)
    table = table_of(asked.stream, batches)
    if answer.by_session:
        table = by_ticker(asked.stream, table, question.names_of(asked.tickers))
    return table, answer.failures


def ask(
    asked: Question, how: Access, on_error: OnError, *, progress: bool | None, clock: Clock | None = None
) -> pa.Table | Result:
    """As `read`, of what is asked already."""
    raises, watched = question.judged_on_error(on_error) == "raise", _Watched()
    with start_blocking_portal() as portal:
        answered = portal.start_task_soon(_answered, asked, how, watched, clock or Clock())
        with _drawn(asked.stream.name, watched, progress) as draw:
            while not wait([answered], _DRAWN_EVERY).done:
                draw()
        table, failures = answered.result()
    if raises and failures:
        raise incomplete(failures, table)
    return table if raises else Result(table, failures)


def _is_watched() -> bool:
    """Whether a person looks: at a terminal, or at a notebook."""
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())


@contextmanager
def _drawn(name: str, watched: _Watched, progress: bool | None) -> Iterator[Callable[[], None]]:  # noqa: FBT001 - a choice of three
    """What draws how far the call is; nothing where nobody looks, or it ends at once."""
    if not (_is_watched() if progress is None else progress):
        yield lambda: None
        return
    from tqdm.auto import tqdm  # noqa: PLC0415 - it looks around for a notebook

    looks, bar = 0, None

    def draw() -> None:
        nonlocal looks, bar
        looks += 1
        if looks < _DRAWN_FROM:
            return
        if bar is None:
            bar = tqdm(desc=name, unit=" calls", leave=False)
        bar.n = watched.sync.calls_made()
        bar.total = max(bar.n, watched.sync.calls_planned) or None
        bar.set_postfix_str(f"{watched.rows:,} rows")

    try:
        yield draw
    finally:
        if bar is not None:
            bar.close()
