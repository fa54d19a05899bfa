"""A narrowed read has the rows for which the conditions are true, whatever they are."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.calendar import NEW_YORK
from stockticker_async.spark.push_down import Comparison, Condition, Narrowed, narrowed
from stockticker_async.streams.table import STOCK_BARS, STREAMS, Stream
from stockticker_async.sync.job import SyncJob

TODAY = date(2024, 12, 31)
JOB = SyncJob(("TSLA", "AAPL", "MSFT"), date(2024, 12, 2), date(2024, 12, 27))
BY_NAME = {stream.name: stream for stream in STREAMS}
MEANING: dict[Comparison, Any] = {
    "in": lambda one, values: one in values,
    ">": lambda one, values: one > values[0],
    ">=": lambda one, values: one >= values[0],
    "<": lambda one, values: one < values[0],
    "<=": lambda one, values: one <= values[0],
}

days = st.dates(date(2024, 11, 20), date(2025, 1, 10))
moments = st.datetimes(datetime(2024, 11, 20), datetime(2025, 1, 10), timezones=st.just(UTC))
comparisons: st.SearchStrategy[Comparison] = st.sampled_from([">", ">=", "<", "<="])


def conditions_of(column: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Condition]:
    ranges = st.builds(lambda how, one: Condition(column, how, (one,)), comparisons, values)
    sets = st.builds(
        lambda some: Condition(column, "in", tuple(some)), st.lists(values, min_size=1, max_size=3)
    )
    return ranges | sets


some_conditions = st.lists(
    conditions_of("date", days)
    | conditions_of("timestamp", moments)
    | st.builds(
        lambda names: Condition("stock_ticker", "in", tuple(names)),
        st.lists(st.sampled_from(["TSLA", "AAPL", "F"]), max_size=3),
    )
    | conditions_of("close", st.floats(0, 9)),
    max_size=4,
)
rows = st.builds(
    lambda name, day, minute: {
        "stock_ticker": name,
        "date": day,
        "timestamp": datetime.combine(day, datetime.min.time(), NEW_YORK) + timedelta(minutes=minute),
    },
    st.sampled_from(JOB.tickers),
    st.dates(date(2024, 12, 2), date(2024, 12, 27)),
    st.integers(0, 1439),
)


def is_read(some: Narrowed, row: dict[str, Any]) -> bool:
    job = some.job
    assert job.start_date is not None
    assert job.end_date is not None
    return (
        not some.empty
        and row["stock_ticker"] in job.tickers
        and job.start_date <= row["date"] <= job.end_date
    )


@given(some_conditions, rows)
def test_every_wanted_row_is_read_and_exact_conditions_are_true_of_all(
    some: list[Condition], row: dict[str, Any]
) -> None:
    job = replace(JOB, bar=BarSize(1, "minute"))
    found = narrowed(STOCK_BARS, job, some, today=TODAY)
    true = {
        n: MEANING[one.comparison](row[one.column], one.values)
        for n, one in enumerate(some)
        if one.column in row
    }
    if all(true.values()):
        assert is_read(found, row)
    if is_read(found, row):
        assert all(true[n] for n in found.exact)


@pytest.mark.parametrize("bar", [BarSize(1, "week"), BarSize(2, "day"), BarSize(1, "year")], ids=str)
def test_bars_of_several_days_keep_their_days(bar: BarSize) -> None:
    some = [Condition("date", ">=", (date(2024, 12, 10),)), Condition("stock_ticker", "in", ("TSLA",))]
    found = narrowed(STOCK_BARS, replace(JOB, bar=bar), some, today=TODAY)
    assert found.job == replace(JOB, bar=bar, tickers=("TSLA",))
    assert found.exact == {1}


def of_market(stream: Stream, names: tuple[Any, ...], **fields: Any) -> Narrowed:
    job = SyncJob((), date(2024, 12, 2), date(2024, 12, 27), **fields)
    return narrowed(stream, job, [Condition("stock_ticker", "in", names)], today=TODAY)


def test_few_tickers_of_the_market_are_read_by_name_and_many_by_session() -> None:
    few = of_market(STOCK_BARS, ("TSLA", "AAPL"))
    assert few.by_name == ("TSLA", "AAPL")
    assert few.job.whole_market
    assert few.exact == {0}
    many = of_market(STOCK_BARS, tuple(f"T{n}" for n in range(20)))
    assert many == Narrowed(many.job)


def test_a_market_of_flat_files_is_narrowed_by_days_only() -> None:
    job = SyncJob((), date(2024, 12, 2), date(2024, 12, 27), flat_files=True, adjusted=False)
    conditions = [
        Condition("stock_ticker", "in", ("TSLA",)),
        Condition("date", ">=", (date(2024, 12, 20),)),
    ]
    found = narrowed(STOCK_BARS, job, conditions, today=TODAY, files=True)
    assert found == Narrowed(replace(job, start_date=date(2024, 12, 20)), exact=frozenset({1}))
    named = replace(job, tickers=("TSLA", "AAPL"))
    found = narrowed(STOCK_BARS, named, conditions, today=TODAY, files=True)
    assert found.job.tickers == ("TSLA",)
    assert found.exact == {0, 1}


@pytest.mark.parametrize(
    ("name", "otc", "narrows"),
    [
        ("open_close", False, True),
        ("ticker_details", False, True),
        ("dividends", False, True),
        ("news", False, True),
        ("tickers", False, False),
        ("tickers", True, True),
        ("previous_close", False, False),
        ("exchanges", False, False),
    ],
)
def test_a_stream_of_the_market_is_narrowed_where_names_give_the_same_rows(
    name: str,
    otc: bool,  # noqa: FBT001 - a case
    narrows: bool,  # noqa: FBT001 - a case
) -> None:
    found = of_market(BY_NAME[name], ("TSLA",), include_otc=otc)
    assert (found.job.tickers == ("TSLA",)) is narrows
    assert (found.exact == {0}) is narrows


@pytest.mark.parametrize("names", [("TSLA", "no ticker"), ("*",), ("",), (7,)])
def test_what_is_no_ticker_is_left_to_spark(names: tuple[Any, ...]) -> None:
    assert of_market(STOCK_BARS, names) == Narrowed(SyncJob((), date(2024, 12, 2), date(2024, 12, 27)))


def test_the_default_days_are_narrowed_too() -> None:
    job = SyncJob(("TSLA",))
    later = narrowed(STOCK_BARS, job, [Condition("date", ">", (date(2024, 12, 27),))], today=TODAY)
    assert later.job.start_date == date(2024, 12, 28)
    earlier = narrowed(STOCK_BARS, job, [Condition("date", ">", (date(2020, 1, 2),))], today=TODAY)
    assert earlier.job.start_date == date(2024, 12, 24)
    assert narrowed(STOCK_BARS, job, [Condition("date", "<", (date(2024, 12, 24),))], today=TODAY).empty
