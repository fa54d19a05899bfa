"""A call for each ticker and session: each answered once, none of today."""

import json
from datetime import date

import pytest
from asking import sandbox
from hypothesis import given
from hypothesis import strategies as st
from kept import keep

from stockticker_async.marketdata.calendar import is_session
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sync.readers.daily import sessions_of
from stockticker_async.sync.windows import Days

SINCE = date(2020, 12, 14)
SESSIONS = ["2020-12-14", "2020-12-15", "2020-12-16", "2020-12-17", "2020-12-18", "2020-12-21"]
DATES = st.dates(date(2019, 6, 1), date(2021, 1, 31))


@given(DATES, DATES, DATES)
def test_the_sessions_of_a_ticker_are_those_of_the_calendar_that_are_over(
    first: date, last: date, settled: date
) -> None:
    found = sessions_of(first, Days(last=last, settled=settled, today=settled))
    assert found == sorted(set(found))
    assert all(is_session(day) and first <= day <= min(last, settled) for day in found)
    assert sessions_of(None, Days(last=last, settled=settled, today=settled)) == []


async def test_each_session_is_asked_once_for_each_ticker() -> None:
    async with sandbox() as served:
        (kept,) = await keep(served, ["TSLA", "AAPL"], "open_close", start_date=SINCE, adjusted=False)
        assert len(served.calls) == 2 * len(SESSIONS)
    for name in ("TSLA", "AAPL"):
        assert sorted(row["date"] for row in kept.found if row["stock_ticker"] == name) == SESSIONS
    assert kept.state["date"] == "2020-12-21"


async def test_an_answer_for_another_day_is_refused() -> None:
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1)
    body = json.dumps({"status": "OK", "symbol": "TSLA", "from": "2020-12-15", **prices})
    async with sandbox() as served:
        served.faults.add(Fault(kind="body", match="/2020-12-14", body=body, times=None))
        (kept,) = await keep(served, ["TSLA"], "open_close", start_date=SINCE, adjusted=False)
    assert "TSLA: the API answered for another day." in [error.message for error in kept.errors]
    assert kept.state["tickers"][0]["date"] < "2020-12-14"


async def test_a_session_of_which_nothing_is_given_is_asked_for_twice_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = b'{"status":"NOT_FOUND","message":"Data not found."}'
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", match="/2020-12-15", status=404, body=body, times=None))
        await keep(served, ["TSLA"], "open_close", start_date=SINCE, adjusted=False)
        assert len(served.calls) == len(SESSIONS) + 1
    assert "open_close: the API, asked twice, has no data for some sessions: 1, of TSLA." in [
        record.getMessage() for record in caplog.records
    ]
