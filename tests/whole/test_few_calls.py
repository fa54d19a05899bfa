"""How little a sync asks: in step, for the whole market, under an allowance, after splits."""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, time
from typing import Any

import anyio
import pytest
from support import (
    BARS,
    BOTH,
    PRICES,
    Recorder,
    Run,
    at,
    entries,
    made_names,
    raw_config,
    rows_of,
    sync,
    truth,
)

from stockticker_async.clock import Clock
from stockticker_async.connector import catalog, config
from stockticker_async.connector.check import check
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.log import Mask
from stockticker_async.connector.read import preview
from stockticker_async.marketdata.calendar import NEW_YORK
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Call, Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

NAMES = made_names(500)


@asynccontextmanager
async def sandbox_at(day: str, hour: int = 6, **options: Any) -> AsyncIterator[Sandbox]:
    asked: dict[str, Any] = {"universe": 700, "speed": 0.0, **options}
    async with serve(Options(now=at(day, hour), **asked)) as sandbox:
        yield sandbox


def busiest_minute(calls: Iterable[Call]) -> int:
    """The most calls that arrived in any rolling minute of the sandbox's clock."""
    times = sorted(call.at for call in calls)
    return max(sum(1 for other in times if one <= other < one + 60) for one in times)


def refused(run: Run) -> int:
    return sum(call.status == 429 for call in run.calls)


async def test_500_tickers_in_step_and_one_new_session_are_three_calls() -> None:
    async with sandbox_at("2026-11-19", tickers=tuple(NAMES)) as sandbox:
        first = await sync(sandbox, NAMES, start_date="2026-11-16")
        sandbox.clock.set(at("2026-11-20"))
        second = await sync(sandbox, NAMES, before=first, start_date="2026-11-16")
        assert len(second.calls) <= 3
        assert len(second.paths("/splits")) == 1
        for stream in BOTH:
            assert rows_of(stream, second) == truth(sandbox, stream, NAMES, "2026-11-18", "2026-11-19")
            assert set(second.cursors(stream).values()) == {"2026-11-19"}


async def test_the_whole_market_costs_a_call_a_session_and_the_splits() -> None:
    async with sandbox_at("2026-11-20", universe=12_000) as sandbox:
        run = await sync(sandbox, "*", start_date="2026-11-13", streams=(PRICES,))
        assert len(run.paths("/grouped/")) == len(set(run.paths("/grouped/"))) == 5
        assert len(run.calls) - 5 == len(run.paths("/splits")) <= 2
        rows = rows_of(PRICES, run)
        sessions = {day for _, day in rows}
        assert sessions == {f"2026-11-{day}" for day in (13, 16, 17, 18, 19)}
        for ticker in ("TSLA", "AAPL", "BRK.B"):
            wanted = truth(sandbox, PRICES, [ticker], "2026-11-13", "2026-11-19")
            assert {key: row for key, row in rows.items() if key[0] == ticker} == wanted
        assert run.cursors(PRICES) == {"*": "2026-11-19"}


@pytest.mark.parametrize("allowance", [None, 5])
async def test_the_free_plan_s_allowance_is_learned_or_kept_and_nothing_fails(allowance: int | None) -> None:
    speed = 900.0
    async with sandbox_at("2026-11-19", plan="basic", speed=speed, tickers=tuple(NAMES)) as sandbox:
        options: dict[str, Any] = {"start_date": "2026-11-09", "requests_per_minute": allowance}
        first = await sync(sandbox, NAMES, speed=speed, **options)
        sandbox.clock.set(at("2026-11-20"))
        second = await sync(sandbox, NAMES, before=first, speed=speed, **options)
        assert (first.code, second.code) == (0, 0)
        assert rows_of(PRICES, first, second) == truth(sandbox, PRICES, NAMES, "2026-11-09", "2026-11-19")
        for run in (first, second):
            if allowance is None:
                assert refused(run) <= 4
            else:
                assert refused(run) == 0
                assert busiest_minute(run.calls) <= allowance


@pytest.mark.parametrize("allowance", [None, 5])
async def test_the_whole_market_fits_the_free_plan(allowance: int | None) -> None:
    speed = 900.0
    async with sandbox_at("2026-11-20", plan="basic", speed=speed) as sandbox:
        run = await sync(
            sandbox,
            "*",
            speed=speed,
            start_date="2026-11-02",
            requests_per_minute=allowance,
            streams=(PRICES,),
        )
        assert run.code == 0
        assert len(run.paths("/grouped/")) - refused(run) == 14
        if allowance is None:
            assert refused(run) <= 4
        else:
            assert refused(run) == 0
            assert busiest_minute(run.calls) <= allowance


async def test_a_wait_for_the_allowance_is_told_with_its_end() -> None:
    speed = 900.0
    async with sandbox_at("2026-11-20", plan="basic", speed=speed, tickers=tuple(NAMES[:8])) as sandbox:
        run = await sync(
            sandbox, NAMES[:8], speed=speed, start_date="2025-01-02", adjusted=False, requests_per_minute=5
        )
        reasons = [
            message["trace"]["stream_status"]["reasons"]
            for message in run.messages
            if "reasons" in message.get("trace", {}).get("stream_status", {})
        ]
        assert reasons
        for [reason] in reasons:
            assert reason["type"] == "RATE_LIMITED"
            assert reason["rate_limited"]["quota_reset"] > 0


async def test_a_storm_of_refusals_for_ten_minutes_is_survived() -> None:
    speed = 1200.0
    async with sandbox_at("2026-11-19", speed=speed, tickers=tuple(NAMES[:40])) as sandbox:
        async with anyio.create_task_group() as group:
            group.start_soon(_storm, sandbox, 600 / speed)
            run = await sync(sandbox, NAMES[:40], speed=speed, start_date="2025-11-19", adjusted=False)
        assert run.code == 0
        assert rows_of(PRICES, run) == truth(
            sandbox, PRICES, NAMES[:40], "2025-11-19", "2026-11-18", adjusted=False
        )
        # the first call at once is one of four; after them at most three more in the storm
        assert refused(run) <= 7


async def _storm(sandbox: Sandbox, real_seconds: float) -> None:
    sandbox.faults.add(Fault(kind="429", match="/range/"))
    await anyio.sleep(real_seconds)
    sandbox.faults.clear()


async def test_a_split_of_the_past_moves_exactly_its_ticker() -> None:
    chosen = NAMES[123]
    async with sandbox_at("2026-11-19", tickers=tuple(NAMES)) as sandbox:
        first = await sync(sandbox, NAMES, start_date="2026-09-01")
        sandbox.clock.set(at("2026-11-20"))
        sandbox.add_split(chosen, date(2026, 10, 5), 1, 4)
        second = await sync(sandbox, NAMES, before=first, start_date="2026-09-01")
        _moved(sandbox, second, chosen, "2026-11-18", "2026-11-19")
        sandbox.clock.set(at("2026-11-21"))
        sandbox.withdraw_split(chosen, date(2026, 10, 5))
        third = await sync(sandbox, NAMES, before=second, start_date="2026-09-01")
        _moved(sandbox, third, chosen, "2026-11-19", "2026-11-20")
        sandbox.clock.set(at("2026-11-24"))
        fourth = await sync(sandbox, NAMES, before=third, start_date="2026-09-01")
        assert len(fourth.calls) <= 4, "its history is read once more, on a later day"
        sandbox.clock.set(at("2026-11-25"))
        fifth = await sync(sandbox, NAMES, before=fourth, start_date="2026-09-01")
        assert len(fifth.calls) <= 3
        for stream in BOTH:
            wanted = truth(sandbox, stream, NAMES, "2026-09-01", "2026-11-24")
            assert rows_of(stream, first, second, third, fourth, fifth) == wanted


def _moved(sandbox: Sandbox, run: Run, chosen: str, first: str, last: str) -> None:
    """All tickers have the fresh sessions; the chosen one has its whole history; a WARN says so."""
    assert run.code == 0
    assert len(run.calls) <= 5
    assert any(chosen in text and "read again" in text for text in run.told("WARN"))
    for stream in BOTH:
        others = truth(sandbox, stream, [name for name in NAMES if name != chosen], first, last)
        history = truth(sandbox, stream, [chosen], "2026-09-01", last)
        assert rows_of(stream, run) == others | history
        before_records = run.states(stream)[0]
        assert entries(before_records)[chosen][1] == "", "its entry goes out without a cursor first"


async def test_a_split_of_today_is_read_today_and_when_it_has_settled_and_once_more() -> None:
    names = NAMES[:3]
    async with sandbox_at("2026-11-17", tickers=tuple(names)) as sandbox:
        sandbox.add_split(names[0], date(2026, 11, 18), 1, 2)
        runs = [await sync(sandbox, names, start_date="2026-11-02")]
        for day, again in (
            ("2026-11-18", True),
            ("2026-11-19", True),
            ("2026-11-20", True),
            ("2026-11-21", False),
        ):
            sandbox.clock.set(at(day))
            runs.append(await sync(sandbox, names, before=runs[-1], start_date="2026-11-02"))
            dates = {row["date"] for row in runs[-1].records(PRICES) if row["stock_ticker"] == names[0]}
            assert ("2026-11-02" in dates) is again, day
        assert rows_of(PRICES, *runs) == truth(sandbox, PRICES, names, "2026-11-02", "2026-11-20")


async def test_the_whole_market_reads_a_split_ticker_again_by_its_name() -> None:
    async with sandbox_at("2026-11-19") as sandbox:
        first = await sync(sandbox, "*", start_date="2026-11-02", streams=(PRICES,))
        sandbox.clock.set(at("2026-11-20"))
        sandbox.add_split("IBM", date(2026, 11, 9), 1, 2)
        second = await sync(sandbox, "*", before=first, start_date="2026-11-02", streams=(PRICES,))
        assert [path for path in second.paths("/range/") if "/IBM/" not in path] == []
        wanted = truth(sandbox, PRICES, ["IBM", "TSLA"], "2026-11-02", "2026-11-19")
        rows = rows_of(PRICES, first, second)
        assert {key: row for key, row in rows.items() if key[0] in ("IBM", "TSLA")} == wanted
        third = await sync(sandbox, "*", before=second, start_date="2026-11-02", streams=(PRICES,))
        assert third.paths("/range/") == []


CHANGES: Sequence[dict[str, Any]] = (
    {"adjusted": False},
    {"start_date": "2026-10-01"},
    {"timespan": "week"},
)


@pytest.mark.parametrize("change", CHANGES)
async def test_what_makes_the_state_wrong_is_noticed_and_read_again(change: dict[str, Any]) -> None:
    names = ["TSLA", "NVDA"]
    options: dict[str, Any] = {"start_date": "2026-11-02", "end_date": "2026-11-14"}
    async with sandbox_at("2026-11-19") as sandbox:
        first = await sync(sandbox, names, streams=(BARS,), **options)
        second = await sync(sandbox, names, streams=(BARS,), before=first, **{**options, **change})
        assert any("read again" in text for text in second.told("WARN"))
        assert all(cursor == "" for _, cursor, _ in entries(second.states(BARS)[0]).values())
        wanted = truth(
            sandbox,
            BARS,
            names,
            change.get("start_date", "2026-11-02"),
            "2026-11-14",
            adjusted=change.get("adjusted", True),
            bar=(1, change.get("timespan", "day")),
        )
        assert rows_of(BARS, second) == wanted


async def test_a_later_start_date_reads_nothing_again() -> None:
    async with sandbox_at("2026-11-19") as sandbox:
        first = await sync(sandbox, "TSLA", start_date="2020-01-02")
        second = await sync(sandbox, "TSLA", before=first, start_date="2026-11-02", lookback_days=0)
        assert second.records(PRICES) == []
        assert len(second.paths("/range/")) == 0
        assert entries(second.states(PRICES)[-1])["TSLA"][:2] == ("2026-11-02", "2026-11-18")


async def test_the_states_of_a_long_history_are_a_small_part_of_its_bytes() -> None:
    # 10 tickers x 20 years: measured 0.0 % aside the last state of each stream
    names = NAMES[:10]
    async with sandbox_at("2026-11-19", tickers=tuple(names)) as sandbox:
        # a state is due every five seconds, which a busy machine must not fill with less work
        run = await sync(sandbox, names, start_date="2006-11-20", speed=0.25)
        lines = run.stdout.splitlines()
        states = [line for line in lines if line.startswith(b'{"type":"STATE"')]
        assert len(states) - len(BOTH) <= 2
        assert sum(map(len, states[: -len(BOTH)])) <= 0.05 * len(run.stdout)


@pytest.mark.parametrize("adjusted", [True, False])
@pytest.mark.parametrize("bar", [(1, "minute"), (5, "minute"), (1, "hour"), (30, "second"), (1, "week")])
async def test_bars_of_every_size_cost_the_calls_that_were_said(
    bar: tuple[int, str],
    adjusted: bool,  # noqa: FBT001 - a case
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, last = ("2026-11-02", "2026-11-06") if bar[1] == "second" else ("2026-06-15", "2026-11-06")
    options: dict[str, Any] = {"start_date": first, "end_date": last, "adjusted": adjusted}
    options |= {"multiplier": bar[0], "timespan": bar[1]}
    async with sandbox_at("2026-11-19", tickers=("ZQQ",)) as sandbox:
        names = "TSLA,ZQQ,BRK.A"
        checked, planned = await said(sandbox, names, options, caplog)
        run = await sync(sandbox, names, streams=(BARS,), **options)
        assert run.code == 0
        assert (checked, planned) == (len(run.paths("/range/")),) * 2
        if bar == (1, "minute"):
            _nearly_full(row for row in run.records(BARS) if row["stock_ticker"] == "TSLA")


async def said(
    sandbox: Sandbox, names: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> tuple[int, int]:
    """The calls for bars that `check` and `read --plan` tell beforehand."""
    raw, lines = raw_config(sandbox, names, **options), Recorder()
    shell = CommandContext(Clock(start=sandbox.clock.now(), speed=0), lines, Mask())
    assert await check(shell, raw) == 0
    parsed = config.parse(raw, today=sandbox.clock.today())
    caplog.clear()
    with caplog.at_level("INFO"):
        await preview(shell, parsed, catalog.parse(catalog.configured([BARS], incremental=True)), {})
    checked = re.search(rb"takes about (\d+) call", lines.stdout)
    planned = re.search(r"stock_bars: (\d+) call", caplog.text)
    assert checked is not None
    assert planned is not None
    return int(checked[1]), int(planned[1])


def _nearly_full(rows: Iterable[dict[str, Any]]) -> None:
    """What makes pages full: a stock that trades much has bars of nearly all of the extended hours."""
    sessions: dict[str, list[time]] = {}
    for row in rows:
        moment = datetime.fromisoformat(row["timestamp"]).astimezone(NEW_YORK)
        sessions.setdefault(row["date"], []).append(moment.time())
    for times in sessions.values():
        assert min(times) < time(4, 30)
        assert max(times) >= time(19, 30)
        assert len(times) > 800
