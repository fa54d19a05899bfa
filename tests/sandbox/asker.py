"""A sandbox, and a client that asks it and tells everything that came back."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.server import serve

NOON = datetime(2020, 12, 22, 17, tzinfo=UTC)
"""12:00 in New York on a session."""

DAY_BARS = "/v2/aggs/ticker/TSLA/range/1/day/2020-12-14/2020-12-21"
GROUPED = "/v2/aggs/grouped/locale/us/market/stocks"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def page(self) -> Any:
        return orjson.loads(self.body)

    @property
    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.page.get("results") or []
        return rows


@dataclass(frozen=True, slots=True)
class Asker:
    sandbox: Sandbox
    session: aiohttp.ClientSession

    async def get(self, path: str, **query: str) -> Reply:
        """Ask with the right key; a name's `__` stands for a dot."""
        params = {name.replace("__", "."): text for name, text in query.items()}
        return await self.send("GET", path, params=params)

    async def send(self, method: str, path: str, **how: Any) -> Reply:
        how.setdefault("headers", {"Authorization": "Bearer demo-key"})
        async with self.session.request(method, path, **how) as response:
            return Reply(response.status, response.headers, await response.read())

    async def pages(self, path: str, **query: str) -> list[Any]:
        """All pages, following next_url with the key in the header."""
        reply = await self.get(path, **query)
        pages = [reply.page]
        while "next_url" in pages[-1]:
            reply = await self.send("GET", pages[-1]["next_url"])
            pages.append(reply.page)
        return pages

    async def all_rows(self, path: str, **query: str) -> list[dict[str, Any]]:
        return [row for page in await self.pages(path, **query) for row in page.get("results", [])]


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[Asker]:
    """A small sandbox whose clock stands at noon of 2020-12-22, unless told."""
    told = Options(**{"universe": 200, "now": NOON, "speed": 0.0, **options})
    async with serve(told) as sandbox, aiohttp.ClientSession(sandbox.url) as session:
        yield Asker(sandbox, session)
