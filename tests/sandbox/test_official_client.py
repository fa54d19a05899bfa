"""The official client cannot tell the sandbox from the API."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from massive import RESTClient
from massive.exceptions import BadResponse
from sandbox.asker import opened

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)


async def asked(ask: Callable[[RESTClient], Any], *, key: str = "demo-key", **options: Any) -> Any:
    """What the synchronous client, in a thread of its own, makes of a sandbox."""

    def run(url: str) -> Any:
        client = RESTClient(key, base=url, retries=0)
        try:
            return ask(client)
        finally:
            client.client.clear()

    async with opened(**{"now": NOW, **options}) as asker:
        return await asyncio.to_thread(run, asker.sandbox.url)


async def test_bars_page_by_page() -> None:
    bars = await asked(
        lambda c: list(c.list_aggs("TSLA", 1, "day", "2022-03-04", "2022-03-10", adjusted=False, limit=2))
    )
    assert [bar.close for bar in bars] == [838.29, 804.58, 824.4, 858.97, 838.3]
    assert all(isinstance(bar.vwap, float) and isinstance(bar.transactions, int) for bar in bars)


async def test_bars_of_one_page_and_none() -> None:
    def ask(client: RESTClient) -> tuple[Any, Any]:
        few = client.get_aggs("IBM", 5, "minute", "2022-03-04", "2022-03-04")
        return few, client.get_aggs("NOBODY", 1, "day", "2022-03-04", "2022-03-10")

    few, none = await asked(ask)
    assert len(few) > 50
    assert none == []


async def test_the_whole_market_and_the_previous_day() -> None:
    def ask(client: RESTClient) -> tuple[Any, Any, Any]:
        grouped = client.get_grouped_daily_aggs("2022-03-04", adjusted=False)
        previous = client.get_previous_close_agg("TSLA")
        return grouped, previous, client.get_daily_open_close_agg("TSLA", "2022-03-04", adjusted=False)

    grouped, previous, flat = await asked(ask)
    assert {bar.ticker: bar.close for bar in grouped}["TSLA"] == 838.29
    assert previous[0].ticker == "TSLA"
    assert (flat.symbol, flat.close, flat.from_) == ("TSLA", 838.29, "2022-03-04")


async def test_splits_and_dividends_of_both_generations() -> None:
    def ask(client: RESTClient) -> list[Any]:
        return [
            list(client.list_splits("TSLA", limit=1)),
            list(client.list_stocks_splits(ticker="TSLA", limit=1)),
            list(client.list_dividends("KO", limit=10)),
            list(client.list_stocks_dividends(ticker_any_of="KO,PEP", limit=10)),
        ]

    old_splits, splits, old_dividends, dividends = await asked(ask)
    assert [(s.execution_date, s.split_to) for s in old_splits] == [("2022-08-25", 3), ("2020-08-31", 5)]
    assert [(s.execution_date, s.split_to) for s in splits] == [("2022-08-25", 3), ("2020-08-31", 5)]
    assert len(old_dividends) > 50
    assert {d.ticker for d in dividends} == {"KO", "PEP"}


async def test_tickers_details_holidays_and_status() -> None:
    def ask(client: RESTClient) -> list[Any]:
        return [
            list(client.list_tickers(market="stocks", limit=50)),
            client.get_ticker_details("BRK.B"),
            client.get_market_holidays(),
            client.get_market_status(),
        ]

    tickers, details, holidays, status = await asked(ask)
    assert "TSLA" in {each.ticker for each in tickers}
    assert (details.ticker, details.ticker_root, details.address.city) == ("BRK.B", "BRK", "Springfield")
    assert (holidays[0].date, holidays[0].name) == ("2026-11-26", "Thanksgiving")
    assert (status.market, status.exchanges.nyse) == ("open", "open")


async def test_exchanges_types_and_conditions() -> None:
    def ask(client: RESTClient) -> list[Any]:
        return [
            client.get_exchanges(asset_class="stocks"),
            client.get_ticker_types(asset_class="stocks", locale="us"),
            list(client.list_conditions(asset_class="stocks", data_type="trade", limit=9)),
        ]

    exchanges, types, conditions = await asked(ask)
    assert {"XNAS", "XNYS", "ARCX"} < {each.mic for each in exchanges}
    assert {"CS", "ETF", "PFD"} < {each.code for each in types}
    odd = next(each for each in conditions if each.name == "Odd Lot Trade")
    assert (odd.sip_mapping.UTP, odd.update_rules.consolidated.updates_volume) == ("I", True)
    assert len(conditions) > 30


async def test_short_interest_short_volume_and_float() -> None:
    def ask(client: RESTClient) -> list[Any]:
        return [
            list(client.list_short_interest("TSLA", settlement_date_gte="2026-01-01", limit=7)),
            list(client.list_short_volume("TSLA", date_gte="2026-11-01", limit=7, sort="date.desc")),
            list(client.list_stocks_floats(ticker_any_of=["KO", "PEP"], limit=1)),
        ]

    interest, volume, floats = await asked(ask)
    assert [each.settlement_date for each in interest[::19]] == ["2026-01-15", "2026-10-30"]
    assert all(each.short_interest > 0 and each.avg_daily_volume > 0 for each in interest)
    assert len(volume) == len({each.date for each in volume}) == 15
    assert all(0 < each.short_volume < each.total_volume for each in volume)
    assert [each.ticker for each in floats] == ["KO", "PEP"]


async def test_offerings_of_new_names() -> None:
    def ask(client: RESTClient) -> list[Any]:
        return [
            list(client.vx.list_ipos("META")),
            list(client.vx.list_ipos(listing_date_gte="2020-01-01", order="asc", limit=9)),
        ]

    (meta,), newer = await asked(ask)
    assert (meta.listing_date, meta.final_issue_price, meta.ipo_status) == ("2012-05-18", 38.0, "history")
    assert len(newer) > 9
    assert [each.listing_date for each in newer] == sorted(each.listing_date for each in newer)


async def test_news_page_by_page() -> None:
    def ask(client: RESTClient) -> Any:
        return list(client.list_ticker_news("TSLA", published_utc_gte="2026-10-01", order="asc", limit=9))

    articles = await asked(ask)
    assert len(articles) > 18
    assert [each.published_utc for each in articles] == sorted(each.published_utc for each in articles)
    assert all("TSLA" in each.tickers and each.publisher.name for each in articles)
    assert {each.insights[0].sentiment for each in articles if each.insights} > {"positive", "negative"}


async def test_related_companies_and_events() -> None:
    def ask(client: RESTClient) -> tuple[Any, Any]:
        return client.get_related_companies("TSLA"), client.get_ticker_events("META")

    related, events = await asked(ask)
    assert {each.ticker for each in related} == {"F", "GM"}
    assert (events.name, events.cik[:3]) == ("Meta Platforms, Inc. Class A Common Stock", "000")
    assert [each["ticker_change"]["ticker"] for each in events.events] == ["META", "FB"]


@pytest.mark.parametrize(
    ("key", "plan", "text"),
    [("wrong", "advanced", "Unknown API Key"), ("demo-key", "basic", "doesn't include this data timeframe")],
)
async def test_what_it_raises_is_the_body(key: str, plan: str, text: str) -> None:
    with pytest.raises(BadResponse, match=text):
        await asked(
            lambda client: client.get_aggs("TSLA", 1, "day", "2020-01-01", "2020-02-01"), key=key, plan=plan
        )
