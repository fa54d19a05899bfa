"""A call a ticker: each asked once, an unknown one told, and the last session's bars in one call."""

import pytest
from asking import sandbox
from kept import keep

from stockticker_async.sandbox.service.faults import Fault

NAMES = ("TSLA", "AAPL", "NFLX")


@pytest.mark.parametrize("name", ["ticker_details", "ticker_events", "related_companies"])
async def test_each_ticker_is_asked_once_and_has_its_rows(name: str) -> None:
    async with sandbox() as served:
        (kept,) = await keep(served, NAMES, name)
        assert len(served.calls) == len(NAMES)
    assert {row["stock_ticker"] for row in kept.found} == set(NAMES)
    assert kept.state == {"version": 1}


async def test_an_unknown_ticker_is_asked_as_of_a_day_too_and_then_told() -> None:
    async with sandbox() as served:
        (kept,) = await keep(served, ["TSLA", "NOPE"], "ticker_details")
        assert [call.query.get("date") for call in served.calls if "NOPE" in call.path][-1] == "2020-12-15"
    assert [error.message for error in kept.errors] == [
        "NOPE: the API does not know this ticker; upper and lower case differ."
    ]
    assert {row["stock_ticker"] for row in kept.found} == {"TSLA"}


async def test_what_the_plan_refuses_for_one_ticker_is_asked_for_no_other() -> None:
    body = b'{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}'
    names = [*NAMES, *(f"T{number}" for number in range(40))]
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", status=403, body=body, times=None))
        (kept,) = await keep(served, names, "ticker_details")
        assert len(served.calls) < len(names)
    (error,) = kept.errors
    assert "and 33 more: the plan of this key does not include this endpoint" in error.message


@pytest.mark.parametrize("field", [b"ticker", b"stock_symbol"])
async def test_companies_related_to_another_ticker_are_refused(field: bytes) -> None:
    body = b'{"status":"OK","%b":"AAPL","results":[{"ticker":"TSLA"}]}' % field
    async with sandbox() as served:
        served.faults.add(Fault(kind="body", match="/related-companies/TSLA", body=body, times=None))
        (kept,) = await keep(served, ["TSLA"], "related_companies")
    assert [error.message for error in kept.errors] == ["TSLA: the API answered for another ticker, AAPL."]
    assert kept.found == []


async def test_a_previous_bar_that_is_not_found_is_no_wrong_address(caplog: pytest.LogCaptureFixture) -> None:
    body = b'{"status":"NOT_FOUND","message":"Data not found."}'
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", status=404, match="/prev", body=body, times=None))
        (kept,) = await keep(served, ["TSLA"], "previous_close")
    assert (kept.errors, kept.found) == ([], [])
    assert "the API has no bar of TSLA" in caplog.text


async def test_the_previous_bars_of_several_tickers_are_one_call() -> None:
    async with sandbox() as served:
        (kept,) = await keep(served, NAMES, "previous_close")
        (call,) = served.calls
    assert call.path.endswith("/2020-12-21")
    assert {row["stock_ticker"]: row["date"] for row in kept.found} == dict.fromkeys(NAMES, "2020-12-21")


async def test_a_single_ticker_is_asked_by_name_and_an_answer_for_another_is_refused() -> None:
    other = b'{"adjusted":true,"results":[{"T":"AAPL","t":1608584400000,"o":1,"h":1,"l":1,"c":1,"v":1}]}'
    async with sandbox() as served:
        (kept,) = await keep(served, ["TSLA"], "previous_close")
        assert [row["close"] for row in kept.found] == [649.86]
        served.faults.add(Fault(kind="body", match="/prev", body=other, times=None))
        (kept,) = await keep(served, ["TSLA"], "previous_close")
    assert [error.message for error in kept.errors] == ["TSLA: the API answered for another ticker, AAPL."]
