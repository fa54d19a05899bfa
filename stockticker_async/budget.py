"""Bounds the rows that are asked for and not yet put into the output."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class Budget:
    """Bounds the rows that are under way; a single call above the bound goes alone."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._used = 0
        self._condition = anyio.Condition()

    @asynccontextmanager
    async def hold(self, rows: int) -> AsyncIterator[None]:
        async with self._condition:
            while self._used and self._used + rows > self._rows:
                await self._condition.wait()
            self._used += rows
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                async with self._condition:
                    self._used -= rows
                    self._condition.notify_all()
