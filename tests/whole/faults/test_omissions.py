"""Answers that leave something out: asked for twice, then believed, and told in a WARN.

Each lie is told once, which must heal, and for ever, which must be told. Whole syncs over real sockets.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import orjson
import pytest
from faults.ending import BARS_OF_SICK, FIRST, LAST, NAMES, SICK, delivered, market, whole
from faults.lies import Lie, Page, first_half, lie, nothing, told, without
from support import BARS, BOTH, PRICES, Run, advance_days, at, rows_of, sync, truth

from stockticker_async.marketdata.calendar import session_of
from stockticker_async.sandbox.service.faults import Fault

RANGES = {
    "in the middle": (without(2), "sessions: 1, asked for twice"),
    "at the end": (without(-1, -2), "sessions: 2, asked for twice"),
    "all": (nothing, "sessions: 6, asked for twice"),
    "less than it counts": (first_half, "sessions: 3, asked for twice"),
    "more than it counts": (lambda page: page.update(resultsCount=5), "more or fewer bars than they say"),
}


@pytest.mark.parametrize(("change", "warning"), RANGES.values(), ids=RANGES)
@pytest.mark.fault("sessions missing once", "sessions missing in every response")
async def test_a_range_that_leaves_bars_out(change: Lie, warning: str) -> None:
    async with market() as sandbox:
        told(sandbox, BARS_OF_SICK, change, 1)
        run = await sync(sandbox, NAMES, start_date=FIRST)
        assert (run.code, delivered(run), run.told("WARN")) == (0, whole(sandbox), [])
        sandbox.faults.clear()
        told(sandbox, BARS_OF_SICK, change, None)
        run = await sync(sandbox, NAMES, start_date=FIRST)
        assert run.code == 0
        [text] = run.told("WARN")
        assert warning in text
        assert SICK in text
        assert len(run.paths(BARS_OF_SICK)) == 2


@pytest.mark.parametrize("bar", [(1, "minute"), (1, "hour"), (1, "week"), (1, "month")], ids=str)
@pytest.mark.fault("sessions missing once", "sessions missing in every response")
async def test_a_range_of_other_bars_that_leaves_sessions_out(bar: tuple[int, str]) -> None:
    kind = {"multiplier": bar[0], "timespan": bar[1]}
    days = ("2020-09-01", "2020-12-18") if bar[1] in ("week", "month") else (FIRST, "2020-12-17")

    def change(page: Page) -> None:
        """Most of the middle is missing, with its sessions."""
        rows = page["results"]
        kept = max(1, len(rows) // 8)
        page["results"] = rows[:kept] + rows[-kept:]
        page["resultsCount"] = page["count"] = len(page["results"])

    async with market() as sandbox:
        asked: dict[str, Any] = {"streams": [BARS], "start_date": days[0], "end_date": days[1], **kind}
        good = rows_of(BARS, await sync(sandbox, SICK, **asked))
        told(sandbox, BARS_OF_SICK, change, 1)
        run = await sync(sandbox, SICK, **asked)
        assert rows_of(BARS, run) == good
        assert run.told("WARN") == []
        sandbox.faults.clear()
        told(sandbox, BARS_OF_SICK, change, None)
        run = await sync(sandbox, SICK, **asked)
        assert rows_of(BARS, run).keys() < good.keys()
        assert any("no bars of some of the days asked for BBB" in text for text in run.told("WARN"))


@pytest.mark.parametrize(
    ("bar", "thinned", "kept"),
    [("minute", 1, 1), ("minute", -1, 1), ("minute", -1, 5), ("hour", 1, 1)],
    ids=["one session", "all but the first", "all but the first, to five bars", "hours of one session"],
)
@pytest.mark.fault("sessions with few bars")
async def test_a_range_that_leaves_most_bars_of_a_session_out(bar: str, thinned: int, kept: int) -> None:
    """The last session is read again by the next sync; it may be thin, because it is not over."""

    def change(page: Page) -> None:
        days: dict[date, list[Any]] = {}
        for row in page["results"]:
            days.setdefault(session_of(row["t"]), []).append(row)
        chosen = [*days][2:3] if thinned == 1 else [*days][1:]
        page["results"] = [
            row for day, rows in days.items() for row in (rows[:kept] if day in chosen else rows)
        ]
        page["resultsCount"] = page["count"] = len(page["results"])

    async with market() as sandbox:
        asked: dict[str, Any] = {"streams": [BARS], "start_date": FIRST, "timespan": bar}
        good = rows_of(BARS, await sync(sandbox, SICK, **asked))
        told(sandbox, BARS_OF_SICK, change, 1)
        run = await sync(sandbox, SICK, **asked)
        assert (rows_of(BARS, run) == good, run.told("WARN")) == (True, [])
        sandbox.faults.clear()
        told(sandbox, BARS_OF_SICK, change, None)
        run = await sync(sandbox, SICK, **asked)
        assert rows_of(BARS, run).keys() < good.keys()
        [text] = run.told("WARN")
        assert f"has few of the bars that others have, asked for twice: of {SICK}" in text
        assert len(run.paths(BARS_OF_SICK)) == 2


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.fault("sessions missing once")
async def test_the_head_of_what_a_known_ticker_has_since_its_cursor(times: int | None) -> None:
    async with market() as sandbox:
        sandbox.clock.set(at("2020-12-16"))
        first = await sync(sandbox, NAMES, start_date=FIRST)
        sandbox.clock.set(at("2020-12-22"))
        told(sandbox, BARS_OF_SICK, without(0, 1, 2), times)
        second = await sync(sandbox, NAMES, start_date=FIRST, before=first)
        if times == 1:
            assert delivered(first, second) == whole(sandbox)
            assert second.told("WARN") == []
        else:
            assert any("sessions: 3, asked for twice" in text for text in second.told("WARN"))


@pytest.mark.fault("sessions missing once")
async def test_a_young_ticker_is_not_asked_for_twice() -> None:
    """It begins where it begins: nobody expects a bar before."""
    async with market() as sandbox:
        told(sandbox, BARS_OF_SICK, without(0, 1, 2), None)
        run = await sync(sandbox, NAMES, start_date=FIRST)
        assert len(run.paths(BARS_OF_SICK)) == 1
        assert run.told("WARN") == []


@pytest.mark.parametrize("change", ["a split", "another basis", "an earlier start", "new days"])
@pytest.mark.parametrize("times", [1, None])
@pytest.mark.fault("head missing when history is read again")
async def test_the_head_of_a_history_that_is_read_again(change: str, times: int | None) -> None:
    """The state says that it was read before: rows of the old basis must not stay without a word."""
    asked: dict[str, Any] = {"start_date": FIRST}
    async with market() as sandbox:
        first = await sync(sandbox, NAMES, **asked)
        if change == "a split":
            sandbox.add_split(SICK, date(2020, 12, 18), 1, 4)
        elif change == "another basis":
            asked["adjusted"] = False
        else:
            asked["start_date"] = "2020-12-11"
        # the new days are those before the first day of the earlier sync
        told(sandbox, BARS_OF_SICK, without(0) if change == "new days" else without(0, 1, 2), times)
        second = await sync(sandbox, NAMES, before=first, **asked)
        adjusted = asked.get("adjusted", True)
        wanted = {
            stream: truth(sandbox, stream, NAMES, asked["start_date"], LAST, adjusted=adjusted)
            for stream in BOTH
        }
        assert second.code == 0
        assert len(second.paths(BARS_OF_SICK)) == 2
        lost = [text for text in second.told("WARN") if "asked for twice" in text]
        if times == 1:
            assert {stream: rows_of(stream, first, second) for stream in BOTH} == wanted
            assert lost == []
        else:
            [text] = lost
            assert f"no bars of some of the days asked for {SICK}" in text


def next_of(change: Callable[[int], int]) -> Lie:
    """Another beginning of the next page, in epoch milliseconds, where there is one."""

    def lie_of(page: Page) -> None:
        if "next_url" in page:
            page["next_url"] = re.sub(r"/(\d{13})/", lambda one: f"/{change(int(one[1]))}/", page["next_url"])

    return lie_of


DAY_MS = 86_400_000
PAGES: dict[str, Lie] = {
    "cut at its tail": without(-1, -2),
    "a later next page": next_of(lambda begin: begin + DAY_MS),
    "the next page of another ticker": lambda page: (
        page.update(next_url=page["next_url"].replace("/BBB/", "/CCC/")) if "next_url" in page else None
    ),
    "a next page that ends earlier": lambda page: (
        page.update(next_url=page["next_url"].replace(LAST, "2020-12-18")) if "next_url" in page else None
    ),
}


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("bar", ["day", "minute"])
@pytest.mark.parametrize("change", PAGES.values(), ids=PAGES)
@pytest.mark.fault("gap between pages")
async def test_nothing_is_lost_between_two_pages(change: Lie, bar: str, times: int | None) -> None:
    """The next page begins after the last bar of the one before, whatever that one names."""
    asked: dict[str, Any] = {"start_date": FIRST, "streams": [BARS], "timespan": bar}
    async with market(page_rows=4 if bar == "day" else 700) as sandbox:
        good = rows_of(BARS, await sync(sandbox, NAMES, **asked))
        if change is PAGES["cut at its tail"]:
            # of the first page: of the last one nobody knows where its last session ends
            told(sandbox, f"{BARS_OF_SICK}.*/{FIRST}/", change, times)
        else:
            told(sandbox, BARS_OF_SICK, change, times)
        run = await sync(sandbox, NAMES, **asked)
        assert run.code == 0
        assert rows_of(BARS, run) == good
        assert run.told("WARN") == []
        if bar == "minute":
            assert len(run.paths(BARS_OF_SICK)) > 2


@pytest.mark.fault("varying omissions")
async def test_answers_that_leave_out_something_else_each_time_are_no_answers() -> None:
    async with market() as sandbox:
        for place in (1, 2, 3):
            told(sandbox, BARS_OF_SICK, without(*range(place, 6)), 1)
        run = await sync(sandbox, NAMES, start_date=FIRST)
        [error, _] = run.errors()
        assert error["message"].startswith(
            "BBB: each repeated answer of the API left out something different"
        )
        assert SICK not in run.cursors(PRICES)
        following = await sync(sandbox, NAMES, start_date=FIRST, before=run)
        assert delivered(run, following) == whole(sandbox)


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.fault("further page without bars")
async def test_a_further_page_without_bars(times: int | None) -> None:
    async with market(page_rows=4) as sandbox:
        sandbox.faults.add(Fault(kind="body", match=BARS_OF_SICK, body=lie(nothing), times=times, after=1))
        run = await sync(sandbox, NAMES, start_date=FIRST)
        assert run.code == 0
        if times == 1:
            assert (delivered(run), run.told("WARN")) == (whole(sandbox), [])
        else:
            assert any("sessions: 2, asked for twice" in text for text in run.told("WARN"))


NEXT_MIDNIGHT = 86_400_000


LISTS: dict[str, tuple[str, str, Lie]] = {
    "news, nothing": ("news", "/news", nothing),
    "news, fewer than it counts": ("news", "/news", lambda page: page["results"].pop()),
    "short interest, nothing": ("short_interest", "/short-interest", nothing),
    "exchanges, nothing": ("exchanges", "/exchanges", nothing),
    "tickers, nothing": ("tickers", "/v3/reference/tickers", nothing),
    "related companies, nothing": ("related_companies", "/related-companies", nothing),
    "details, null": ("ticker_details", "/v3/reference/tickers/", lambda page: page.update(results=None)),
    "splits, nothing": ("splits", "/splits", nothing),
}


def rows(stream: str, *runs: Run) -> set[bytes]:
    return {orjson.dumps(row) for run in runs for row in run.records(stream)}


@pytest.mark.parametrize(("stream", "path", "change"), LISTS.values(), ids=LISTS)
@pytest.mark.fault("incomplete list")
async def test_a_list_that_leaves_rows_out(stream: str, path: str, change: Lie) -> None:
    asked: dict[str, Any] = {"streams": [stream], "start_date": "2020-08-01"}
    async with market(tickers=("TSLA", "AAPL"), universe=300) as sandbox:
        good = rows(stream, await sync(sandbox, "TSLA", **asked))
        assert good
        told(sandbox, path, change, 1)
        run = await sync(sandbox, "TSLA", **asked)
        assert rows(stream, run) == good
        assert run.told("WARN") == []
        sandbox.faults.clear()
        told(sandbox, path, change, None)
        run = await sync(sandbox, "TSLA", **asked)
        assert rows(stream, run) < good
        level = "INFO" if stream == "splits" else "WARN"  # most tickers have none
        said = [*run.told(level), *(error["message"] for error in run.errors())]
        assert any("TSLA" in text or "exchanges: the API, asked twice, has no rows." in text for text in said)


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.fault("404 for an opening price")
async def test_a_session_without_an_opening_price(times: int | None) -> None:
    asked: dict[str, Any] = {"streams": ["open_close"], "start_date": FIRST}
    async with market() as sandbox:
        good = rows("open_close", await sync(sandbox, NAMES, **asked))
        gone = b'{"status":"NOT_FOUND","request_id":"1","message":"Data not found."}'
        match = "/open-close/BBB/2020-12-17"
        sandbox.faults.add(Fault(kind="status", status=404, body=gone, match=match, times=times))
        run = await sync(sandbox, NAMES, **asked)
        assert run.code == 0
        if times == 1:
            assert (rows("open_close", run), run.told("WARN")) == (good, [])
        else:
            assert len(good) - len(rows("open_close", run)) == 1
            assert any("no data for some sessions: 1, of BBB" in text for text in run.told("WARN"))


SPLIT_LIES: dict[str, Lie] = {
    "nothing": nothing,
    "one is missing": lambda page: page["results"].pop(0),
    "another ratio": lambda page: page["results"][0].update(split_to=7),
}


@pytest.mark.parametrize("change", SPLIT_LIES.values(), ids=SPLIT_LIES)
@pytest.mark.fault("splits that change once")
async def test_history_is_not_rewritten_for_splits_that_are_told_once(change: Lie) -> None:
    async with market(tickers=("TSLA", "AAPL"), universe=300) as sandbox:
        asked: dict[str, Any] = {"start_date": "2020-08-03"}
        first = await sync(sandbox, ("TSLA", "AAPL"), **asked)
        advance_days(sandbox)
        told(sandbox, "/splits", change, 1)
        second = await sync(sandbox, ("TSLA", "AAPL"), before=first, **asked)
        assert second.told("WARN") == []
        assert len(second.records(PRICES)) < 10
        # and on the first night none is believed where there may be some
        told(sandbox, "/splits", nothing, 1)
        again = await sync(sandbox, ("TSLA", "AAPL"), **asked)
        assert again.states(PRICES)[-1] == (await sync(sandbox, ("TSLA", "AAPL"), **asked)).states(PRICES)[-1]


@pytest.mark.parametrize(
    "body", [b'{"status":"OK","data":[1]}', b'{"status":"OK","request_id":"1"}', b'{"a":1}']
)
@pytest.mark.parametrize("stream", ["news", "exchanges", "short_interest", "splits"])
@pytest.mark.fault("list of an unknown form")
async def test_a_list_of_an_unknown_form_is_no_empty_list(stream: str, body: bytes) -> None:
    async with market(tickers=("TSLA",), universe=100) as sandbox:
        sandbox.faults.add(
            Fault(kind="body", match="/(news|exchanges|short-interest|splits)", body=body, times=None)
        )
        run = await sync(sandbox, "TSLA", streams=[stream], start_date="2020-12-01")
        [error] = run.errors(stream)
        assert "in an unknown form, without results" in error["message"]
        assert run.code == 1
