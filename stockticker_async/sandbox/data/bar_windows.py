"""The windows of aggregate bars: `multiplier` times `timespan`, in New York time.

Seconds, minutes and hours are counted from each midnight, so that no window crosses one. Days are counted
from day 0 of the calendar, weeks from a Sunday, months, quarters and years from year 0. (Where windows of a
multiplier above 1 begin is not documented.)
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from stockticker_async.sandbox.data.day_bars import Bar
from stockticker_async.sandbox.data.sessions import day_of, midnight_ms

TIMESPANS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")

_MS = {"second": 1000, "minute": 60_000, "hour": 3_600_000}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Window:
    multiplier: int
    timespan: str

    @property
    def base(self) -> Literal["second", "minute", "day"]:
        """The bars that `limit` counts and windows are put together from."""
        match self.timespan:
            case "second":
                return "second"
            case "minute" | "hour":
                return "minute"
            case _:
                return "day"

    @property
    def single(self) -> bool:
        """Whether each base bar is a window of its own."""
        return self.multiplier == 1 and self.timespan == self.base

    def start(self, ms: int) -> int:
        """The start of the window that an instant falls into."""
        if self.base != "day":
            midnight = midnight_ms(day_of(ms))
            size = self.multiplier * _MS[self.timespan]
            return midnight + (ms - midnight) // size * size
        return midnight_ms(self.first_day(day_of(ms)))

    def after(self, start_ms: int) -> int:
        """The start of the next window after the window that starts at `start_ms`."""
        day = day_of(start_ms)
        if self.base != "day":
            return min(start_ms + self.multiplier * _MS[self.timespan], midnight_ms(day + 1))
        return midnight_ms(self.next_day(day))

    def first_day(self, day: int) -> int:
        """The first day of the window that `day` falls into."""
        if self.timespan in _DAYS:
            return day - day % (self.multiplier * _DAYS[self.timespan])  # ordinal 0 is a Sunday
        moment = date.fromordinal(day)
        size = self.multiplier * _MONTHS[self.timespan]
        return _month(max(12, (moment.year * 12 + moment.month - 1) // size * size))

    def next_day(self, first: int) -> int:
        """The first day of the next window after the window with the day `first`."""
        if self.timespan in _DAYS:
            return self.first_day(first) + self.multiplier * _DAYS[self.timespan]
        moment = date.fromordinal(first)
        size = self.multiplier * _MONTHS[self.timespan]
        return _month(((moment.year * 12 + moment.month - 1) // size + 1) * size)


def _month(count: int) -> int:
    """The first day of a month, counted from January of year 0; nothing lies beyond year 9999."""
    year, month = divmod(count, 12)
    return date(year, month + 1, 1).toordinal() if year <= date.max.year else date.max.toordinal()


def merged(bars: list[Bar], start_ms: int) -> Bar:
    """One bar out of one or more, ascending; vw is weighed by volume, and left out with n if all lack it."""
    volume = sum(bar["v"] for bar in bars)
    whole: Bar = {"v": volume if isinstance(volume, int) else round(volume, 6)}
    named = [bar for bar in bars if "vw" in bar]
    high, low = max(bar["h"] for bar in bars), min(bar["l"] for bar in bars)
    if named:
        weight = sum(bar["v"] for bar in named)
        mean = round(sum(bar["v"] * bar["vw"] for bar in named) / weight, 4)
        whole["vw"] = min(max(mean, low), high)
    whole |= {"o": bars[0]["o"], "c": bars[-1]["c"], "h": high, "l": low, "t": start_ms}
    if named:
        whole["n"] = sum(bar["n"] for bar in named)
    return whole
