"""New tickers without any bar: held back until one comes or the reference knows them."""

from datetime import date, timedelta

import pytest
from asking import sandbox
from kept import keep
from support import PRICES, advance_days, at, entries, made_names, rows_of, sync, truth

from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

SINCE = date(2020, 12, 14)


async def cursors(*names: str, fault: Fault | None = None) -> tuple[dict[str, str], list[str]]:
    async with sandbox() as served:
        if fault is not None:
            served.faults.add(fault)
        (kept,) = await keep(served, names, "stock_prices", start_date=SINCE)
    found = {name: cursor for name, (_, cursor, _) in entries(kept.state).items()}
    return found, [error.message for error in kept.errors]


async def test_a_ticker_that_nobody_knows_has_no_cursor_and_is_told() -> None:
    found, errors = await cursors("TSLA", "NOPE", "tsla")
    assert found == {"TSLA": "2020-12-21", "NOPE": "", "tsla": ""}
    assert errors == ["NOPE, tsla: the API does not know this ticker; upper and lower case differ."]


EMPTY = b'{"status":"OK","ticker":"AAPL","resultsCount":0,"results":[]}'
NO_MARKET = b'{"status":"OK","resultsCount":0,"results":[]}'


async def test_a_ticker_without_bars_that_the_reference_knows_keeps_in_step() -> None:
    found, errors = await cursors(
        "TSLA", "AAPL", fault=Fault(kind="body", match="/ticker/AAPL/", body=EMPTY, times=None)
    )
    assert found == {"TSLA": "2020-12-21", "AAPL": "2020-12-21"}
    assert errors == []


async def test_a_reference_that_is_not_there_cannot_tell_which_is_a_yes() -> None:
    gone = Fault(
        kind="status", match="/reference/tickers/", status=404, body=b"404 page not found", times=None
    )
    found, errors = await cursors("TSLA", "NOPE", fault=gone)
    assert found == {"TSLA": "2020-12-21", "NOPE": "2020-12-21"}
    assert errors == []


@pytest.mark.parametrize(
    ("day", "hour", "first"),
    [("2020-12-26", 6, "2020-12-25"), ("2020-12-25", 12, "2020-12-25"), ("2020-12-22", 10, "2020-12-22")],
    ids=["a holiday", "a holiday in its middle", "a day in its middle"],
)
@pytest.mark.parametrize("names", [("DDD",), ("DDD", "TSLA", *made_names(40))], ids=["ranges", "sessions"])
async def test_days_without_a_settled_session_prove_nothing_about_a_ticker(
    names: tuple[str, ...], day: str, hour: int, first: str
) -> None:
    async with serve(Options(now=at(day, hour), tickers=names, universe=60, speed=0.0)) as served:
        served.faults.add(
            Fault(kind="body", match="/range/", body=EMPTY.replace(b"AAPL", b"DDD"), times=None)
        )
        served.faults.add(Fault(kind="body", match="/grouped/", body=NO_MARKET, times=None))
        run = await sync(served, names, start_date=first)
        assert (run.code, run.told("WARN"), run.paths("/reference/")) == (0, [], [])
        assert run.cursors(PRICES) == {}
        served.faults.clear()
        advance_days(served, 4)
        following = await sync(served, names, before=run, start_date=first)
        settled = str(date.fromisoformat(day) + timedelta(days=3))
        rows = {key: row for key, row in rows_of(PRICES, following).items() if key[1] <= settled}
        assert rows == truth(served, PRICES, names, first, settled)
