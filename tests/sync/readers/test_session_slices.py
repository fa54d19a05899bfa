"""Sessions of many tickers: each beside its neighbour, and covered in their order."""

from datetime import date

import pytest
from asking import sandbox
from kept import keep
from support import entries

from stockticker_async.sandbox.service.faults import Fault

SINCE, END = date(2020, 12, 14), date(2020, 12, 21)
EMPTY = b'{"status":"OK","resultsCount":0,"results":[]}'


async def test_the_market_is_one_call_a_session_and_each_ticker_comes_once_in_each() -> None:
    async with sandbox() as served:
        (kept,) = await keep(served, [], "stock_prices", start_date=SINCE, end_date=END, adjusted=False)
        assert len(served.calls) == 6
    found = [(row["ticker"], row["day"]) for row in kept.found]
    assert len(found) == len(set(found)) > 6 * 50
    assert [cursor for _, cursor, _ in entries(kept.state).values()] == ["2020-12-21"]


@pytest.mark.parametrize("times", [1, 2])
async def test_a_session_that_lacks_half_is_asked_once_more_then_told(
    times: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with sandbox() as served:
        served.faults.add(Fault(kind="body", match="/2020-12-16", body=EMPTY, times=times))
        (kept,) = await keep(served, [], "stock_prices", start_date=SINCE, end_date=END, adjusted=False)
        assert sum("/2020-12-16" in call.path for call in served.calls) == 2
    told = [record.getMessage() for record in caplog.records if "less than half" in record.getMessage()]
    assert len(told) == times - 1
    assert (date(2020, 12, 16) in {row["day"] for row in kept.found}) is (times == 1)


async def test_a_session_that_fails_holds_the_cursor_before_it() -> None:
    async with sandbox() as served:
        served.faults.add(Fault(kind="body", match="/2020-12-16", body=b"{", times=None))
        (kept,) = await keep(served, [], "stock_prices", start_date=SINCE, end_date=END, adjusted=False)
    assert kept.failed
    assert [cursor for _, cursor, _ in entries(kept.state).values()] == ["2020-12-15"]
    assert date(2020, 12, 21) in {row["day"] for row in kept.found}
