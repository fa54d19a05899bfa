"""Pages of bars: which are taken, which are refused and with what words, and the rows they become."""

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stockticker_async.connector import protocol
from stockticker_async.connector.bar_lines import Lines, bar_lines, price_lines, session_price_lines
from stockticker_async.errors import BadPageError, TransientError
from stockticker_async.marketdata.bar_pages import _not_before
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.bar_times import judge_times
from stockticker_async.marketdata.bars import (
    Asked,
    Bar,
    GroupedBar,
    RangePage,
    decode_grouped,
    decode_range,
    judge_echo,
    judge_grouped,
)
from stockticker_async.streams.bar_rows import bar_rows

NEW_YORK = ZoneInfo("America/New_York")
DAY = BarSize()
MINUTE = BarSize(1, "minute")
MONDAY = date(2020, 12, 14)
FRIDAY = date(2020, 12, 18)
ASKED = Asked("TSLA", MONDAY, FRIDAY, DAY, adjusted=True)
# the closes of the tutorial's output
CLOSES = {14: 639.83, 15: 633.25, 16: 622.77, 17: 655.9, 18: 695.0}


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    """A New York time as epoch milliseconds."""
    return int(datetime(year, month, day, hour, minute, tzinfo=NEW_YORK).timestamp() * 1000)


def wire(t: object, **fields: object) -> dict[str, object]:
    """A bar as the API writes it."""
    return {"t": t, "o": 1.0, "h": 2.0, "l": 0.5, "c": 1.5, "v": 100, "vw": 1.25, "n": 7, **fields}


def body(*results: object, **envelope: object) -> bytes:
    """A page as the API writes it."""
    page = {
        "ticker": "TSLA",
        "queryCount": len(results),
        "resultsCount": len(results),
        "adjusted": True,
        "results": list(results),
        "status": "OK",
        "request_id": "6a7e466379af0a71039d60cc78e72282",
        "count": len(results),
        **envelope,
    }
    return json.dumps(page).encode()


def judge_range(page: RangePage, asked: Asked, *, after_ms: int | None) -> list[Bar]:
    judge_echo(page, asked)
    bars = page.results or []
    judge_times([bar.t for bar in bars], asked, after_ms=after_ms)
    return bars


def data_of(piece: Lines) -> list[dict[str, Any]]:
    rows = [orjson.loads(line)["record"]["data"] for line in piece.data.splitlines()]
    assert len(rows) == piece.count
    return rows


def written_prices(ticker: str, bars: list[Bar]) -> list[dict[str, Any]]:
    return data_of(price_lines("stock_prices", ticker, bars, emitted_at_ms=0))


def written_bars(bars: list[Bar], *, asked: Asked) -> list[dict[str, Any]]:
    return data_of(bar_lines("stock_bars", bars, asked=asked, emitted_at_ms=0))


def bars_of(*results: object, asked: Asked = ASKED, after_ms: int | None = None) -> list[Bar]:
    return judge_range(decode_range(body(*results)), asked, after_ms=after_ms)


def stamps(bars: Sequence[Bar]) -> list[int]:
    return [bar.t for bar in bars]


def refused(content: bytes) -> str:
    with pytest.raises(BadPageError) as caught:
        decode_range(content)
    return caught.value.message


TUTORIAL = [wire(at(2020, 12, day), c=close) for day, close in CLOSES.items()]


# Rows


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
        ("-1", -1),
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


@pytest.mark.parametrize("text", ["9223372036854775808", "18446744073709551616", "1" + "0" * 30])
def test_a_number_of_trades_that_no_line_can_hold_names_the_bar_and_the_field(text: str) -> None:
    page = body(wire(at(2020, 12, 15), n="N")).replace(b'"N"', text.encode())
    assert refused(page).startswith(
        "bar 1 (2020-12-15T05:00:00Z) is not usable: Expected `int` <= 922337203685"
    )


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


def test_an_unknown_field_is_no_fault() -> None:
    bars = judge_range(
        decode_range(body(wire(at(2020, 12, 15), x=[{"y": None}]), news={"a": [1]}, next_url=None)),
        ASKED,
        after_ms=None,
    )
    assert stamps(bars) == [at(2020, 12, 15)]


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


@pytest.mark.parametrize(
    ("size", "first", "start"),
    [
        (BarSize(1, "week"), date(2020, 12, 16), at(2020, 12, 13)),  # weeks start on Sunday
        (BarSize(1, "week"), date(2020, 12, 19), at(2020, 12, 13)),
        (BarSize(2, "week"), date(2020, 12, 19), at(2020, 12, 6)),
        (BarSize(1, "month"), date(2020, 12, 31), at(2020, 12, 1)),
        (BarSize(1, "quarter"), date(2020, 12, 31), at(2020, 10, 1)),
        (BarSize(1, "year"), date(2020, 12, 31), at(2020, 1, 1)),
        (BarSize(3, "day"), date(2020, 12, 16), at(2020, 12, 14)),
        (BarSize(300, "minute"), date(2020, 12, 16), at(2020, 12, 15, 23, 54)),
        (BarSize(9, "hour"), date(2020, 12, 16), at(2020, 12, 15, 20)),
    ],
    ids=str,
)
def test_a_bar_that_begins_before_the_first_day_but_contains_it_is_in_range(
    size: BarSize, first: date, start: int
) -> None:
    asked = Asked("TSLA", first, date(2020, 12, 31), size, adjusted=True)
    assert stamps(bars_of(wire(start), asked=asked)) == [start]
    with pytest.raises(BadPageError, match="outside the range asked"):
        bars_of(wire(asked.from_ms - 1), asked=asked)
    kept = _not_before(first, bars_of(wire(start), asked=asked), asked)
    assert len(kept) == (0 if size.intraday else 1)  # it was a row of the day before


@pytest.mark.parametrize(("hours", "held"), [(0, True), (16, True), (24, False), (-5, False), (25, False)])
def test_an_answer_for_another_session_is_refused(hours: int, held: bool) -> None:  # noqa: FBT001 - a case
    session = date(2020, 12, 18)
    row = {"T": "TSLA", "t": at(2020, 12, 18) + hours * 3_600_000, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
    page = decode_grouped(json.dumps({"results": [row]}).encode())
    if held:
        assert judge_grouped(page, adjusted=True, wanted=None, session=session)
    else:
        with pytest.raises(BadPageError, match="asked for the session of 2020-12-18"):
            judge_grouped(page, adjusted=True, wanted=None, session=session)


@pytest.mark.parametrize("strange", [-86_400_000, -1, 86_400_000, 7 * 86_400_000])
def test_one_row_of_another_day_spoils_a_session(strange: int) -> None:
    """Whether the row is wanted or not, and however many are right."""
    session = date(2020, 12, 18)
    rows = [wire(at(2020, 12, 18), T=f"T{n}") for n in range(300)] + [wire(at(2020, 12, 18) + strange, T="Z")]
    page = decode_grouped(body(*rows))
    with pytest.raises(BadPageError, match=r"asked for the session of 2020-12-18.* \(1 of 301 bars\)"):
        judge_grouped(page, adjusted=True, wanted=frozenset({"T1"}), session=session)


@pytest.mark.parametrize("first", [date(2020, 12, 12), date(2020, 12, 13), date(2020, 12, 14)])
def test_day_bars_of_utc_days_are_refused_wherever_the_range_begins(first: date) -> None:
    asked = Asked("TSLA", first, date(2020, 12, 18), DAY, adjusted=True)
    days = [datetime(2020, 12, day, tzinfo=UTC) for day in (14, 15, 16)]
    with pytest.raises(BadPageError, match=r"outside the range|neither the start nor the close"):
        bars_of(*(wire(int(day.timestamp() * 1000)) for day in days), asked=asked)


SECOND, HOUR = BarSize(1, "second"), BarSize(1, "hour")
WHEN = "when no stock trades"
CLOCKS: list[tuple[BarSize, int, str | None]] = [
    (MINUTE, at(2020, 12, 15, 4), None),
    (MINUTE, at(2020, 12, 15, 19, 59), None),
    (MINUTE, at(2020, 12, 15, 3, 59), WHEN),
    (MINUTE, at(2020, 12, 15, 20), WHEN),
    (MINUTE, at(2020, 12, 15, 2), WHEN),
    (MINUTE, at(2020, 12, 15, 22, 30), WHEN),
    (MINUTE, at(2020, 12, 12, 11), WHEN),
    (MINUTE, at(2020, 12, 13, 11), WHEN),
    (MINUTE, at(2020, 12, 25, 11), None),  # a calendar of holidays is advice
    (MINUTE, at(2020, 12, 15, 11) + 30_000, "not the start of a whole minute"),
    (BarSize(5, "minute"), at(2020, 12, 15, 11, 31), None),  # nobody says from where five minutes are counted
    (BarSize(5, "minute"), at(2020, 12, 15, 3, 56), None),
    (BarSize(5, "minute"), at(2020, 12, 15, 3, 55), WHEN),
    (HOUR, at(2020, 12, 15, 19), None),
    (HOUR, at(2020, 12, 15, 3), WHEN),
    (HOUR, at(2020, 12, 15, 11) + 30_000, "not the start of a whole hour"),
    (HOUR, at(2020, 12, 15, 11, 30), "not the start of a whole hour"),
    (BarSize(12, "hour"), at(2020, 12, 13, 20), None),  # it reaches Monday's pre-market
    (BarSize(12, "hour"), at(2020, 12, 12, 20), WHEN),
    (BarSize(100, "hour"), at(2020, 12, 11, 22), None),
    (SECOND, at(2020, 12, 15, 11) + 1000, None),
    (SECOND, at(2020, 12, 15, 11) + 1, "not the start of a whole second"),
    (DAY, at(2020, 12, 25), None),
    (DAY, at(2020, 12, 12), "neither the start nor the close of a session"),
    (DAY, at(2020, 12, 13, 16), "neither the start nor the close of a session"),
    (BarSize(2, "day"), at(2020, 12, 13), None),
    (BarSize(1, "week"), at(2020, 12, 13), None),
]


@pytest.mark.parametrize(("size", "moment", "fault"), CLOCKS, ids=str)
def test_a_bar_is_of_an_hour_in_which_stocks_trade(size: BarSize, moment: int, fault: str | None) -> None:
    asked = Asked("TSLA", date(2020, 12, 9), date(2020, 12, 30), size, adjusted=True)
    # beside good ones, before and after it
    around = [at(2020, 12, 10, 12), at(2020, 12, 28, 12)] if size.intraday else []
    times = sorted({*around, moment})
    if fault is None:
        assert stamps(bars_of(*map(wire, times), asked=asked)) == times
    else:
        with pytest.raises(BadPageError, match=fault):
            bars_of(*map(wire, times), asked=asked)


@pytest.mark.parametrize("field", ["c", "l"])
def test_a_price_below_zero_names_the_bar_and_the_field(field: str) -> None:
    message = refused(body(TUTORIAL[0], wire(at(2020, 12, 15), **{field: -5})))
    assert message.startswith("bar 2 (2020-12-15T05:00:00Z) is not usable: Expected `float` >= 0")
    assert f"`$.{field}`" in message


@pytest.mark.parametrize("price", [0, -0.0, 1e-9, 1e308])
def test_a_price_may_be_rounded_to_nothing_or_grow_without_bound(price: float) -> None:
    assert [bar.c for bar in bars_of(wire(at(2020, 12, 15), c=price))] == [price]


def test_two_bars_of_one_session_are_refused() -> None:
    asked = Asked("TSLA", date(2020, 12, 14), date(2020, 12, 18), DAY, adjusted=True)
    with pytest.raises(BadPageError, match="two bars of one session, 2020-12-15"):
        bars_of(wire(at(2020, 12, 15)), wire(at(2020, 12, 15, 16)), asked=asked)
    with pytest.raises(BadPageError, match="two bars of one session, 2020-12-15"):
        bars_of(wire(at(2020, 12, 15, 16)), asked=asked, after_ms=at(2020, 12, 15))


def test_a_bar_stamped_with_its_close_is_the_bar_of_its_session() -> None:
    asked = Asked("TSLA", date(2020, 12, 14), date(2020, 12, 18), DAY, adjusted=True)
    [row] = written_bars(bars_of(wire(at(2020, 12, 15, 16)), asked=asked), asked=asked)
    assert (row["timestamp"], row["date"]) == ("2020-12-15T05:00:00Z", "2020-12-15")


def test_the_last_day_of_all_calendars_has_an_end() -> None:
    asked = Asked("TSLA", date(9999, 12, 30), date.max, DAY, adjusted=True)
    assert asked.until_ms - asked.from_ms == 2 * 86_400_000


# Pages that are taken


@pytest.mark.parametrize("status", ["OK", "DELAYED", None])
def test_a_successful_status_is_ok_delayed_or_absent(status: str | None) -> None:
    page = decode_range(body(TUTORIAL[0], status=status))
    assert len(judge_range(page, ASKED, after_ms=None)) == 1
    assert decode_range(b"{}") == RangePage()


@pytest.mark.parametrize(
    "content", [b'{"results":null}', b'{"results":[]}', b'{"resultsCount":0,"status":"OK"}']
)
def test_no_bars_are_absent_null_or_an_empty_list(content: bytes) -> None:
    assert judge_range(decode_range(content), ASKED, after_ms=None) == []
    assert judge_grouped(decode_grouped(content), adjusted=False, wanted=None) == []


def test_a_page_tells_the_next() -> None:
    assert decode_range(body(next_url="https://x.example/next")).next_url == "https://x.example/next"
    assert decode_range(body()).next_url is None


def test_an_absent_echo_is_believed() -> None:
    page = decode_range(body(TUTORIAL[0], ticker=None, adjusted=None))
    assert len(judge_range(page, ASKED, after_ms=None)) == 1


# Pages that are refused


def test_a_bad_page_may_be_a_good_one_in_the_next_sync() -> None:
    assert issubclass(BadPageError, TransientError)


@pytest.mark.parametrize("ticker", ["tsla", "TSL", "", "T" * 5000])
def test_another_tickers_page_is_refused(ticker: str) -> None:
    page = decode_range(body(TUTORIAL[0], ticker=ticker))
    with pytest.raises(BadPageError, match="another ticker") as caught:
        judge_range(page, ASKED, after_ms=None)
    assert len(caught.value.message) < 100


@pytest.mark.parametrize("adjusted", [True, False])
def test_a_page_on_the_other_basis_is_refused(adjusted: bool) -> None:  # noqa: FBT001 - a case
    asked = Asked("TSLA", MONDAY, FRIDAY, DAY, adjusted=adjusted)
    page = decode_range(body(TUTORIAL[0], adjusted=not adjusted))
    with pytest.raises(BadPageError, match=f"adjusted={adjusted}, the API answered the opposite"):
        judge_range(page, asked, after_ms=None)
    market = decode_grouped(body(wire(0, T="A"), adjusted=not adjusted))
    with pytest.raises(BadPageError, match=f"adjusted={adjusted}, the API answered the opposite"):
        judge_grouped(market, adjusted=adjusted, wanted=None)
    assert judge_grouped(decode_grouped(body(adjusted=not adjusted)), adjusted=adjusted, wanted=None) == []


@pytest.mark.parametrize(
    ("times", "after", "fault"),
    [
        ([(15,), (14,)], None, "out of order: that of 2020-12-14T05:00:00Z after a later one"),
        ([(15,), (15,)], None, "twice: that of 2020-12-15T05:00:00Z"),
        ([(16,)], (16,), "twice: that of 2020-12-16T05:00:00Z"),
        ([(15,)], (16,), "out of order: that of 2020-12-15T05:00:00Z after a later one"),
        ([(13, 23, 59)], None, r"outside the range asked \(2020-12-14 to 2020-12-18\)"),
        ([(18,), (19,)], None, "outside the range asked"),
        ([(19,)], (18,), "outside the range asked"),
    ],
)
def test_a_misplaced_bar_is_refused(
    times: list[tuple[int, ...]], after: tuple[int, ...] | None, fault: str
) -> None:
    bars = [wire(at(2020, 12, *time)) for time in times]
    with pytest.raises(BadPageError, match=fault):
        bars_of(*bars, after_ms=None if after is None else at(2020, 12, *after))


@pytest.mark.parametrize(
    "text", ["1" + "0" * 30, "-" + "1" + "0" * 4000, "1e300", "9007199254740992"], ids=len
)
def test_an_impossible_time_is_refused_in_few_words(text: str) -> None:
    page = decode_range(body(wire("T")).replace(b'"T"', text.encode()))
    with pytest.raises(BadPageError, match="impossible time, ") as caught:
        judge_range(page, ASKED, after_ms=None)
    assert len(caught.value.message) < 100


@pytest.mark.parametrize("t", [-1, 0, 2**53 - 1])
def test_a_time_of_another_age_is_out_of_range(t: int) -> None:
    with pytest.raises(BadPageError, match="outside the range asked"):
        bars_of(wire(t))


@pytest.mark.parametrize("field", list("ohlcv"))
@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("null", "got `null`"),
        ('"639.83"', "got `str`"),
        ("NaN", "got `str`"),
        ("-Infinity", "got `str`"),
        ("true", "got `bool`"),
        ("[]", "got `array`"),
        ("{}", "got `object`"),
    ],
)
def test_an_unusable_price_names_the_bar_and_the_field(field: str, value: str, fault: str) -> None:
    page = body(TUTORIAL[0], wire(at(2020, 12, 15), **{field: "?"})).replace(b'"?"', value.encode())
    message = refused(page)
    assert "bar 2 (2020-12-15T05:00:00Z) is not usable" in message
    assert f"`$.{field}`" in message
    assert fault in message


@pytest.mark.parametrize("field", list("tohlcv"))
def test_a_missing_field_names_the_bar_and_the_field(field: str) -> None:
    bar = wire(at(2020, 12, 15))
    del bar[field]
    message = refused(body(TUTORIAL[0], bar))
    assert message.startswith("bar 2 is not" if field == "t" else "bar 2 (2020-12-15T05:00:00Z) is not")
    assert f"missing required field `{field}`" in message


def test_a_price_beyond_every_number_names_the_bar_and_the_field() -> None:
    page = body(TUTORIAL[0], wire(at(2020, 12, 15), c="?")).replace(b'"?"', b"1e999")
    assert "`$.results[1].c`" in refused(page)


def test_a_harmless_notation_is_not_blamed_for_another_bars_fault() -> None:
    page = body(wire("T"), wire(at(2020, 12, 16), c=None)).replace(b'"T"', b"1.6080084e12")
    assert refused(page).startswith("bar 2 (2020-12-16T05:00:00Z)")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "no whole JSON"),
        (b"<html><body>Bad Gateway</body></html>", "an HTML page"),
        (b"\n <!DOCTYPE html>", "an HTML page"),
        (body(*TUTORIAL)[:200], "no whole JSON"),
        (body(*TUTORIAL) + b"x", "no whole JSON"),
        (b"\xff\xfe", "no whole JSON"),
        (b'{"ticker":"\xff"}', "no whole JSON"),
        (b'{"x":' + b"[" * 100_000, "no whole JSON"),
        (b"[" * 100_000, "no whole JSON"),
        (b'{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "no whole JSON"),
        (b"[]", "JSON that is no object"),
        (b"null", "JSON that is no object"),
        (b'"OK"', "JSON that is no object"),
        (b'{"results":5}', "not of the published form"),
        (b'{"results":{"t":1}}', "not of the published form"),
        (b'{"results":[],"ticker":5}', "not of the published form"),
        (b'{"results":[],"ticker":"\\ud800"}', "not of the published form"),
        (b'{"results":[5]}', "bar 1 is not usable"),
        (b'{"results":[[1,2]]}', "bar 1 is not usable"),
        (b'{"results":[{"t":"x","o":1,"h":1,"l":1,"c":1,"v":1}]}', "bar 1 is not usable"),
        (b'{"results":[{"t":1.5,"o":1,"h":1,"l":1,"c":1,"v":1}]}', "bar 1 is not usable"),
    ],
    ids=range(21),
)
def test_what_is_no_page_is_told_in_words(content: bytes, fault: str) -> None:
    assert fault in refused(content)
    if b"ticker" not in content:  # which the market's answer does not have
        with pytest.raises(BadPageError, match=fault):
            decode_grouped(content)


@pytest.mark.parametrize(
    ("envelope", "fault"),
    [
        ({"status": "ERROR", "error": "Something failed"}, "with status ERROR: Something failed"),
        ({"status": "ERROR", "message": "Something failed"}, "with status ERROR: Something failed"),
        ({"status": "NOT_AUTHORIZED"}, "with status NOT_AUTHORIZED: no reason given"),
        ({"status": "ERROR", "error": "x" * 5000}, "with status ERROR: xxx"),
        ({"status": ""}, "with status : no reason given"),
    ],
)
def test_an_error_with_200_is_refused_with_its_reason(envelope: dict[str, object], fault: str) -> None:
    for decode in (decode_range, decode_grouped):
        with pytest.raises(BadPageError, match=fault) as caught:
            decode(body(TUTORIAL[0] | {"T": "A"}, **envelope))
        assert len(caught.value.message) < 300


# The market's answer


def market(*names: str) -> Any:
    return decode_grouped(body(*(wire(at(2020, 12, 15, 16), T=name) for name in names)))


def test_the_market_gives_the_wanted_tickers_in_its_order() -> None:
    bars = judge_grouped(market("B", "A", "C"), adjusted=True, wanted=frozenset({"A", "B", "X"}))
    assert [bar.T for bar in bars] == ["B", "A"]
    everything = judge_grouped(market("B", "A", "C"), adjusted=True, wanted=None)
    assert [bar.T for bar in everything] == ["B", "A", "C"]


def test_a_ticker_twice_in_the_market_is_refused_where_it_matters() -> None:
    with pytest.raises(BadPageError, match="twice"):
        judge_grouped(market("A", "B", "A"), adjusted=True, wanted=None)
    bars = judge_grouped(market("A", "B", "A"), adjusted=True, wanted=frozenset({"B"}))
    assert [bar.T for bar in bars] == ["B"]


@pytest.mark.parametrize("wanted", [None, frozenset({"A"})], ids=["market", "named"])
@pytest.mark.parametrize("name", ["", "A B", " A", "A\n", "A,B", "A=1", "*", "..", "A" * 5000, "A\u3000"])
def test_a_bar_of_the_market_without_a_ticker_is_refused(name: str, wanted: frozenset[str] | None) -> None:
    """Whoever is wanted: the bar may be the one of a wanted ticker."""
    with pytest.raises(BadPageError, match="no ticker") as caught:
        judge_grouped(market("A", name, "B"), adjusted=True, wanted=wanted)
    assert len(caught.value.message) < 120


def test_a_bar_of_the_market_without_the_field_is_refused() -> None:
    nameless = decode_grouped(body(wire(at(2020, 12, 15))))
    with pytest.raises(BadPageError, match="no ticker"):
        judge_grouped(nameless, adjusted=True, wanted=frozenset({"A"}))
    with pytest.raises(BadPageError, match="not of the published form"):
        decode_grouped(body(wire(at(2020, 12, 15), T=5)))


# Laws

numbers = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**53 - 1)
moments = st.lists(
    st.builds(at, st.just(2020), st.just(12), st.integers(14, 18), st.integers(4, 19), st.integers(0, 59)),
    unique=True,
    min_size=1,
    max_size=20,
).map(sorted)


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


@given(moments.flatmap(st.permutations), st.integers(0, 19))
def test_a_page_in_any_other_order_is_refused(times: list[int], repeated: int) -> None:
    asked = Asked("TSLA", MONDAY, FRIDAY, MINUTE, adjusted=True)
    twice = [*times, times[repeated % len(times)]]
    with pytest.raises(BadPageError):
        bars_of(*map(wire, twice), asked=asked)
    assume(times != sorted(times))
    with pytest.raises(BadPageError):
        bars_of(*map(wire, times), asked=asked)


@given(moments, st.integers(0, 20))
def test_pages_are_judged_as_if_they_were_one(times: list[int], cut: int) -> None:
    asked = Asked("TSLA", MONDAY, FRIDAY, MINUTE, adjusted=True)
    first, second = times[:cut], times[cut:]
    one = bars_of(*map(wire, first), asked=asked)
    other = bars_of(*map(wire, second), asked=asked, after_ms=first[-1] if first else None)
    assert stamps(one) + stamps(other) == times
    if first and second:
        with pytest.raises(BadPageError):
            bars_of(*map(wire, first), asked=asked, after_ms=second[-1])


scraps = st.sampled_from(
    [
        b'{"results":[',
        b'{"t":1608008400000,"o":1,"h":1,"l":1,"c":1,"v":1}',
        *(b'{"T":"A",', b'"t":', b'"results":', b'"status":', b'"OK"', b'"\\ud800"'),
        *(b",", b"]", b"}", b"{", b"[", b"null", b"NaN", b"1e999", b"-1", b"9" * 30, b"\xff"),
    ]
)


@given(st.binary(max_size=60) | st.lists(scraps, max_size=8).map(b"".join))
def test_any_bytes_are_a_page_or_a_bad_page(content: bytes) -> None:
    for decode in (decode_range, decode_grouped):
        try:
            page = decode(content)
        except BadPageError:
            continue
        for bar in page.results or ():
            assert all(math.isfinite(price) for price in (bar.o, bar.h, bar.l, bar.c, bar.v))


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
