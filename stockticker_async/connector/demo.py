"""`demo`: runs the commands against the sandbox over HTTP, with no key and no network.

It calls the same operations as the commands. The clocks of the source and the sandbox are set to December
2020, for which the sandbox has the real closing prices of TSLA from Airbyte's tutorial. One day passes before
the second read, which continues from the state of the first.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from stockticker_async.clock import Clock
from stockticker_async.connector import config, state_file
from stockticker_async.connector.check import check
from stockticker_async.connector.command_context import CommandContext, LineOutput
from stockticker_async.connector.discover import discover, table
from stockticker_async.connector.read import read
from stockticker_async.connector.spec import spec
from stockticker_async.connector.stderr import say
from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata import calendar
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.server import serve
from stockticker_async.sync.job import SelectedStream, StreamStates

_BEGINS = datetime(2020, 12, 22, 17, tzinfo=UTC)  # noon in New York
_DAY = timedelta(days=1)
_DEFAULT_TICKERS = ("TSLA", "AAPL")


async def demo(
    context: CommandContext,
    specification: JsonObject,
    streams: Sequence[JsonObject],
    selected: Sequence[SelectedStream],
    tickers: Sequence[str],
) -> int:
    """Write the messages to the output, and a description of each step to stderr. Returns the exit code.

    ``specification``, ``streams`` and ``selected`` come from files that the caller has read.
    """
    names = tuple(name for text in tickers for name in text.split(",") if name) or _DEFAULT_TICKERS
    options = Options(tickers=names, now=_BEGINS)
    async with serve(options) as sandbox:
        narrate = _Narrator(context.output)
        raw = {"stock_ticker": ",".join(names), "api_key": options.key, "base_url": sandbox.url}
        context = CommandContext(Clock(start=_BEGINS), context.output, context.mask)
        await narrate(
            f"The API's imitation listens on {sandbox.url}. Its clock stands in {_BEGINS:%B %Y}. The closing "
            "prices of TSLA in that month are real, all others are invented."
        )
        await narrate("spec: what the configuration holds.")
        await spec(context, specification)
        await narrate(f"check: is {', '.join(names)} there, and does the key work?")
        await check(context, raw)
        if os.isatty(1):
            await narrate("discover: the streams, here as a table. The command itself prints 47 KB of JSON.")
            say("".join(f"{name:18} {text}\n" for name, text in table(streams)))
        else:
            await narrate("discover: the streams.")
            await discover(context, streams)
        await narrate("read: the last seven days of both streams.")
        states, first = await _read(context, raw, selected, {})
        sandbox.clock.advance(_DAY.total_seconds())
        context = CommandContext(Clock(start=_BEGINS + _DAY), context.output, context.mask)
        await narrate("A day passes. read, from the state: the last finished day once more, and what is new.")
        _, second = await _read(context, raw, selected, states)
        await narrate(f"That is all: {len(sandbox.calls)} calls to the API in the whole demo.")
    return first or second


async def _read(
    context: CommandContext,
    raw: JsonObject,
    selected: Sequence[SelectedStream],
    states: StreamStates,
) -> tuple[StreamStates, int]:
    """Read all streams. Returns the states that were written, and the exit code."""
    recorder = _Recorder(context.output)
    parsed = config.parse(raw, today=calendar.new_york_date(context.clock.utc_now()))
    code = await read(CommandContext(context.clock, recorder, context.mask), parsed, selected, states)
    return state_file.find_states(b"".join(recorder.states)), code


class _Narrator:
    """Writes a comment to stderr after all earlier lines are written."""

    def __init__(self, output: LineOutput) -> None:
        self._output = output

    async def __call__(self, text: str) -> None:
        await self._output.drain()
        say(f"\n# {text}\n")


class _Recorder:
    """Passes all lines to the output, and keeps the STATE lines."""

    def __init__(self, output: LineOutput) -> None:
        self.states: list[bytes] = []
        self._output = output

    async def put(self, piece: bytes) -> None:
        self.states += [one + b"\n" for one in piece.splitlines() if one.startswith(b'{"type":"STATE"')]
        await self._output.put(piece)

    async def drain(self) -> None:
        await self._output.drain()
