"""Reads a `Daily` stream: one call for each ticker and session after the cursor.

As for bars, sessions are answered in any order, `Coverage` finds how far they are answered without a gap, and
a session without data for any ticker holds every cursor.
"""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from datetime import date
from functools import partial

import msgspec

from stockticker_async.errors import BadPageError, ConnectorError, TransientError
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.client import Answer, Client, at_once
from stockticker_async.marketdata.confirmation import asked_twice
from stockticker_async.marketdata.endpoints import ticker_path
from stockticker_async.marketdata.responses import Missing, Refusal, RefusalReason
from stockticker_async.marketdata.rows import Row, decode_rows
from stockticker_async.streams.table import Daily
from stockticker_async.streams.transforms import stream_rows
from stockticker_async.sync.coverage import Coverage
from stockticker_async.sync.failures import Failure, name_list
from stockticker_async.sync.history import HistoryStart, contradiction
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.row_stream import RowStream, settled, warn
from stockticker_async.sync.windows import Days
from stockticker_async.sync.workers import carry_out


class _SessionCall(msgspec.Struct, frozen=True):
    ticker: str
    session: date
    coverage: Coverage
    place: int
    last: date
    """The last day that the answer covers, including closed days after the session."""


class DailySync:
    """Reads one stream, a call for each ticker and session."""

    def __init__(self, client: Client, job: SyncJob, row_stream: RowStream, daily: Daily, days: Days) -> None:
        self._client = client
        self._job = job
        self._row_stream = row_stream
        self._daily = daily
        self._days = days
        self._history = HistoryStart()
        self._first_given = date.max
        """The first session of any ticker that was answered with a row."""
        self._quiet: dict[str, int] = {}
        """The number of sessions without data, by ticker."""
        self._not_given: set[str] = set()
        """Tickers with a session that was not given: without data, or before the plan's history."""

    async def run(self) -> None:
        """Make the calls. Raises a `ConnectorError` that ends the whole sync."""
        await carry_out(
            self._session_calls(),
            self._ask,
            at_once=self._client.at_once,
            answers=lambda: self._client.answers,
            failed=self._failed,
            pace=self._client.pace,
        )
        if self._quiet:
            worst = sorted(self._quiet, key=lambda name: -self._quiet[name])
            warn(
                self._row_stream,
                f"the API, asked twice, has no data for some sessions: {sum(self._quiet.values())}, of "
                f"{name_list(worst)}.",
            )
        again = () if self._row_stream.cursors is None else self._row_stream.cursors.start.again
        if old := [name for name in again if name in self._not_given]:
            warn(
                self._row_stream,
                f"{name_list(old)}: some sessions were not returned this time. Their older rows stay on the "
                "basis from before the split.",
            )

    def _session_calls(self) -> Iterator[_SessionCall]:
        for ticker, first in self._row_stream.firsts.items():
            days = sessions_of(first, self._days)
            ends = [day - calendar.DAY for day in days[1:]] + [_last(self._days)]
            coverage = Coverage(ends)
            for place, session in enumerate(days):
                yield _SessionCall(ticker, session, coverage, place, ends[place])

    def _failed(self, call: _SessionCall, error: ConnectorError) -> None:
        self._row_stream.failures.append(Failure((call.ticker,), error))

    async def _ask(self, call: _SessionCall) -> None:
        if self._history.hides(call.session):
            await self._pass_over(call)
            return
        async with self._asked(call.ticker, call.session) as found:
            if isinstance(found, Answer) and found.value:
                await self._take(call, found)
                return
        match found:
            case Answer() | Missing(no_route=False):
                self._quiet[call.ticker] = self._quiet.get(call.ticker, 0) + 1
                await self._pass_over(call)
            case Missing():
                self._row_stream.missing((call.ticker,))
            case Refusal() as refusal:
                await self._refused(call, refusal)

    async def _take(self, call: _SessionCall, found: Answer[list[Row]]) -> None:
        through = min(call.last, settled(self._days, found.moment, self._job.end_date))
        if self._row_stream.cursors is not None and call.session <= through:
            self._row_stream.cursors.see(call.session)
        self._first_given = min(self._first_given, call.session)
        await self._row_stream.rows(found.value)
        await self._cover(call, through)

    def _asked(
        self, ticker: str, session: date
    ) -> AbstractAsyncContextManager[Answer[list[Row]] | Refusal | Missing]:
        def decode(body: bytes) -> list[Row]:
            key = self._row_stream.stream.primary_key
            page = decode_rows(body, "flat")
            rows = stream_rows(page, self._daily.transform, asked=ticker, primary_key=key)
            if any(row["date"] != session.isoformat() for row in rows):
                raise BadPageError("the API answered for another day.")
            return rows

        path = ticker_path(self._daily.path, ticker, session, adjusted=self._job.adjusted)
        ask = partial(self._client.asked, path, at_once(decode))
        # an answer without a row means the same as a 404: no such session
        confirmed = self._row_stream.confirmed_refusals
        return asked_twice(ask, lambda found: None if found.value else (), confirmed=confirmed)

    async def _refused(self, call: _SessionCall, refusal: Refusal) -> None:
        recent = call.session >= calendar.sessions_back(self._days.settled, 0)
        if refusal.why is not RefusalReason.ENDPOINT and recent:
            pass  # the next sync reads it
        elif refusal.why is RefusalReason.UNPUBLISHED:
            # a day that is long past cannot be unpublished
            self._failed(call, TransientError(f"the API says of {call.session}: {refusal.text}"))
        elif refusal.why is RefusalReason.TIMEFRAME and call.session > self._first_given:
            self._failed(call, contradiction(call.session, self._first_given))
        elif refusal.why is RefusalReason.TIMEFRAME:
            await self._look_for_history_start(call)
            if self._history.hides(_last(self._days)):
                self._row_stream.refused((call.ticker,), refusal)
            elif self._history.hides(call.session):
                await self._pass_over(call)
            else:
                self._failed(call, contradiction(call.session, self._history.day or call.session))
        else:
            self._row_stream.refused((call.ticker,), refusal)

    async def _look_for_history_start(self, call: _SessionCall) -> None:
        async def is_given(day: date) -> bool:
            async with self._asked(call.ticker, day) as found:
                return not isinstance(found, Refusal)

        days = sessions_of(call.session, self._days)
        after = _last(self._days) + calendar.DAY
        earliest = sessions_of(self._row_stream.firsts[call.ticker], self._days)[0]
        if await self._history.find(call.session, days, after, is_given, earliest=earliest):
            warn(
                self._row_stream,
                f"the plan's history begins on {self._history.day}: nothing before it can be read.",
            )

    async def _pass_over(self, call: _SessionCall) -> None:
        """Cover a session that the API does not give."""
        self._not_given.add(call.ticker)
        await self._cover(call, call.last)

    async def _cover(self, call: _SessionCall, through: date) -> None:
        reached = call.coverage.answered(call.place, through)
        if reached is not None:
            await self._row_stream.cover((call.ticker,), reached)


def sessions_of(first: date | None, days: Days) -> list[date]:
    """Return the sessions of the calendar from ``first`` to the last finished one, both included."""
    if first is None:
        return []
    return [day for day in calendar.weekdays(first, _last(days)) if calendar.is_session(day)]


def _last(days: Days) -> date:
    """Return the last day to read. Today is not read: its after-hours trading is not over."""
    return min(days.settled, days.last)
