"""How far a sync is: asked of it while it goes on."""

from datetime import date
from typing import Any

from asking import sandbox
from kept import client_of, clock_of, prepared

from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.progress import SyncProgress
from stockticker_async.sync.run import run


def test_before_anything_is_known_there_is_nothing_to_tell() -> None:
    progress = SyncProgress()
    assert (progress.tickers, progress.tickers_done(), progress.calls_planned, progress.calls_made()) == (
        0,
    ) * 4


async def test_when_a_sync_has_ended_all_tickers_are_done_and_all_calls_are_made() -> None:
    job = SyncJob(("TSLA", "AAPL"), start_date=date(2020, 12, 14))
    progress = SyncProgress()
    async with sandbox() as served:
        days, readings = prepared(served, ["stock_prices"], job)

        def reach(_: object) -> Any:
            return client_of(served)

        assert await run(job, reach, readings, days, clock=clock_of(served), progress=progress)
        assert progress.calls_made() == progress.calls_planned == len(served.calls)
    assert (progress.tickers, progress.tickers_done()) == (2, 2)
