"""Cuts the planned calls and flat files of a stream of bars into slices: values in, values out.

Theory of operation
-------------------
A flat file is a slice of its own: it is one answer, of any size, and a reader has it whole. The calls are
cut, in their order, into slices of about the same number of expected rows. Where calls are rationed, what
makes a call is cut by the number of calls, files among them: no more slices than can each have a part of the
allowance. A file that needs no call stays a slice of its own.

What one call needs of another, it has within its slice:

- A ticker is new only in the slice with its first day. In the other slices it is ``known``.
- Sessions are compared with the sessions of the same slice. The first session of a slice is compared with the
  second one, as the first session of a sync is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from msgspec import structs

from stockticker_async.marketdata.session_files import FlatFile, needs_otc_call
from stockticker_async.sync.call_plan import CallPlan, FileCall, GroupedCall, RangeCall, weekdays_in
from stockticker_async.sync.job import WHOLE_MARKET, SyncJob
from stockticker_async.sync.readers.slices import SessionCalls
from stockticker_async.sync.slices import SyncSlice, balanced
from stockticker_async.sync.windows import BarStream, Days

_Item = FlatFile | RangeCall | GroupedCall


@dataclass(frozen=True, slots=True)
class Parts:
    """Into how many slices a plan is cut."""

    most: int
    """The most slices of calls."""
    rationed: bool = False
    """Whether an allowance rations the calls: they are cut by their number, and not by their rows."""
    most_calling: int | None = None
    """The most slices that make a call, files among them. None: any number of files."""


def bar_slices(
    stream: BarStream, plan: CallPlan, calls: SessionCalls, *, job: SyncJob, days: Days, parts: Parts
) -> list[SyncSlice]:
    """Return the slices of a plan, files first. ``stream`` has begun, ``calls`` are how sessions are read."""
    files = [file for _, file in calls.sessions if file is not None] + list(calls.late)
    files.sort(key=lambda file: file.session)
    grouped = [GroupedCall(session) for session, file in calls.sessions if file is None]
    cutter = _Cutter(stream, plan, job, days, earliest_file=files[0].session if files else None)
    # new tickers without a bar are looked up
    calling = [file for file in files if plan.by_session or needs_otc_call(stream.bar, file.session)]
    return [cutter.slice(items) for items in _cut(files, calling, [*grouped, *plan.ranges], plan, parts)]


def _cut(
    files: Sequence[FlatFile],
    calling: Sequence[FlatFile],
    calls: Sequence[RangeCall | GroupedCall],
    plan: CallPlan,
    parts: Parts,
) -> Iterator[Sequence[_Item]]:
    """Yield the items of each slice. ``calling`` are the files whose reading may make a call."""

    def rows(call: RangeCall | GroupedCall) -> float:
        if parts.rationed:
            return 1.0
        if isinstance(call, GroupedCall):
            return plan.market_rows
        return max(1.0, weekdays_in(call.first, call.last) * plan.rows_per_session)

    if parts.most_calling is None or not calling:
        yield from ([file] for file in files)
        yield from balanced(calls, rows, parts.most)
        return
    free = set(files).difference(calling)
    yield from ([file] for file in files if file in free)
    most = min(parts.most_calling, max(parts.most, len(calling)))
    yield from balanced([*calling, *calls], lambda _: 1.0, most)


class _Cutter:
    """Makes the slices, in order: a ticker is new in the first slice that has it."""

    def __init__(
        self, stream: BarStream, plan: CallPlan, job: SyncJob, days: Days, *, earliest_file: date | None
    ) -> None:
        self._stream = stream
        self._earliest_file = earliest_file
        self._plan = plan
        self._job = job
        self._days = days
        start = stream.cursors.start
        self._begun = {name for name, entry in start.entries.items() if entry.cursor is not None}
        self._begun.update(start.again)

    def slice(self, items: Sequence[_Item]) -> SyncSlice:
        stream, job = self._stream, self._job
        files = tuple(item for item in items if isinstance(item, FlatFile))
        grouped = tuple(item for item in items if isinstance(item, GroupedCall))
        ranges = tuple(item for item in items if isinstance(item, RangeCall))
        sessions = [file.session for file in files] + [call.session for call in grouped]
        by_session = frozenset(name for name in self._plan.by_session if self._has(name, sessions))
        named = dict.fromkeys([*sorted(by_session), *(call.ticker for call in ranges)])
        known = frozenset(self._begun.intersection([*named, WHOLE_MARKET]))
        plan = structs.replace(
            self._plan,
            ranges=ranges,
            grouped=grouped,
            files=tuple(FileCall(file.session) for file in files),
            listed_files=sum(needs_otc_call(stream.bar, file.session) for file in files),
            by_session=by_session,
        )
        self._begun.update(named)
        return SyncSlice(
            stream.cursors.stream.name,
            job if job.whole_market else replace(job, tickers=tuple(named)),
            self._days,
            self._firsts([WHOLE_MARKET] if job.whole_market else named, files),
            plan,
            known,
            tuple(name for name in stream.cursors.start.again if name in named),
            {name: stream.rereads[name] for name in named if name in stream.rereads},
            files,
            self._earliest_file if files else None,
            makes_calls=bool(plan.calls) or not by_session <= known,
        )

    def _has(self, name: str, sessions: Sequence[date]) -> bool:
        return bool(sessions) and self._stream.first_days.get(name, date.max) <= max(sessions)

    def _firsts(self, names: Iterable[str], files: Sequence[FlatFile]) -> dict[str, date | None]:
        """Return the first day of each ticker. A file that comes late is before that of the whole market."""
        firsts: dict[str, date | None] = {
            name: first for name in names if (first := self._stream.first_days.get(name)) is not None
        }
        if files and self._job.whole_market:
            sessions = [file.session for file in files]
            firsts[WHOLE_MARKET] = min(self._stream.first_days.get(WHOLE_MARKET, date.max), *sessions)
        return firsts
