"""Articles: about whom, when, found how, and in which pages."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.asker import NOON, opened

from stockticker_async.sandbox.endpoints.cursors import encode

NEWS = "/v2/reference/news"
REQUIRED = {
    "id": str, "publisher": dict, "title": str, "author": str, "published_utc": str, "article_url": str,
    "tickers": list, "image_url": str, "description": str, "keywords": list,
}  # fmt: skip
WEEK = {"published_utc.gte": "2020-12-15T00:00:00Z", "limit": "1000"}


async def test_articles_have_the_published_fields() -> None:
    async with opened() as asker:
        reply = await asker.get(NEWS, **WEEK)
        assert list(reply.page) == ["results", "status", "request_id", "count"]
        assert reply.page["count"] == len(reply.rows) > 50
        for row in reply.rows:
            shape = {name: type(value) for name, value in row.items()}
            assert REQUIRED.items() <= shape.items()
            assert row.keys() - REQUIRED.keys() <= {"amp_url", "insights"}
            assert row["publisher"].keys() == {"name", "homepage_url", "logo_url", "favicon_url"}
            told = [insight["ticker"] for insight in row.get("insights", [])]
            assert told in ([], row["tickers"])
            assert row["tickers"]
            assert row["keywords"]
        assert len({row["id"] for row in reply.rows}) == len(reply.rows)
        assert {len(row["tickers"]) for row in reply.rows} >= {1, 2, 3}


async def test_the_newest_ten_come_first_and_none_is_from_the_future() -> None:
    async with opened() as asker:
        page = (await asker.get(NEWS)).page
        moments = [row["published_utc"] for row in page["results"]]
        assert (len(moments), page["count"]) == (10, 10)
        assert moments == sorted(moments, reverse=True)
        assert "2020-12-22T00" < moments[0] <= "2020-12-22T17:00:00Z"
        asker.sandbox.clock.advance(3600)
        later = (await asker.get(NEWS, order="asc", published_utc__gt=moments[0])).rows
        assert later
        assert all("2020-12-22T17:00:00Z" <= row["published_utc"] <= "2020-12-22T18:00:00Z" for row in later)


async def test_an_article_is_found_by_each_ticker_it_is_about() -> None:
    async with opened() as asker:
        rows = (await asker.get(NEWS, **WEEK)).rows
        for ticker in sorted({ticker for row in rows for ticker in row["tickers"]})[::30]:
            found = (await asker.get(NEWS, ticker=ticker, **WEEK)).rows
            assert found == [row for row in rows if ticker in row["tickers"]]
        some = (await asker.get(NEWS, ticker__gte="A", ticker__lt="C", **WEEK)).rows
        assert some == [row for row in rows if any("A" <= ticker < "C" for ticker in row["tickers"])]
        for nobody in ("NOBODY", "tsla", "AMpB"):
            page = (await asker.get(NEWS, ticker=nobody)).page
            assert (page["results"], page["count"]) == ([], 0)
            assert "next_url" not in page
        assert (await asker.get(NEWS, ticker__any_of="TSLA", **WEEK)).rows == rows


async def test_articles_are_only_about_who_is_listed() -> None:
    async with opened(universe=600) as asker:
        market = asker.sandbox.market
        for year in (2001, 2010, 2020):
            query = {"published_utc.gte": f"{year}-06-01", "published_utc.lt": f"{year}-06-08"}
            rows = (await asker.get(NEWS, limit="1000", **query)).rows
            assert len(rows) > 50
            for row in rows:
                day = datetime.fromisoformat(row["published_utc"]).toordinal()
                for ticker in row["tickers"]:
                    listing = market.listing(ticker)
                    assert listing.active_on(day) or listing.active_on(day - 1)


@pytest.mark.parametrize(
    ("query", "admitted"),
    [
        ({"published_utc": "2020-12-18"}, ("2020-12-18T00:00:00Z", "2020-12-18T23:59:59Z")),
        ({"published_utc.gt": "2020-12-18"}, ("2020-12-18T00:00:01Z", "2021")),
        ({"published_utc.gte": "2020-12-18", "published_utc.lt": "2020-12-19"}, ("2020-12-18", "2020-12-19")),
        ({"published_utc.lte": "2020-12-17T05:00:00-05:00"}, ("2020", "2020-12-17T10:00:00Z")),
        ({"published_utc.lt": "2020-12-17T10:00:00"}, ("2020", "2020-12-17T09:59:59Z")),
        ({"published_utc.gte": "2030-01-01"}, ("2030", "2031")),
        ({"published_utc.lt": "1999-01-01"}, ("1998", "1999")),
    ],
)
async def test_times_are_dates_or_moments(query: dict[str, str], admitted: tuple[str, str]) -> None:
    async with opened() as asker:
        every = (await asker.get(NEWS, limit="1000", published_utc__gte="2020-12-14", ticker="TSLA")).rows
        rows = (await asker.get(NEWS, limit="1000", **{"ticker": "TSLA", **query})).rows
        rows = [row for row in rows if row["published_utc"] >= "2020-12-14"]
        assert rows == [row for row in every if admitted[0] <= row["published_utc"] <= admitted[1]]


async def test_a_moment_finds_the_article_of_that_second() -> None:
    async with opened() as asker:
        row = (await asker.get(NEWS)).rows[5]
        same = (await asker.get(NEWS, published_utc=row["published_utc"])).rows
        assert row in same
        assert {each["published_utc"] for each in same} == {row["published_utc"]}


@settings(max_examples=12)
@given(
    st.sampled_from(
        [
            {"published_utc.gte": "2020-12-18"},
            {"order": "asc", "published_utc.gte": "2020-12-18"},
            {"ticker": "TSLA", "published_utc.gte": "2020-11-01"},
            {"ticker.gt": "S", "order": "asc", "published_utc.gt": "2020-12-15"},
        ]
    ),
    st.integers(11, 60),
)
async def test_pages_add_up_to_the_whole(query: dict[str, str], limit: int) -> None:
    async with opened() as asker:
        whole = (await asker.get(NEWS, limit="1000", **query)).rows
        assert await asker.all_rows(NEWS, limit=str(limit), **query) == whole
        moments = [row["published_utc"] for row in whole]
        assert moments == sorted(moments, reverse="order" not in query)


async def test_an_article_published_between_two_pages_moves_none() -> None:
    async with opened() as asker:
        before = await asker.all_rows(NEWS, **{"published_utc.gte": "2020-12-21", "limit": "1000"})
        first = (await asker.get(NEWS, published_utc__gte="2020-12-21", limit="20")).page
        asker.sandbox.clock.advance(7200)
        rows: list[dict[str, Any]] = first["results"]
        while "next_url" in first:
            first = (await asker.send("GET", first["next_url"])).page
            rows = rows + first["results"]
        assert rows == before


async def test_news_are_the_same_whoever_else_is_in_the_market() -> None:
    async with opened(now=NOON, tickers=("MINE",)) as asker:
        mine = (await asker.get(NEWS, ticker="MINE")).rows
        assert mine
        one = (await asker.get(NEWS, ticker="TSLA")).rows
    async with opened(now=NOON, universe=2000) as asker:
        assert (await asker.get(NEWS, ticker="TSLA")).rows == one


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "1001"}, {"sort": "title"}, {"order": "up"}, {"published_utc": "yesterday"},
        {"published_utc.gte": "2020-13-01T00:00:00Z"}, {"published_utc.lt": "2020"},
        {"cursor": encode({"page_marker": "[1]"})}, {"cursor": encode({"page_marker": "no"})},
        {"cursor": "?"},
    ],
)  # fmt: skip
async def test_wrong_parameters_are_400s_that_name_them(query: dict[str, str]) -> None:
    async with opened() as asker:
        reply = await asker.get(NEWS, **query)
        assert reply.status == 400
        name = next(iter(query)).partition(".")[0]
        assert f"'{name}'" in reply.page["error"] or name == "order"
