"""The pages of a list: followed to the last one, doubted where rows are lacking, and a 404 in plain words."""

import tracemalloc
from datetime import date

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import talking

from stockticker_async.errors import BadPageError, ConfigError
from stockticker_async.marketdata import bar_size, grouped, ranges
from stockticker_async.marketdata.bars import Asked
from stockticker_async.marketdata.call_limits import PAGES
from stockticker_async.marketdata.client import Answer, Client, at_once
from stockticker_async.marketdata.list_pages import ListPage, PageWalk, list_pages
from stockticker_async.marketdata.rows import decode_rows
from stockticker_async.sandbox.service.faults import Fault

SINCE, UNTIL = date(2020, 1, 1), date(2022, 12, 31)


async def test_bars_answered_with_404_are_told_by_its_kind() -> None:
    async with talking() as (sandbox, client):
        asked = Asked("TSLA", SINCE, UNTIL, bar_size.ONE_DAY, adjusted=True)
        sandbox.faults.add(
            Fault(kind="status", match="/v2/", status=404, body=b"404 page not found", times=4)
        )
        with pytest.raises(ConfigError, match="base_url"):
            await anext(ranges.range_pages(client, asked))
        with pytest.raises(ConfigError, match="base_url"):
            await grouped.grouped_bars(client, UNTIL, adjusted=True, otc=True, wanted=None)
        gone = b'{"status":"NOT_FOUND","request_id":"1","message":"Data not found."}'
        sandbox.faults.add(Fault(kind="status", match="/v2/", status=404, body=gone, times=None))
        with pytest.raises(BadPageError, match="404"):
            await anext(ranges.range_pages(client, asked))


@given(st.integers(0, 3), st.none() | st.integers(0, 3))
def test_a_page_lacks_rows_where_it_has_none_or_another_number_than_it_says(
    count: int, stated: int | None
) -> None:
    page = ListPage(["row"] * count, None, count, stated)
    assert page.lacks is (count == 0 or (stated is not None and stated != count))


def tickers_of(body: bytes) -> ListPage[str]:
    page = decode_rows(body)
    return ListPage([row["ticker"] for row in page.rows], page.next_url, len(page.rows), page.stated)


async def test_a_list_is_followed_to_its_end_and_each_row_comes_once() -> None:
    path = "/v3/reference/tickers?active=true&sort=ticker&order=asc&limit="
    found: dict[int, list[str]] = {}
    async with talking() as (sandbox, client):
        for limit in (7, 1000):
            first = len(sandbox.calls)
            found[limit] = []
            async for page in list_pages(client, f"{path}{limit}", at_once(tickers_of)):
                assert isinstance(page, Answer)
                found[limit] += page.value.rows
            assert len(sandbox.calls) - first == -(-len(found[limit]) // limit)
    assert found[7] == found[1000] == sorted(set(found[1000]))


@pytest.mark.parametrize(("may_be_empty", "calls"), [(False, 2), (True, 1)])
async def test_an_empty_list_is_asked_for_twice_unless_the_caller_doubts_it(
    may_be_empty: bool,  # noqa: FBT001 - a case
    calls: int,
) -> None:
    async with talking() as (sandbox, client):
        sandbox.faults.add(Fault(kind="body", match="/tickers", body=b'{"count":0}', times=None))
        pages = list_pages(client, "/v3/reference/tickers", at_once(tickers_of), may_be_empty=may_be_empty)
        rows = [page.value.rows async for page in pages if isinstance(page, Answer)]
        assert rows == [[]]
        assert len(sandbox.calls) == calls


def test_a_page_has_its_turn_once() -> None:
    walk = PageWalk()
    for url in ("/a", "/b"):
        walk.turn_to(url)
    with pytest.raises(BadPageError, match="repeat without end"):
        walk.turn_to("/a")
    endless = PageWalk()
    for number in range(PAGES):
        endless.turn_to(str(number))
    with pytest.raises(BadPageError, match="repeat without end"):
        endless.turn_to("/c")


def test_ten_thousand_long_addresses_take_no_memory() -> None:
    walk = PageWalk()
    tracemalloc.start()
    try:
        for number in range(1000):
            walk.turn_to(f"/{number}" + "x" * 16_000)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1_000_000


@pytest.mark.fault("empty pages without end")
@pytest.mark.parametrize("kind", ["list", "range", "session"])
async def test_pages_without_rows_have_an_end(kind: str) -> None:
    """Each names another one: 10,000 calls, or 20,000 with the second ones."""
    async with talking() as (sandbox, client):

        def empty(body: bytes) -> bytes:
            page = orjson.loads(body)
            onward = f"{sandbox.url}{sandbox.calls[-1].path}?adjusted=true&n={len(sandbox.calls)}"
            return orjson.dumps({**page, "results": [], "count": 0, "resultsCount": 0, "next_url": onward})

        sandbox.faults.add(Fault(kind="body", body=empty, times=None))
        with pytest.raises(BadPageError, match="20 pages in a row without rows"):
            await _all_pages(client, kind)
        assert len(sandbox.calls) <= 60


async def _all_pages(client: Client, kind: str) -> None:
    match kind:
        case "list":
            [
                page
                async for page in list_pages(client, "/v3/reference/tickers?limit=1000", at_once(tickers_of))
            ]
        case "range":
            asked = Asked("TSLA", SINCE, UNTIL, bar_size.ONE_DAY, adjusted=True)
            [page async for page in ranges.range_pages(client, asked)]
        case _:
            await grouped.grouped_bars(client, UNTIL, adjusted=True, otc=True, wanted=None)
