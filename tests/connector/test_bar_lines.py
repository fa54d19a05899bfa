"""The lines that judged bars become: every number kept, every date New York's."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from bar_answers import (
    ASKED,
    DAY,
    FRIDAY,
    MINUTE,
    MONDAY,
    NEW_YORK,
    TUTORIAL,
    at,
    bars_of,
    body,
    judge_range,
    moments,
    stamps,
    wire,
)
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.connector import protocol
from stockticker_async.connector.bar_lines import Lines, bar_lines, price_lines, session_price_lines
from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.bars import (
    Asked,
    Bar,
    GroupedBar,
    decode_grouped,
    decode_range,
    judge_grouped,
)
from stockticker_async.marketdata.ticker_name import is_ticker
from stockticker_async.streams.bar_rows import bar_rows


def data_of(piece: Lines) -> list[dict[str, Any]]:
    rows = [orjson.loads(line)["record"]["data"] for line in piece.data.splitlines()]
    assert len(rows) == piece.count
    return rows


def written_prices(ticker: str, bars: list[Bar]) -> list[dict[str, Any]]:
    return data_of(price_lines("stock_prices", ticker, bars, emitted_at_ms=0))


def written_bars(bars: list[Bar], *, asked: Asked) -> list[dict[str, Any]]:
    return data_of(bar_lines("stock_bars", bars, asked=asked, emitted_at_ms=0))


def test_the_tutorials_five_records_come_out_exactly() -> None:
    assert written_prices("TSLA", bars_of(*TUTORIAL)) == [
        {"date": "2020-12-14", "stock_ticker": "TSLA", "price": 639.83},
        {"date": "2020-12-15", "stock_ticker": "TSLA", "price": 633.25},
        {"date": "2020-12-16", "stock_ticker": "TSLA", "price": 622.77},
        {"date": "2020-12-17", "stock_ticker": "TSLA", "price": 655.9},
        {"date": "2020-12-18", "stock_ticker": "TSLA", "price": 695.0},
    ]


def test_a_day_bar_becomes_a_whole_row() -> None:
    bars = bars_of(wire(at(2020, 12, 15), otc=True, v=45_223_559.0))
    assert written_bars(bars, asked=ASKED) == [
        {
            "stock_ticker": "TSLA",
            "timestamp": "2020-12-15T05:00:00Z",
            "date": "2020-12-15",
            "open": 1.0,
            "high": 2.0,
            "low": 0.5,
            "close": 1.5,
            "volume": 45_223_559.0,
            "vwap": 1.25,
            "transactions": 7,
            "adjusted": True,
            "otc": True,
        }
    ]


def test_a_market_answer_becomes_the_same_rows_as_a_range() -> None:
    ranged = bars_of(wire(at(2020, 12, 15)))
    market = judge_grouped(
        decode_grouped(body(wire(at(2020, 12, 15, 16), T="TSLA"))), adjusted=True, wanted=None
    )
    session = date(2020, 12, 15)
    lines = session_price_lines("stock_prices", market, session, emitted_at_ms=0)
    assert data_of(lines) == written_prices("TSLA", ranged)
    rows = written_bars(ranged, asked=ASKED)
    assert bar_rows(market, session, adjusted=True) == rows


def test_what_the_api_leaves_out_is_null() -> None:
    (row,) = written_bars(bars_of({"t": at(2020, 12, 15), **dict.fromkeys("ohlcv", 1)}), asked=ASKED)
    assert row["vwap"] is None
    assert row["transactions"] is None
    assert row["otc"] is False


@pytest.mark.parametrize(
    ("text", "trades"),
    [
        ("7", 7),
        ("7.0", 7),
        ("2e+06", 2_000_000),
        ("2.5", 2.5),
        ("0", 0),
        ("null", None),
        ("9223372036854775807", 2**63 - 1),
        ("1e+30", 1e30),
    ],
)
def test_a_number_of_trades_is_an_integer_when_whole_and_never_breaks_a_line(
    text: str, trades: float | None
) -> None:
    page = body(wire(at(2020, 12, 15), n="N")).replace(b'"N"', text.encode())
    rows = written_bars(judge_range(decode_range(page), ASKED, after_ms=None), asked=ASKED)
    line = protocol.records("stock_bars", rows, emitted_at_ms=0)
    written = orjson.loads(line)["record"]["data"]["transactions"]
    assert (type(written), written) == (type(trades), trades)


@pytest.mark.parametrize(
    ("text", "volume"),
    [("100", 100.0), ("100.25", 100.25), ("1.300741e+06", 1_300_741.0), ("1" + "0" * 25, 1e25), ("0", 0.0)],
)
def test_a_volume_is_any_number(text: str, volume: float) -> None:
    page = body(wire(at(2020, 12, 15), v="V")).replace(b'"V"', text.encode())
    (row,) = written_bars(judge_range(decode_range(page), ASKED, after_ms=None), asked=ASKED)
    assert row["volume"] == volume


@pytest.mark.parametrize("text", ["1.608008400e12", "1.6080084E+12", "1608008400000.0"])
def test_a_timestamp_may_be_in_scientific_notation(text: str) -> None:
    page = body(wire("T"), wire(at(2020, 12, 16))).replace(b'"T"', text.encode())
    bars = judge_range(decode_range(page), ASKED, after_ms=None)
    assert stamps(bars) == [at(2020, 12, 15), at(2020, 12, 16)]
    assert [row["date"] for row in written_prices("TSLA", bars)] == ["2020-12-15", "2020-12-16"]


@pytest.mark.parametrize(
    ("days", "dates"),
    [
        ([at(2024, 3, 8), at(2024, 3, 11)], ["2024-03-08", "2024-03-11"]),
        ([at(2024, 11, 1), at(2024, 11, 4)], ["2024-11-01", "2024-11-04"]),
    ],
    ids=["to summer", "to winter"],
)
def test_a_day_bars_date_is_new_yorks_on_both_sides_of_a_switch(days: list[int], dates: list[str]) -> None:
    asked = Asked("TSLA", date(2024, 3, 1), date(2024, 11, 30), DAY, adjusted=True)
    bars = bars_of(*map(wire, days), asked=asked)
    assert [row["date"] for row in written_prices("TSLA", bars)] == dates
    rows = written_bars(bars, asked=asked)
    assert [row["timestamp"][-9:] for row in rows] in (["05:00:00Z", "04:00:00Z"], ["04:00:00Z", "05:00:00Z"])


def test_a_minute_bars_date_is_that_of_its_session_from_first_to_last_minute() -> None:
    asked = Asked("TSLA", date(2020, 12, 15), date(2020, 12, 16), MINUTE, adjusted=True)
    bars = bars_of(
        wire(at(2020, 12, 15, 4)),
        wire(at(2020, 12, 15, 9, 30)),
        wire(at(2020, 12, 15, 19, 59)),
        wire(at(2020, 12, 16, 4)),
        asked=asked,
    )
    rows = written_bars(bars, asked=asked)
    assert [(row["date"], row["timestamp"]) for row in rows] == [
        ("2020-12-15", "2020-12-15T09:00:00Z"),
        ("2020-12-15", "2020-12-15T14:30:00Z"),
        ("2020-12-15", "2020-12-16T00:59:00Z"),
        ("2020-12-16", "2020-12-16T09:00:00Z"),
    ]


def test_minute_bars_keep_their_dates_through_a_switch() -> None:
    asked = Asked("TSLA", date(2024, 11, 1), date(2024, 11, 4), MINUTE, adjusted=True)
    bars = bars_of(
        wire(at(2024, 11, 1, 4)),
        wire(at(2024, 11, 1, 19, 59)),
        wire(at(2024, 11, 4, 4)),
        wire(at(2024, 11, 4, 19, 59)),
        asked=asked,
    )
    dates = [row["date"] for row in written_bars(bars, asked=asked)]
    assert dates == ["2024-11-01", "2024-11-01", "2024-11-04", "2024-11-04"]


def test_a_bar_stamped_with_its_close_is_the_bar_of_its_session() -> None:
    asked = Asked("TSLA", date(2020, 12, 14), date(2020, 12, 18), DAY, adjusted=True)
    [row] = written_bars(bars_of(wire(at(2020, 12, 15, 16)), asked=asked), asked=asked)
    assert (row["timestamp"], row["date"]) == ("2020-12-15T05:00:00Z", "2020-12-15")


numbers = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**53 - 1)


@given(moments, st.data())
def test_a_page_in_order_and_in_range_passes_and_every_row_keeps_its_numbers(
    times: list[int], data: st.DataObject
) -> None:
    wires = [
        wire(t, **{name: data.draw(numbers) for name in ("o", "h", "l", "c", "v", "vw")}, n=data.draw(counts))
        for t in times
    ]
    asked = Asked("TSLA", MONDAY, FRIDAY, MINUTE, adjusted=True)
    rows = written_bars(bars_of(*wires, asked=asked), asked=asked)
    fields = {
        "o": "open",
        "h": "high",
        "l": "low",
        "c": "close",
        "v": "volume",
        "vw": "vwap",
        "n": "transactions",
    }
    assert [{name: row[field] for name, field in fields.items()} for row in rows] == [
        {name: bar[name] for name in fields} for bar in wires
    ]
    for row, t in zip(rows, times, strict=True):
        assert row["date"] == datetime.fromtimestamp(t / 1000, NEW_YORK).date().isoformat()
        moment = datetime.fromisoformat(row["timestamp"])
        assert moment == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=t)
    lines = protocol.records("stock_bars", rows, emitted_at_ms=0).splitlines()
    assert [orjson.loads(line)["record"]["data"] for line in lines] == rows


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(list("tohlcvnT")), inner, max_size=8)
    ),
    max_leaves=10,
)


@given(
    st.fixed_dictionaries({}, optional={"results": json_values, "status": json_values, "ticker": json_values})
)
def test_any_json_is_a_page_or_a_bad_page(page: dict[str, object]) -> None:
    content = json.dumps(page).encode()
    with suppress(BadPageError):
        judge_range(decode_range(content), ASKED, after_ms=None)
    bars: list[GroupedBar] = []
    with suppress(BadPageError):
        bars = judge_grouped(decode_grouped(content), adjusted=True, wanted=None)
    protocol.records("stock_bars", bar_rows(bars, MONDAY, adjusted=True), emitted_at_ms=0)


TRADED = date(2020, 12, 15)
tickers = st.text(min_size=1, max_size=24).filter(is_ticker)
closes = st.floats(0, 1e300)


@given(st.dictionaries(tickers, closes, max_size=20))
def test_each_line_of_a_session_is_byte_for_byte_the_line_of_its_message(session: dict[str, float]) -> None:
    bars = [
        GroupedBar(t=0, o=0.0, h=0.0, l=0.0, c=close, v=0.0, T=ticker) for ticker, close in session.items()
    ]
    lines = session_price_lines("stock_prices", bars, TRADED, emitted_at_ms=7)
    assert lines.count == len(session)
    rows = [
        {"date": "2020-12-15", "stock_ticker": ticker, "price": close} for ticker, close in session.items()
    ]
    wanted = [
        protocol.line({"type": "RECORD", "record": {"stream": "stock_prices", "data": row, "emitted_at": 7}})
        for row in rows
    ]
    assert lines.data == b"".join(wanted)
    assert [orjson.loads(line)["record"]["data"] for line in lines.data.splitlines()] == rows
