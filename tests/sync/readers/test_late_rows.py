"""The tickers of a list that have no late row, by hand-made rows."""

from datetime import date

import pytest

from stockticker_async.marketdata.list_calls import Everything, list_calls
from stockticker_async.marketdata.rows import Row
from stockticker_async.streams.table import STREAMS, Listed
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.readers.late_rows import LateRows

FIRST, SETTLED = date(2020, 6, 1), date(2020, 12, 21)
SOURCES = {stream.name: stream.source for stream in STREAMS if isinstance(stream.source, Listed)}


def late_rows(name: str, names: str = "AB", first: date | None = FIRST) -> LateRows:
    listed = SOURCES[name]
    firsts = dict.fromkeys(names, first) if names else Everything(first)
    (call,) = list_calls(listed.listing, firsts, last=SETTLED)
    return LateRows(listed, call, SETTLED, call.names or (WHOLE_MARKET,))


def row(name: str, day: str) -> Row:
    return {"stock_ticker": name, "date": day, "settlement_date": day}


def test_a_ticker_without_a_row_and_one_without_a_late_row_are_behind() -> None:
    late = late_rows("short_volume", "ABCD")
    late.add([row("A", "2020-12-14"), row("B", "2020-12-15"), row("D", "2020-12-14"), row("D", "2020-12-21")])
    assert late.since == date(2020, 12, 15)
    assert late.behind() == {"A": date(2020, 12, 15), "C": FIRST}
    assert set(late.found()) == {"A", "B", "D"}


def test_of_the_market_only_the_last_row_counts() -> None:
    late = late_rows("short_interest", "")
    late.add([row("A", "2020-07-15"), row("B", "2020-07-31")])
    assert late.behind() == {WHOLE_MARKET: date(2020, 7, 31)}
    late.add([row("C", "2020-10-23")])
    assert late.behind() == {}


def test_a_list_without_days_has_a_row_of_each_ticker() -> None:
    late = late_rows("float", first=None)
    late.add([{"stock_ticker": "B"}])
    assert late.behind() == {"A": None}


@pytest.mark.parametrize("name", ["dividends", "splits"])
def test_of_a_list_that_has_few_tickers_nothing_is_known(name: str) -> None:
    late = late_rows(name)
    late.add([row("A", "2020-07-15")])
    assert late.behind() == {}
    assert late.found() == ("A", "B")


def test_days_fewer_than_each_sync_reads_need_no_row() -> None:
    late = late_rows("short_interest", first=date(2020, 12, 1))
    late.add([row("A", "2020-12-15")])
    assert late.behind() == {}
