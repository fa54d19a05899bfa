"""What a sync promises its sinks: a state that is due vouches only for rows that were put before."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from asking import sandbox
from kept import BY_NAME, Kept, client_of, clock_of
from support import entries

from stockticker_async.marketdata.calendar import session_of
from stockticker_async.sync.job import SelectedStream, SyncJob
from stockticker_async.sync.prepare import days_of, prepare
from stockticker_async.sync.progress import SyncProgress
from stockticker_async.sync.run import run
from stockticker_async.sync.sink import Sink

SINCE = date(2020, 11, 2)
NAMES = ("TSLA", "AAPL", "NFLX")


class Judging(Kept):
    """At each state that is due, judges what it vouches for by the rows that came before."""

    states = 0

    async def state_due(self) -> None:
        self.judge()
        await super().state_due()

    def judge(self) -> None:
        self.states += 1
        had: dict[str, set[str]] = {}
        for row in self.found:
            day = row["day"] if "day" in row else session_of(row["t"])
            had.setdefault(row["ticker"], set()).add(str(day))
        for name, (_, cursor, _) in entries(self.state).items():
            if cursor:
                assert cursor in had[name], f"{name} is vouched for up to {cursor}"


@pytest.mark.parametrize("page_rows", [None, 3])
async def test_a_state_never_vouches_for_a_session_whose_rows_were_not_put(page_rows: int | None) -> None:
    job = SyncJob(NAMES, start_date=SINCE)
    kept: list[Judging] = []

    def open_sink(*what: Any) -> Sink:
        kept.append(Judging(*what))
        return kept[-1]

    async with sandbox(page_rows=page_rows) as served:
        days = days_of(clock_of(served), job)
        readings = [
            prepare(open_sink, job, SelectedStream(BY_NAME["stock_prices"], incremental=True), None, days)
        ]
        reach: Callable[..., Any] = lambda _: client_of(served)  # noqa: E731 - as short as it gets
        assert await run(job, reach, readings, days, clock=clock_of(served), progress=SyncProgress())
    (one,) = kept
    one.judge()
    assert one.states > len(NAMES)
    assert {cursor for _, cursor, _ in entries(one.state).values()} == {str(days.settled)}
    assert days.settled - SINCE > timedelta(days=30)
