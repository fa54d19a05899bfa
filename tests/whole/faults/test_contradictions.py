"""Refusals and rows that another answer of the same read contradicts: they are told, and nothing is lost."""

from datetime import date
from typing import Any

import orjson
import pytest
from faults.ending import NAMES, market
from faults.lies import Page, told
from support import advance_days, at, sync

from stockticker_async.sandbox.service.faults import Fault

FORBIDDEN = {"status": "NOT_AUTHORIZED", "request_id": "1"}
TIMEFRAME = orjson.dumps({**FORBIDDEN, "message": "Your plan doesn't include this data timeframe."})
NOT_FOUND = b'{"status":"NOT_FOUND","message":"Data not found."}'
WEEK = ["2020-12-14", "2020-12-15", "2020-12-16", "2020-12-17", "2020-12-18", "2020-12-21"]


def refused(match: str, times: int | None = None) -> Fault:
    return Fault(kind="status", match=match, status=403, body=TIMEFRAME, times=times)


@pytest.mark.fault("403 timeframe")
@pytest.mark.parametrize(
    ("stream", "tickers", "path"), [("open_close", "TSLA", "TSLA/"), ("stock_bars", "*", "grouped/.*")]
)
@pytest.mark.parametrize("at_once", [1, 16])
async def test_a_session_that_is_refused_alone_is_read_by_the_next_sync(
    stream: str, tickers: str, path: str, at_once: int
) -> None:
    how: dict[str, Any] = {"streams": [stream], "start_date": WEEK[0], "adjusted": False, "lookback_days": 0}
    async with market(universe=40) as sandbox:
        slow = Fault(kind="hang", match=f"{path}{WEEK[0]}", seconds=0.3, times=None)
        for fault in (refused(f"{path}{WEEK[1]}"), refused(f"{path}{WEEK[3]}"), slow):
            sandbox.faults.add(fault)
        run = await sync(sandbox, tickers, max_concurrent_requests=at_once, **how)
        assert {error["failure_type"] for error in run.errors(stream)} == {"transient_error"}
        assert not [text for text in run.told("WARN") if "history begins" in text]
        sandbox.faults.clear()
        following = await sync(sandbox, tickers, before=run, **how)
        assert following.code == 0
        dates = {row["date"] for one in (run, following) for row in one.records(stream)}
        assert dates == set(WEEK)


@pytest.mark.fault("403 timeframe")
async def test_a_range_of_which_the_first_day_alone_is_refused_is_read_without_it() -> None:
    """The range that begins on it is refused, too. The days after it are given."""
    how: dict[str, Any] = {"streams": ["stock_bars"], "timespan": "hour", "start_date": "2020-06-01"}
    async with market() as sandbox:
        good = (await sync(sandbox, "BBB", **how)).records("stock_bars")
        sandbox.faults.add(refused("/2020-06-01/"))
        run = await sync(sandbox, "BBB", **how)
        assert run.code == 0
        assert "The plan's history begins on 2020-06-02: nothing before it can be read." in run.told("WARN")
        found = sorted(run.records("stock_bars"), key=lambda row: row["timestamp"])
        assert found == [row for row in good if row["date"] > "2020-06-01"]


@pytest.mark.fault("403 timeframe")
async def test_a_range_whose_days_are_given_one_by_one_fails_and_is_read_by_the_next_sync() -> None:
    how: dict[str, Any] = {"streams": ["stock_bars"], "timespan": "hour", "start_date": "2020-06-01"}
    async with market() as sandbox:
        good = (await sync(sandbox, "BBB", **how)).records("stock_bars")
        sandbox.faults.add(refused("/2020-06-0[12]/2020-(0[789]|1)|/2020-06-01/2020-06-01"))
        run = await sync(sandbox, "BBB", **how)
        [error] = run.errors("stock_bars")
        assert error["failure_type"] == "transient_error"
        assert "gives the first of them alone" in error["message"]
        sandbox.faults.clear()
        following = await sync(sandbox, "BBB", before=run, **how)
        assert following.code == 0
        found = {row["timestamp"]: row for one in (run, following) for row in one.records("stock_bars")}
        assert [found[moment] for moment in sorted(found)] == good


@pytest.mark.fault("403 timeframe")
async def test_open_close_tells_of_rows_that_stay_on_the_basis_from_before_a_split() -> None:
    how: dict[str, Any] = {"streams": ["open_close"], "start_date": WEEK[0]}
    async with market() as sandbox:
        first = await sync(sandbox, NAMES, **how)
        advance_days(sandbox)
        sandbox.add_split("BBB", date(2020, 12, 21), 1, 2)
        gone = Fault(kind="status", match=f"/(BBB|CCC)/{WEEK[1]}", status=404, body=NOT_FOUND, times=None)
        sandbox.faults.add(gone)
        run = await sync(sandbox, NAMES, before=first, **how)
        assert run.code == 0
        assert (
            "open_close: BBB: some sessions were not returned this time. Their older rows stay on the basis "
            "from before the split."
        ) in run.told("WARN")


@pytest.mark.fault("wrong ticker")
@pytest.mark.parametrize("times", [1, None])
async def test_events_of_another_company_are_asked_for_twice_and_told(times: int | None) -> None:
    async with market() as sandbox:
        good = (await sync(sandbox, "TSLA", streams=["ticker_events"])).records("ticker_events")

        def other(page: Page) -> None:
            page["results"]["name"] = "Another Company"
            for event in page["results"]["events"]:
                event["ticker_change"]["ticker"] = "OTHER"

        told(sandbox, "TSLA/events", other, times)
        run = await sync(sandbox, "TSLA", streams=["ticker_events"])
        assert (run.code, len(run.paths("/events"))) == (0, 2)
        warned = [text for text in run.told("WARN") if "do not name TSLA" in text]
        assert (len(warned), run.records("ticker_events") == good) == ((0, True) if times else (1, False))


@pytest.mark.fault("bar outside the range")
@pytest.mark.parametrize(("hour", "code"), [(12, 1), (17, 0)])
async def test_a_previous_bar_of_today_needs_the_close_of_today(hour: int, code: int) -> None:
    close = int(at("2020-12-22", 16).timestamp() * 1000)
    async with market(now=at("2020-12-22", hour)) as sandbox:

        def moved(page: Page) -> None:
            page["results"][0]["t"] = close

        told(sandbox, "/prev", moved, None)
        run = await sync(sandbox, "TSLA", streams=["previous_close"])
        assert (run.code, len(run.records("previous_close"))) == (code, 1 - code)
