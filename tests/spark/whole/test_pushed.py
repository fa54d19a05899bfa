"""Filters narrow the calls, and never change the rows."""

from datetime import date, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from served import LAST, Read, Served, rows_of

FIVE = "TSLA,AAPL,MSFT,NVDA,AMZN"


def bars_asked(sandbox: Served) -> list[str]:
    return [path for path in sandbox.calls() if "/aggs/" in path]


def explained(frame: DataFrame, capsys: pytest.CaptureFixture[str]) -> str:
    frame.explain("formatted")
    return capsys.readouterr().out


@pytest.mark.quick
def test_a_filtered_read_makes_fewer_calls_and_leaves_the_rest_to_spark(
    read: Read, sandbox: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = read(stock_ticker=FIVE, start_date="2024-12-02", end_date=LAST, timespan="minute")
    frame = frame.where(
        f.col("stock_ticker").isin("TSLA", "AAPL", "F")
        & (f.col("date") >= date(2024, 12, 30))
        & (f.col("timestamp") < datetime(2024, 12, 31, 15, 0))
        & (f.col("volume") > 0)
    )
    plan = explained(frame, capsys)
    assert "PushedFilters: [In(stock_ticker, [AAPL,F,TSLA]), GreaterThanOrEqual(date,2024-12-30)]" in plan
    sandbox.forget()
    rows = rows_of(frame)
    moment = datetime(2024, 12, 31, 15, 0)
    wanted = sandbox.truth("TSLA,AAPL", "2024-12-30", LAST, bar=(1, "minute"))
    assert len(rows) == len(set(rows))
    assert set(rows) == {row for row in wanted if row[1] < moment and row[6] > 0}
    paths = bars_asked(sandbox)
    assert len(paths) == 2, "of five tickers"
    assert all("/2024-12-30/2024-12-31" in path for path in paths)


@pytest.mark.parametrize(
    ("condition", "calls"),
    [
        ("stock_ticker = 'TSLA'", 1),
        ("stock_ticker = 'NVDA' and date between '2024-12-10' and '2024-12-12'", 1),
        ("timestamp >= '2024-12-30 05:00:00' and stock_ticker in ('TSLA', 'MSFT')", 2),
        ("stock_ticker = 'F'", 0),
        ("date > '2025-01-01'", 0),
        ("date < '2024-12-02'", 0),
        ("stock_ticker = 'TSLA' or date = '2024-12-05'", 5),
        ("stock_ticker like 'T%'", 5),
        ("date = '2024-12-05' and close > 0", 1),  # of the whole session
        ("not stock_ticker = 'TSLA'", 5),
    ],
)
def test_a_filter_gives_the_rows_of_the_whole_read_for_which_it_is_true(
    read: Read, sandbox: Served, condition: str, calls: int
) -> None:
    frame = read(stock_ticker=FIVE, start_date="2024-12-02", end_date=LAST, partitions=2)
    found = rows_of(frame.where(condition))
    assert len(bars_asked(sandbox)) == calls
    # judged by Spark alone, of rows that were read whole
    whole = frame.sparkSession.createDataFrame(frame.collect(), frame.schema)
    assert sorted(map(repr, found)) == sorted(map(repr, rows_of(whole.where(condition))))


@pytest.mark.parametrize("include_otc", ["true", "false"])
def test_few_tickers_of_the_whole_market_are_asked_by_name(
    read: Read, sandbox: Served, include_otc: str
) -> None:
    options: dict[str, Any] = {"stock_ticker": "*", "start_date": "2024-12-02", "end_date": LAST}
    whole = read(**options, include_otc=include_otc).collect()
    otc = next(iter({row["stock_ticker"] for row in whole if row["otc"]}), None)
    names = ["TSLA", "NOPE", otc or next(iter(otc_names(read, options)))]
    sandbox.forget()
    found = read(**options, include_otc=include_otc).where(f.col("stock_ticker").isin(names)).collect()
    assert sorted(found) == sorted(row for row in whole if row["stock_ticker"] in names)
    assert {path.split("/")[4] for path in bars_asked(sandbox)} == set(names)


def otc_names(read: Read, options: dict[str, Any]) -> set[str]:
    return {row["stock_ticker"] for row in read(**options, include_otc="true").collect() if row["otc"]}


@pytest.mark.parametrize(
    ("stream", "condition", "calls"),
    [
        ("open_close", "stock_ticker = 'TSLA' and date >= '2024-12-30'", 2),
        ("ticker_details", "stock_ticker in ('TSLA', 'AAPL')", 2),
        ("dividends", "stock_ticker = 'AAPL' and ex_dividend_date < '2024-06-01'", 1),
        ("news", "stock_ticker = 'AAPL' and published_utc > '2024-12-30 12:00:00'", 1),
        ("tickers", "stock_ticker = 'AAPL'", 4),
    ],
)
def test_other_streams_of_the_whole_market_are_narrowed(
    read: Read, sandbox: Served, stream: str, condition: str, calls: int
) -> None:
    options: dict[str, Any] = {"stream": stream, "stock_ticker": "*", "start_date": "2024-01-02"}
    found = read(**options).where(condition).collect()
    assert found
    # a page or two less or more is no matter of the filter
    assert len([path for path in sandbox.calls() if "/splits" not in path]) <= calls
    named = read(**{**options, "stock_ticker": "TSLA,AAPL"}).where(condition).collect()
    assert sorted(map(repr, found)) == sorted(map(repr, named))


def test_weeks_are_not_narrowed_by_days(read: Read, sandbox: Served) -> None:
    frame = read(stock_ticker="TSLA", start_date="2024-11-04", end_date="2024-12-27", timespan="week")
    found = rows_of(frame.where("date >= '2024-12-04'"))
    wanted = sandbox.truth("TSLA", "2024-11-04", "2024-12-27", bar=(1, "week"))
    assert set(found) == {row for row in wanted if row[1] >= datetime(2024, 12, 4)}
