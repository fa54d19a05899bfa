"""The market data API alone: what its package names, and the script of ten lines in docs/architecture.md."""

import json
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import anyio
import pytest
from loopback import NOON

from stockticker_async import marketdata
from stockticker_async.errors import ConfigError, TransientError
from stockticker_async.marketdata import Asked, Settings, judged_bars, open_client
from stockticker_async.marketdata.client import Client
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

ROOT = Path(marketdata.__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
(SCRIPT,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TELLS_MODULES = (
    "import atexit, sys; atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr)); "
    "exec(compile(sys.argv.pop(1), 'docs/architecture.md', 'exec'))"
)
"""Runs the program in its first argument, and says on stderr what was imported by its end."""
WEEK = Asked("TSLA", date(2020, 12, 14), date(2020, 12, 21))
CLOSES = [648.23, 633.25, 622.77, 655.9, 695.0, 649.86]


async def run(*arguments: str) -> CompletedProcess[bytes]:
    return await anyio.run_process([sys.executable, *arguments], check=False)


@asynccontextmanager
async def talking(**options: Any) -> AsyncIterator[tuple[Sandbox, Client]]:
    async with (
        serve(Options(universe=100, now=NOON, **options)) as sandbox,
        open_client(Settings(sandbox.options.key, sandbox.url)) as client,
    ):
        yield sandbox, client


async def closes(client: Client, asked: Asked = WEEK) -> list[list[float]]:
    return [[bar.c for bar in bars] async for bars in judged_bars(client, asked)]


def wings(imported: Sequence[str]) -> set[str]:
    return {name.split(".")[1] for name in imported if name.startswith("stockticker_async.")}


async def test_the_script_of_the_document_prints_the_bars_and_needs_no_other_wing() -> None:
    async with serve(Options(universe=100, now=NOON)) as sandbox:
        done = await run("-c", TELLS_MODULES, SCRIPT, sandbox.url, sandbox.options.key)
    assert done.returncode == 0, done.stderr[-2000:]
    printed = re.findall(r" c=([\d.]+),", done.stdout.decode())
    assert [float(close) for close in printed] == CLOSES
    assert len(done.stdout.splitlines()) == len(CLOSES)
    imported = done.stderr.decode().splitlines()
    assert "stockticker_async.marketdata.ranges" in imported
    assert wings(imported) == {"marketdata", "errors", "clock"}


async def test_a_name_is_loaded_when_it_is_used_and_not_before() -> None:
    code = (
        "import json, sys; from stockticker_async import marketdata\n"
        "before = list(sys.modules); marketdata.Settings; print(json.dumps([before, list(sys.modules)]))"
    )
    before, after = json.loads((await run("-c", code)).stdout)
    assert not [name for name in before if name.startswith("stockticker_async.marketdata.")]
    assert "stockticker_async.marketdata.settings" in after
    assert "aiohttp" not in after


def test_each_name_is_what_it_says_and_there_is_no_other() -> None:
    for name in marketdata.__all__:
        assert getattr(marketdata, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Bars'"):
        _ = marketdata.Bars


async def test_bars_come_a_page_at_a_time_and_no_page_is_empty() -> None:
    async with talking(page_rows=4) as (_, client):
        assert await closes(client) == [CLOSES[:4], CLOSES[4:]]
        assert await closes(client, Asked("TSLA", date(2020, 12, 19), date(2020, 12, 20))) == []


async def test_what_is_not_said_is_adjusted_bars_of_a_day() -> None:
    day = date(2020, 8, 28)  # the last session before a split of 5:1
    async with talking() as (_, client):
        ((adjusted,),) = await closes(client, Asked("TSLA", day, day))
        ((raw,),) = await closes(client, Asked("TSLA", day, day, adjusted=False))
    assert adjusted == pytest.approx(raw / 5, rel=0.001)


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        ("Your plan doesn't include this data timeframe.", ConfigError, "does not include this timeframe"),
        ("You are not entitled to this data.", ConfigError, "does not include this endpoint"),
        ("Attempted to request today's data before end of day.", TransientError, "not published yet"),
    ],
)
async def test_what_the_plan_refuses_is_an_error_of_whoever_has_to_act(
    said: str, error: type[Exception], told: str
) -> None:
    async with talking() as (sandbox, client):
        body = json.dumps({"status": "NOT_AUTHORIZED", "message": said})
        sandbox.faults.add(Fault(kind="status", status=403, body=body, times=None))
        with pytest.raises(error, match=f"^No bars of TSLA from 2020-12-14 to 2020-12-21: .*{told}"):
            await closes(client)
