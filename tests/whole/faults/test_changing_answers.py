"""Answers of one call that contradict each other: the truth is written, or nothing passes in silence."""

from itertools import cycle
from typing import Any

import orjson
import pytest
from faults.ending import BARS_OF_SICK, FIRST, NAMES, delivered, market, whole
from faults.lies import Lie, Page, nothing, told, without
from support import BOTH, advance_days, at, rows_of, sync, truth

from stockticker_async.sandbox.service.faults import Fault

FORBIDDEN = {"status": "NOT_AUTHORIZED", "request_id": "1"}
TIMEFRAME = orjson.dumps({**FORBIDDEN, "message": "Your plan doesn't include this data timeframe."})
NOT_ENTITLED = orjson.dumps({**FORBIDDEN, "message": "You are not entitled to this data."})


def more(page: Page) -> None:
    """All rows, and a count that says more."""
    page["resultsCount"] = page["count"] = len(page["results"]) + 2


CONTRADICTIONS: dict[str, tuple[Lie, Lie]] = {
    "the middle, then the head": (without(1, 2), without(0)),
    "the tail, then the head": (without(-1), without(0)),
    "a larger count, then the head": (more, without(0)),
}


@pytest.mark.parametrize("lies", CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
@pytest.mark.fault("varying omissions")
async def test_an_answer_without_bars_of_the_one_before_is_no_answer(lies: tuple[Lie, Lie]) -> None:
    async with market() as sandbox:
        for lie in lies:
            told(sandbox, BARS_OF_SICK, lie, 1)
        run = await sync(sandbox, NAMES, start_date=FIRST)
        assert run.code == 0
        assert delivered(run) == whole(sandbox)


@pytest.mark.fault("varying omissions")
async def test_a_list_shorter_than_the_answer_before_is_no_answer() -> None:
    how: dict[str, Any] = {"streams": ["short_volume"], "start_date": "2020-12-01", "adjusted": False}
    async with market() as sandbox:
        good = (await sync(sandbox, NAMES, **how)).records("short_volume")

        def cut(page: Page) -> None:
            page["results"].pop()
            page["count"] = len(page["results"])

        told(sandbox, "short-volume", more, 1)
        told(sandbox, "short-volume", cut, 1)
        run = await sync(sandbox, NAMES, **how)
        assert run.code == 0
        assert run.records("short_volume") == good


@pytest.mark.fault("incomplete session")
async def test_a_page_without_bars_among_those_of_a_session_is_told() -> None:
    async with market(universe=40) as sandbox:
        further = {"next_url": "/v2/aggs/grouped/locale/us/market/stocks/2020-12-21?part=2"}
        pages = cycle([lambda page: page.update(further), nothing])

        def change(page: Page) -> None:
            next(pages)(page)

        told(sandbox, "grouped/.*2020-12-21", change, None)
        run = await sync(sandbox, "*", start_date="2020-12-18")
        assert run.code == 0
        assert any("asked for twice" in text for text in run.told("WARN")), run.told("WARN")


@pytest.mark.parametrize("body", [TIMEFRAME, NOT_ENTITLED], ids=["timeframe", "not entitled"])
@pytest.mark.fault("403 timeframe", "403 not entitled")
async def test_a_session_of_open_close_that_is_refused_once_is_read(body: bytes) -> None:
    how: dict[str, Any] = {"streams": ["open_close"], "start_date": "2020-12-14", "adjusted": False}
    async with market() as sandbox:
        good = (await sync(sandbox, "TSLA", **how)).records("open_close")
        sandbox.faults.add(Fault(kind="status", match="TSLA/2020-12-17", status=403, body=body, times=1))
        run = await sync(sandbox, "TSLA", **how)
        assert (run.code, run.told("WARN")) == (0, [])
        assert sorted(row["date"] for row in run.records("open_close")) == [row["date"] for row in good]


@pytest.mark.fault("403 timeframe")
async def test_history_does_not_begin_after_a_session_that_was_given() -> None:
    how: dict[str, Any] = {"streams": ["open_close"], "start_date": "2020-12-14", "adjusted": False}
    async with market() as sandbox:
        refused = Fault(kind="status", match="TSLA/2020-12-17", status=403, body=TIMEFRAME, times=None)
        sandbox.faults.add(refused)
        run = await sync(sandbox, "TSLA", max_concurrent_requests=1, **how)
        [error] = run.errors("open_close")
        assert error["failure_type"] == "transient_error"
        assert "2020-12-17" in error["message"]
        assert run.cursors("open_close") == {"TSLA": "2020-12-16"}
        sandbox.faults.clear()
        following = await sync(sandbox, "TSLA", before=run, **how)
        assert following.code == 0
        dates = {row["date"] for one in (run, following) for row in one.records("open_close")}
        assert "2020-12-17" in dates


@pytest.mark.parametrize("day", ["2021-03-05", "2020-12-20"], ids=["the future", "a Sunday"])
@pytest.mark.fault("bar outside the range")
async def test_a_previous_bar_of_no_session_is_refused(day: str) -> None:
    moment = int(at(day, 0).timestamp() * 1000)
    async with market() as sandbox:

        def moved(page: Page) -> None:
            page["results"][0]["t"] = moment

        told(sandbox, "/prev", moved, None)
        run = await sync(sandbox, "TSLA", streams=["previous_close"])
        assert run.records("previous_close") == []
        [error] = run.errors("previous_close")
        assert error["failure_type"] == "transient_error"


@pytest.mark.fault("incomplete session")
async def test_previous_bars_of_the_session_before_are_told() -> None:
    async with market() as sandbox:
        told(sandbox, "grouped/.*2020-12-21", nothing, None)
        run = await sync(sandbox, NAMES, streams=["previous_close"])
        assert (run.code, len(run.records("previous_close"))) == (0, len(NAMES))
        text = "previous_close: the API, asked twice, has no bars for the session of 2020-12-21."
        assert run.told("WARN") == [text]


@pytest.mark.fault("incomplete session")
async def test_a_holiday_on_a_weekday_needs_no_second_call_and_no_warning() -> None:
    names = (*NAMES, "NFLX", "BRK.B", "DDD", "EEE", "FFF", "GGG", "HHH", "III")
    async with market(tickers=names) as sandbox:
        first = await sync(sandbox, names, start_date="2020-12-14")
        advance_days(sandbox, 4)  # 26 December: a Saturday after Christmas
        run = await sync(
            sandbox, names, before=first, start_date="2020-12-14", lookback_days=0, requests_per_minute=1000
        )
        assert (run.code, run.told("WARN")) == (0, [])
        grouped = run.paths("/grouped/")
        assert grouped
        assert len(set(grouped)) == len(grouped)
        for stream in BOTH:
            wanted = truth(sandbox, stream, names, "2020-12-14", "2020-12-24")
            assert rows_of(stream, first, run) == wanted


@pytest.mark.fault("incomplete list")
async def test_a_stock_that_was_never_split_deserves_no_warning() -> None:
    async with market() as sandbox:
        run = await sync(sandbox, ("NFLX",), streams=["splits"], start_date="2020-12-01", adjusted=False)
        assert (run.code, run.records("splits"), run.told("WARN")) == (0, [], [])
        assert any("no rows" in text for text in run.told("INFO"))


@pytest.mark.fault("varying omissions")
@pytest.mark.parametrize("lies", [1, 2])
async def test_an_intraday_page_after_an_incomplete_one_needs_a_second_that_agrees(lies: int) -> None:
    how: dict[str, Any] = {"timespan": "hour", "streams": ["stock_bars"], "start_date": "2020-12-14"}
    async with market() as sandbox:
        good = (await sync(sandbox, "BBB", **how)).records("stock_bars")

        def without_a_session(page: Page) -> None:
            first = page["results"][0]["t"]
            page["results"] = [
                bar for bar in page["results"] if not 1 <= (bar["t"] - first) // 86_400_000 < 2
            ]

        for lie in (without_a_session, without(-2, -1))[:lies]:
            told(sandbox, BARS_OF_SICK, lie, 1)
        run = await sync(sandbox, "BBB", **how)
        assert (run.code, len(run.paths(BARS_OF_SICK))) == (lies - 1, 3)
        if run.code:
            assert [error["failure_type"] for error in run.errors("stock_bars")] == ["transient_error"]
            run = await sync(sandbox, "BBB", before=run, **how)
        assert run.records("stock_bars") == good


@pytest.mark.fault("403 timeframe")
async def test_a_session_of_the_market_that_is_refused_after_one_that_was_given_fails() -> None:
    how: dict[str, Any] = {"start_date": "2020-12-14", "lookback_days": 0}
    async with market(universe=40) as sandbox:
        refused = Fault(kind="status", match="grouped/.*2020-12-17", status=403, body=TIMEFRAME, times=None)
        sandbox.faults.add(refused)
        run = await sync(sandbox, "*", max_concurrent_requests=1, **how)
        assert [error["failure_type"] for error in run.errors("stock_bars")] == ["transient_error"]
        assert "2020-12-17" in run.errors("stock_bars")[0]["message"]
        sandbox.faults.clear()
        following = await sync(sandbox, "*", before=run, **how)
        assert following.code == 0
        dates = {row["date"] for one in (run, following) for row in one.records("stock_bars")}
        assert "2020-12-17" in dates


@pytest.mark.fault("403 not entitled")
async def test_previous_bars_that_are_refused_once_are_read() -> None:
    async with market() as sandbox:
        good = (await sync(sandbox, NAMES, streams=["previous_close"])).records("previous_close")
        sandbox.faults.add(Fault(kind="status", match="/grouped/", status=403, body=NOT_ENTITLED, times=1))
        run = await sync(sandbox, NAMES, streams=["previous_close"])
        assert (run.code, run.records("previous_close")) == (0, good)


@pytest.mark.fault("varying omissions")
async def test_the_first_session_of_the_market_has_the_rows_of_each_answer() -> None:
    """The first answer has a third of the market, the second most of the other two thirds."""
    how: dict[str, Any] = {"start_date": "2020-12-17", "streams": ["stock_prices"]}

    def others(page: Page) -> None:
        del page["results"][::3], page["results"][-9:]
        page["resultsCount"] = page["count"] = len(page["results"])

    def third(page: Page) -> None:
        page["results"] = page["results"][::3]
        page["resultsCount"] = page["count"] = len(page["results"])

    async with market(universe=200) as sandbox:
        good = rows_of("stock_prices", await sync(sandbox, "*", **how))
        for lie in (third, others):
            told(sandbox, "grouped/.*2020-12-17", lie, 1)
        run = await sync(sandbox, "*", max_concurrent_requests=1, **how)
        assert (run.code, run.told("WARN")) == (0, [])
        assert rows_of("stock_prices", run) == good
