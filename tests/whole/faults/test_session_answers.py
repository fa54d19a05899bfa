"""Faults of the sessions of a market and of single days."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from faults.answers import HTML, NOT_ENTITLED, OUTAGE, TIMEFRAME, TOO_EARLY, page, status, struck
from faults.ending import (
    FIRST,
    HASTY,
    LAST,
    NAMES,
    SICK,
    market,
)
from support import BARS, BOTH, PRICES, made_names, rows_of, sync, truth

from stockticker_async.sandbox.service.faults import Fault

MANY = made_names(60)


def another_day(found: dict[str, Any]) -> None:
    for row in found["results"]:
        row["t"] -= 86_400_000


def first_row(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """A page whose first row of those wanted is changed."""
    return page(lambda found: change(next(row for row in found["results"] if row["T"] == MANY[0])) and None)


SESSIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "HTML": ("the API answered 200 with an HTML page", {"kind": "body", "transform": "html"}),
    "half a JSON": ("the API answered 200 with no whole JSON", {"kind": "body", "transform": "half"}),
    "adjusted flipped": ("asked with adjusted=True", {"kind": "edit", "edit": "flip_adjusted"}),
    "another day's bars": ("asked for the session of 2020-12-18", page(another_day)),
    "a ticker twice": (
        "a ticker stands in the market's answer twice",
        page(lambda found: found["results"].extend([row for row in found["results"] if row["T"] == MANY[0]])),
    ),
    "a price of null": (
        r"bar \d+ \(2020-12-18T.*\) is not usable",
        first_row(lambda row: row.update(c=None) is None),
    ),
    "503": (f"{OUTAGE} 503", status(503, HTML)),
}


def nameless(name: str | None) -> dict[str, Any]:
    """The fourth row of a session, which belongs to one of those asked, with another field T."""

    def change(found: dict[str, Any]) -> None:
        asked = [row for row in found["results"] if row["T"] in MANY]
        if name is None:
            del asked[3]["T"]
        else:
            asked[3]["T"] = name

    return page(change)


SESSIONS |= {
    "T absent": ("a bar of the market's answer has no ticker", nameless(None)),
    "T empty": ("a bar of the market's answer has no ticker", nameless("")),
    "T with a space": ("a bar of the market's answer has a field T that is no ticker", nameless(" ZBBE")),
}


@pytest.mark.parametrize(("said", "how"), SESSIONS.values(), ids=SESSIONS.keys())
@pytest.mark.fault("fault in a session", "bar of another session", "row without a ticker")
async def test_sessions(said: str, how: dict[str, Any]) -> None:
    """The same for an answer that holds one session of many tickers, of three that are asked."""
    first = "2020-12-17"
    async with market(tickers=tuple(MANY)) as sandbox:
        sandbox.faults.add(Fault(**{"match": "/grouped/.*/2020-12-18", "times": None, **how}))
        run = await sync(sandbox, MANY, start_date=first, speed=HASTY)
        assert run.code == 1
        for stream in BOTH:
            [error] = run.errors(stream)
            assert re.match(f"{', '.join(MANY[:10])} and 50 more: {said}", error["message"])
            assert run.cursors(stream) == dict.fromkeys(MANY, first)
            assert rows_of(stream, run).items() <= truth(sandbox, stream, MANY, first, LAST).items()
        sandbox.faults.clear()
        following = await sync(sandbox, MANY, before=run, start_date=first)
        assert following.code == 0
        for stream in BOTH:
            assert rows_of(stream, run, following) == truth(sandbox, stream, MANY, first, LAST)


def moved(place: int, milliseconds: int) -> dict[str, Any]:
    """The times of the bars from a place on, later or earlier."""

    def change(found: dict[str, Any]) -> None:
        for row in found["results"][place:]:
            row["t"] += milliseconds

    return page(change)


@pytest.mark.parametrize("session", ["2020-12-21", "2020-12-18"])
@pytest.mark.fault("403 before the end of the day", "403 before the end of a day long past")
async def test_a_session_that_is_said_not_to_be_over(session: str) -> None:
    """The last one may not be published yet; the one before it is."""
    async with market(tickers=tuple(MANY)) as sandbox:
        (fault,) = struck(None, status(403, TOO_EARLY, match=f"/grouped/.*/{session}"))
        sandbox.faults.add(fault)
        run = await sync(sandbox, MANY, start_date="2020-12-17")
        assert run.code == (0 if session == LAST else 1)
        assert bool(run.told("INFO") and "not published yet" in repr(run.told("INFO"))) is (session == LAST)
        assert set(run.cursors(PRICES).values()) == {"2020-12-18" if session == LAST else "2020-12-17"}
        for error in run.errors():
            assert "the API says of days from 2020-12-18 on: Attempted to request" in error["message"]
        sandbox.faults.clear()
        following = await sync(sandbox, MANY, before=run, start_date="2020-12-17")
        for stream in BOTH:
            assert rows_of(stream, run, following) == truth(sandbox, stream, MANY, "2020-12-17", LAST)


@pytest.mark.parametrize("said", [NOT_ENTITLED, TIMEFRAME, TOO_EARLY], ids=["plan", "history", "day"])
@pytest.mark.fault("403 not entitled", "403 timeframe", "403 before the end of a day long past")
async def test_a_session_that_is_refused_once(said: dict[str, str]) -> None:
    async with market(tickers=tuple(MANY)) as sandbox:
        (fault,) = struck(1, status(403, said, match="/grouped/.*/2020-12-18"))
        sandbox.faults.add(fault)
        run = await sync(sandbox, MANY, start_date="2020-12-17")
        assert (run.code, run.told("WARN")) == (0, [])
        for stream in BOTH:
            assert rows_of(stream, run) == truth(sandbox, stream, MANY, "2020-12-17", LAST)


@pytest.mark.fault("403 before the end of a day long past")
async def test_an_opening_price_that_is_said_not_to_be_over() -> None:
    async with market() as sandbox:
        (fault,) = struck(None, status(403, TOO_EARLY, match="/open-close/BBB/2020-12-17"))
        sandbox.faults.add(fault)
        run = await sync(sandbox, NAMES, start_date=FIRST, streams=["open_close"])
        [error] = run.errors()
        assert error["message"].startswith("BBB: the API says of 2020-12-17: Attempted to request")
        assert run.cursors("open_close")[SICK] == "2020-12-16"


CLOCKS = {
    "between two minutes": ("minute", "2020-12-17", moved(0, 30_000), "not the start of a whole minute"),
    "between two hours": ("hour", "2020-12-17", moved(0, 30_000), "not the start of a whole hour"),
    "on a Saturday": ("minute", "2020-12-18", moved(300, 86_400_000), "when no stock trades"),
    "at night": ("minute", "2020-12-17", moved(-1, 4 * 3_600_000), "when no stock trades"),
}


@pytest.mark.parametrize(("timespan", "day", "how", "said"), CLOCKS.values(), ids=CLOCKS.keys())
@pytest.mark.fault("bar off the clock")
async def test_bars_of_no_trading_hour(timespan: str, day: str, how: dict[str, Any], said: str) -> None:
    asked: dict[str, Any] = {"streams": [BARS], "timespan": timespan, "start_date": day}
    asked["end_date"] = "2020-12-20"
    async with market() as sandbox:
        good = rows_of(BARS, await sync(sandbox, SICK, **asked))
        for fault in struck(2, how):
            sandbox.faults.add(fault)
        healed = await sync(sandbox, SICK, **asked)
        assert (rows_of(BARS, healed), healed.told("WARN")) == (good, [])
        sandbox.faults.clear()
        for fault in struck(None, how):
            sandbox.faults.add(fault)
        run = await sync(sandbox, SICK, **asked)
        [error] = run.errors()
        assert error["message"].startswith("BBB: the API gave a bar")
        assert said in error["message"]
        assert run.records(BARS) == []
