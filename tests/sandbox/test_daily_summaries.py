"""Summaries of a session: grouped, previous day, open and close."""

from datetime import date, datetime, timedelta

import pytest
from sandbox.asker import GROUPED, opened

RANGE_KEYS = ["ticker", "queryCount", "resultsCount", "adjusted", "results", "status", "request_id", "count"]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


async def test_grouped_lists_exactly_the_names_with_a_bar_and_the_same_numbers() -> None:
    async with opened() as asker:
        for day, offset in (("2020-12-18", "-05:00"), ("2020-07-01", "-04:00")):
            otc = await asker.get(f"{GROUPED}/{day}", include_otc="true")
            assert list(otc.page) == RANGE_KEYS[1:]
            rows = {row.pop("T"): row for row in otc.rows}
            assert {row.pop("t") for row in rows.values()} == {ms(f"{day}T16:00:00{offset}")}
            for listing in asker.sandbox.market.universe:
                path = f"/v2/aggs/ticker/{listing.ticker}/range/1/day/{day}/{day}"
                bars = (await asker.get(path)).rows
                assert [{**bar, "t": None} for bar in bars] == [
                    {**rows[name], "t": None} for name in rows if name == listing.ticker
                ]
            plain = await asker.get(f"{GROUPED}/{day}")
            assert {row["T"] for row in plain.rows} == {name for name in rows if "otc" not in rows[name]}


async def test_grouped_is_worked_out_once_and_anew_when_a_split_comes() -> None:
    async with opened() as asker:
        path = f"{GROUPED}/2020-12-18"
        before = {row["T"]: row for row in (await asker.get(path)).rows}
        assert {row["T"]: row for row in (await asker.get(path)).rows} == before
        asker.sandbox.add_split("IBM", date(2020, 12, 21), 1, 2)
        after = {row["T"]: row for row in (await asker.get(path)).rows}
        assert after["IBM"]["c"] == pytest.approx(before["IBM"]["c"] / 2)
        assert {name for name in before if before[name] != after[name]} == {"IBM"}


async def test_only_so_many_sessions_of_the_whole_market_are_kept() -> None:
    async with opened(universe=1) as asker:
        first = date(2020, 1, 1)
        for day in range(105):
            await asker.get(f"{GROUPED}/{first + timedelta(day)}")
        assert len(asker.sandbox._context.grouped) == 100


async def test_closed_days_of_the_whole_market_are_empty() -> None:
    async with opened() as asker:
        reply = await asker.get(f"{GROUPED}/2020-12-20")
        assert reply.status == 200
        assert list(reply.page) == ["queryCount", "resultsCount", "adjusted", "status", "request_id"]
        assert (await asker.get(f"{GROUPED}/2021-03-01")).rows == []


async def test_the_previous_day_is_the_last_before_today() -> None:
    async with opened() as asker:
        reply = await asker.get("/v2/aggs/ticker/TSLA/prev")
        assert list(reply.page) == RANGE_KEYS
        assert [(row["T"], row["c"], row["t"]) for row in reply.rows] == [
            ("TSLA", 649.86, ms("2020-12-21T16:00:00-05:00"))
        ]
        assert (await asker.get("/v2/aggs/ticker/NOBODY/prev")).page["resultsCount"] == 0


async def test_open_close_is_flat() -> None:
    async with opened() as asker:
        page = (await asker.get("/v1/open-close/TSLA/2020-12-21")).page
        assert list(page) == [
            "status", "from", "symbol", "open", "high", "low", "close", "volume", "afterHours", "preMarket",
        ]  # fmt: skip
        assert (page["status"], page["from"], page["symbol"], page["close"]) == (
            "OK",
            "2020-12-21",
            "TSLA",
            649.86,
        )
        raw = (await asker.get("/v1/open-close/TSLA/2020-08-28", adjusted="false")).page
        assert raw["close"] == pytest.approx(
            5 * (await asker.get("/v1/open-close/TSLA/2020-08-28")).page["close"], rel=1e-4
        )


async def test_open_close_of_otc_names_says_so_and_knows_no_extended_hours() -> None:
    async with opened() as asker:
        market = asker.sandbox.market
        name = next(
            each.ticker
            for each in market.universe
            if each.otc and market.day_bar(each.ticker, date(2020, 12, 21))
        )
        page = (await asker.get(f"/v1/open-close/{name}/2020-12-21")).page
        assert page["otc"] is True
        assert "preMarket" not in page


@pytest.mark.parametrize("path", ["TSLA/2020-12-20", "NOBODY/2020-12-21", "TSLA/2021-12-21"])
async def test_open_close_without_data_is_a_404(path: str) -> None:
    async with opened() as asker:
        reply = await asker.get(f"/v1/open-close/{path}")
        assert reply.status == 404
        assert reply.page == {
            "status": "NOT_FOUND", "request_id": reply.headers["X-Request-Id"], "message": "Data not found."
        }  # fmt: skip
