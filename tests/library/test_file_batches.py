"""Flat files in columns: the same rows as the connector writes, and the same guards."""

import gzip
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from flat_files import LAST, bucket_at, keys, minutes
from hypothesis import given
from hypothesis import strategies as st
from support import Rows

import stockticker_async as stockticker
from stockticker_async.clock import Clock
from stockticker_async.errors import BadPageError
from stockticker_async.library import file_batches, question
from stockticker_async.library.arrow_schemas import schema_of
from stockticker_async.library.channel import Channel
from stockticker_async.library.file_batches import FileBatches
from stockticker_async.library.market import open_market
from stockticker_async.marketdata import file_rows
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.calendar import midnight_ms
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.streams.table import STOCK_BARS

SCHEMA = schema_of(STOCK_BARS)  # before the loop runs, which must not wait for files
SESSION = date(2025, 4, 15)
OPENS = midnight_ms(SESSION) + 4 * 3_600_000
HEADER = "ticker,volume,open,close,high,low,window_start,transactions"


def line(ticker: str, minute: int = 0, *, volume: str = "4930", low: str = "200.29") -> str:
    moment = (OPENS + 60_000 * minute) * 1_000_000
    return f"{ticker},{volume},200.29,200.5,200.63,{low},{moment},129"


def packed(lines: Sequence[str]) -> bytes:
    return gzip.compress("".join(f"{one}\n" for one in (HEADER, *lines)).encode())


def finished(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


async def rows(content: bytes, otc: frozenset[str] = frozenset()) -> list[Any]:
    channel = Channel(10**9)
    file = finished(FileBatches(SCHEMA, channel, SESSION).read(content))
    await file.put(otc, keep_otc=True)
    channel.close()
    found: list[Any] = []
    while (batch := await channel.take()) is not None:
        found += batch.to_pylist()
    return found


markets = st.dictionaries(
    st.sampled_from(["AAPL", "NA", "NULL", "NAN", "AMpB", "A"]),
    st.sets(st.integers(0, 959), min_size=1, max_size=30),
    min_size=1,
)
changes = st.sampled_from(
    ["none", "unordered", "twice", "apart", "strange", "negative", "text", "short", "off"]
)


def changed(lines: list[str], change: str) -> list[str]:
    """The lines with one thing that is wrong, or strange, or harmless."""
    first = lines[0]
    match change:
        case "unordered":
            return lines[::-1]
        case "twice":
            return [first, *lines]
        case "apart":
            return [*lines[1:], first]
        case "strange":
            return [*lines, line("Z", 3 * 24 * 60)]
        case "negative":
            return [*lines, line("Z", low="-1")]
        case "text":
            return [*lines, line("Z", volume="n/a")]
        case "short":
            return [*lines, line("Z").rpartition(",")[0]]
        case "off":
            return [*lines, line("Z").replace("000000,129", "000001,129")]
    return lines


@pytest.mark.parametrize("ticker", ["", "A B", '"A"'])
async def test_a_row_without_a_ticker_makes_the_file_unusable(ticker: str) -> None:
    with pytest.raises(BadPageError, match="a ticker that is none"):
        await rows(packed([line(ticker), line("B")]))


@given(markets, changes, st.integers(1, 2_000))
def test_a_file_is_judged_as_the_connector_judges_it(
    market: dict[str, set[int]], change: str, block: int
) -> None:
    lines = changed([line(name, minute) for name, held in market.items() for minute in sorted(held)], change)
    content = packed(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_batches, "_BLOCK_BYTES", block)
        try:
            judged = finished(file_rows.judge(content, SESSION, BarSize(1, "minute"), None))
        except BadPageError:
            with pytest.raises(BadPageError):
                finished(FileBatches(SCHEMA, Channel(1), SESSION).read(content))
            return
        found = finished(FileBatches(SCHEMA, Channel(1), SESSION).read(content))
    assert found.rows == judged.rows
    assert set(found.tickers) == judged.tickers
    assert found.strangers == judged.strangers


async def test_rows_have_every_column() -> None:
    row, _ = await rows(packed([line("NA", 3), line("B", 4)]))
    assert row["stock_ticker"] == "NA"
    assert row["timestamp"].timestamp() * 1000 == OPENS + 180_000
    assert row["date"] == SESSION
    assert (row["open"], row["high"], row["low"], row["close"]) == (200.29, 200.63, 200.29, 200.5)
    assert (row["volume"], row["vwap"], row["transactions"]) == (4930, None, 129)
    assert (row["adjusted"], row["otc"]) == (False, False)


async def test_otc_stocks_are_marked() -> None:
    found = await rows(packed([line("A"), line("B")]), otc=frozenset({"B"}))
    assert [row["otc"] for row in found] == [False, True]


def of(tables: list[Any]) -> Rows:
    """Rows of batches as the connector writes them."""
    found: Rows = {}
    for batch in tables:
        for row in batch.to_pylist():
            row["timestamp"] = row["timestamp"].strftime("%Y-%m-%dT%H:%M:%SZ")
            row["date"] = row["date"].isoformat()
            found[row["stock_ticker"], row["timestamp"]] = row
    return found


def access(sandbox: Sandbox) -> question.Access:
    return question.access(sandbox.options.key, sandbox.url, None, None, keys(sandbox))


async def test_the_market_s_minutes_are_batches_of_its_files() -> None:
    async with (
        bucket_at("2020-12-22") as sandbox,
        open_market(access(sandbox), Clock(start=sandbox.clock.now())) as market,
    ):
        batches = market.bars("*", start=LAST, end=LAST, timespan="minute", adjusted=False)
        found = [batch async for batch in batches]
        assert of(found) == minutes(sandbox, LAST, LAST)
        assert batches.failures == ()


async def test_a_file_that_is_not_usable_is_told() -> None:
    async with (
        bucket_at("2020-12-22") as sandbox,
        open_market(access(sandbox), Clock(start=sandbox.clock.now())) as market,
    ):
        sandbox.faults.add(Fault(kind="file", change="unordered", match=LAST))
        batches = market.bars("*", start=LAST, end=LAST, timespan="minute", adjusted=False)
        with pytest.raises(stockticker.IncompleteError):
            [batch async for batch in batches]
        (failure,) = batches.failures
        assert "is not usable" in failure.message
