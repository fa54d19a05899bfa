"""``*``: the whole market as one ticker, its splits followed by name, and the ways to it and from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from support import BARS, BOTH, PRICES, Rows, advance_days, at, entries, rows_of, sync, truth

from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

FIRST, LAST = "2020-12-14", "2020-12-21"
NOT_ENTITLED = b'{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data. Please upgrade."}'


@asynccontextmanager
async def market_at(day: str, **told: Any) -> AsyncIterator[Sandbox]:
    plain: dict[str, Any] = {"universe": 250, "tickers": ("AAA", "BBB"), "speed": 0.0}
    async with serve(Options(now=at(day), **{**plain, **told})) as sandbox:
        yield sandbox


def whole(sandbox: Sandbox, stream: str, first: str, last: str, *, adjusted: bool = True) -> Rows:
    names = [one.ticker for one in sandbox.market.universe if not one.otc]
    return truth(sandbox, stream, names, first, last, adjusted=adjusted)


async def test_the_whole_market_is_read_exactly_in_a_call_a_session() -> None:
    async with market_at("2020-12-22") as sandbox:
        for adjusted in (True, False):
            run = await sync(sandbox, "*", start_date=FIRST, adjusted=adjusted)
            assert run.code == 0
            assert len(run.calls) == 6 + adjusted, "both streams share them"
            for stream in BOTH:
                wanted = whole(sandbox, stream, FIRST, LAST, adjusted=adjusted)
                assert rows_of(stream, run) == wanted
                assert len(run.records(stream)) == len(wanted)
                assert run.cursors(stream) == {"*": LAST}


async def test_a_split_reads_one_ticker_again_and_a_withdrawn_one_too() -> None:
    async with market_at("2020-12-22") as sandbox:
        runs = [await sync(sandbox, "*", start_date=FIRST)]
        for act in (sandbox.add_split, None):
            if act is not None:
                act("AAA", date(2020, 12, 16), 1, 4)
            else:
                sandbox.withdraw_split("AAA", date(2020, 12, 16))
            runs.append(await sync(sandbox, "*", before=runs[-1], start_date=FIRST, lookback_days=0))
            assert {row["stock_ticker"] for row in runs[-1].records(BARS)} == {"AAA"}
            assert len(runs[-1].calls) == 3, "the splits, twice since they differ, and its history"
            for stream in BOTH:
                assert rows_of(stream, *runs) == whole(sandbox, stream, FIRST, LAST)
        quiet = await sync(sandbox, "*", before=runs[-1], start_date=FIRST, lookback_days=0)
        assert len(quiet.calls) == 1


async def test_a_ticker_whose_history_fails_is_read_again_in_the_next_sync() -> None:
    async with market_at("2020-12-22") as sandbox:
        first = await sync(sandbox, "*", start_date=FIRST)
        sandbox.add_split("AAA", date(2020, 12, 16), 1, 4)
        sandbox.faults.add(Fault(kind="body", transform="html", match="/AAA/", times=3))
        advance_days(sandbox)
        failed = await sync(sandbox, "*", before=first, start_date=FIRST)
        assert failed.code == 1
        assert failed.errors(PRICES)[0]["message"].startswith("AAA: ")
        assert failed.cursors(PRICES) == {"*": "2020-12-22"}, "the market itself went on"
        healed = await sync(sandbox, "*", before=failed, start_date=FIRST)
        assert healed.code == 0
        for stream in BOTH:
            assert rows_of(stream, first, failed, healed) == whole(sandbox, stream, FIRST, "2020-12-22")


async def test_a_failing_session_holds_the_market_there() -> None:
    async with market_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="body", transform="half", match="/2020-12-17", times=3))
        run = await sync(sandbox, "*", start_date=FIRST, max_concurrent_requests=2)
        assert run.code == 1
        assert run.errors(BARS)[0]["message"].startswith("the whole market: ")
        assert run.cursors(BARS) == {"*": "2020-12-16"}
        healed = await sync(sandbox, "*", before=run, start_date=FIRST)
        for stream in BOTH:
            assert rows_of(stream, run, healed) == whole(sandbox, stream, FIRST, LAST)


async def test_from_the_market_to_a_list_what_is_listed_counts_as_read() -> None:
    async with market_at("2020-12-22") as sandbox:
        run = await sync(sandbox, "*", start_date=FIRST)
        advance_days(sandbox)
        listed = await sync(sandbox, "TSLA,AAA", before=run, start_date=FIRST, lookback_days=0)
        for stream in BOTH:
            assert rows_of(stream, listed) == truth(
                sandbox, stream, ["TSLA", "AAA"], "2020-12-22", "2020-12-22"
            )
            assert set(entries(listed.states(stream)[-1])) == {"TSLA", "AAA"}


async def test_from_the_market_to_a_list_an_otc_stock_begins_anew() -> None:
    async with market_at("2020-12-22") as sandbox:
        otc = next(one.ticker for one in sandbox.market.universe if one.otc)
        run = await sync(sandbox, "*", start_date=FIRST)
        assert not any(name == otc for name, _ in rows_of(PRICES, run))
        advance_days(sandbox)
        listed = await sync(sandbox, ["TSLA", otc], before=run, start_date=FIRST, lookback_days=0)
        for stream in BOTH:
            wanted = truth(sandbox, stream, ["TSLA"], "2020-12-22", "2020-12-22")
            wanted |= truth(sandbox, stream, [otc], FIRST, "2020-12-22")
            assert rows_of(stream, listed) == wanted
        assert len(listed.paths("/grouped/")) == 1, "for both streams"
        assert [otc in text for text in listed.told("WARN") if "OTC" in text] == [True, True]
        advance_days(sandbox)
        onward = await sync(sandbox, ["TSLA", otc], before=listed, start_date=FIRST, lookback_days=0)
        assert onward.paths("/grouped/") == []


async def test_from_the_market_with_otc_to_a_list_all_of_it_counts_as_read() -> None:
    async with market_at("2020-12-22") as sandbox:
        otc = next(one.ticker for one in sandbox.market.universe if one.otc)
        run = await sync(sandbox, "*", start_date=FIRST, include_otc=True)
        listed = await sync(sandbox, ["TSLA", otc], before=run, start_date=FIRST, lookback_days=0)
        assert listed.records(PRICES) == []
        assert listed.paths("/aggs/") == []
        without = await sync(sandbox, "*", before=run, start_date=FIRST, lookback_days=0)
        assert without.paths("/aggs/") == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="body", transform="half", match="/grouped/", times=3),
        Fault(kind="status", status=403, match="/grouped/"),
    ],
)
async def test_where_it_cannot_be_told_what_the_market_left_out_all_of_the_list_begins_anew(
    fault: Fault,
) -> None:
    async with market_at("2020-12-22") as sandbox:
        run = await sync(sandbox, "*", start_date=FIRST)
        sandbox.faults.add(replace(fault, body=NOT_ENTITLED))
        listed = await sync(sandbox, "TSLA", before=run, start_date=FIRST)
        assert listed.code == 0
        assert rows_of(BARS, listed) == truth(sandbox, BARS, ["TSLA"], FIRST, LAST)


async def test_from_a_list_to_the_market_all_begins_anew() -> None:
    async with market_at("2020-12-22") as sandbox:
        listed = await sync(sandbox, "TSLA,AAA", start_date=FIRST)
        run = await sync(sandbox, "*", before=listed, start_date=FIRST)
        for stream in BOTH:
            assert rows_of(stream, run) == whole(sandbox, stream, FIRST, LAST)
            assert set(entries(run.states(stream)[-1])) == {"*"}


async def test_holidays_cost_a_call_and_hold_nothing() -> None:
    async with market_at("2020-12-29") as sandbox:
        run = await sync(sandbox, "*", start_date="2020-12-24")
        assert [path[-10:] for path in sorted(run.paths("/grouped/"))] == [
            "2020-12-24",
            "2020-12-25",
            "2020-12-28",
        ]
        assert run.cursors(PRICES) == {"*": "2020-12-28"}
        assert rows_of(PRICES, run) == whole(sandbox, PRICES, "2020-12-24", "2020-12-28")


@pytest.mark.long
async def test_history_before_the_plan_s_is_bisected_once_by_all_workers_together() -> None:
    async with market_at("2020-12-22", plan="basic", calls_per_minute=100_000, universe=60) as sandbox:
        run = await sync(sandbox, "*", start_date="2018-01-02", streams=(PRICES,), max_concurrent_requests=4)
        refusals = sum(call.status == 403 for call in run.calls)
        # each worker's first session, and the half of some ten tries of the bisection
        assert refusals <= 4 + 10
        assert len([text for text in run.told("WARN") if "history begins on" in text]) == 1
        assert rows_of(PRICES, run) == whole(sandbox, PRICES, "2018-12-24", LAST)
        assert run.cursors(PRICES) == {"*": LAST}
