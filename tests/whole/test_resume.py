"""Interrupted anywhere and resumed: the union of what was written is the truth, exactly."""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import (
    BOTH,
    Interrupted,
    Run,
    assert_protocol,
    at,
    entries,
    made_names,
    raw_config,
    rows_of,
    sync,
    truth,
)

from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.server import serve

NAMES = made_names(41)
FIRST, LAST = "2020-11-02", "2020-12-21"
NOW = at("2020-12-22")
WAYS = (signal.SIGKILL, signal.SIGTERM, signal.SIGPIPE, signal.SIGINT)
FAST = 20_000.0
"""So many seconds pass in one that a state is due with every page."""

cases = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


def cut(run: Run, after: int) -> bytes:
    """What a reader has of it when the program is killed after so many lines, and half of one."""
    lines = run.stdout.splitlines(keepends=True)
    following = lines[after : after + 1]
    return b"".join(lines[:after]) + b"".join(line[: len(line) // 2] for line in following)


def line_at(share: float, run: Run, beginning: bytes) -> int:
    """The place among all lines of the one at this share of those with the beginning."""
    places = [n for n, line in enumerate(run.stdout.splitlines()) if line.startswith(beginning)]
    return places[min(int(share * len(places)), len(places) - 1)]


def whole_lines(output: bytes) -> Run:
    return Run(output[: output.rfind(b"\n") + 1], None)


def assert_whole(sandbox: Sandbox, runs: list[Run], names: list[str], first: str = FIRST) -> None:
    for stream in BOTH:
        assert rows_of(stream, *runs) == truth(sandbox, stream, names, first, LAST)


@cases
@given(
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    tickers=st.sampled_from(["few", "many"]),
    state=st.booleans(),
)
@pytest.mark.long
async def test_killed_in_any_line_nothing_is_lost(shares: list[float], tickers: str, state: bool) -> None:  # noqa: FBT001
    """By range calls where there are few tickers, by sessions where there are many; also in a STATE."""
    few = tickers == "few"
    names = NAMES[:5] if few else NAMES
    first = FIRST if few else "2020-12-14"
    async with serve(Options(now=NOW, universe=60, tickers=tuple(NAMES), page_rows=7)) as sandbox:
        runs: list[Run] = []
        before = b'{"type":"LOG","log":{"level":"INFO","message":"nothing yet"}}\n'
        for share in shares:
            whole = await sync(sandbox, names, start_date=first, before=before, speed=FAST)
            output = cut(whole, line_at(share, whole, b'{"type":"STATE"' if state else b""))
            before += b"\n" + output
            runs.append(whole_lines(output))
        runs.append(await sync(sandbox, names, start_date=first, before=before))
        assert_whole(sandbox, runs, names, first)


@cases
@given(
    points=st.lists(st.integers(1, 300), min_size=1, max_size=4),
    tickers=st.sampled_from(["few", "*"]),
    waiting=st.booleans(),
)
@pytest.mark.long
async def test_interrupted_at_any_line_nothing_is_lost(
    points: list[int],
    tickers: str,
    waiting: bool,  # noqa: FBT001
) -> None:
    async with serve(Options(now=NOW, universe=60, tickers=tuple(NAMES), page_rows=7)) as sandbox:
        asked: Any = "*" if tickers == "*" else NAMES[:5]
        runs: list[Run] = []
        before: Run | None = None
        for point in points:
            lines = Interrupted(point, waiting=waiting)
            before = await sync(
                sandbox, asked, start_date="2020-12-10", before=before, speed=FAST, lines=lines
            )
            runs.append(before)
        runs.append(await sync(sandbox, asked, start_date="2020-12-10", before=before))
        known = [one.ticker for one in sandbox.market.universe if not one.otc]
        assert_whole(sandbox, runs, known if tickers == "*" else NAMES[:5], "2020-12-10")


@cases
@given(
    points=st.lists(st.integers(1, 250), min_size=2, max_size=4),
    split_days=st.lists(st.integers(3, 20), min_size=4, max_size=4, unique=True),
    tickers=st.sampled_from(["few", "*"]),
)
@pytest.mark.long
async def test_splits_that_appear_between_interruptions_move_all_of_the_history(
    points: list[int], split_days: list[int], tickers: str
) -> None:
    async with serve(Options(now=NOW, universe=60, tickers=tuple(NAMES), page_rows=7)) as sandbox:
        asked: Any = "*" if tickers == "*" else NAMES[:5]
        runs: list[Run] = [await sync(sandbox, asked, start_date="2020-12-01")]
        for point, day in zip(points, split_days, strict=False):
            sandbox.add_split(NAMES[day % 5], date(2020, 12, day), 1, 2 + day % 3)
            lines = Interrupted(point)
            runs.append(
                await sync(sandbox, asked, start_date="2020-12-01", before=runs[-1], speed=FAST, lines=lines)
            )
        sandbox.withdraw_split(NAMES[split_days[0] % 5], date(2020, 12, split_days[0]))
        runs.append(await sync(sandbox, asked, start_date="2020-12-01", before=runs[-1]))
        known = [one.ticker for one in sandbox.market.universe if not one.otc]
        assert_whole(sandbox, runs, known if tickers == "*" else NAMES[:5], "2020-12-01")


# The program itself, under a clock so fast that it writes states all the time.


@asynccontextmanager
async def launched(
    arguments: list[str],
) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.StreamReader]]:
    """The program and the end of its pipe, which is closed in the end, as the program is."""
    reading, writing = os.pipe()
    program = (sys.executable, str(Path(__file__).parents[1] / "launch.py"), NOW.isoformat(), "1000")
    process = await asyncio.create_subprocess_exec(*program, *arguments, stdout=writing)
    os.close(writing)
    stream = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb")
    )
    try:
        yield process, stream
    finally:
        transport.close()
        await process.wait()


async def killed(arguments: list[str], way: signal.Signals, *, after: int) -> tuple[bytes, int | None]:
    """What reached the reader of a run that was ended after so many lines, and how it ended."""
    lines: list[bytes] = []
    async with launched(arguments) as (process, stream):
        while len(lines) < after and (line := await stream.readline()):
            lines.append(line)
        if process.returncode is None and way is not signal.SIGPIPE:
            process.send_signal(way)
            lines.append(await stream.read())
    return b"".join(lines), process.returncode


@pytest.mark.long
async def test_killed_eight_times_by_all_ways_and_resumed_from_the_last_state(tmp_path: Path) -> None:
    choice = random.Random(8)  # noqa: S311 - a seed that anyone can repeat
    options = Options(now=NOW, speed=0.0, universe=60, tickers=tuple(NAMES), page_rows=200)
    names = [*NAMES[:39], "TSLA", "AAPL"]
    async with serve(options) as sandbox:
        config = raw_config(sandbox, names, start_date="2017-12-22", max_concurrent_requests=4)
        (tmp_path / "config.json").write_text(json.dumps(config))
        catalog = await anyio.run_process(
            [sys.executable, "-m", "stockticker_async", "catalog", "--incremental"]
        )
        (tmp_path / "catalog.json").write_bytes(catalog.stdout)
        read = [
            "read",
            "--config",
            str(tmp_path / "config.json"),
            "--catalog",
            str(tmp_path / "catalog.json"),
        ]
        state, runs = tmp_path / "before.jsonl", []
        for way in WAYS * 2:
            told = ["--state", str(state)] if state.exists() else []
            output, code = await killed([*read, *told], way, after=choice.randint(1000, 8000))
            assert code == -way
            runs.append(whole_lines(output))
            if b'{"type":"STATE"' in output:
                state.write_bytes(output)
            if way in (signal.SIGTERM, signal.SIGINT):
                assert_protocol(runs[-1], BOTH)
        async with launched([*read, "--state", str(state)]) as (process, stream):
            last = Run(await stream.read(), 0)
        assert process.returncode == 0
        assert_protocol(last, BOTH)
        for stream_name in BOTH:
            wanted = truth(sandbox, stream_name, names, "2017-12-22", LAST)
            assert rows_of(stream_name, *runs, last) == wanted
            assert len(last.records(stream_name)) < len(wanted), "it went on, and did not begin again"
            assert set(last.cursors(stream_name)) == set(names)


def test_a_state_is_read_as_it_was_written() -> None:
    """What `entries` makes of a state, by which these tests judge."""
    blob = {
        "tickers": [
            {"since": "2020-11-02", "date": "2020-12-21", "names": "A=1f,B"},
            {"since": "2020-11-02", "date": "2020-11-01", "names": "C"},
        ]
    }
    assert entries(blob) == {
        "A": ("2020-11-02", "2020-12-21", "1f"),
        "B": ("2020-11-02", "2020-12-21", ""),
        "C": ("2020-11-02", "", ""),
    }
