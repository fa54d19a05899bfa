"""New tickers without any bar: held back until one comes or the reference knows them."""

from datetime import date

from asking import sandbox
from kept import keep
from support import entries

from stockticker_async.sandbox.service.faults import Fault

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
