"""A range of one ticker, a page at a time to the sinks: each stream from its own first day on."""

from datetime import date
from typing import Any

import orjson
import pytest
from asking import sandbox
from kept import closes, keep
from support import entries

from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.sandbox.service.faults import Fault

SINCE, THURSDAY = date(2020, 12, 14), date(2020, 12, 17)


@pytest.mark.parametrize("bar", [BarSize(1, "hour"), BarSize(1, "week"), BarSize()], ids=str)
async def test_pages_of_any_size_give_the_same_bars_and_the_same_cursor(bar: BarSize) -> None:
    found = []
    for page_rows in (None, 5):
        async with sandbox(page_rows=page_rows) as served:
            (kept,) = await keep(served, ["TSLA"], "stock_bars", start_date=SINCE, bar=bar)
        found.append((closes(kept), entries(kept.state)))
    assert found[0] == found[1]
    assert found[0][0]


async def test_a_page_that_breaks_off_leaves_the_cursor_behind_the_pages_before_it() -> None:
    async with sandbox(page_rows=3) as served:
        served.faults.add(Fault(kind="body", match="/range/", body=b"{", after=1, times=None))
        (kept,) = await keep(served, ["TSLA"], "stock_prices", start_date=SINCE)
    assert len(closes(kept)) == 3
    assert [cursor for _, cursor, _ in entries(kept.state).values()] == ["2020-12-16"]
    assert kept.failed


@pytest.mark.fault("bars out of order")
@pytest.mark.parametrize("bar", [BarSize(), BarSize(1, "hour")], ids=str)
async def test_a_page_that_comes_too_late_takes_the_cursor_back(bar: BarSize) -> None:
    """The first two pages stand in each other's place; an honest night reads what the first one has."""
    pages: list[Any] = []

    def collect(body: bytes) -> bytes:
        pages.append(orjson.loads(body)["results"])
        return body

    def lie(body: bytes) -> bytes:
        page = orjson.loads(body)
        places = [page["results"] == one for one in pages]
        if (place := places.index(True)) < 2:
            page["results"] = pages[1 - place]
        return orjson.dumps(page)

    async with sandbox(page_rows=40 if bar.intraday else 3) as served:
        served.faults.add(Fault(kind="body", match="/range/", body=collect, times=None))
        (whole,) = await keep(served, ["TSLA"], "stock_bars", start_date=SINCE, bar=bar)
        assert len(pages) > 2
        served.faults.clear()
        served.faults.add(Fault(kind="body", match="/range/", body=lie, times=None))
        (first,) = await keep(served, ["TSLA"], "stock_bars", start_date=SINCE, bar=bar)
        assert first.failed
        served.faults.clear()
        blobs = {"stock_bars": first.state}
        (second,) = await keep(
            served, ["TSLA"], "stock_bars", start_date=SINCE, bar=bar, blobs=blobs, lookback_days=0
        )
    assert {*closes(first), *closes(second)} == {*closes(whole)}


async def test_streams_with_other_states_get_their_own_days_of_one_answer() -> None:
    async with sandbox() as served:
        (prices,) = await keep(served, ["TSLA"], "stock_prices", start_date=SINCE, end_date=THURSDAY)
        first = len(served.calls)
        later, whole = await keep(
            served,
            ["TSLA"],
            "stock_prices",
            "stock_bars",
            start_date=SINCE,
            lookback_days=0,
            blobs={"stock_prices": prices.state},
        )
        assert sum("/range/" in call.path for call in served.calls[first:]) == 1
    assert closes(prices)[:4] + closes(later) == closes(whole)


async def test_what_is_not_published_yet_is_left_to_the_next_sync() -> None:
    body = b'{"status":"NOT_AUTHORIZED","message":"Attempted to request today\'s data before end of day."}'
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", match="/2020-12-22", status=403, body=body, times=None))
        (kept,) = await keep(served, ["TSLA"], "stock_prices", start_date=SINCE)
    assert not kept.failed
    assert [cursor for _, cursor, _ in entries(kept.state).values()] == ["2020-12-18"]
