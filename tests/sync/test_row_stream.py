"""A forwarded stream in a sync: where reading begins, and what is told of rows that are lacking."""

import logging
import tracemalloc
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import BY_NAME, Kept
from support import at

from stockticker_async.errors import RowTooLargeError
from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata.responses import Refusal, RefusalReason
from stockticker_async.sync import row_stream
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.row_stream import NoCursor, RowStream, first_day, settled
from stockticker_async.sync.sink import TooLarge
from stockticker_async.sync.state_format import Entry
from stockticker_async.sync.windows import Days

TODAY = date(2020, 12, 22)
DAYS = Days(last=TODAY, settled=TODAY - timedelta(days=1), today=TODAY)
DATES = st.integers(-30, 5).map(lambda n: TODAY + timedelta(days=n))
LACKING = "the API, asked twice, has"


class Narrow(Kept):
    """Takes no row of a name longer than five letters."""

    async def rows(self, rows: list[JsonObject], too_large: TooLarge | None = None) -> None:  # type: ignore[override] # lists
        assert too_large is not None
        for row in rows:
            if len(row["stock_ticker"]) > 5:
                too_large(row, RowTooLargeError(10, 5))
        await super().rows([row for row in rows if len(row["stock_ticker"]) <= 5])


def forward(*names: str, stream: str = "float", kind: type[Kept] = Kept) -> RowStream:
    found = BY_NAME[stream]
    return RowStream(found, kind(found, NoCursor()), names)


@given(DATES, st.none() | DATES, st.integers(0, 400), st.none() | DATES)
def test_reading_begins_where_the_cursor_ends_less_the_look_back_and_never_before_since(
    since: date, cursor: date | None, lookback: int, end: date | None
) -> None:
    cursor = None if cursor is None else max(since, cursor)
    first = first_day(Entry(since, cursor), lookback_days=lookback, days=DAYS, end=end)
    if cursor is None:
        assert first == since
    elif cursor > DAYS.settled or (end is not None and cursor >= end):
        assert first is None
    else:
        assert first == max(since, cursor + timedelta(days=1 - lookback))


@pytest.mark.parametrize(("end", "through"), [(None, 21), (date(2020, 12, 18), 18), (date(2020, 12, 30), 21)])
def test_a_day_is_settled_by_both_clocks_and_up_to_the_end(end: date | None, through: int) -> None:
    assert settled(DAYS, at("2020-12-22", 12), end) == date(2020, 12, through)
    assert settled(DAYS, at("2020-12-17", 12), end) == date(2020, 12, 16)


async def test_a_row_that_is_too_large_fails_its_own_ticker_and_no_other() -> None:
    one = forward("TSLA", "LONGNAME", kind=Narrow)
    await one.rows([{"stock_ticker": "LONGNAME"}, {"stock_ticker": "TSLA"}])
    (failure,) = one.failures
    assert failure.names == ("LONGNAME",)
    assert "stock_ticker LONGNAME). The other rows were written." in failure.error.message
    assert isinstance(one.sink, Kept)
    assert one.sink.found == [{"stock_ticker": "TSLA"}]


async def test_the_tickers_of_a_whole_market_take_no_memory() -> None:
    one = forward("*")
    tracemalloc.start()
    try:
        for number in range(20):
            await one.rows([{"stock_ticker": f"T{number}X{count}"} for count in range(500)])
            assert isinstance(one.sink, Kept)
            one.sink.found.clear()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 200_000


@pytest.mark.parametrize(
    ("silent", "spoken", "told"),
    [
        (["TSLA"], [], [f"float: {LACKING} no rows for TSLA."]),
        (["TSLA", "AAPL"], ["TSLA"], [f"float: {LACKING} no rows for AAPL."]),
        (["TSLA"], ["TSLA"], []),
        ([], [], [f"float: {LACKING} no rows."]),
    ],
)
async def test_tickers_without_a_row_in_any_answer_are_told(
    silent: list[str], spoken: list[str], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    one = forward("TSLA", "AAPL")
    one.lack(silent, "rows")
    await one.rows([{"stock_ticker": name} for name in spoken])
    one.warn_of_lacking()
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == told


def test_a_short_answer_is_told_by_its_tickers(caplog: pytest.LogCaptureFixture) -> None:
    one = forward("TSLA")
    one.lack(["TSLA"], "count")
    one.warn_of_lacking()
    assert [record.getMessage() for record in caplog.records] == [
        f"float: {LACKING} more or fewer rows than its own count says for TSLA."
    ]


@pytest.mark.parametrize(
    ("why", "told"),
    [
        (RefusalReason.ENDPOINT, "endpoint"),
        (RefusalReason.TIMEFRAME, "history"),
        (RefusalReason.UNPUBLISHED, "day"),
    ],
)
def test_what_the_plan_does_not_give_fails_the_stream_in_words_of_its_own(
    why: RefusalReason, told: str
) -> None:
    one = forward("TSLA")
    one.refused(("TSLA",), Refusal(why, "said"))
    (failure,) = one.failures
    assert f"does not include this {told}" in failure.error.message
    assert (failure.names, failure.error.detail) == (("TSLA",), "said")


def test_a_stream_without_a_cursor_reads_all_of_its_names() -> None:
    one = forward(WHOLE_MARKET)
    one.begin(DAYS, None)
    assert one.firsts == {WHOLE_MARKET: None}
    assert NoCursor().blob() == {"version": 1}


texts = st.integers(0, 700_000).map("x".__mul__)
nested = st.recursive(
    st.none() | st.integers(0, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=5,
)
alike = st.tuples(st.dictionaries(st.sampled_from("abc"), nested), st.sampled_from([1, 2, 300]))


@settings(max_examples=30)
@given(st.lists(alike, max_size=5))
def test_rows_are_encoded_in_parts_of_bounded_letters(kinds: list[tuple[dict[str, Any], int]]) -> None:
    rows = [row for row, times in kinds for _ in range(times)]
    sizes = [orjson.dumps(row).count(b"x") for row, times in kinds for _ in range(times)]
    begin = 0
    for part in row_stream._chunks(rows):
        assert [id(row) for row in part] == [id(row) for row in rows[begin : begin + len(part)]]
        assert len(part) == 1 or sum(sizes[begin : begin + len(part)]) <= 1_000_000
        assert 0 < len(part) <= 500
        begin += len(part)
    assert begin == len(rows)
