"""What a plan does not give: history it lacks or clips, days it has not published, splits it withholds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import oracle
import pytest
from support import BARS, BOTH, PRICES, Recorder, at, made_names, raw_config, rows_of, sync, truth

from stockticker_async.clock import Clock
from stockticker_async.connector import catalog, config
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.log import LinesHandler, Mask, to_lines
from stockticker_async.connector.read import preview
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

NAMES = made_names(40)
SELECTED = catalog.parse(catalog.configured(incremental=True))
FORBIDDEN = (
    b'{"status":"NOT_AUTHORIZED","request_id":"1",'
    b'"message":"You are not entitled to this data. Please upgrade."}'
)


@asynccontextmanager
async def sandbox_at(day: str, hour: int = 6, **options: Any) -> AsyncIterator[Sandbox]:
    told: dict[str, Any] = {"universe": 60, "tickers": tuple(NAMES), "speed": 0.0, **options}
    async with serve(Options(now=at(day, hour), **told)) as sandbox:
        yield sandbox


@pytest.mark.long
async def test_sessions_before_the_plan_s_history_are_found_by_bisection() -> None:
    async with sandbox_at("2026-11-20", plan="basic", calls_per_minute=100_000, universe=100) as sandbox:
        run = await sync(sandbox, "*", streams=(PRICES,), start_date="2022-01-03", max_concurrent_requests=1)
        refused = [call for call in run.calls if call.status == 403]
        assert run.code == 0
        assert 1 < len(refused) <= 12
        [told] = [text for text in run.told("WARN") if "history begins" in text]
        assert "2024-11-20" in told
        assert min(day for _, day in rows_of(PRICES, run)) == "2024-11-20"
        assert run.cursors(PRICES) == {"*": "2026-11-19"}


async def test_minute_bars_before_the_plan_s_history_are_passed_over() -> None:
    async with sandbox_at("2026-11-20", plan="basic", calls_per_minute=100_000) as sandbox:
        options: dict[str, Any] = {"start_date": "2024-01-02", "end_date": "2024-12-20", "timespan": "minute"}
        run = await sync(sandbox, "AAPL", streams=(BARS,), max_concurrent_requests=2, **options)
        assert run.code == 0
        assert any("history begins on 2024-11-20" in text for text in run.told("WARN"))
        wanted = truth(sandbox, BARS, ["AAPL"], "2024-11-20", "2024-12-20", bar=(1, "minute"))
        assert rows_of(BARS, run) == wanted
        assert run.cursors(BARS) == {"AAPL": "2024-12-20"}


async def test_a_window_that_the_plan_lacks_whole_is_an_error_in_plain_words() -> None:
    window: dict[str, Any] = {"start_date": "2020-01-02", "end_date": "2021-12-30"}
    async with sandbox_at("2026-11-20", plan="basic", calls_per_minute=100_000) as sandbox:
        asked: list[tuple[str, dict[str, Any]]] = [
            ("AAPL", {}),
            ("*", {"max_concurrent_requests": 1}),
            ("AAPL", {"timespan": "minute"}),
        ]
        for tickers, options in asked:
            run = await sync(sandbox, tickers, **window, **options)
            assert run.code == 1
            for stream in BOTH:
                assert "does not reach back to the days requested" in run.errors(stream)[0]["message"]
                assert run.cursors(stream) == {}


async def test_bars_that_the_plan_lacks_fail_their_stream_alone() -> None:
    async with sandbox_at("2026-11-20") as sandbox:
        sandbox.faults.add(Fault(kind="status", match="/minute/", status=403, body=FORBIDDEN, times=None))
        run = await sync(sandbox, "AAPL", start_date="2026-11-16", timespan="minute")
        assert run.code == 1
        assert run.statuses(PRICES)[-1] == "COMPLETE"
        assert "the plan does not include these bars" in run.errors(BARS)[0]["message"]


async def test_clipping_is_told_when_several_tickers_begin_on_the_same_day() -> None:
    async with sandbox_at("2026-11-20", plan="basic", calls_per_minute=100_000) as sandbox:
        run = await sync(sandbox, NAMES[:3], start_date="2022-01-03", streams=(PRICES,))
        assert any("all begin on 2024-11-20, later than requested" in text for text in run.told("WARN"))
        alone = await sync(sandbox, NAMES[0], start_date="2022-01-03", streams=(PRICES,))
        assert alone.told("WARN") == []


async def test_a_missing_session_in_the_middle_is_told_with_its_count() -> None:
    async with sandbox_at("2026-11-20") as sandbox:
        sandbox.faults.add(Fault(kind="edit", edit="missing", match=f"/{NAMES[1]}/", times=2))
        run = await sync(sandbox, NAMES[:3], start_date="2026-10-01", streams=(PRICES,))
        [told] = run.told("WARN")
        wanted = f"stock_prices: The API has no bars of some of the days asked for {NAMES[1]} (sessions: 1,"
        assert told.startswith(wanted)


async def test_a_split_beyond_the_plan_s_history_names_what_stays_on_the_old_basis() -> None:
    async with sandbox_at("2024-11-20", plan="basic", calls_per_minute=100_000) as sandbox:
        first = await sync(sandbox, NAMES[:2], start_date="2023-01-03", streams=(PRICES,))
        sandbox.clock.set(at("2026-11-20"))
        sandbox.add_split(NAMES[0], date(2026, 11, 9), 1, 2)
        second = await sync(sandbox, NAMES[:2], before=first, start_date="2023-01-03", streams=(PRICES,))
        [told] = [text for text in second.told("WARN") if "stay on the" in text]
        assert f"{NAMES[0]}: nothing before 2024-11-20 was returned this time" in told


async def test_splits_that_cannot_be_had_leave_the_fingerprints_alone() -> None:
    async with sandbox_at("2026-11-20") as sandbox:
        first = await sync(sandbox, "TSLA", start_date="2020-01-02", streams=(PRICES,))
        for fault in (
            Fault(kind="status", match="/splits", status=403, body=FORBIDDEN, times=None),
            Fault(kind="body", match="/splits", body=b"[]", times=None),
        ):
            sandbox.faults.add(fault)
            second = await sync(sandbox, "TSLA", before=first, start_date="2020-01-02", streams=(PRICES,))
            sandbox.faults.clear()
            assert second.code == 0
            assert any("splits cannot be read" in text for text in second.told("WARN"))
            assert second.states(PRICES)[-1] == first.states(PRICES)[-1]
            assert {row["date"] for row in second.records(PRICES)} == {"2026-11-19"}


async def test_a_plan_is_told_and_nothing_asked() -> None:
    async with sandbox_at("2026-11-20") as sandbox:
        clock, lines = Clock(start=sandbox.clock.now()), Recorder()
        to_lines(LinesHandler(lines.offer, Mask()), debug=False)
        for tickers, told in (("TSLA", "1 call"), (NAMES, "4 calls"), ("*", "4 calls")):
            raw = raw_config(sandbox, tickers, start_date="2026-11-16", requests_per_minute=5)
            parsed = config.parse(raw, today=date(2026, 11, 20))
            assert await preview(CommandContext(clock, lines, Mask()), parsed, SELECTED, {}) == 0
            texts = [message["log"]["message"] for message in oracle.messages(lines.stdout)]
            assert any(told in text for text in texts), texts
            lines.pieces.clear()
        assert sandbox.calls == []


async def test_prices_of_the_end_stop_there_and_later_syncs_ask_for_splits_only() -> None:
    async with sandbox_at("2026-11-20") as sandbox:
        options: dict[str, Any] = {"start_date": "2026-10-01", "end_date": "2026-10-30"}
        first = await sync(sandbox, "TSLA", **options)
        again = await sync(sandbox, "TSLA", before=first, **options)
        assert first.cursors(PRICES) == {"TSLA": "2026-10-30"}
        assert [call.path for call in again.calls] == ["/stocks/v1/splits"]
        onward = await sync(sandbox, "TSLA", before=again, start_date="2026-10-01", lookback_days=0)
        assert rows_of(PRICES, first, onward) == truth(sandbox, PRICES, ["TSLA"], "2026-10-01", "2026-11-19")
        assert min(row["date"] for row in onward.records(PRICES)) == "2026-11-02"
