"""Streams with a call for each ticker, or for each ticker and session."""

import orjson
from row_world import DAY, NAMES, NOW, SINCE, world
from support import Run, advance_days, at, sync

from stockticker_async.clock import Clock
from stockticker_async.sandbox.service.faults import Fault


def paths(run: Run) -> list[str]:
    return [call.path for call in run.calls]


# a call a ticker


async def test_details_of_another_ticker_are_refused() -> None:
    async with world() as sandbox:
        spoil = Fault(kind="body", body=lambda body: body.replace(b'"TSLA"', b'"TSLB"'), times=None)
        sandbox.faults.add(spoil)
        run = await sync(sandbox, ("TSLA", "AAPL"), streams=("ticker_details",))
        assert [row["stock_ticker"] for row in run.records("ticker_details")] == ["AAPL"]
        (error,) = run.errors("ticker_details")
        assert error["message"] == "TSLA: the API answered for another ticker, TSLB."


async def test_details_of_a_delisted_ticker_are_those_of_the_first_day() -> None:
    async with world() as sandbox:
        run = await sync(sandbox, ("TSLA", "NOSUCH"), streams=("ticker_details",), start_date=SINCE)
        assert [row["stock_ticker"] for row in run.records("ticker_details")] == ["TSLA"]
        (error,) = run.errors("ticker_details")
        assert error["message"] == "NOSUCH: the API does not know this ticker; upper and lower case differ."
        asked_for = [(call.path, call.query.get("date")) for call in run.calls if "NOSUCH" in call.path]
        path = "/v3/reference/tickers/NOSUCH"
        assert asked_for == [(path, None), (path, None), (path, SINCE), (path, SINCE)]


async def test_a_ticker_without_events_is_told_and_no_failure() -> None:
    async with world() as sandbox:
        run = await sync(sandbox, ("TSLA", "NOSUCH"), streams=("ticker_events", "related_companies"))
        assert run.code == 0
        assert any("the API has no data for" in text and "NOSUCH" in text for text in run.told("WARN"))


async def test_many_calls_are_told_before_they_are_made() -> None:
    names = [
        f"ZZ{letter}{other}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for other in "ABCDEFGHIJKLMNOPQRST"
    ]
    async with world(tickers=tuple(names), universe=800) as sandbox:
        run = await sync(sandbox, names, streams=("related_companies",), requests_per_minute=1_000_000)
        assert any("related_companies: 520 calls" in text for text in run.told("INFO"))
        # the few without any company related are asked for twice
        assert 520 == len({call.path for call in run.calls}) <= len(run.calls) < 540


# the previous bar


async def test_the_previous_bars_of_many_tickers_are_one_call() -> None:
    async with world() as sandbox:
        run = await sync(sandbox, NAMES, streams=("previous_close",))
        assert {(row["stock_ticker"], row["date"]) for row in run.records("previous_close")} == {
            (name, DAY) for name in NAMES
        }
        assert len(run.calls) == 1
        one = await sync(sandbox, "TSLA", streams=("previous_close",))
        (row,) = one.records("previous_close")
        assert row in run.records("previous_close")
        assert paths(one) == ["/v2/aggs/ticker/TSLA/prev"]


async def test_who_did_not_trade_is_asked_for_alone() -> None:
    async with world() as sandbox:
        run = await sync(sandbox, ("TSLA", "NOSUCH"), streams=("previous_close",))
        assert run.code == 0
        assert paths(run)[1:] == ["/v2/aggs/ticker/NOSUCH/prev"] * 2
        assert any("no bar of NOSUCH" in text for text in run.told("WARN"))


async def test_the_previous_session_may_not_be_published_yet() -> None:
    async with world(unpublished=2) as sandbox:
        run = await sync(sandbox, NAMES, streams=("previous_close",))
        assert {row["date"] for row in run.records("previous_close")} == {"2020-12-17"}


async def test_a_market_without_any_bar_is_an_error() -> None:
    async with world(unpublished=9) as sandbox:
        run = await sync(sandbox, "*", streams=("previous_close", "exchanges"))
        (error,) = run.errors("previous_close")
        assert error["message"] == "the API gives no bars of any stock for the 4 sessions after 2020-12-15."
        assert run.statuses("exchanges")[-1] == "COMPLETE"


async def test_previous_bars_of_another_ticker_are_refused() -> None:
    async with world() as sandbox:
        spoil = Fault(kind="body", body=lambda body: body.replace(b"TSLA", b"tsla"), match="prev", times=None)
        sandbox.faults.add(spoil)
        run = await sync(sandbox, "TSLA", streams=("previous_close",))
        (error,) = run.errors("previous_close")
        assert error["message"] == "TSLA: the API answered for another ticker, tsla."


# a call a ticker and session


async def test_open_and_close_come_for_every_session_once() -> None:
    async with world() as sandbox:
        first = await sync(sandbox, NAMES, streams=("open_close",), start_date="2020-12-10")
        assert len(first.records("open_close")) == 8 * len(NAMES)
        assert set(first.cursors("open_close").values()) == {DAY}
        again = await sync(sandbox, NAMES, streams=("open_close",), before=first, start_date="2020-12-10")
        assert not again.records("open_close")
        assert paths(again) == ["/stocks/v1/splits"]
        advance_days(sandbox, 2)
        later = await sync(sandbox, NAMES, streams=("open_close",), before=first, start_date="2020-12-10")
        assert {row["date"] for row in later.records("open_close")} == {"2020-12-22", "2020-12-23"}


async def test_open_and_close_of_a_split_ticker_are_read_again() -> None:
    async with world() as sandbox:
        first = await sync(sandbox, NAMES, streams=("open_close",), start_date="2020-12-10")
        advance_days(sandbox)
        sandbox.add_split("NFLX", NOW.date(), 1, 2)
        second = await sync(sandbox, NAMES, streams=("open_close",), before=first, start_date="2020-12-10")
        days = {row["date"] for row in second.records("open_close") if row["stock_ticker"] == "NFLX"}
        assert min(days) == "2020-12-10"
        assert len(days) == 9
        assert {row["date"] for row in second.records("open_close") if row["stock_ticker"] != "NFLX"} == {
            "2020-12-22"
        }


async def test_a_session_that_is_not_published_holds_the_cursor() -> None:
    async with world(plan="basic", calls_per_minute=100_000) as sandbox:
        refusal = (
            b'{"status":"NOT_AUTHORIZED","request_id":"1","message":"Attempted to request '
            b"today's data before end of day. Please upgrade.\"}"
        )
        sandbox.faults.add(Fault(kind="status", status=403, body=refusal, match=DAY, times=None))
        run = await sync(sandbox, "TSLA", streams=("open_close",), start_date="2020-12-10")
        assert run.code == 0
        assert run.cursors("open_close") == {"TSLA": "2020-12-18"}


async def test_a_session_that_is_over_by_one_clock_alone_holds_all_cursors() -> None:
    async with world(now=at("2020-12-21", 12)) as sandbox:
        prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
        early = orjson.dumps({"status": "OK", "symbol": "TSLA", "from": "2020-12-21", **prices})
        traded = Fault(
            kind="status", status=200, body=early, match="TSLA/2020-12-21", content_type="application/json"
        )
        nothing = Fault(kind="status", status=404, body=b'{"status": "NOT_FOUND"}', match="AAPL/2020-12-21")
        sandbox.faults.add(traded)
        sandbox.faults.add(nothing)
        run = await sync(
            sandbox,
            ("TSLA", "AAPL"),
            streams=("open_close",),
            clock=Clock(start=NOW),
            start_date="2020-12-14",
        )
        assert "2020-12-21" in {row["date"] for row in run.records("open_close")}
        assert all("2020-12-18" <= cursor < "2020-12-21" for cursor in run.cursors("open_close").values())
        assert len(run.cursors("open_close")) == 2


async def test_sessions_before_the_plans_history_are_passed_over_and_told() -> None:
    async with world(plan="basic", calls_per_minute=100_000, now=at("2026-11-20", 12)) as sandbox:
        run = await sync(
            sandbox, "TSLA", streams=("open_close",), start_date="2024-10-15", end_date="2024-12-10"
        )
        assert min(row["date"] for row in run.records("open_close")) >= "2024-11-19"
        assert run.cursors("open_close") == {"TSLA": "2024-12-10"}
        assert any("the plan's history begins on 2024-11-2" in text for text in run.told("WARN"))
        none = await sync(
            sandbox, "TSLA", streams=("open_close",), start_date="2024-01-02", end_date="2024-01-10"
        )
        (error,) = none.errors("open_close")
        assert "the plan of this key does not include this history: leave the stream out" in error["message"]


async def test_a_ticker_without_sessions_is_told() -> None:
    async with world() as sandbox:
        run = await sync(sandbox, ("TSLA", "NOSUCH"), streams=("open_close",), start_date="2020-12-10")
        assert any("no data for some sessions: 8, of NOSUCH" in text for text in run.told("WARN"))


async def test_another_session_than_the_one_asked_for_is_refused() -> None:
    async with world() as sandbox:
        spoil = Fault(kind="body", body=lambda body: body.replace(b"2020-12-18", b"2020-12-17"), times=None)
        sandbox.faults.add(spoil)
        run = await sync(sandbox, "TSLA", streams=("open_close",), start_date="2020-12-17", adjusted=False)
        (error,) = run.errors("open_close")
        assert error["message"] == "TSLA: the API answered for another day."
        assert run.cursors("open_close") == {"TSLA": "2020-12-17"}
