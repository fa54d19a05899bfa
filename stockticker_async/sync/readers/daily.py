"""Reads a `Daily` stream: a call for each ticker and session after its cursor.

What is true of bars is true here: sessions may be answered in any order, `Coverage` tells how far they are
answered without a gap, and a session for which no ticker has anything holds every cursor.
"""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date
from functools import partial

from stockticker_async.errors import BadPageError, ConnectorError, TransientError
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.client import Answer, Client, at_once
from stockticker_async.marketdata.confirmation import asked_twice
from stockticker_async.marketdata.endpoints import ticker_path
from stockticker_async.marketdata.responses import Barred, Missing, Refusal
from stockticker_async.marketdata.rows import Row, decode_rows
from stockticker_async.streams.table import Daily
from stockticker_async.streams.transforms import stream_rows
from stockticker_async.sync.coverage import Coverage
from stockticker_async.sync.failures import Failure, named
from stockticker_async.sync.history import HistoryStart
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.row_stream import Forward, settled, warn
from stockticker_async.sync.windows import Days
from stockticker_async.sync.workers import carry_out


@dataclass(frozen=True, slots=True)
class _Job:
    ticker: str
    session: date
    coverage: Coverage
    place: int
    last: date
    """The last day that the answer covers: closed days after the session belong to it."""


class DailySync:
    """Reads one stream, a call for each ticker and session."""

    def __init__(self, client: Client, job: SyncJob, forward: Forward, daily: Daily, days: Days) -> None:
        self._client = client
        self._job = job
        self._forward = forward
        self._daily = daily
        self._days = days
        self._history = HistoryStart()
        self._quiet: dict[str, int] = {}
        """Tickers, and how many sessions the API has nothing of."""

    async def run(self) -> None:
        """Make the calls. Raises the `ConnectorError` that ends the whole sync, if one does."""
        await carry_out(
            self._jobs(),
            self._ask,
            at_once=self._client.at_once,
            answers=lambda: self._client.answers,
            failed=self._failed,
            pace=self._client.pace,
        )
        if self._quiet:
            worst = sorted(self._quiet, key=lambda name: -self._quiet[name])
            warn(
                self._forward,
                f"the API, asked twice, has nothing of some sessions: {sum(self._quiet.values())}, of "
                f"{named(worst)}.",
            )

    def _jobs(self) -> Iterator[_Job]:
        for ticker, first in self._forward.firsts.items():
            days = sessions_of(first, self._days)
            ends = [day - calendar.DAY for day in days[1:]] + [_last(self._days)]
            coverage = Coverage(ends)
            for place, session in enumerate(days):
                yield _Job(ticker, session, coverage, place, ends[place])

    def _failed(self, job: _Job, error: ConnectorError) -> None:
        self._forward.failures.append(Failure((job.ticker,), error))

    async def _ask(self, job: _Job) -> None:
        if self._history.hides(job.session):
            await self._cover(job, job.last)
            return
        async with self._asked(job.ticker, job.session) as found:
            if isinstance(found, Answer) and found.value:
                await self._take(job, found)
                return
        match found:
            case Answer() | Missing(no_route=False):
                self._quiet[job.ticker] = self._quiet.get(job.ticker, 0) + 1
                await self._cover(job, job.last)
            case Missing():
                self._forward.missing((job.ticker,))
            case Refusal() as refusal:
                await self._refused(job, refusal)

    async def _take(self, job: _Job, found: Answer[list[Row]]) -> None:
        through = min(job.last, settled(self._days, found.moment, self._job.end_date))
        if self._forward.progress is not None and job.session <= through:
            self._forward.progress.see(job.session)
        await self._forward.rows(found.value)
        await self._cover(job, through)

    def _asked(
        self, ticker: str, session: date
    ) -> AbstractAsyncContextManager[Answer[list[Row]] | Refusal | Missing]:
        def decode(body: bytes) -> list[Row]:
            key = self._forward.stream.primary_key
            page = decode_rows(body, "flat")
            rows = stream_rows(page, self._daily.transform, asked=ticker, primary_key=key)
            if any(row["date"] != session.isoformat() for row in rows):
                raise BadPageError("the API answered for another day.")
            return rows

        path = ticker_path(self._daily.path, ticker, session, adjusted=self._job.adjusted)
        ask = partial(self._client.asked, path, at_once(decode))
        # an answer without a row says that there is no such session, as a 404 does
        return asked_twice(ask, lambda found: None if found.value else ())

    async def _refused(self, job: _Job, refusal: Refusal) -> None:
        recent = job.session >= calendar.sessions_back(self._days.settled, 0)
        if refusal.why is not Barred.ENDPOINT and recent:
            pass  # the next sync reads it
        elif refusal.why is Barred.UNPUBLISHED:
            # that it is not over yet cannot be true of a day that is long past
            self._failed(job, TransientError(f"the API says of {job.session}: {refusal.text}"))
        elif refusal.why is Barred.TIMEFRAME:
            await self._look_for_history_start(job)
            if self._history.hides(_last(self._days)):
                self._forward.refused((job.ticker,), refusal)
            else:
                await self._cover(job, job.last)
        else:
            self._forward.refused((job.ticker,), refusal)

    async def _look_for_history_start(self, job: _Job) -> None:
        async def is_given(day: date) -> bool:
            async with self._asked(job.ticker, day) as found:
                return not isinstance(found, Refusal)

        days = sessions_of(job.session, self._days)
        if await self._history.find(days, _last(self._days) + calendar.DAY, is_given):
            warn(
                self._forward,
                f"the plan's history begins on {self._history.day}: nothing before it can be read.",
            )

    async def _cover(self, job: _Job, through: date) -> None:
        reached = job.coverage.answered(job.place, through)
        if reached is not None:
            await self._forward.cover((job.ticker,), reached)


def sessions_of(first: date | None, days: Days) -> list[date]:
    """The sessions of the calendar from ``first`` on, up to the last one that is finished."""
    if first is None:
        return []
    return [day for day in calendar.weekdays(first, _last(days)) if calendar.is_session(day)]


def _last(days: Days) -> date:
    """Today is not asked: its after-hours are not over."""
    return min(days.settled, days.last)
