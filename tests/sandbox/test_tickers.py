"""The list of tickers, and their details."""

from datetime import UTC, date, datetime

import pytest
from sandbox.asker import opened

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)


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
