"""What the plan does not give: its history's first day is found once, and what lies before is passed over."""

from datetime import date

import pytest
from asking import sandbox
from kept import closes, keep
from support import entries

from stockticker_async.errors import ConfigError
from stockticker_async.sandbox.service.faults import Fault

TIMEFRAME = b'{"message":"Your plan doesn\'t include this data timeframe."}'
NOT_ENTITLED = b'{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}'


async def test_days_that_the_plan_s_history_does_not_reach_fail_and_vouch_for_nothing() -> None:
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", match="/aggs/", status=403, body=TIMEFRAME, times=None))
        (kept,) = await keep(served, ["TSLA", "AAPL"], "stock_prices", start_date=date(2020, 12, 14))
    (error,) = kept.errors
    assert isinstance(error, ConfigError)
    assert "the plan's history does not reach back to the days requested" in error.message
    assert {cursor for _, cursor, _ in entries(kept.state).values()} == {""}


async def test_the_history_s_first_day_is_told_once_and_the_days_from_it_on_are_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, last = date(2018, 12, 24), date(2019, 1, 4)
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", match="/2018-", status=403, body=TIMEFRAME, times=None))
        (kept,) = await keep(served, [], "stock_prices", start_date=first, end_date=last, adjusted=False)
    told = [one.getMessage() for one in caplog.records if "history begins" in one.getMessage()]
    assert told == ["The plan's history begins on 2019-01-01: nothing before it can be read."]
    assert {row["day"] for row in kept.found} == {date(2019, 1, 2), date(2019, 1, 3), date(2019, 1, 4)}
    assert [cursor for _, cursor, _ in entries(kept.state).values()] == ["2019-01-04"]
    assert not kept.failed


async def test_a_refusal_is_asked_once_more_before_it_is_believed() -> None:
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", match="/aggs/", status=403, body=NOT_ENTITLED))
        (kept,) = await keep(served, ["TSLA"], "stock_prices", start_date=date(2020, 12, 14))
    assert not kept.failed
    assert 649.86 in closes(kept)


async def test_bars_that_the_plan_does_not_include_are_the_users_to_mend() -> None:
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", match="/aggs/", status=403, body=NOT_ENTITLED, times=None))
        (kept,) = await keep(served, ["TSLA", "AAPL"], "stock_prices", start_date=date(2020, 12, 14))
    (error,) = kept.errors
    assert error.message == (
        "TSLA, AAPL: the plan does not include these bars. Change the plan, or leave the stream out."
    )
    assert {cursor for _, cursor, _ in entries(kept.state).values()} == {""}
