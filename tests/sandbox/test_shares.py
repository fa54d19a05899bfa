"""Short interest, short volume and float: what is published when, of whom, and in which pages."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.asker import Asker, opened

from stockticker_async.sandbox.data import short_selling as shorts
from stockticker_async.sandbox.data.sessions import is_session, sessions
from stockticker_async.sandbox.endpoints.cursors import encode

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
INTEREST, VOLUME, FLOAT = "/stocks/v1/short-interest", "/stocks/v1/short-volume", "/stocks/vX/float"
VENUES = ("adf", "nasdaq_carteret", "nasdaq_chicago", "nyse")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            INTEREST,
            {
                "avg_daily_volume": int, "days_to_cover": float, "settlement_date": str,
                "short_interest": int, "ticker": str,
            },
        ),
        (
            VOLUME,
            {
                "date": str, "exempt_volume": int, "non_exempt_volume": int, "short_volume": int,
                "short_volume_ratio": float, "ticker": str, "total_volume": int,
                **{f"{venue}_short_volume{kind}": int for venue in VENUES for kind in ("", "_exempt")},
            },
        ),
        (
            FLOAT,
            {"effective_date": str, "free_float": int, "free_float_percent": float, "ticker": str},
        ),
    ],
)  # fmt: skip
async def test_rows_have_the_published_fields(path: str, expected: dict[str, type]) -> None:
    async with opened() as asker:
        reply = await asker.get(path, ticker="AAPL", limit="1")
        assert reply.page["status"] == "OK"
        assert reply.page["request_id"] == reply.headers["X-Request-Id"]
        assert {name: type(value) for name, value in reply.rows[0].items()} == expected
        nobody = await asker.get(path, ticker="NOBODY")
        assert nobody.page["results"] == []
        assert "next_url" not in nobody.page


@pytest.mark.parametrize(
    ("settlement", "publication"),
    [
        ("2025-03-14", "2025-03-25"),  # the 15th is a Saturday
        ("2025-03-31", "2025-04-09"),
        ("2024-12-31", "2025-01-13"),  # New Year, and the day of mourning for President Carter
    ],
)
def test_short_interest_is_as_of_the_middle_and_the_end_of_a_month(settlement: str, publication: str) -> None:
    day = date.fromisoformat(settlement).toordinal()
    assert shorts.settlements(day - 3, day + 3) == [day]
    assert date.fromordinal(shorts.published(day)).isoformat() == publication


@given(st.integers(2000, 2050))
def test_a_year_has_two_settlements_a_month(year: int) -> None:
    days = shorts.settlements(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal())
    assert all(map(is_session, days))
    assert [date.fromordinal(day).month for day in days] == [month for month in range(1, 13) for _ in "12"]
    assert shorts.settlements(days[1], days[0]) == []


async def test_short_interest_appears_seven_sessions_after_it_settled() -> None:
    async with opened(now=datetime(2025, 3, 24, 17, tzinfo=UTC)) as asker:

        async def newest() -> str:
            rows = (await asker.get(INTEREST, ticker="IBM", sort="settlement_date.desc", limit="1")).rows
            return str(rows[0]["settlement_date"])

        assert await newest() == "2025-02-28"
        asker.sandbox.clock.advance(86_400)
        assert await newest() == "2025-03-14"


async def test_short_interest_is_of_all_who_are_listed_and_never_more_than_their_shares() -> None:
    async with opened(now=NOW, universe=1500) as asker:
        universe = asker.sandbox.market.universe
        rows = (await asker.get(INTEREST, settlement_date="2026-10-30", limit="50000")).rows
        day = date(2026, 10, 30).toordinal()
        assert [row["ticker"] for row in rows] == sorted(
            each.ticker for each in universe if each.first <= day <= each.last
        )
        idle = [row for row in rows if not row["avg_daily_volume"]]
        assert {row["days_to_cover"] for row in idle} == {999.99}
        for row in rows:
            if row["avg_daily_volume"]:
                days = row["short_interest"] / row["avg_daily_volume"]
                assert row["days_to_cover"] == min(round(days, 2), 999.99)
        for row in rows[::50]:
            details = (await asker.get(f"/v3/reference/tickers/{row['ticker']}")).page["results"]
            assert row["short_interest"] <= details["share_class_shares_outstanding"]


async def test_short_volume_is_a_part_of_the_sessions_volume_and_its_parts_add_up() -> None:
    async with opened(now=NOW, universe=400) as asker:
        query = {"date.gte": "2026-02-16", "date.lte": "2026-02-27", "limit": "50000"}
        rows = (await asker.get(VOLUME, **query)).rows
        assert len(rows) > 1000
        for row in rows:
            bar = asker.sandbox.market.day_bar(row["ticker"], date.fromisoformat(row["date"]), adjusted=False)
            assert bar is not None
            assert 0 <= row["short_volume"] <= row["total_volume"] <= bar["v"]
            assert row["exempt_volume"] + row["non_exempt_volume"] == pytest.approx(row["short_volume"])
            assert row["short_volume_ratio"] == round(100 * row["short_volume"] / row["total_volume"], 2)
            assert sum(row[f"{venue}_short_volume_exempt"] for venue in VENUES) == row["exempt_volume"]
            parts = sum(row[f"{venue}_short_volume"] for venue in VENUES)
            assert 0 <= row["non_exempt_volume"] - parts < 1
        whole = {row["date"] < "2026-02-23" for row in rows if isinstance(row["total_volume"], int)}
        parted = {row["date"] >= "2026-02-23" for row in rows if isinstance(row["total_volume"], float)}
        assert (whole, parted) == ({True, False}, {True})


async def test_short_volume_is_of_settled_sessions_and_of_no_otc_name() -> None:
    async with opened() as asker:
        market = asker.sandbox.market
        rows = (await asker.get(VOLUME, date__gte="2020-12-14", limit="50000", sort="date.desc")).rows
        days = sessions(date(2020, 12, 14).toordinal(), date(2020, 12, 21).toordinal())
        assert list(dict.fromkeys(row["date"] for row in rows)) == [
            date.fromordinal(day).isoformat() for day in reversed(days)
        ]
        told = {row["ticker"] for row in rows if row["date"] == "2020-12-21"}
        traded = {
            each.ticker
            for each in market.universe
            if not each.otc and market.day_bar(each.ticker, date(2020, 12, 21)) is not None
        }
        assert told <= traded
        assert len(told) > 0.9 * len(traded)
        asker.sandbox.unpublished = 2
        rows = (await asker.get(VOLUME, ticker="IBM", sort="date.desc", limit="1")).rows
        assert rows[0]["date"] == "2020-12-17"


async def test_one_traded_share_leaves_no_short_volume() -> None:
    async with opened(universe=3000) as asker:
        market, scale = asker.sandbox.market, 1e9
        name = next(each for each in market.universe if each.presence == 1.0 and not each.otc)
        assert shorts.sales(name, date(2020, 12, 21).toordinal(), scale) is None


async def test_the_float_is_a_part_of_the_shares_of_companies_that_are_listed() -> None:
    async with opened(now=NOW, universe=1500) as asker:
        universe = asker.sandbox.market.universe
        rows = await asker.all_rows(FLOAT)
        today = NOW.date().toordinal()
        assert [row["ticker"] for row in rows] == sorted(
            each.ticker for each in universe if each.active_on(today) and each.type not in ("ETF", "PFD")
        )
        assert {row["effective_date"] for row in rows if row["ticker"] in ("AAPL", "TSLA")} == {"2026-11-01"}
        for row in rows[::20]:
            details = (await asker.get(f"/v3/reference/tickers/{row['ticker']}")).page["results"]
            shares = details["share_class_shares_outstanding"]
            assert row["free_float"] == int(shares * row["free_float_percent"] / 100)
            assert details["list_date"] <= row["effective_date"] <= "2026-11-23"


async def test_the_float_of_a_name_listed_this_month_is_as_of_its_first_day() -> None:
    async with opened() as asker:
        young = next(
            each
            for each in asker.sandbox.market.universe
            if each.made
            and each.type == "CS"
            and date.fromordinal(each.listed) > date(2001, 1, 1)
            and date.fromordinal(each.listed).day > 1
        )
        listed = date.fromordinal(young.listed)
        asker.sandbox.clock.set(datetime(listed.year, listed.month, listed.day, 17, tzinfo=UTC))
        rows = (await asker.get(FLOAT, ticker=young.ticker)).rows
        assert [row["effective_date"] for row in rows] == [listed.isoformat()]


async def test_shares_and_shorts_follow_a_split() -> None:
    async with opened() as asker:

        async def told() -> tuple[int, int]:
            details = (await asker.get("/v3/reference/tickers/IBM")).page["results"]
            floating = (await asker.get(FLOAT, ticker="IBM")).rows[0]["free_float"]
            return details["share_class_shares_outstanding"], floating

        before = await told()
        asker.sandbox.add_split("IBM", date(2020, 12, 23), 1, 2)
        assert await told() == before
        asker.sandbox.clock.advance(86_400)
        assert await told() == pytest.approx([2 * shares for shares in before], abs=1)


@settings(max_examples=16)
@given(
    st.sampled_from(
        [
            (INTEREST, "ticker.desc,settlement_date.asc", {"settlement_date.gte": "2020-10-01"}),
            (INTEREST, "settlement_date.desc", {"settlement_date.gt": "2020-09-30"}),
            (INTEREST, "days_to_cover.desc,ticker.asc", {"settlement_date.any_of": "2020-10-15,2020-11-13"}),
            (VOLUME, "ticker.asc,date.desc", {"date.gte": "2020-12-10", "date.lt": "2020-12-18"}),
            (VOLUME, "date.asc,ticker.desc", {"date.lte": "2000-01-10"}),
            (VOLUME, "short_volume_ratio", {"date": "2020-12-18"}),
            (VOLUME, "date,date", {"date.any_of": "2020-12-18", "short_volume_ratio.gt": "50"}),
            (FLOAT, "free_float_percent.desc", {"ticker.gte": "C"}),
        ]
    ),
    st.integers(9, 90),
)
async def test_pages_of_any_order_add_up_to_the_whole(
    asked: tuple[str, str, dict[str, str]], limit: int
) -> None:
    path, sort, query = asked
    async with opened(universe=80) as asker:
        whole = (await asker.get(path, sort=sort, limit="5000", **query)).rows
        assert len(whole) > 20
        assert await asker.all_rows(path, sort=sort, limit=str(limit), **query) == whole
        plain = (await asker.get(path, limit="5000", **query)).rows
        name, _, way = sort.split(",")[0].partition(".")
        values = [row[name] for row in whole]
        assert values == sorted(values, reverse=way == "desc")
        assert sorted(map(repr, whole)) == sorted(map(repr, plain))


async def test_the_most_of_many_rows_come_first() -> None:
    async with opened(universe=80) as asker:
        query = {"date.gte": "2020-12-01", "sort": "short_volume_ratio.desc"}
        whole = (await asker.get(VOLUME, limit="5000", **query)).rows
        assert len(whole) > 700
        assert await asker.all_rows(VOLUME, limit="150", **query) == whole


@pytest.mark.parametrize(
    ("path", "query", "admits"),
    [
        (INTEREST, {"ticker.any_of": "IBM,NOBODY,KO"}, lambda row: row["ticker"] in ("IBM", "KO")),
        (INTEREST, {"days_to_cover.gte": "2"}, lambda row: row["days_to_cover"] >= 2),
        (INTEREST, {"avg_daily_volume.lt": "100000"}, lambda row: row["avg_daily_volume"] < 100_000),
        (VOLUME, {"ticker.gte": "K", "ticker.lt": "M"}, lambda row: "K" <= row["ticker"] < "M"),
        (VOLUME, {"short_volume_ratio.lte": "30"}, lambda row: row["short_volume_ratio"] <= 30),
        (VOLUME, {"ticker": "IBM"}, lambda row: row["ticker"] == "IBM"),
        (FLOAT, {"free_float_percent.gt": "90"}, lambda row: row["free_float_percent"] > 90),
        (FLOAT, {"ticker": "ibm"}, lambda row: row["ticker"] == "ibm"),
    ],
)
async def test_filters_admit_what_they_say(
    path: str, query: dict[str, str], admits: Callable[[dict[str, Any]], bool]
) -> None:
    span = {INTEREST: {"settlement_date.gte": "2020-10-01"}, VOLUME: {"date": "2020-12-18"}}.get(path, {})
    async with opened() as asker:
        every = (await asker.get(path, limit="5000", **span)).rows
        some = (await asker.get(path, limit="5000", **span, **query)).rows
        assert some == [row for row in every if admits(row)]
        assert len(some) < len(every)


async def test_a_row_published_between_two_pages_moves_none() -> None:
    async with opened() as asker:
        first = (await asker.get(VOLUME, sort="date.desc", limit="50", date__gte="2020-12-21")).page
        asker.sandbox.clock.advance(86_400)
        rest: list[dict[str, Any]] = []
        url = first["next_url"]
        while url:
            page = (await asker.send("GET", url)).page
            rest, url = rest + page["results"], page.get("next_url")
        names = [row["ticker"] for row in first["results"] + rest]
        assert names == sorted(set(names))
        assert {row["date"] for row in rest} == {"2020-12-21"}


async def _refused(asker: Asker, path: str, **query: str) -> str:
    reply = await asker.get(path, **query)
    assert reply.status == 400
    assert list(reply.page) == ["status", "request_id", "error"]
    return str(reply.page["error"])


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (INTEREST, {"limit": "50001"}),
        (INTEREST, {"limit": "0"}),
        (INTEREST, {"sort": "price"}),
        (INTEREST, {"sort": "ticker.up"}),
        (INTEREST, {"settlement_date": "2025"}),
        (INTEREST, {"avg_daily_volume": "1.5"}),
        (VOLUME, {"date": "today"}),
        (VOLUME, {"short_volume_ratio": "high"}),
        (FLOAT, {"limit": "5001"}),
        (FLOAT, {"free_float_percent": "all"}),
    ],
)
async def test_wrong_parameters_are_400s_that_name_them(path: str, query: dict[str, str]) -> None:
    async with opened() as asker:
        assert f"'{next(iter(query))}'" in await _refused(asker, path, **query)


@pytest.mark.parametrize("marker", ["no json", "{}", '["IBM"]', '["IBM",7]', '[7,"2020-12-18"]', "[1,2,3]"])
async def test_a_cursor_that_was_made_up_is_a_400(marker: str) -> None:
    async with opened() as asker:
        cursor = encode({"page_marker": marker})
        assert "'cursor'" in await _refused(asker, VOLUME, cursor=cursor)
