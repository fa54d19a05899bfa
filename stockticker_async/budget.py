"""Bounds the rows that are asked for and not yet put into the output."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class Budget:
    """Bounds the rows that are under way; a single call above the bound goes alone.

    First come, first served: a large call is not overtaken by small ones for ever.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._used = 0
        self._turn = anyio.Lock()
        self._freed = anyio.Event()

    @asynccontextmanager
    async def hold(self, rows: int) -> AsyncIterator[None]:
        """Count the rows as under way for the body, once there is room for them."""
        async with self._turn:
            while self._used and self._used + rows > self._rows:
                self._freed = anyio.Event()
                await self._freed.wait()
            self._used += rows
        try:
            yield
        finally:
            self._used -= rows
            self._freed.set()
