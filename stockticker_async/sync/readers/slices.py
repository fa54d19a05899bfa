"""The units of work of a `BarsSync`, in order: a call, and the days that its answer covers."""

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from stockticker_async.marketdata.calendar import DAY
from stockticker_async.marketdata.session_files import FlatFile
from stockticker_async.sync.call_plan import CallPlan, RangeCall
from stockticker_async.sync.coverage import Coverage


class CoveredSpan(msgspec.Struct, frozen=True):
    """The span of days that an answer covers for these tickers."""

    coverage: Coverage
    place: int
    names: tuple[str, ...]


class RangeSlice(msgspec.Struct, frozen=True):
    """The bars of one ticker in a range of days."""

    call: RangeCall
    span: CoveredSpan
    whole: bool = True
    """Whether the call requests the whole span."""

    @property
    def first(self) -> date:
        return self.call.first

    @property
    def last(self) -> date:
        return self.call.last


class SessionSlice(msgspec.Struct, frozen=True):
    """The bars of many tickers in one session."""

    first: date
    """The session."""
    last: date
    """The last day that the answer covers, including closed days after the session."""
    span: CoveredSpan


class FileSlice(msgspec.Struct, frozen=True):
    """The bars of many tickers in one session, in a flat file."""

    file: FlatFile
    last: date
    """The last day that the file covers, including closed days after the session."""
    span: CoveredSpan
    late: bool = False
    """Whether the cursors have passed the session: it was missing, and is published now."""

    @property
    def first(self) -> date:
        return self.file.session


Slice = RangeSlice | SessionSlice | FileSlice


class SessionCalls(msgspec.Struct, frozen=True):
    """The sessions to read, ascending, each by its file or by a grouped call (None)."""

    sessions: tuple[tuple[date, FlatFile | None], ...]
    last: date
    """The last day that the last of them covers."""
    late: tuple[FlatFile, ...] = ()
    """Files of earlier sessions that were missing, and are published now."""

    @property
    def files(self) -> list[FlatFile]:
        return [*self.late, *(file for _, file in self.sessions if file is not None)]

    @property
    def grouped(self) -> list[tuple[int, date]]:
        """The place and the session of each grouped call."""
        return [(place, session) for place, (session, file) in enumerate(self.sessions) if file is None]


def calls_of(call_plan: CallPlan, last: date) -> SessionCalls:
    """Return the grouped calls of a plan without files."""
    return SessionCalls(tuple((call.session, None) for call in call_plan.grouped), last)


def slices_of(
    call_plan: CallPlan, calls: SessionCalls, names: Sequence[str], late_names: Sequence[str] = ()
) -> Iterator[Slice]:
    """Yield the slices of a call plan: sessions first, because they serve the most tickers.

    ``names`` are the tickers that the sessions are read for, ``late_names`` those of files that come late.
    """
    for file in calls.late:
        span = CoveredSpan(Coverage([file.session]), 0, tuple(late_names))
        yield FileSlice(file, file.session, span, late=True)
    yield from _sessions(calls, tuple(names))
    pieces: dict[str, list[RangeCall]] = {}
    for piece in call_plan.ranges:
        pieces.setdefault(piece.ticker, []).append(piece)
    for ticker, ranges in pieces.items():
        coverage = Coverage([call.last for call in ranges])
        for place, call in enumerate(ranges):
            yield RangeSlice(call, CoveredSpan(coverage, place, (ticker,)))


def _sessions(calls: SessionCalls, names: tuple[str, ...]) -> Iterator[Slice]:
    # a session's answer covers the closed days up to the next one, too
    ends = [session - DAY for session, _ in calls.sessions[1:]] + [calls.last]
    coverage = Coverage(ends)
    for place, (session, file) in enumerate(calls.sessions):
        span = CoveredSpan(coverage, place, names)
        if file is None:
            yield SessionSlice(session, ends[place], span)
        else:
            yield FileSlice(file, ends[place], span)
