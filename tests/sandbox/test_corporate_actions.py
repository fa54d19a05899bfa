"""Splits and dividends."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from sandbox.asker import opened

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)


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
