"""A small market whose clock stands still, and tickers of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from support import at

from stockticker_async.sandbox.data.universe import Listing
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.server import serve

# tickers of every market of the sandbox
ORDINARY = ("TSLA", "AAPL", "AAA")


@asynccontextmanager
async def sandbox_at(day: str, hour: int = 6, **options: Any) -> AsyncIterator[Sandbox]:
    """A small market whose clock stands still on that morning in New York."""
    told: dict[str, Any] = {"universe": 60, "tickers": ("AAA", "BBB"), "speed": 0.0, **options}
    async with serve(Options(now=at(day, hour), **told)) as sandbox:
        yield sandbox


def name_with(sandbox: Sandbox, promise: Callable[[Listing], bool]) -> str:
    """The first made ticker of which ``promise`` is true."""
    return next(one.ticker for one in sandbox.market.universe if one.made and promise(one))
