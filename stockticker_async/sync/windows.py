"""The days to read: the days of a sync, and the first day of each ticker in each stream."""

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
from msgspec.structs import replace

from stockticker_async.marketdata import bar_size, calendar, session_files
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize
from stockticker_async.sync.call_plan import (
    DAY_FILE_ROWS,
    MINUTE_FILE_ROWS,
    MINUTE_ROWS,
    CallPlan,
    FileOffer,
    RangeCall,
    Window,
    plan_days,
    plan_intraday,
    plan_market,
    plan_market_files,
    plan_minutes,
    weekdays_in,
)
from stockticker_async.sync.job import WHOLE_MARKET, SyncJob
from stockticker_async.sync.sink import Sink
from stockticker_async.sync.state import StreamCursors
from stockticker_async.sync.state_format import Entry

_SESSION_BARS = {"minute": float(MINUTE_ROWS), "hour": float(MINUTE_ROWS), "second": 10_000.0}
"""Estimated base bars in a session of a well-known stock, as `limit` counts them: minutes for hour bars, too,
390 in regular hours and the rest before and after; a third of the seconds have a trade (a guess)."""
_BAR_MINUTES = {"minute": 1.0, "hour": 1.0, "second": 1 / 60}
"""The length of a base bar in minutes."""


class Days(msgspec.Struct, frozen=True):
    """The days of a sync, fixed when it begins (New York)."""

    last: date
    """The last requested day, included."""
    settled: date
    """The last day that is over."""
    today: date


class BarStream(msgspec.Struct):
    """A stream of bars, read by a `BarsSync`."""

    sink: Sink
    cursors: StreamCursors
    bar: BarSize
    lookback: int
    """The number of settled sessions up to the cursor that are read again."""
    first_days: dict[str, date] = msgspec.field(default_factory=dict)
    """The first day to write for each ticker that is to be read."""
    rereads: dict[str, date] = msgspec.field(default_factory=dict)
    """The first day of whole-market tickers that are read again by name."""
    rereads_last: date = date.min
    """The last day of the rereads, included: all written rows, also rows after a new end date."""

    def begin(self, days: Days, end: date | None) -> None:
        """Find the first day of each ticker, after the splits were compared."""
        for name, entry in self.cursors.start.entries.items():
            first = first_day(entry, lookback=self.lookback, bar=self.bar, days=days, end=end)
            if first is not None:
                self.first_days[name] = first
            if name == WHOLE_MARKET:
                self.rereads_last = max(days.last, min(entry.cursor or days.last, days.settled))
                if entry.since <= self.rereads_last:
                    self.rereads = dict.fromkeys(self.cursors.start.rereads, entry.since)


def first_day(entry: Entry, *, lookback: int, bar: BarSize, days: Days, end: date | None) -> date | None:
    """Return the first day to read for a ticker, or None if there is nothing to read.

    ``lookback`` settled sessions up to the cursor are read again. There is nothing to read if the cursor is
    at the configured end, or ahead of the last settled day.
    """
    if entry.since > days.last:
        return None
    first = entry.since
    if entry.cursor is not None:
        if entry.cursor > days.settled:
            return None
        if end is not None and weekdays_in(entry.cursor + calendar.DAY, end) <= 0:
            return None
        first = entry.first_uncovered
        if lookback:
            first = max(entry.since, calendar.sessions_back(entry.cursor, lookback - 1))
    first = bar_size.grid_day(bar, entry.since, first)
    return first if first <= days.last else None


def first_days(streams: Sequence[BarStream]) -> dict[str, date]:
    """Return the earliest first day of each ticker over all streams, the earliest day first."""
    found: dict[str, date] = {}
    for stream in streams:
        for name, first in stream.first_days.items():
            found[name] = min(first, found.get(name, first))
    return dict(sorted(found.items(), key=lambda item: item[1]))


def shared_call_plan(
    job: SyncJob, bar: BarSize, streams: Sequence[BarStream], days: Days, *, allowance: int | None
) -> CallPlan:
    """Return the calls for streams that share their bars."""
    prices_only = all(stream.sink.closes_only for stream in streams)
    call_plan = plan_bars(
        job, bar, first_days(streams), days.last, allowance=allowance, prices_only=prices_only
    )
    again: dict[str, RangeCall] = {}
    for stream in streams:
        for name, first in stream.rereads.items():
            one = again.get(name, RangeCall(name, first, stream.rereads_last))
            again[name] = RangeCall(name, min(one.first, first), max(one.last, stream.rereads_last))
    return replace(call_plan, ranges=(*call_plan.ranges, *again.values()))


def plan_bars(
    job: SyncJob,
    bar: BarSize,
    firsts: Mapping[str, date],
    last: date,
    *,
    allowance: int | None,
    prices_only: bool = False,
) -> CallPlan:
    """Return the calls for bars of one size, for each ticker from its first day to ``last``, included.

    ``prices_only``: no more is wanted of a bar than its close.
    """
    files = _file_offer(job, bar, allowance=allowance, prices_only=prices_only)
    if job.whole_market:
        if not firsts:
            return CallPlan()
        first = firsts[WHOLE_MARKET]
        if files is not None:
            return plan_market_files(first, last, files)
        return CallPlan(grouped=plan_market(first, last))
    windows = [Window(name, first, last) for name, first in firsts.items()]
    if bar == ONE_DAY:
        return plan_days(windows, allowance=allowance, files=files)
    if files is not None:
        return plan_minutes(windows, files, allowance=allowance)
    if bar.intraday:
        pieces = plan_intraday(windows, bar_minutes=_BAR_MINUTES[bar.timespan])
        return CallPlan(ranges=pieces, rows_per_session=_SESSION_BARS[bar.timespan])
    return CallPlan(ranges=tuple(RangeCall(window.ticker, window.first, window.last) for window in windows))


def may_read_files(job: SyncJob, bar: BarSize, *, allowance: int | None, prices_only: bool) -> bool:
    """Whether a plan of `plan_bars` may have flat files."""
    return _file_offer(job, bar, allowance=allowance, prices_only=prices_only) is not None


def _file_offer(job: SyncJob, bar: BarSize, *, allowance: int | None, prices_only: bool) -> FileOffer | None:
    """Return what flat files may answer; None if nothing.

    Files are never adjusted. They do not tell which stocks are OTC stocks: for minutes, a grouped call does.
    Day bars would need this call for each session, so files answer only the sessions before files had OTC
    stocks, or where nobody asks. A file has no vwap: day bars of `stock_bars` come from files only where an
    allowance rations the calls.
    """
    if not job.flat_files or job.adjusted or not session_files.has_files(bar):
        return None
    if bar != ONE_DAY:
        return FileOffer(MINUTE_FILE_ROWS, listed_from=session_files.OTC_SINCE)
    if allowance is None and not prices_only:
        return None
    any_stock = prices_only and (job.include_otc or not job.whole_market)
    return FileOffer(DAY_FILE_ROWS, until=date.max if any_stock else session_files.OTC_SINCE)
