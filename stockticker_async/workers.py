"""Carries out calls at the same time: what goes wrong with one is noted, what would with all ends them."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import anyio

from stockticker_async.errors import BadPageError, ConfigError, ConnectorError, OutputError, TransientError

J = TypeVar("J")


async def carry_out(
    jobs: Iterator[J],
    work: Callable[[J], Awaitable[None]],
    *,
    at_once: int,
    failed: Callable[[J, ConnectorError], None],
) -> None:
    """Do the jobs in their order, ``at_once`` at a time; ``failed`` hears of those that fail alone.

    Raises the first `ConnectorError` that would meet every other job, too (a wrong key, an outage, a
    closed output), after the others were cancelled.
    """
    fatal: list[ConnectorError] = []
    async with anyio.create_task_group() as group:

        async def worker() -> None:
            for job in jobs:
                try:
                    await work(job)
                except BadPageError as error:
                    failed(job, error)
                except (ConfigError, TransientError, OutputError) as error:
                    fatal.append(error)
                    group.cancel_scope.cancel()
                except ConnectorError as error:
                    failed(job, error)

        for _ in range(at_once):
            group.start_soon(worker)
    if fatal:
        raise fatal[0]
