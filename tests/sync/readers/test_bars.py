"""A plan carried out: every session of every ticker once, whether it was asked by range or by session."""

from datetime import date

import pytest
from asking import sandbox
from kept import keep
from support import entries, made_names

from stockticker_async.sandbox.service.faults import Fault

SINCE = date(2020, 12, 14)


@pytest.mark.parametrize("count", [1, 12])
async def test_each_ticker_has_each_session_once_and_its_cursor_behind_them(count: int) -> None:
    names = made_names(count)
    async with sandbox(tickers=tuple(names)) as served:
        (kept,) = await keep(served, names, "stock_prices", start_date=SINCE, end_date=date(2020, 12, 21))
    days = [(row["ticker"], row.get("day", row.get("t"))) for row in kept.found]
    assert len(days) == len(set(days)) == 6 * count
    assert {cursor for _, cursor, _ in entries(kept.state).values()} == {"2020-12-21"}


async def test_a_bad_page_of_one_ticker_holds_its_cursor_and_no_other() -> None:
    async with sandbox() as served:
        served.faults.add(Fault(kind="body", match="/ticker/AAPL/", body=b"{", times=None))
        (kept,) = await keep(served, ["TSLA", "AAPL"], "stock_prices", start_date=SINCE)
    cursors = {name: cursor for name, (_, cursor, _) in entries(kept.state).items()}
    assert cursors == {"TSLA": "2020-12-21", "AAPL": ""}
    (error,) = kept.errors
    assert error.message.startswith("AAPL: ")


async def test_an_unknown_ticker_is_the_users_to_mend() -> None:
    async with sandbox() as served:
        (kept,) = await keep(served, ["TSLA", "NOPE"], "stock_prices", start_date=SINCE)
    assert [error.message for error in kept.errors] == [
        "NOPE: the API does not know this ticker; upper and lower case differ."
    ]
