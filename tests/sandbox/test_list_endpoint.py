"""Splits, dividends, tickers, details, market status: shapes, filters, order, pages."""

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.asker import opened

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
SPLIT_V3 = {"execution_date": str, "id": str, "split_from": int, "split_to": int, "ticker": str}
SPLIT_V1 = {**SPLIT_V3, "adjustment_type": str, "historical_adjustment_factor": float}
DIVIDEND_V3 = {
    "cash_amount": float, "currency": str, "declaration_date": str, "dividend_type": str,
    "ex_dividend_date": str, "frequency": int, "id": str, "pay_date": str, "record_date": str, "ticker": str,
}  # fmt: skip
DIVIDEND_V1 = {
    "cash_amount": float, "currency": str, "declaration_date": str, "distribution_type": str,
    "ex_dividend_date": str, "frequency": int, "historical_adjustment_factor": float, "id": str,
    "pay_date": str, "record_date": str, "split_adjusted_cash_amount": float, "ticker": str,
}  # fmt: skip
TICKER = {
    "ticker": str, "name": str, "market": str, "locale": str, "primary_exchange": str, "type": str,
    "active": bool, "currency_name": str, "cik": str, "composite_figi": str,
    "share_class_figi": str, "last_updated_utc": str,
}  # fmt: skip


def shape(row: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in row.items()}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/stocks/v1/splits", SPLIT_V1),
        ("/v3/reference/splits", SPLIT_V3),
        ("/stocks/v1/dividends", DIVIDEND_V1),
        ("/v3/reference/dividends", DIVIDEND_V3),
        ("/v3/reference/tickers", TICKER),
    ],
)
async def test_rows_have_the_published_fields(path: str, expected: dict[str, type]) -> None:
    async with opened(now=NOW) as asker:
        reply = await asker.get(path, ticker="AAPL", limit="1")
        assert reply.page["status"] == "OK"
        assert reply.page["request_id"] == reply.headers["X-Request-Id"]
        assert shape(reply.rows[0]) == expected
        nobody = await asker.get(path, ticker="NOBODY")
        assert nobody.page["results"] == []
        assert "next_url" not in nobody.page


async def test_splits_are_filtered_by_name_and_date_in_both_dialects() -> None:
    async with opened(now=NOW) as asker:

        async def dates(path: str, **query: str) -> list[tuple[str, str]]:
            rows = (await asker.get(path, **query)).rows
            return [(row["ticker"], row["execution_date"]) for row in rows]

        tsla = [("TSLA", "2022-08-25"), ("TSLA", "2020-08-31")]
        for path in ("/stocks/v1/splits", "/v3/reference/splits"):
            assert await dates(path, ticker="TSLA") == tsla
            assert await dates(path, ticker="TSLA", execution_date__gt="2020-08-31") == tsla[:1]
            assert await dates(path, ticker="TSLA", execution_date__gte="2020-08-31") == tsla
            assert await dates(path, ticker="TSLA", execution_date__lt="2022-08-25") == tsla[1:]
            assert await dates(path, ticker="TSLA", execution_date__lte="2022-08-25") == tsla
            assert await dates(path, ticker="TSLA", execution_date="2022-08-25") == tsla[:1]
            assert await dates(path, ticker__gte="TSLA", ticker__lt="TSLB") == tsla
            assert await dates(path, ticker="tsla") == []
        order = "ticker.asc,execution_date.asc"
        both = await dates("/stocks/v1/splits", ticker__any_of="NVDA,TSLA", sort=order)
        assert both == [("NVDA", "2021-07-20"), ("NVDA", "2024-06-10"), *reversed(tsla)]
        assert (
            await dates("/v3/reference/splits", ticker="TSLA", sort="execution_date", order="asc")
            == tsla[::-1]
        )
        assert await dates("/v3/reference/splits", ticker="GE", reverse_split="true") == [
            ("GE", "2021-08-02")
        ]
        assert await dates("/v3/reference/splits", ticker="GE", reverse_split="false") == []
        assert await dates("/stocks/v1/splits", ticker="GE", adjustment_type="forward_split") == []
        kinds = "forward_split,reverse_split"
        assert len(await dates("/stocks/v1/splits", ticker="GE", adjustment_type__any_of=kinds)) == 1


async def test_a_filter_that_the_endpoint_does_not_know_is_ignored() -> None:
    async with opened(now=NOW) as asker:
        everyone = (await asker.get("/v3/reference/splits", limit="1000")).rows
        assert len({row["ticker"] for row in everyone}) > 10
        for path, query in (
            ("/v3/reference/splits", {"ticker.any_of": "TSLA"}),
            ("/v3/reference/splits", {"id": everyone[0]["id"]}),
            ("/v3/reference/splits", {"ticker.near": "TSLA"}),
        ):
            assert (await asker.get(path, limit="1000", **query)).rows == everyone
        both = await asker.get("/stocks/v1/splits", ticker__any_of="NVDA,TSLA", ticker__gt="O")
        assert {row["ticker"] for row in both.rows} == {"TSLA"}


async def test_the_historical_factor_takes_a_price_to_todays_basis() -> None:
    async with opened(now=NOW) as asker:
        rows = (await asker.get("/stocks/v1/splits", ticker="AAPL", sort="execution_date.desc")).rows
        factors = {row["execution_date"]: row["historical_adjustment_factor"] for row in rows}
        assert factors["2020-08-31"] == 0.25
        assert factors["2005-02-28"] == 0.017857


async def test_all_kinds_of_splits_happen_and_large_numbers_have_exponents() -> None:
    async with opened(now=NOW, universe=3000) as asker:
        rows = await asker.all_rows("/stocks/v1/splits", limit="1000")
        assert {row["adjustment_type"] for row in rows} == {
            "forward_split",
            "reverse_split",
            "stock_dividend",
        }
        assert len(rows) == len({row["id"] for row in rows}) > 500
        asker.sandbox.add_split("IBM", date(2026, 11, 23), 2_000_000, 1)
        assert b'"split_from":2e+06' in (await asker.get("/v3/reference/splits", ticker="IBM")).body


async def test_splits_can_be_added_doubled_and_withdrawn_and_adjusted_history_follows() -> None:
    async with opened() as asker:
        market, day = asker.sandbox.market, date(2020, 12, 1)
        untouched, raw = market.day_bar("IBM", day), market.day_bar("IBM", day, adjusted=False)
        assert untouched is not None
        for _ in range(2):
            asker.sandbox.add_split("IBM", date(2020, 12, 7), 1, 2)
        rows = (await asker.get("/stocks/v1/splits", ticker="IBM")).rows
        assert len({row["id"] for row in rows}) == 2
        halved = market.day_bar("IBM", day)
        assert halved is not None
        assert halved["c"] == pytest.approx(untouched["c"] / 2)
        assert market.day_bar("IBM", day, adjusted=False) == raw
        assert asker.sandbox.withdraw_split("IBM", date(2020, 12, 7)) == 2
        assert market.day_bar("IBM", day) == untouched
        assert asker.sandbox.withdraw_split("IBM", date(2020, 12, 7)) == 0


async def test_an_announced_split_moves_raw_prices_unless_it_is_withdrawn_in_time() -> None:
    async with opened() as asker:
        market, after = asker.sandbox.market, date(2020, 12, 24)
        before = market.day_bar("IBM", after, adjusted=False)
        assert before is not None
        asker.sandbox.add_split("IBM", date(2020, 12, 23), 1, 2)
        moved = market.day_bar("IBM", after, adjusted=False)
        assert moved is not None
        assert moved["c"] == pytest.approx(before["c"] / 2, abs=0.01)
        eve = market.day_bar("IBM", date(2020, 12, 22), adjusted=False)
        assert market.day_bar("IBM", date(2020, 12, 22)) == eve
        asker.sandbox.clock.advance(86_400)
        assert market.day_bar("IBM", date(2020, 12, 22)) != eve
        asker.sandbox.clock.advance(-86_400)
        asker.sandbox.withdraw_split("IBM", date(2020, 12, 23))
        assert market.day_bar("IBM", after, adjusted=False) == before


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from(
        [
            ("/stocks/v1/splits", {}), ("/v3/reference/splits", {"sort": "ticker", "order": "desc"}),
            ("/stocks/v1/dividends", {"ex_dividend_date.gte": "2026-06-01"}),
            ("/v3/reference/dividends", {"ex_dividend_date.lt": "2001-06-01", "sort": "cash_amount"}),
            ("/v3/reference/tickers", {"sort": "name"}), ("/v3/reference/tickers", {"active": "false"}),
            ("/v3/reference/tickers", {"sort": "cik", "order": "desc", "search": "a"}),
        ]
    ),
    st.integers(1, 60),
)  # fmt: skip
async def test_cursors_carry_the_whole_question(asked: tuple[str, dict[str, str]], limit: int) -> None:
    path, query = asked
    async with opened(now=NOW) as asker:
        rows = await asker.all_rows(path, limit=str(limit), **query)
        assert rows == (await asker.get(path, limit="1000", **query)).rows
        key = "ticker" if "tickers" in path else "id"
        assert len({row[key] for row in rows}) == len(rows)


async def test_a_split_withdrawn_between_two_pages_costs_no_other_row() -> None:
    async with opened(now=NOW) as asker:
        first = (await asker.get("/stocks/v1/splits", ticker="AAPL", limit="2")).page
        asker.sandbox.withdraw_split("AAPL", date.fromisoformat(first["results"][0]["execution_date"]))
        second = (await asker.send("GET", first["next_url"])).page
        assert [row["execution_date"] for row in second["results"]] == ["2005-02-28", "2000-06-21"]
        asker.sandbox.withdraw_split("AAPL", date.fromisoformat(first["results"][1]["execution_date"]))
        assert (await asker.send("GET", first["next_url"])).rows == []


@pytest.mark.parametrize(
    ("path", "query", "text"),
    [
        ("/stocks/v1/splits", {"limit": "5001"}, "limit"),
        ("/v3/reference/splits", {"limit": "1001"}, "limit"),
        ("/stocks/v1/splits", {"sort": "price.asc"}, "sort"),
        ("/v3/reference/splits", {"order": "up"}, "sort"),
        ("/stocks/v1/splits", {"execution_date__gte": "soon"}, "execution_date"),
        ("/stocks/v1/dividends", {"frequency": "often"}, "frequency"),
        ("/v3/reference/tickers", {"date": "2020"}, "date"),
        ("/v3/reference/tickers", {"active": "so-so"}, "active"),
    ],
)
async def test_wrong_filters_are_400s(path: str, query: dict[str, str], text: str) -> None:
    async with opened() as asker:
        reply = await asker.get(path, **query)
        assert reply.status == 400
        assert list(reply.page) == ["status", "request_id", "error"]
        assert text in reply.page["error"]


async def test_dividends_are_declared_before_they_come_and_in_order() -> None:
    async with opened(now=NOW) as asker:
        rows = await asker.all_rows(
            "/stocks/v1/dividends", ticker="KO", sort="ex_dividend_date.asc", limit="50"
        )
        assert len(rows) > 100
        for row in rows:
            assert row["declaration_date"] < row["ex_dividend_date"] <= row["record_date"] < row["pay_date"]
            assert row["declaration_date"] <= "2026-11-23"
            assert (row["distribution_type"] == "special") is (row["frequency"] == 0)
            assert 0 < row["historical_adjustment_factor"] < 1
        assert all(one["ex_dividend_date"] < two["ex_dividend_date"] for one, two in pairwise(rows))
        old = await asker.all_rows("/v3/reference/dividends", ticker="KO", limit="1000", order="asc")
        assert [row["id"] for row in old] == [row["id"] for row in rows]
        specials = [row["dividend_type"] for row in old if row["frequency"] == 0]
        assert set(specials) <= {"SC"}
        assert (await asker.get("/stocks/v1/dividends", ticker="TSLA")).rows == []


async def test_dividends_before_a_split_are_told_in_todays_shares_too() -> None:
    async with opened(now=NOW) as asker:
        rows = (
            await asker.get(
                "/stocks/v1/dividends", ticker="AAPL", ex_dividend_date__lt="2014-01-01", limit="1"
            )
        ).rows
        assert rows[0]["split_adjusted_cash_amount"] < rows[0]["cash_amount"] / 7


async def test_some_names_pay_monthly_and_some_special_dividends() -> None:
    async with opened(now=NOW, universe=1500) as asker:
        query = {"ex_dividend_date.gte": "2026-01-01", "ex_dividend_date.lte": "2026-10-31", "limit": "5000"}
        rows = (await asker.get("/stocks/v1/dividends", **query)).rows
        assert {row["frequency"] for row in rows} == {0, 1, 2, 4, 12}
        some = await asker.get("/stocks/v1/dividends", **query, frequency__gte="12")
        assert {row["frequency"] for row in some.rows} == {12}
        dear = await asker.get("/v3/reference/dividends", **{**query, "limit": "1000"}, cash_amount__gt="1")
        assert all(row["cash_amount"] > 1 for row in dear.rows)


async def test_tickers_are_listed_as_of_a_day() -> None:
    async with opened(now=NOW, universe=1500) as asker:
        universe = asker.sandbox.market.universe
        for text in ("2010-06-01", "2026-11-23"):
            day = date.fromisoformat(text).toordinal()
            active = await asker.all_rows("/v3/reference/tickers", date=text, limit="1000")
            gone = await asker.all_rows("/v3/reference/tickers", date=text, limit="1000", active="false")
            assert {row["ticker"] for row in active} == {
                each.ticker for each in universe if each.active_on(day)
            }
            assert {row["ticker"] for row in gone} == {each.ticker for each in universe if each.last < day}
            assert all(row["active"] and "delisted_utc" not in row for row in active)
            assert all(not row["active"] and row["delisted_utc"] < text for row in gone)


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ({"type": "PFD"}, "type", "PFD"),
        ({"market": "otc"}, "market", "otc"),
        ({"exchange": "ARCX"}, "primary_exchange", "ARCX"),
        ({"ticker": "BRK.B"}, "ticker", "BRK.B"),
        ({"search": "berkshire", "ticker__gt": "BRK.A"}, "ticker", "BRK.B"),
    ],
)
async def test_tickers_are_filtered(query: dict[str, str], name: str, value: str) -> None:
    async with opened(now=NOW) as asker:
        reply = await asker.get("/v3/reference/tickers", **query)
        assert reply.page["count"] == len(reply.rows) > 0
        assert {row[name] for row in reply.rows} == {value}
        assert ("primary_exchange" in reply.rows[0]) is (value != "otc")
        assert (await asker.get("/v3/reference/tickers", cusip="037833100")).rows == []


async def test_details_are_for_who_is_listed_that_day() -> None:
    async with opened(now=NOW, universe=1500) as asker:
        universe = asker.sandbox.market.universe
        gone = next(each for each in universe if each.last < date(2020, 1, 1).toordinal())
        in_its_life = date.fromordinal(gone.last).isoformat()
        before = date.fromordinal(gone.listed - 1).isoformat()
        path = f"/v3/reference/tickers/{gone.ticker}"
        assert (await asker.get(path, date=in_its_life)).page["results"]["active"] is True
        for reply in (
            await asker.get(path),
            await asker.get(path, date=before),
            await asker.get(f"{path}zz"),
        ):
            assert reply.status == 404
            assert list(reply.page) == ["status", "request_id", "message"]
            assert (reply.page["status"], reply.page["message"]) == ("NOT_FOUND", "Ticker not found.")


async def test_details_have_the_published_fields() -> None:
    async with opened(now=NOW) as asker:
        page = (await asker.get("/v3/reference/tickers/BRK.B")).page
        assert list(page) == ["request_id", "results", "status"]
        assert set(page["results"]) == {
            "ticker", "name", "market", "locale", "primary_exchange", "type", "active",
            "currency_name", "cik", "composite_figi", "share_class_figi", "market_cap",
            "phone_number", "address", "description", "sic_code", "sic_description",
            "ticker_root", "homepage_url", "total_employees", "list_date", "branding",
            "share_class_shares_outstanding", "weighted_shares_outstanding", "round_lot",
        }  # fmt: skip
        assert page["results"]["ticker_root"] == "BRK"
        assert page["results"]["branding"]["logo_url"].startswith(asker.sandbox.url)
        etf = (await asker.get("/v3/reference/tickers/SPY")).page["results"]
        assert "cik" not in etf


async def test_holidays_to_come_are_a_bare_array_a_row_an_exchange() -> None:
    async with opened(now=datetime(2020, 11, 20, 17, tzinfo=UTC)) as asker:
        rows = (await asker.get("/v1/marketstatus/upcoming")).page
        assert rows[:3] == [
            {"date": "2020-11-26", "exchange": exchange, "name": "Thanksgiving", "status": "closed"}
            for exchange in ("NYSE", "NASDAQ", "OTC")
        ]
        assert rows[3] == {
            "date": "2020-11-27", "exchange": "NYSE", "name": "Thanksgiving", "status": "early-close",
            "open": "2020-11-27T14:30:00.000Z", "close": "2020-11-27T18:00:00.000Z",
        }  # fmt: skip
        assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
        asker.sandbox.clock.advance(30 * 86_400)
        assert (await asker.get("/v1/marketstatus/upcoming")).page[0]["date"] == "2020-12-24"


@pytest.mark.parametrize(
    ("utc", "market", "otc", "fx", "early", "late"),
    [
        ("2020-12-22T09:30", "extended-hours", "closed", "open", True, False),
        ("2020-12-22T17:00", "open", "open", "open", False, False),
        ("2020-12-22T22:00", "extended-hours", "closed", "open", False, True),
        ("2020-12-23T02:00", "closed", "closed", "open", False, False),
        ("2020-12-24T19:00", "extended-hours", "closed", "open", False, True),
        ("2020-12-25T17:00", "closed", "closed", "open", False, False),
        ("2020-12-25T23:00", "closed", "closed", "closed", False, False),
        ("2020-12-26T17:00", "closed", "closed", "closed", False, False),
        ("2020-12-27T17:00", "closed", "closed", "closed", False, False),
        ("2020-12-27T23:00", "closed", "closed", "open", False, False),
    ],
)
async def test_market_status(utc: str, market: str, otc: str, fx: str, *, early: bool, late: bool) -> None:
    async with opened(now=datetime.fromisoformat(f"{utc}Z")) as asker:
        page = (await asker.get("/v1/marketstatus/now")).page
        assert page["market"] == page["exchanges"]["nyse"] == page["exchanges"]["nasdaq"] == market
        assert (page["exchanges"]["otc"], page["currencies"]) == (otc, {"crypto": "open", "fx": fx})
        assert (page["earlyHours"], page["afterHours"]) == (early, late)
        assert datetime.fromisoformat(page["serverTime"]) == asker.sandbox.clock.now()


async def test_the_snapshot_is_the_last_session_seen_and_the_one_before() -> None:
    async with opened() as asker:
        path = "/v2/snapshot/locale/us/markets/stocks/tickers"
        page = (await asker.get(path, tickers="TSLA,NOBODY,MSFT")).page
        assert [row["ticker"] for row in page["tickers"]] == ["TSLA", "MSFT"]
        tsla = page["tickers"][0]
        assert tsla["prevDay"]["c"] == 649.86
        assert tsla["updated"] == asker.sandbox.clock.epoch() * 1e9
        assert tsla["todaysChange"] == pytest.approx(tsla["day"]["c"] - 649.86)
        few, all_ = (await asker.get(path)).page, (await asker.get(path, include_otc="true")).page
        assert 50 < few["count"] < all_["count"] <= 200
