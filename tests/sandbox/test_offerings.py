"""Offerings of new names: what is told of them, and when."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sandbox.asker import Asker, opened

from stockticker_async.sandbox.data.ipos import ipos
from stockticker_async.sandbox.data.issuers import cusip_checked, isin_checked
from stockticker_async.sandbox.data.sessions import is_session, session_before
from stockticker_async.sandbox.data.universe import Universe

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
IPOS = "/vX/reference/ipos"
REQUIRED = {
    "announced_date": str, "currency_code": str, "ipo_status": str, "issuer_name": str, "last_updated": str,
    "lot_size": int, "primary_exchange": str, "security_description": str, "security_type": str,
    "shares_outstanding": int, "ticker": str,
}  # fmt: skip
OPTIONAL = {
    "final_issue_price": float, "highest_offer_price": float, "isin": str, "listing_date": str,
    "lowest_offer_price": float, "max_shares_offered": int, "min_shares_offered": int,
    "total_offer_size": float, "us_code": str,
}  # fmt: skip


async def all_of(asker: Asker, **query: str) -> list[dict[str, Any]]:
    return await asker.all_rows(IPOS, limit="1000", **query)


def a_day_after(day: str, days: int) -> datetime:
    return datetime.fromisoformat(f"{day}T17:00:00Z") + timedelta(days)


async def test_rows_have_the_published_fields_and_leave_out_what_is_not_known() -> None:
    async with opened(now=NOW, universe=700) as asker:
        rows = await all_of(asker)
        for row in rows:
            shape = {name: type(value) for name, value in row.items()}
            assert REQUIRED.items() <= shape.items() <= {**REQUIRED, **OPTIONAL}.items()
        reply = await asker.get(IPOS, ticker="TSLA")
        assert reply.rows[0].keys() == REQUIRED.keys() | OPTIONAL.keys()
        assert (reply.rows[0]["final_issue_price"], reply.rows[0]["listing_date"]) == (17.0, "2010-06-29")
        assert reply.rows[0]["total_offer_size"] == 226_100_000
        assert reply.page["request_id"] == reply.headers["X-Request-Id"]


async def test_an_offering_ends_with_the_first_session_of_its_name() -> None:
    async with opened(now=NOW, universe=700) as asker:
        market = asker.sandbox.market
        rows = await all_of(asker, ipo_status="history")
        assert len(rows) > 100
        assert len({row["ticker"] for row in rows}) == len(rows)
        for row in rows:
            listing, first = market.listing(row["ticker"]), date.fromisoformat(row["listing_date"])
            assert is_session(first.toordinal())
            assert row["announced_date"] < row["listing_date"] < row["last_updated"] <= "2026-11-23"
            assert not market.bars(row["ticker"], date(2000, 1, 1), first - timedelta(1))
            if listing.presence == 1.0:
                assert market.day_bar(row["ticker"], first) is not None
            assert row["isin"] == isin_checked(f"US{row['us_code']}")
            if "final_issue_price" in row:
                assert row["lowest_offer_price"] <= row["final_issue_price"] <= row["highest_offer_price"]
                assert row["final_issue_price"] * row["max_shares_offered"] == row["total_offer_size"]
                assert row["min_shares_offered"] <= row["max_shares_offered"] <= row["shares_outstanding"]


def test_a_name_goes_through_the_stages_of_an_offering() -> None:
    """From rumour to history, and never a day early."""
    seen: set[tuple[str, ...]] = set()
    for listing in Universe(1, 1500, ()):
        done = [ipo for ipo in ipos(listing, NOW.toordinal(), lambda _: 1.0) if ipo.status == "history"]
        for first, announced in ((ipo.day, ipo.announced) for ipo in done):
            assert first is not None
            stages: dict[str, None] = {}
            for day in (announced - 1, *range(announced, announced + 10), *range(first - 15, first + 2)):
                now = [ipo for ipo in ipos(listing, day, lambda _: 1.0) if ipo.announced == announced]
                assert len(now) == (day >= announced)
                for ipo in now:
                    stages[ipo.status] = None
                    assert ipo.updated <= day
                    assert ipo.day == (first if day >= first - 14 else None)
                    assert ipo.price is None or day >= session_before(first)
                    assert (ipo.status == "new") is (day == first)
                    assert (ipo.spread is None) is (ipo.status == "rumor" or ipo.offered is None)
            seen.add(tuple(stages))
    assert seen == {
        ("pending", "new", "history"),
        ("pending", "postponed", "new", "history"),
        ("rumor", "pending", "new", "history"),
        ("rumor", "pending", "postponed", "new", "history"),
        ("direct_listing_process", "new", "history"),
    }


async def test_an_offering_that_was_withdrawn_is_listed_beside_the_one_that_succeeded() -> None:
    async with opened(now=NOW, universe=700) as asker:
        gone = await all_of(asker, ipo_status="withdrawn", sort="ticker", order="asc")
        assert [row["ticker"] for row in gone] == sorted(row["ticker"] for row in gone)
        assert not any("listing_date" in row for row in gone)
        for row in gone[:9]:
            other = [each for each in await all_of(asker, ticker=row["ticker"]) if each != row]
            assert all(each["announced_date"] > row["last_updated"] for each in other)
        row = gone[0]
        asker.sandbox.clock.set(a_day_after(row["last_updated"], -1))
        assert [each["ipo_status"] for each in await all_of(asker, ticker=row["ticker"])] == ["pending"]
        asker.sandbox.clock.set(a_day_after(row["announced_date"], -1))
        assert await all_of(asker, ticker=row["ticker"]) == []


async def test_names_older_than_the_market_and_names_without_shares_to_sell_have_none() -> None:
    async with opened(now=NOW, universe=700, tickers=("MINE",)) as asker:
        for name in ("KO", "SPY", "MINE", "NOBODY", "tsla"):
            assert await all_of(asker, ticker=name) == []
        market = asker.sandbox.market
        for row in await all_of(asker):
            listing = market.listing(row["ticker"])
            assert listing.type in ("CS", "ADRC")
            assert listing.exchange == row["primary_exchange"]


async def test_offerings_are_filtered_ordered_and_paged() -> None:
    async with opened(now=NOW, universe=700) as asker:
        rows = await all_of(asker)
        dates = [row.get("listing_date", "") for row in rows]
        assert dates == sorted(dates, reverse=True)
        assert await asker.all_rows(IPOS, limit="137") == rows
        assert len((await asker.get(IPOS)).rows) == 10
        for query, name, value in (
            ("isin", "isin", rows[9]["isin"]),
            ("us_code", "us_code", rows[9]["us_code"]),
        ):
            assert await all_of(asker, **{query: value}) == [row for row in rows if row.get(name) == value]
        some = await all_of(asker, **{"listing_date.gte": "2015-01-01", "listing_date.lt": "2016-01-01"})
        assert some == [row for row in rows if row.get("listing_date", "")[:4] == "2015"]
        up = await all_of(asker, sort="announced_date", order="asc")
        assert [row["announced_date"] for row in up] == sorted(row["announced_date"] for row in rows)
        everyone = await asker.get(IPOS, **{"ticker.any_of": "TSLA", "limit": "1000"})
        assert len(everyone.rows) > 100


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "1001"}, {"ipo_status": "cancelled"}, {"sort": "name"}, {"listing_date": "2015"},
    ],
)  # fmt: skip
async def test_wrong_parameters_are_400s_that_name_them(query: dict[str, str]) -> None:
    async with opened() as asker:
        reply = await asker.get(IPOS, **query)
        assert reply.status == 400
        assert f"'{next(iter(query))}'" in reply.page["error"]


@pytest.mark.parametrize("text", ["US0378331005", "US88160R1014"])
def test_register_numbers_have_their_check_digits(text: str) -> None:
    assert isin_checked(text[:-1]) == text
    assert cusip_checked(text[2:-2]) == text[2:-1]
