"""`check`: what is wrong is told apart, in plain words, for a handful of calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import oracle
import orjson
import pytest
from support import NEW_YORK, Recorder, at, made_names, raw_config

from stockticker_async.clock import Clock
from stockticker_async.connector.check import check
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.log import Mask
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

TIMEFRAME = b'{"status":"NOT_AUTHORIZED","message":"Your plan doesn\'t include this data timeframe."}'
NOT_ENTITLED = (
    b'{"status":"NOT_AUTHORIZED","request_id":"1",'
    b'"message":"You are not entitled to this data. Please upgrade."}'
)


@asynccontextmanager
async def sandbox_at(day: str = "2026-11-20", hour: int = 6, **options: Any) -> AsyncIterator[Sandbox]:
    asked: dict[str, Any] = {"universe": 700, "speed": 0.0, **options}
    async with serve(Options(now=at(day, hour), **asked)) as sandbox:
        yield sandbox


async def checked(sandbox: Sandbox, raw: Any, *, speed: float = 1.0) -> tuple[str, str]:
    """The status and its sentence: the one message there is."""
    lines = Recorder()
    clock = Clock(start=sandbox.clock.now(), speed=speed)
    assert await check(CommandContext(clock, lines, Mask()), raw) == 0
    [message] = oracle.messages(lines.stdout)
    told = message["connectionStatus"]
    return told["status"], told["message"]


async def test_all_is_well_in_two_calls_and_the_cost_is_told() -> None:
    async with sandbox_at() as sandbox:
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA,AAPL", requests_per_minute=5))
        assert status == "SUCCEEDED"
        assert "up to 2026-11-19" in text
        assert "A first sync of the bars takes about 2 calls" in text
        assert len(sandbox.calls) == 1


async def test_a_session_without_bars_is_named() -> None:
    empty = b'{"status":"OK","resultsCount":0,"queryCount":0}'
    async with sandbox_at() as sandbox:
        sandbox.faults.add(
            Fault(
                kind="status",
                status=200,
                match="/grouped/.*/2026-11-19",
                body=empty,
                content_type="application/json",
            )
        )
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA,AAPL"))
        assert (status, len(sandbox.calls)) == ("SUCCEEDED", 2)
        assert "the plan gives bars up to 2026-11-18. The API gave no bars for 2026-11-19 (not" in text


async def test_500_tickers_are_one_call() -> None:
    names = made_names(500)
    async with sandbox_at(tickers=tuple(names)) as sandbox:
        status, _ = await checked(sandbox, raw_config(sandbox, names))
        assert status == "SUCCEEDED"
        assert len(sandbox.calls) == 1


async def test_a_wrong_key_is_told_from_the_rest() -> None:
    async with sandbox_at() as sandbox:
        status, text = await checked(sandbox, {**raw_config(sandbox, "TSLA"), "api_key": "another"})
        assert (status, "API key is wrong" in text) == ("FAILED", True)


@pytest.mark.parametrize(
    ("typed", "meant"), [("BRK-B", "BRK.B"), ("BRK/B", "BRK.B"), ("$TSLA", "TSLA"), ("NASDAQ:TSLA", "TSLA")]
)
async def test_another_way_to_write_a_ticker_is_asked_about(typed: str, meant: str) -> None:
    async with sandbox_at() as sandbox:
        status, text = await checked(sandbox, raw_config(sandbox, typed))
        assert status == "FAILED"
        assert f"Did you mean {meant}?" in text


async def test_an_unknown_ticker_is_named_and_the_other_case_suggested() -> None:
    async with sandbox_at() as sandbox:
        status, text = await checked(sandbox, raw_config(sandbox, "AAPL,tsla,NOPE"))
        assert status == "FAILED"
        assert "tsla, NOPE" in text
        assert "Did you mean TSLA?" in text
        assert len(sandbox.calls) <= 1 + 2 * 3


async def test_only_three_missing_tickers_are_looked_up() -> None:
    delisted = [f"NOPE{n}" for n in range(30)]
    async with sandbox_at() as sandbox:
        status, _ = await checked(sandbox, raw_config(sandbox, delisted))
        assert status == "FAILED"
        assert len(sandbox.calls) <= 1 + 3 * 3


async def test_a_delisted_ticker_is_known_but_did_not_trade() -> None:
    async with sandbox_at() as sandbox:
        began, ended = date(2019, 6, 3).toordinal(), date(2026, 1, 2).toordinal()
        gone = next(one.ticker for one in sandbox.market.universe if one.listed < began < one.last < ended)
        status, text = await checked(sandbox, raw_config(sandbox, ["TSLA", gone], start_date="2019-06-03"))
        assert status == "SUCCEEDED"
        assert f"Not seen on 2026-11-19: {gone}." in text
        status, text = await checked(sandbox, raw_config(sandbox, gone, start_date="2019-06-03"))
        assert (status, "history" in text) == ("SUCCEEDED", False)


async def test_a_plan_without_the_endpoint_is_told() -> None:
    async with sandbox_at() as sandbox:
        sandbox.faults.add(Fault(kind="status", match="/grouped/", status=403, body=NOT_ENTITLED, times=None))
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA"))
        assert (status, "does not include daily bars" in text) == ("FAILED", True)


async def test_a_plan_without_the_bars_configured_is_told() -> None:
    async with sandbox_at() as sandbox:
        refused = Fault(kind="status", match="/range/1/minute/", status=403, body=NOT_ENTITLED, times=None)
        sandbox.faults.add(refused)
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA", timespan="minute"))
        assert (status, "does not include bars of 1 minute" in text) == ("FAILED", True)


@pytest.mark.parametrize("match", ["/grouped/", "/range/1/minute/"])
async def test_a_refusal_is_repeated_once_before_it_is_believed(match: str) -> None:
    async with sandbox_at() as sandbox:
        sandbox.faults.add(Fault(kind="status", match=match, status=403, body=NOT_ENTITLED))
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA", timespan="minute"))
        assert status == "SUCCEEDED", text


async def test_a_plan_that_refuses_the_last_sessions_is_told() -> None:
    async with sandbox_at() as sandbox:
        sandbox.faults.add(Fault(kind="status", match="/grouped/", status=403, body=TIMEFRAME, times=None))
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA"))
        assert status == "FAILED"
        assert "refuses the 4 sessions after 2026-11-13 (the plan does not include this timeframe)" in text
        assert "Change the plan" in text


async def test_a_history_that_the_plan_lacks_is_told() -> None:
    async with sandbox_at(plan="basic") as sandbox:
        raw = raw_config(sandbox, "TSLA", start_date="2015-01-02", end_date="2016-01-04")
        status, text = await checked(sandbox, raw)
        assert (status, "no history from 2015-01-02" in text) == ("FAILED", True)


async def test_a_history_that_the_plan_clips_is_told_and_no_failure() -> None:
    async with sandbox_at(plan="basic") as sandbox:
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA", start_date="2015-01-02"))
        assert status == "SUCCEEDED"
        assert "later than start_date 2015-01-02" in text
        assert "2024-11" in text


@pytest.mark.parametrize("tickers", ["TSLA", "*"])
@pytest.mark.parametrize("timespan", ["day", "week"])
async def test_a_history_that_is_there_is_not_spoken_of(tickers: str, timespan: str) -> None:
    async with sandbox_at() as sandbox:
        raw = raw_config(sandbox, tickers, start_date="2026-01-02")
        raw = raw if tickers == "*" else {**raw, "timespan": timespan}
        status, text = await checked(sandbox, raw)
        assert status == "SUCCEEDED"
        assert "history" not in text


async def test_weekends_holidays_and_unpublished_days_are_stepped_over() -> None:
    for day in ("2026-11-22", "2026-11-27"):  # a Sunday, the day after Thanksgiving
        async with sandbox_at(day, unpublished=1) as sandbox:
            status, _ = await checked(sandbox, raw_config(sandbox, "TSLA"))
            assert status == "SUCCEEDED"
            assert len(sandbox.calls) == 2


async def test_a_day_that_is_not_published_yet_is_no_missing_history() -> None:
    async with sandbox_at("2026-11-20", 12, plan="basic") as sandbox:
        raw = raw_config(sandbox, "TSLA", start_date="2026-11-20", timespan="minute")
        assert (await checked(sandbox, raw))[0] == "SUCCEEDED"


async def test_an_api_without_any_bars_is_told() -> None:
    async with sandbox_at(unpublished=30) as sandbox:
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA"))
        assert (status, "no bars of any stock" in text) == ("FAILED", True)


async def test_clocks_that_are_apart_are_told_where_there_are_no_bars() -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        lines = Recorder()
        clock = Clock(start=at("2026-11-20", 6))
        assert await check(CommandContext(clock, lines, Mask()), raw_config(sandbox, "TSLA")) == 0
        [message] = oracle.messages(lines.stdout)
        assert message["connectionStatus"]["message"].endswith(
            "The two clocks are apart: it is 2020-12-22 11:00 UTC by the API's, and 2026-11-20 11:00 UTC by "
            "this machine's. Set the one that is wrong; a sandbox has the option --clock."
        )


async def test_pages_without_a_bar_have_an_end_and_the_text_a_remedy() -> None:
    async with sandbox_at() as sandbox:

        def empty(body: bytes) -> bytes:
            page = orjson.loads(body)
            onward = (
                f"{sandbox.url}/v2/aggs/ticker/TSLA/range/1/day/2020-01-02/2020-12-21?n={len(sandbox.calls)}"
            )
            return orjson.dumps({**page, "results": [], "resultsCount": 0, "next_url": onward})

        sandbox.faults.add(Fault(kind="body", match="/range/", body=empty, times=None))
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA", start_date="2020-01-02"))
        assert (status, len(sandbox.calls)) == ("FAILED", 21)
        assert text.startswith(
            "the API gave 20 pages in a row without rows. Check again later; if this stays so"
        )


async def test_no_network_and_an_outage_are_told_apart() -> None:
    async with sandbox_at() as sandbox:
        sandbox.faults.add(Fault(kind="status", match="/grouped/", status=503, body=b"<html>", times=None))
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA"), speed=100)
        assert (status, "the API answered 503" in text) == ("FAILED", True)
        raw = {**raw_config(sandbox, "TSLA"), "base_url": "http://127.0.0.1:9"}
        status, text = await checked(sandbox, raw, speed=100)
        assert status == "FAILED"
        assert (
            text
            == "No connection to 127.0.0.1:9 (connection refused). Check base_url, and what listens there."
        )


@pytest.mark.parametrize(("retry_after", "calls"), [(None, 10), ("7", 9), ("3600", 1)])
@pytest.mark.fault("429 without an end in check")
async def test_an_allowance_that_others_use_up_is_told_after_some_minutes(
    retry_after: str | None, calls: int
) -> None:
    async with sandbox_at() as sandbox:
        sandbox.faults.add(Fault(kind="429", times=None, retry_after=retry_after))
        status, text = await checked(sandbox, raw_config(sandbox, "TSLA"), speed=2000)
        assert (status, "allowance of this key is used up, by other programs" in text) == ("FAILED", True)
        assert len(sandbox.calls) <= calls


async def test_an_allowance_that_comes_back_is_waited_for() -> None:
    async with sandbox_at() as sandbox:
        sandbox.faults.add(Fault(kind="429", times=2))
        status, _ = await checked(sandbox, raw_config(sandbox, "TSLA"), speed=2000)
        assert (status, len(sandbox.calls)) == ("SUCCEEDED", 3)


async def test_an_address_without_the_api_is_told() -> None:
    async with sandbox_at() as sandbox:
        raw = {**raw_config(sandbox, "TSLA"), "base_url": f"{sandbox.url}/elsewhere"}
        status, text = await checked(sandbox, raw)
        assert (status, "base_url" in text) == ("FAILED", True)


BAD_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"stock_ticker": ""}, "stock_ticker"),
    ({"stock_ticker": "*,TSLA"}, "stock_ticker"),
    ({"stock_ticker": "*", "timespan": "minute"}, "from flat files only"),
    ({"api_key": ""}, "api_key"),
    ({"start_date": "2026-13-01"}, "start_date"),
    ({"end_date": "2020-01-01"}, "end_date"),
    ({"adjusted": "yes"}, "adjusted"),
    ({"multiplier": 0}, "multiplier"),
    ({"timespan": "decade"}, "timespan"),
    ({"requests_per_minute": "many"}, "requests_per_minute"),
    ({"base_url": "ftp://x"}, "base_url"),
]


@pytest.mark.parametrize(("change", "told"), BAD_VALUES)
async def test_a_bad_value_is_a_failed_check_that_names_the_field(change: dict[str, Any], told: str) -> None:
    async with sandbox_at() as sandbox:
        status, text = await checked(sandbox, {**raw_config(sandbox, "TSLA"), **change})
        assert status == "FAILED"
        assert told in text
        assert sandbox.calls == []


async def test_a_warning_of_the_configuration_is_passed_on() -> None:
    async with sandbox_at() as sandbox:
        status, text = await checked(sandbox, {**raw_config(sandbox, "TSLA"), "startdate": "2020-01-02"})
        assert (status, "did you mean start_date?" in text) == ("SUCCEEDED", True)
        assert sandbox.clock.now().astimezone(NEW_YORK).hour == 6
