"""Bars as rows: each number under its name, each date New York's, whichever stamp the API gave."""

from datetime import date, timedelta

from bar_answers import at
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.bars import Bar, GroupedBar
from stockticker_async.marketdata.calendar import midnight_ms, session_of, utc_text
from stockticker_async.streams.bar_rows import (
    bar_rows,
    day_texts,
    intraday_texts,
    whole,
)

SESSION = date(2020, 12, 15)
DAYS = st.dates(date(2003, 9, 10), date(2027, 12, 31))
MOMENTS = st.lists(
    st.builds(
        lambda day, second: midnight_ms(day) + second * 1000,
        st.dates(date(2024, 2, 1), date(2024, 12, 1)),  # both switches
        st.integers(0, 82_799),
    ),
    unique=True,
    max_size=30,
).map(sorted)
NUMBERS = st.floats(0, allow_nan=False, allow_infinity=False)


def bar(t: int) -> Bar:
    return Bar(t, 1.0, 2.0, 0.5, 1.5, 100.0)


@given(MOMENTS)
def test_an_intraday_bar_has_the_utc_text_and_the_new_york_date_of_its_start(moments: list[int]) -> None:
    texts = list(intraday_texts([bar(t) for t in moments]))
    assert texts == [(utc_text(t), session_of(t).isoformat()) for t in moments]


@given(DAYS)
def test_a_day_bar_has_the_start_of_its_session_whichever_stamp_it_has(day: date) -> None:
    start, close = at(day.year, day.month, day.day), at(day.year, day.month, day.day, 16)
    assert day_texts(start) == day_texts(close) == (utc_text(start), day.isoformat())


@given(st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False))
def test_a_number_of_trades_keeps_its_value_and_is_an_integer_when_whole(trades: float | None) -> None:
    found = whole(trades)
    assert found == trades
    if isinstance(trades, float):
        assert isinstance(found, int) is (trades.is_integer() and abs(trades) < 2**53)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.none() | st.booleans()), max_size=5), st.booleans())
def test_each_bar_of_a_session_has_its_row_in_its_order(
    bars: list[tuple[float, float, bool | None]],
    adjusted: bool,  # noqa: FBT001 - drawn
) -> None:
    market = [
        GroupedBar(midnight_ms(SESSION), close, close, close, close, volume, otc=otc, T=f"T{number}")
        for number, (close, volume, otc) in enumerate(bars)
    ]
    rows = bar_rows(market, SESSION, adjusted=adjusted)
    assert [(row["stock_ticker"], row["date"], row["close"]) for row in rows] == [
        (one.T, SESSION.isoformat(), one.c) for one in market
    ]
    assert [(row["volume"], row["otc"]) for row in rows] == [
        (volume, otc or False) for _, volume, otc in bars
    ]
    assert all(row["adjusted"] is adjusted and row["vwap"] is None for row in rows)
    assert {row["timestamp"] for row in rows} <= {utc_text(midnight_ms(SESSION))}


def test_a_bar_after_midnight_utc_is_of_the_evening_s_session() -> None:
    evening = at(2020, 12, 15, 19, 59)
    assert utc_text(evening).startswith("2020-12-16")
    assert next(intraday_texts([bar(evening)]))[1] == "2020-12-15"
    assert (SESSION + timedelta(days=1)).isoformat() == utc_text(evening)[:10]
