"""Aggregate bars of a ticker: windows, pages, plans."""

from base64 import b64decode
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.asker import DAY_BARS, GROUPED, NOON, opened

RANGE_KEYS = ["ticker", "queryCount", "resultsCount", "adjusted", "results", "status", "request_id", "count"]


BAR_KEYS = ["v", "vw", "o", "c", "h", "l", "t", "n"]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


async def test_the_tutorials_five_records_come_out() -> None:
    async with opened() as asker:
        reply = await asker.get("/v2/aggs/ticker/TSLA/range/1/day/2020-12-15/2020-12-21")
        assert reply.status == 200
        assert [row["c"] for row in reply.rows] == [633.25, 622.77, 655.9, 695.0, 649.86]
        assert reply.rows[0]["t"] == ms("2020-12-15T05:00:00Z")
        assert list(reply.page) == RANGE_KEYS
        assert all(list(row) == BAR_KEYS for row in reply.rows)
        page = reply.page
        assert (page["ticker"], page["adjusted"], page["status"]) == ("TSLA", True, "OK")
        assert page["queryCount"] == page["resultsCount"] == page["count"] == 5
        assert reply.headers["X-Request-Id"] == page["request_id"]
        assert reply.headers["Content-Type"] == "application/json"


async def test_the_same_closes_are_raw_ones_today() -> None:
    async with opened(now=datetime(2026, 11, 23, 17, tzinfo=UTC)) as asker:
        path = "/v2/aggs/ticker/TSLA/range/1/day/2022-03-04/2022-03-10"
        raw = await asker.get(path, adjusted="false")
        assert [row["c"] for row in raw.rows] == [838.29, 804.58, 824.4, 858.97, 838.3]
        assert raw.page["adjusted"] is False
        adjusted = await asker.get(path)
        assert [row["c"] for row in adjusted.rows] == [279.43, 268.1933, 274.8, 286.3233, 279.4333]


async def test_summer_days_begin_at_4_utc_and_weeks_on_sunday() -> None:
    async with opened() as asker:
        day = await asker.get("/v2/aggs/ticker/IBM/range/1/day/2020-07-01/2020-07-01")
        assert [row["t"] for row in day.rows] == [ms("2020-07-01T04:00:00Z")]
        week = await asker.get("/v2/aggs/ticker/IBM/range/1/week/2020-11-04/2020-11-04")
        assert [row["t"] for row in week.rows] == [ms("2020-11-01T04:00:00Z")]
        assert week.page["queryCount"] == 5


async def test_from_is_snapped_down_and_to_up_to_whole_windows() -> None:
    async with opened() as asker:
        inside = f"{ms('2020-12-16T18:30:30Z')}/{ms('2020-12-16T18:30:31Z')}"
        hour = await asker.get(f"/v2/aggs/ticker/IBM/range/1/hour/{inside}")
        assert [row["t"] for row in hour.rows] == [ms("2020-12-16T18:00:00Z")]
        week = await asker.get(f"/v2/aggs/ticker/IBM/range/1/week/{inside}")
        assert week.page["queryCount"] == 5


@pytest.mark.parametrize(
    "path", ["NOBODY/range/1/day/2020-12-14/2020-12-21", "TSLA/range/1/day/2020-12-19/2020-12-20"]
)
@pytest.mark.parametrize(("empty", "results"), [("absent", "none"), ("null", None), ("list", [])])
async def test_unknown_tickers_and_closed_days_look_alike(path: str, empty: str, results: Any) -> None:
    async with opened(empty=empty) as asker:
        reply = await asker.get(f"/v2/aggs/ticker/{path}")
        assert reply.status == 200
        assert reply.page.get("results", "none") == results
        assert reply.page["resultsCount"] == reply.page["queryCount"] == 0
        assert "count" not in reply.page


async def test_a_next_page_begins_at_the_next_window_and_its_cursor_holds_limit_and_sort() -> None:
    async with opened(page_rows=2) as asker:
        first = (await asker.get(DAY_BARS)).page
        url = urlsplit(first["next_url"])
        assert first["next_url"].startswith(asker.sandbox.url)
        assert url.path == f"/v2/aggs/ticker/TSLA/range/1/day/{ms('2020-12-16T05:00:00Z')}/2020-12-21"
        [cursor] = parse_qs(url.query)["cursor"]
        assert not cursor.endswith("=")
        assert b64decode(cursor + "==") == b"limit=5000&sort=asc"
        pages = await asker.pages(DAY_BARS)
        assert [page["count"] for page in pages] == [2, 2, 2]


@settings(deadline=None, max_examples=25)
@given(
    page_rows=st.none() | st.integers(1, 40),
    limit=st.integers(1, 900),
    span=st.sampled_from(["1/day", "3/day", "1/week", "7/minute", "1/minute"]),
    sort=st.sampled_from(["asc", "desc"]),
    ticker=st.sampled_from(["TSLA", "BRK.B", "AMpB"]),
)
async def test_pages_tile_the_range_without_gap_or_overlap(
    page_rows: int | None, limit: int, span: str, sort: str, ticker: str
) -> None:
    hours = f"{ms('2020-12-16T20:30:00Z')}/{ms('2020-12-16T21:10:00Z')}"
    days = hours if "minute" in span else "2020-11-20/2020-12-18"
    path = f"/v2/aggs/ticker/{ticker}/range/{span}/{days}"
    async with opened(page_rows=page_rows or 400) as asker, opened() as whole:
        rows = await asker.all_rows(path, limit=str(limit) if page_rows is None else "50000", sort=sort)
        assert rows == (await whole.get(path, limit="50000", sort=sort)).rows
        times = [row["t"] for row in rows]
        assert times == sorted(set(times), reverse=sort == "desc")


async def test_descending_pages_rewrite_to_instead_of_from() -> None:
    async with opened(page_rows=4) as asker:
        first, second = await asker.pages(DAY_BARS, sort="desc")
        assert f"/2020-12-14/{ms('2020-12-16T05:00:00Z') - 1}?" in first["next_url"]
        assert [row["c"] for row in first["results"]] == [649.86, 695.0, 655.9, 622.77]
        assert second["results"][0]["c"] == 633.25


async def test_limit_counts_base_bars_not_rows() -> None:
    async with opened() as asker:
        page = (await asker.get("/v2/aggs/ticker/IBM/range/1/week/2020-11-01/2020-12-19", limit="12")).page
        assert (page["resultsCount"], page["queryCount"]) == (2, 10)
        hours = (await asker.get("/v2/aggs/ticker/IBM/range/1/hour/2020-12-16/2020-12-16", limit="120")).page
        assert hours["queryCount"] <= 120
        assert "next_url" in hours


@pytest.mark.parametrize(("keeps", "second"), [(True, False), (False, True)])
async def test_adjusted_false_survives_to_page_2_or_not(*, keeps: bool, second: bool) -> None:
    async with opened(page_rows=4, keep_adjusted=keeps) as asker:
        pages = await asker.pages(DAY_BARS, adjusted="false")
        assert [page["adjusted"] for page in pages] == [False, second]


async def test_today_is_partial_during_the_session_and_absent_before() -> None:
    path = "/v2/aggs/ticker/TSLA/range/1/day/2020-12-22/2020-12-22"
    async with opened() as asker:
        noon = (await asker.get(path)).rows[0]
        asker.sandbox.clock.advance(4 * 3600)
        evening = (await asker.get(path)).rows[0]
        settled = asker.sandbox.market.day_bar("TSLA", date(2020, 12, 22))
        assert noon["v"] < evening["v"]
        assert noon["o"] == evening["o"]
        assert noon["l"] <= min(noon["o"], noon["c"], noon["vw"])
        assert noon["h"] >= max(noon["o"], noon["c"], noon["vw"])
        assert evening == settled
        asker.sandbox.clock.set(datetime(2020, 12, 22, 14, 29, tzinfo=UTC))
        assert (await asker.get(path)).rows == []
        asker.sandbox.clock.advance(60)
        assert len((await asker.get(path)).rows) == 1


@pytest.mark.parametrize(("plan", "delay_ms"), [("advanced", 0), ("starter", 900_000)])
async def test_minutes_of_today_end_now_or_15_minutes_ago(plan: str, delay_ms: int) -> None:
    async with opened(plan=plan) as asker:
        rows = (await asker.get("/v2/aggs/ticker/TSLA/range/1/minute/2020-12-22/2020-12-22")).rows
        assert rows[-1]["t"] == NOON.timestamp() * 1000 - 60_000 - delay_ms


@pytest.mark.parametrize(("count", "last"), [(0, "22"), (1, "18"), (2, "17")])
async def test_unpublished_holds_back_settled_sessions_and_today(count: int, last: str) -> None:
    async with opened(unpublished=count) as asker:
        rows = (await asker.get("/v2/aggs/ticker/IBM/range/1/day/2020-12-14/2020-12-22")).rows
        assert datetime.fromtimestamp(rows[-1]["t"] / 1000, UTC).strftime("%d") == last
        held = await asker.get(f"{GROUPED}/2020-12-21")
        assert (held.status, bool(held.rows)) == (200, count == 0)


@pytest.mark.parametrize(
    ("path", "query", "text"),
    [
        ("1/day/yesterday/2020-12-21", {}, "Could not parse the time parameter: 'from'"),
        ("1/day/2020-12-21/2020-02-30", {}, "Could not parse the time parameter: 'to'"),
        ("1/day/2020-12-21/2020-12-14", {}, "The parameter 'to' cannot be a time that occurs before 'from'"),
        ("0/day/2020-12-14/2020-12-21", {}, "multiplier"),
        ("x/day/2020-12-14/2020-12-21", {}, "multiplier"),
        ("1/fortnight/2020-12-14/2020-12-21", {}, "timespan"),
        ("1/day/2020-12-14/2020-12-21", {"limit": "50001"}, "limit"),
        ("1/day/2020-12-14/2020-12-21", {"limit": "-1"}, "limit"),
        ("1/day/2020-12-14/2020-12-21", {"sort": "up"}, "sort"),
        ("1/day/2020-12-14/2020-12-21", {"adjusted": "perhaps"}, "adjusted"),
        ("1/day/2020-12-14/2020-12-21", {"cursor": "!"}, "cursor"),
        ("1/day/2020-12-14/2020-12-21", {"cursor": "_w8"}, "cursor"),
    ],
)
async def test_wrong_questions_are_400s(path: str, query: dict[str, str], text: str) -> None:
    async with opened() as asker:
        reply = await asker.get(f"/v2/aggs/ticker/TSLA/range/{path}", **query)
        assert reply.status == 400
        assert list(reply.page) == ["status", "request_id", "error"]
        assert reply.page["status"] == "ERROR"
        assert text in reply.page["error"]


async def test_instants_out_of_this_world_are_no_trouble() -> None:
    async with opened() as asker:
        reply = await asker.get(f"/v2/aggs/ticker/TSLA/range/10000/year/1/{10**18}", adjusted="0")
        assert reply.status == 200
        assert (
            await asker.get(f"/v2/aggs/ticker/TSLA/range/1/quarter/1/{10**18}", adjusted="1")
        ).status == 200


async def test_some_names_write_large_volumes_with_an_exponent() -> None:
    async with opened() as asker, opened(scientific=False) as plain:
        odd = 0
        for listing in asker.sandbox.market.universe:
            path = f"/v2/aggs/ticker/{listing.ticker}/range/1/day/2020-12-14/2020-12-21"
            reply, usual = await asker.get(path), await plain.get(path)
            assert reply.rows == usual.rows
            odd += b"e+0" in reply.body
            assert b"e+0" not in usual.body
        assert 0 < odd < 40
        body = (await asker.get(f"{GROUPED}/2020-12-18")).body
        assert b"e+0" in body
