"""The paths of the API: each ticker whole in one segment, each question in its place."""

from datetime import date
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from asking import sandbox
from hypothesis import given
from hypothesis import strategies as st
from loopback import client

from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.bars import Asked
from stockticker_async.marketdata.client import Answer
from stockticker_async.marketdata.endpoints import (
    PAGE_ROWS,
    details_path,
    flag,
    grouped_path,
    quoted,
    range_of,
    range_path,
    ticker_path,
)

DAY = date(2020, 12, 21)
TICKERS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12)


def segments(path: str) -> list[str]:
    return urlsplit(path).path.split("/")[1:]


def test_a_range_is_asked_ascending_with_the_largest_page() -> None:
    asked = Asked("TSLA", date(2020, 12, 14), DAY, BarSize(5, "minute"), adjusted=False)
    assert range_path(asked) == (
        "/v2/aggs/ticker/TSLA/range/5/minute/2020-12-14/2020-12-21?adjusted=false&sort=asc&limit=50000"
    )
    assert range_of(asked, "1608526800000").endswith("/range/5/minute/1608526800000/2020-12-21")
    assert parse_qs(urlsplit(range_path(asked)).query)["limit"] == [str(PAGE_ROWS)]


def test_the_market_and_the_reference_are_asked_by_day() -> None:
    assert grouped_path(DAY, adjusted=True, otc=False) == (
        "/v2/aggs/grouped/locale/us/market/stocks/2020-12-21?adjusted=true&include_otc=false"
    )
    assert details_path("TSLA", None) == "/v3/reference/tickers/TSLA"
    assert details_path("TSLA", DAY) == "/v3/reference/tickers/TSLA?date=2020-12-21"


@pytest.mark.parametrize(
    ("adjusted", "path"),
    [
        (None, "/v1/open-close/BRK%2FB/2020-12-21"),
        (True, "/v1/open-close/BRK%2FB/2020-12-21?adjusted=true"),
        (False, "/v1/open-close/BRK%2FB/2020-12-21?adjusted=false"),
    ],
)
def test_a_path_says_adjusted_only_where_it_knows_that(adjusted: bool | None, path: str) -> None:  # noqa: FBT001 - a case
    assert ticker_path("/v1/open-close/{ticker}/{session}", "BRK/B", DAY, adjusted=adjusted) == path


@given(TICKERS)
def test_a_ticker_of_any_letters_is_one_segment_and_comes_back_whole(ticker: str) -> None:
    asked = Asked(ticker, DAY, DAY)
    for path, place in (
        (range_path(asked), 3),
        (details_path(ticker, DAY), 3),
        (ticker_path("/v1/related-companies/{ticker}", ticker), 2),
    ):
        assert unquote(segments(path)[place]) == ticker
        assert path.isascii()
    assert len(segments(range_path(asked))) == 9
    assert len(segments(details_path(ticker, DAY))) == 4
    assert not set(quoted(ticker)) & set("/?#&= ")


def test_a_flag_is_written_as_the_api_reads_it() -> None:
    assert [flag(True), flag(False)] == ["true", "false"]  # noqa: FBT003 - its own


async def test_a_slash_in_a_ticker_reaches_the_api_as_part_of_the_ticker() -> None:
    async with sandbox(tickers=("BRK/B",)) as served, client(served.url) as opened:
        found = await opened.get(details_path("BRK/B", None), bytes)
        assert isinstance(found, Answer)
        assert b'"BRK/B"' in found.value
