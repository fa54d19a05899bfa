"""Lists: fields, filters, sort order, cursors."""

from datetime import UTC, date, datetime
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
