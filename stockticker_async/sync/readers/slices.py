"""The units of work of a `BarsSync`, in order: a call, and the days that its answer covers."""

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from stockticker_async.marketdata.calendar import DAY
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


Slice = RangeSlice | SessionSlice


def slices_of(call_plan: CallPlan, names: Sequence[str], last: date) -> Iterator[Slice]:
    """Yield the slices of a call plan: sessions first, because they serve the most tickers.

    ``names`` are the tickers that the sessions are read for; ``last`` is the last requested day.
    """
    yield from _sessions(call_plan, tuple(names), last)
    pieces: dict[str, list[RangeCall]] = {}
    for piece in call_plan.ranges:
        pieces.setdefault(piece.ticker, []).append(piece)
    for ticker, calls in pieces.items():
        coverage = Coverage([call.last for call in calls])
        for place, call in enumerate(calls):
            yield RangeSlice(call, CoveredSpan(coverage, place, (ticker,)))


def _sessions(call_plan: CallPlan, names: tuple[str, ...], last: date) -> Iterator[SessionSlice]:
    sessions = [call.session for call in call_plan.grouped]
    # a session's answer covers the closed days up to the next one, too
    ends = [session - DAY for session in sessions[1:]] + [last]
    coverage = Coverage(ends)
    for place, session in enumerate(sessions):
        yield SessionSlice(session, ends[place], CoveredSpan(coverage, place, names))
