"""What one call asks for, and what its answer covers: the units of work of a `BarsSync`, in their order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from stockticker_async.marketdata.calendar import DAY
from stockticker_async.sync.coverage import Tiles
from stockticker_async.sync.plan import Plan, RangeCall


@dataclass(frozen=True, slots=True)
class Part:
    """What an answer covers: a span of the tiles, for these tickers."""

    tiles: Tiles
    place: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RangeJob:
    """The bars of one ticker in a range of days."""

    call: RangeCall
    part: Part

    @property
    def first(self) -> date:
        return self.call.first

    @property
    def last(self) -> date:
        return self.call.last


@dataclass(frozen=True, slots=True)
class SessionJob:
    """The bars of many tickers in one session."""

    first: date
    """The session."""
    last: date
    """The last day that its answer covers: closed days after the session belong to it."""
    part: Part


Job = RangeJob | SessionJob


def jobs_of(plan: Plan, names: Sequence[str], last: date) -> Iterator[Job]:
    """What the workers take from, in order: sessions first, since they serve the most tickers.

    ``names`` are those that the sessions are read for, ``last`` is the last day asked.
    """
    yield from _sessions(plan, tuple(names), last)
    pieces: dict[str, list[RangeCall]] = {}
    for piece in plan.ranges:
        pieces.setdefault(piece.ticker, []).append(piece)
    for ticker, calls in pieces.items():
        tiles = Tiles([call.last for call in calls])
        for place, call in enumerate(calls):
            yield RangeJob(call, Part(tiles, place, (ticker,)))


def _sessions(plan: Plan, names: tuple[str, ...], last: date) -> Iterator[SessionJob]:
    sessions = [call.session for call in plan.grouped]
    # a session's answer covers the closed days up to the next one, too
    ends = [session - DAY for session in sessions[1:]] + [last]
    tiles = Tiles(ends)
    for place, session in enumerate(sessions):
        yield SessionJob(session, ends[place], Part(tiles, place, names))
