"""A client that talks to a small sandbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

from support import at, raw_config

from stockticker_async.clock import Clock
from stockticker_async.connector import config
from stockticker_async.marketdata.client import Client, open_client
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.server import serve


@asynccontextmanager
async def talking(**options: Any) -> AsyncIterator[tuple[Sandbox, Client]]:
    async with serve(Options(now=at("2026-11-20"), universe=100, speed=0.0, **options)) as sandbox:
        parsed = config.parse(raw_config(sandbox, "TSLA"), today=date(2026, 11, 20))
        async with open_client(parsed.settings, Clock(start=sandbox.clock.now())) as client:
            yield sandbox, client
