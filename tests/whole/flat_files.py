"""Syncs that read flat files of the sandbox's bucket, and what is true of the files."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from support import BARS, PRICES, Recorder, Row, Rows, Run, at, sync, truth

from stockticker_async.clock import Clock
from stockticker_async.sandbox.bucket.file_keys import parsed
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Call, Sandbox
from stockticker_async.sandbox.service.server import serve

FIRST, LAST = "2020-12-18", "2020-12-21"
"""Two sessions with a weekend between."""

_MADE: dict[tuple[str, int], bytes] = {}
"""Files that sandboxes before made without a change, of markets without added splits, by ETag."""


@asynccontextmanager
async def bucket_at(day: str, hour: int = 12, **told: Any) -> AsyncIterator[Sandbox]:
    """A sandbox of a small market; at noon the files of the day before are published.

    A file is a pure function of what its ETag hashes, and a second of work: each is made once for all tests.
    """
    plain: dict[str, Any] = {"universe": 1, "tickers": ("AAA", "BBB"), "speed": 0.0}
    async with serve(Options(now=at(day, hour), **{**plain, **told})) as sandbox:
        files = sandbox.files
        files._kept.update(_MADE)
        yield sandbox
        asked = {parsed(call.path.removeprefix(f"/{sandbox.options.bucket}/")) for call in sandbox.calls}
        unchanged = {(f'"{files._fingerprint(key, ())}-1"', 0) for key in asked if key is not None}
        _MADE.update((at, files._kept[at]) for at in unchanged & files._kept.keys())


def keys(sandbox: Sandbox, **fields: str) -> dict[str, str]:
    options = sandbox.options
    return {
        "access_key_id": options.access_key_id,
        "secret_access_key": options.secret_access_key,
        "endpoint": sandbox.url,
        **fields,
    }


async def read_minutes(
    sandbox: Sandbox,
    tickers: str | Iterable[str] = "*",
    *,
    before: bytes | Run | None = None,
    lines: Recorder | None = None,
    files: dict[str, str] | None = None,
    speed: float = 1.0,
    clock: Clock | None = None,
    **options: Any,
) -> Run:
    """One sync of minute bars, unadjusted."""
    options = {"start_date": FIRST, "timespan": "minute", "adjusted": False, **options}
    return await sync(
        sandbox,
        tickers,
        streams=(BARS,),
        before=before,
        lines=lines,
        speed=speed,
        clock=clock,
        flat_files=files or keys(sandbox),
        **options,
    )


async def read_prices(
    sandbox: Sandbox,
    *,
    before: bytes | Run | None = None,
    files: dict[str, str] | None = None,
    speed: float = 1.0,
    **options: Any,
) -> Run:
    """One sync of the market's closes, unadjusted: from day files, which have few rows."""
    options = {"start_date": LAST, "end_date": LAST, "adjusted": False, **options}
    given = files or keys(sandbox)
    return await sync(
        sandbox, "*", streams=(PRICES,), before=before, speed=speed, flat_files=given, **options
    )


def prices(sandbox: Sandbox, first: str, last: str) -> Rows:
    names = [one.ticker for one in sandbox.market.universe if not one.otc]
    return truth(sandbox, PRICES, names, first, last, adjusted=False)


def file_calls(run: Run, method: str = "GET") -> list[Call]:
    """The requests for files."""
    return [call for call in run.calls if call.path.endswith(".csv.gz") and call.method == method]


def sessions_read(run: Run) -> list[str]:
    """The sessions whose files were fetched, ascending: two are fetched at once, in either order."""
    return sorted(call.path.rpartition("/")[2].removesuffix(".csv.gz") for call in file_calls(run))


def of_file(rows: Rows) -> Rows:
    """What a file has of these rows: no vwap, and always a number of trades."""
    return {key: {**row, "vwap": None, "transactions": row["transactions"] or 1} for key, row in rows.items()}


def minutes(
    sandbox: Sandbox, first: str, last: str, names: Iterable[str] | None = None, *, otc: bool = False
) -> Rows:
    """The minute bars of the market, or of some tickers, as flat files have them."""
    if names is None:
        names = [one.ticker for one in sandbox.market.universe if otc or not one.otc]
    return of_file(truth(sandbox, BARS, names, first, last, adjusted=False, bar=(1, "minute")))


def rows_once(run: Run) -> list[tuple[str, str]]:
    """The keys of all records, in order."""
    return [(row["stock_ticker"], row["timestamp"]) for row in records(run)]


def records(run: Run) -> list[Row]:
    return run.records(BARS)
