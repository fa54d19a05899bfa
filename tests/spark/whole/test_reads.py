"""Batch reads: exactly the rows of the API, for exactly the calls of one process."""

import asyncio
import json
from typing import Any

import pytest
from pyspark.sql import DataFrame
from served import KEY, LAST, Read, Served, rows_of

from stockticker_async.clock import Clock
from stockticker_async.library import question
from stockticker_async.library.market import open_market
from stockticker_async.library.question import Question
from stockticker_async.streams.table import STREAMS

FIVE = "TSLA,AAPL,MSFT,NVDA,AMZN"


def in_one_process(
    sandbox: Served, clock: Clock, stream: str, tickers: str, **asked: Any
) -> list[dict[str, Any]]:
    """The rows of the library."""

    async def main() -> list[dict[str, Any]]:
        how = question.access(KEY, sandbox.url, None, None)
        async with open_market(how, clock) as market:
            what = Question(question.stream_named(stream), tickers, **asked)
            return [row async for batch in market.ask(what) for row in batch.to_pylist()]

    return asyncio.run(main())


def texts(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as texts that are alike for both: moments without a zone."""
    return sorted(json.dumps(row, default=lambda one: str(one).removesuffix("+00:00")) for row in rows)


def dicts(frame: DataFrame) -> list[dict[str, Any]]:
    return [row.asDict(recursive=True) for row in frame.collect()]


@pytest.mark.parametrize(
    ("bar", "partitions"), [((1, "day"), 3), ((1, "minute"), 4), ((1, "hour"), 1), ((1, "week"), 2)], ids=str
)
def test_bars_are_exactly_those_of_the_api(
    read: Read, sandbox: Served, bar: tuple[int, str], partitions: int
) -> None:
    last = "2024-12-27" if bar[1] == "week" else LAST
    frame = read(
        stock_ticker=FIVE, start_date="2024-12-02", end_date=last, multiplier=bar[0], timespan=bar[1],
        partitions=partitions,
    )  # fmt: skip
    rows = rows_of(frame)
    assert len(rows) == len(set(rows))
    assert set(rows) == sandbox.truth(FIVE, "2024-12-02", last, bar=bar)


@pytest.mark.parametrize("adjusted", ["true", "false"])
@pytest.mark.quick
def test_both_bases_are_those_of_the_api(read: Read, sandbox: Served, adjusted: str) -> None:
    frame = read(stock_ticker="TSLA,AAPL", start_date="2020-08-03", end_date="2022-10-31", adjusted=adjusted)
    assert set(rows_of(frame)) == sandbox.truth(
        "TSLA,AAPL", "2020-08-03", "2022-10-31", adjusted=adjusted == "true"
    )


@pytest.mark.parametrize("name", [stream.name for stream in STREAMS])
def test_a_stream_has_the_rows_and_takes_the_calls_of_one_process(
    read: Read, sandbox: Served, name: str
) -> None:
    from clocked import clock  # noqa: PLC0415 - it needs the environment

    first = "2020-01-02" if name == "splits" else "2024-12-02"
    wanted = in_one_process(sandbox, clock(), name, FIVE, start=first, end=LAST)
    calls = sorted(sandbox.calls())
    sandbox.forget()
    found = dicts(read(stream=name, stock_ticker=FIVE, start_date=first, end_date=LAST, partitions=3))
    assert wanted
    assert texts(found) == texts(wanted)
    assert sorted(sandbox.calls()) == calls


@pytest.mark.parametrize("name", ["stock_prices", "splits", "short_volume", "previous_close"])
def test_the_whole_market_has_the_rows_and_takes_the_calls_of_one_process(
    read: Read, sandbox: Served, name: str
) -> None:
    from clocked import clock  # noqa: PLC0415 - it needs the environment

    wanted = in_one_process(sandbox, clock(), name, "*", start="2024-12-16", end=LAST)
    calls = sorted(sandbox.calls())
    sandbox.forget()
    found = dicts(read(stream=name, stock_ticker="*", start_date="2024-12-16", end_date=LAST, partitions=3))
    assert texts(found) == texts(wanted)
    assert sorted(sandbox.calls()) == calls


def test_a_frame_has_as_many_partitions_as_there_are_slices(read: Read) -> None:
    minutes: dict[str, Any] = {"stock_ticker": "TSLA", "start_date": "2023-01-03", "timespan": "minute"}
    for partitions in (1, 3, 4):
        assert read(**minutes, partitions=partitions).rdd.getNumPartitions() == partitions
    assert read(**minutes, requests_per_minute=2).rdd.getNumPartitions() == 2
    assert read(**minutes, max_concurrent_requests=3).rdd.getNumPartitions() == 3


def test_a_read_without_a_row_is_an_empty_frame(read: Read) -> None:
    frame = read(stock_ticker="TSLA", start_date="2025-01-01")  # noon of a holiday
    assert rows_of(frame) == []
    assert frame.columns[:2] == ["stock_ticker", "timestamp"]


def test_a_limited_read_ends_early(read: Read) -> None:
    frame = read(stock_ticker="TSLA", start_date="2019-01-02", timespan="minute", partitions=1)
    assert len(frame.limit(3).collect()) == 3
