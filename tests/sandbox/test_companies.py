"""Companies: who is related to whom, and which tickers one has had."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sandbox.asker import opened

from stockticker_async.sandbox.data.issuers import composite_figi, cusip
from stockticker_async.sandbox.data.ticker_changes import tickers_of
from stockticker_async.sandbox.data.universe import Universe

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)


def related_to(ticker: str) -> str:
    return f"/v1/related-companies/{ticker}"


def events_of(identifier: str) -> str:
    return f"/vX/reference/tickers/{identifier}/events"


async def test_related_companies_are_told_beside_their_stock_symbol() -> None:
    async with opened(now=NOW) as asker:
        reply = await asker.get(related_to("AAPL"))
        assert list(reply.page) == ["request_id", "results", "status", "stock_symbol"]
        assert (reply.page["status"], reply.page["stock_symbol"]) == ("OK", "AAPL")
        assert reply.page["request_id"] == reply.headers["X-Request-Id"]
        assert len(reply.rows) == len({row["ticker"] for row in reply.rows}) == 10
        assert all(list(row) == ["ticker"] for row in reply.rows)
        others = (await asker.get(related_to("MSFT"))).rows
        assert {"ticker": "MSFT"} not in others
        assert others != reply.rows


async def test_relations_are_mutual_and_among_those_who_are_listed() -> None:
    async with opened(universe=700) as asker:
        universe, today = asker.sandbox.market.universe, asker.sandbox.clock.today().toordinal()
        relations = {
            each.ticker: {row["ticker"] for row in (await asker.get(related_to(each.ticker))).rows}
            for each in list(universe)[::29]
            if each.active_on(today)
        }
        assert any(relations.values())
        for ticker, related in relations.items():
            listings = [asker.sandbox.market.listing(each) for each in related]
            assert all(each.active_on(today) for each in listings)
            if len(related) < 10:
                for other in related:
                    back = {row["ticker"] for row in (await asker.get(related_to(other))).rows}
                    assert ticker in back or len(back) == 10


async def test_who_is_related_is_in_the_news_together() -> None:
    async with opened(now=NOW) as asker:
        related = {row["ticker"] for row in (await asker.get(related_to("TSLA"))).rows}
        news = (await asker.get("/v2/reference/news", ticker="TSLA", limit="100")).rows
        assert {ticker for row in news for ticker in row["tickers"]} == related | {"TSLA"}


async def test_preferred_shares_are_listed_and_have_no_relations() -> None:
    async with opened(now=NOW) as asker:
        reply = await asker.get(related_to("AMpB"))
        assert (reply.status, reply.page["results"]) == (200, [])


@pytest.mark.parametrize("path_of", [related_to, events_of])
async def test_who_is_unknown_delisted_or_not_yet_listed_is_not_found(path_of: Callable[[str], str]) -> None:
    async with opened(universe=1500) as asker:
        today = asker.sandbox.clock.today().toordinal()
        gone = next(each for each in asker.sandbox.market.universe if each.last < today)
        young = next(each for each in asker.sandbox.market.universe if each.listed > today)
        for ticker in ("NOBODY", "tsla", "FB", gone.ticker, young.ticker):
            reply = await asker.get(path_of(ticker))
            assert reply.status == 404
            assert list(reply.page) == ["status", "request_id", "message"]
            assert (reply.page["status"], reply.page["message"]) == ("NOT_FOUND", "Ticker not found.")


@pytest.mark.parametrize(
    ("ticker", "now", "told"),
    [
        ("META", "2026-11-23", [("2022-06-09", "META"), ("2012-05-18", "FB")]),
        ("META", "2022-06-08", [("2012-05-18", "FB")]),
        ("QQQ", "2026-11-23", [("2011-03-23", "QQQ"), ("2004-12-01", "QQQQ"), ("1999-03-10", "QQQ")]),
        ("TSLA", "2026-11-23", [("2010-06-29", "TSLA")]),
        ("BRK.B", "2026-11-23", [("1996-05-09", "BRK.B")]),
    ],
)
async def test_events_are_the_tickers_a_company_has_had(
    ticker: str, now: str, told: list[tuple[str, str]]
) -> None:
    async with opened(now=datetime.fromisoformat(f"{now}T17:00:00Z")) as asker:
        page = (await asker.get(events_of(ticker))).page
        assert list(page) == ["results", "status", "request_id"]
        assert list(page["results"]) == ["name", "composite_figi", "cik", "events"]
        details = (await asker.get(f"/v3/reference/tickers/{ticker}")).page["results"]
        assert page["results"]["name"] == details["name"]
        assert page["results"]["composite_figi"] == details["composite_figi"]
        assert page["results"]["events"] == [
            {"ticker_change": {"ticker": name}, "type": "ticker_change", "date": day} for day, name in told
        ]


async def test_a_company_is_found_by_its_register_numbers_even_after_its_end() -> None:
    async with opened(universe=700) as asker:
        today = asker.sandbox.clock.today().toordinal()
        listings = list(asker.sandbox.market.universe)
        gone = next(each for each in listings if each.last < today)
        young = next(each for each in listings if each.listed > today)
        for identifier in (composite_figi(gone), cusip(gone)):
            assert (await asker.get(events_of(identifier))).page["results"]["name"] == gone.name
        for identifier in (composite_figi(young), cusip(young), "BBG000000000", "000000000"):
            assert (await asker.get(events_of(identifier))).status == 404


async def test_only_ticker_changes_are_events() -> None:
    async with opened(now=NOW) as asker:
        whole = (await asker.get(events_of("META"))).page["results"]
        assert (await asker.get(events_of("META"), types="ticker_change")).page["results"] == whole
        assert (await asker.get(events_of("META"), types="")).page["results"] == whole
        reply = await asker.get(events_of("META"), types="ticker_change,merger")
        assert reply.status == 400
        assert "'types'" in reply.page["error"]


def test_a_name_had_other_tickers_that_nobody_has_now() -> None:
    universe = Universe(1, 12_000, ())
    today = NOW.toordinal()
    renamed = 0
    for listing in universe:
        if listing.listed > today:
            continue
        told = tickers_of(listing, universe, today)
        days = [day for day, _ in told]
        assert days == sorted(set(days), reverse=True)
        assert (told[0][1], days[-1]) == (listing.ticker, listing.listed)
        for day, former in told[1:]:
            if listing.made:
                renamed += 1
                assert universe.get(former) is None
                before = told[0][0] - 1
                assert tickers_of(listing, universe, before) == [(listing.listed, listing.ticker)]
                assert listing.listed <= day < told[0][0] <= min(listing.last, today)
    assert 200 < renamed < 1500
