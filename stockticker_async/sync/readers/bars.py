"""Makes the calls of a call plan concurrently; records in whole pages, then the cursors.

Theory of operation
-------------------
A `BarsSync` reads bars of one size for all streams of this size, so that one answer serves several
streams. `range_slices` reads ranges, `session_slices` reads sessions, `refusals` handles refusals of the
subscription plan, and `unproven` covers answered days. `file_slices` reads the flat files that are published
(`file_calls`). Invariants:

- A page becomes records only after the whole page was validated, and a cursor moves only after the
  records of the page were put on the output. If the program is killed between two lines, the last
  written STATE covers only written records.
- The calls of a ticker are answered in any order. `Coverage` finds how far they are answered without
  a gap; days beyond that are not covered.
- A day is covered only if it had settled by this machine's clock when the sync began, and by the API's
  clock when it answered.
- An error of one ticker or session is noted in `failures`, and the others continue. An error that
  concerns all calls (the key, the network) ends the sync.
- The bytes of all answers under way are bounded: see `body_budget`.
"""

import logging
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.client import Client
from stockticker_async.marketdata.settings import FlatFiles
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.failures import Failure, name_list
from stockticker_async.sync.job import WHOLE_MARKET, SyncJob
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.range_slices import RangeReader
from stockticker_async.sync.readers.refusals import PlanRefusals
from stockticker_async.sync.readers.session_slices import SessionReader
from stockticker_async.sync.readers.slices import (
    FileSlice,
    RangeSlice,
    SessionCalls,
    SessionSlice,
    Slice,
    calls_of,
    slices_of,
)
from stockticker_async.sync.readers.unproven import UnprovenTickers
from stockticker_async.sync.session_sizes import SessionSizes
from stockticker_async.sync.windows import BarStream, Days, first_days, shared_call_plan
from stockticker_async.sync.workers import carry_out

if TYPE_CHECKING:
    from stockticker_async.sync.readers.files import FilesAccess

_log = logging.getLogger(__name__)


class BarsSync:
    """Reads bars of one size for its streams."""

    def __init__(
        self, client: Client, job: SyncJob, bar: BarSize, streams: Sequence[BarStream], days: Days
    ) -> None:
        self._family = BarFamily(client, job, bar, streams, days)
        self._files: FilesAccess | None = None

    @property
    def failures(self) -> list[Failure]:
        """The failures of single tickers so far."""
        return self._family.failures

    def plan(self, allowance: int | None) -> CallPlan:
        """Return the calls for the days that the streams still have to read."""
        family = self._family
        return shared_call_plan(family.job, family.bar, family.streams, family.days, allowance=allowance)

    async def sessions(self, call_plan: CallPlan) -> SessionCalls:
        """Return how each session is read. Lists the bucket, once, if a flat file may be.

        Raises a `ConnectorError` if the bucket cannot be listed.
        """
        family, settings = self._family, self._family.client.flat_files
        if settings is None or not family.wants_files(call_plan):
            return calls_of(call_plan, family.days.last)
        return await self._opened(settings).calls(call_plan)

    async def run(
        self, call_plan: CallPlan, calls: SessionCalls | None = None, *, earliest_file: date | None = None
    ) -> None:
        """Make the calls. Raises a `ConnectorError` that ends the whole sync.

        ``calls`` are those of `sessions`, if they are known, and ``earliest_file`` is the session of the
        earliest file of all, if ``calls`` are a part.
        """
        family, settings = self._family, self._family.client.flat_files
        if calls is None:
            calls = await self.sessions(call_plan)
        names = first_days(family.streams)
        unproven = UnprovenTickers(
            family, (name for name in names if name != WHOLE_MARKET and family.is_new(name))
        )
        refusals = PlanRefusals(family, unproven)
        ranges = RangeReader(family, unproven, refusals)
        files = None
        if settings is not None and calls.files:
            files = self._opened(settings).reader(unproven, calls, earliest=earliest_file)
        sessions = SessionReader(family, unproven, refusals, _sizes(family, calls))

        async def ask(slice_: Slice) -> None:
            match slice_:
                case SessionSlice():
                    await sessions.read(slice_)
                case FileSlice() if files is not None:
                    await files.read(slice_)
                case RangeSlice():
                    await ranges.read(slice_)

        grouped_names = (WHOLE_MARKET,) if family.job.whole_market else tuple(sorted(call_plan.by_session))
        await carry_out(
            slices_of(call_plan, calls, grouped_names, grouped_names or _names(family)),
            ask,
            at_once=family.client.at_once,
            answers=lambda: family.client.answers + (0 if files is None else files.answers),
            failed=lambda slice_, error: family.failures.append(Failure(slice_.span.names, error)),
            pace=family.client.pace,
        )
        await sessions.finish()
        if files is not None:
            files.tell()
        await unproven.look_up()
        _warn_of_gaps(family)

    def _opened(self, settings: FlatFiles) -> "FilesAccess":
        if self._files is None:
            from stockticker_async.sync.readers.files import FilesAccess  # noqa: PLC0415 - few syncs have files

            self._files = FilesAccess(settings, self._family)
        return self._files


def _names(family: BarFamily) -> tuple[str, ...]:
    """Return the tickers of all streams, also those that have nothing else to read."""
    return tuple(dict.fromkeys(name for one in family.streams for name in one.cursors.start.entries))


def _sizes(family: BarFamily, calls: SessionCalls) -> SessionSizes:
    known = [stream.cursors.market_rows or 0 for stream in family.streams]
    places = [place for place, session in calls.grouped if calendar.is_session(session)]
    return SessionSizes(places, earlier=max(known, default=0))


def _warn_of_gaps(family: BarFamily) -> None:
    firsts = {name: calendar.session_from(first) for name, first in first_days(family.streams).items()}
    new = [(name, first) for name, first in firsts.items() if name != WHOLE_MARKET and family.is_new(name)]
    again = {
        name: firsts[name]
        for stream in family.streams
        for name in stream.cursors.start.again
        if name in firsts
    }
    again |= {
        name: calendar.session_from(first)
        for stream in family.streams
        for name, first in stream.rereads.items()
    }
    completeness = family.completeness
    warnings = (
        completeness.clipped(new, name_list),
        completeness.old_basis(list(again.items()), name_list),
        completeness.gaps(name_list),
        completeness.lacking(name_list),
        completeness.other_counts(name_list),
        completeness.halves(),
        completeness.thin(name_list),
    )
    streams = ", ".join(stream.sink.name for stream in family.streams)
    for text in warnings:
        if text is not None:
            _log.warning("%s: %s", streams, text)
