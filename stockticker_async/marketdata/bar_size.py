"""The size of a bar: a number of timespans, and the days that a bar of this size spans."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Timespan = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year"]
_DAYS_IN = {"second": 1, "minute": 1, "hour": 1, "day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class BarSize:
    """The size of a bar: ``multiplier`` times ``timespan``."""

    multiplier: int = 1
    timespan: Timespan = "day"

    def __str__(self) -> str:
        return f"{self.multiplier} {self.timespan}"

    @property
    def intraday(self) -> bool:
        return self.timespan in ("second", "minute", "hour")


ONE_DAY = BarSize()


def window_days(bar: BarSize) -> int:
    """Return the most days that a bar of this size spans.

    A bar of several days belongs to the date of its start, and the API answers with whole bars. So the bar
    with the first requested day may start up to this many days, less one, before it.
    """
    return _DAYS_IN[bar.timespan] * (1 if bar.intraday else bar.multiplier)


def last_day(bar: BarSize, start: date) -> date:
    """Return the last day of the bar of this size that starts on ``start``."""
    if bar.intraday or bar == ONE_DAY:
        return start
    if bar.timespan in _MONTHS:
        number = start.year * 12 + start.month - 1 + _MONTHS[bar.timespan] * bar.multiplier
        # a bar that starts within a month may end with a month, or be counted from its start
        return date(number // 12, number % 12 + 1, 1) - timedelta(days=1)
    return start + timedelta(days=window_days(bar) - 1)


def may_begin(bar: BarSize, day: date) -> bool:
    """Whether a bar of a day and longer may start on ``day``: a week on a Sunday, a month on its first day.

    True for bars of several weeks, months and so on: it is not documented from where the API counts them.
    """
    if bar.multiplier > 1 or bar.timespan == "day":
        return True
    if bar.timespan == "week":
        return day.isoweekday() == 7  # noqa: PLR2004 - Sunday
    return day.day == 1 and (day.month - 1) % _MONTHS[bar.timespan] == 0


def counts_days(bar: BarSize) -> bool:
    """Whether the API may count bars of this size from the first requested day (see `grid_day`)."""
    return not bar.intraday and bar.multiplier > 1


def grid_day(bar: BarSize, since: date, day: date) -> date:
    """Return the last day on or before ``day`` from which a stream may request bars of several days.

    It is not documented whether the API counts bars of several days from its own epoch or from the requested
    day. So a stream requests only days that are whole bars after its first day ``since``: then both give the
    same bars. Bars of one day, week, month and so on need no grid.
    """
    if not counts_days(bar) or day <= since:
        return day
    if bar.timespan in ("day", "week"):
        span = window_days(bar)
        return since + timedelta(days=(day - since).days // span * span)
    months = _MONTHS[bar.timespan] * bar.multiplier
    passed = ((day.year - since.year) * 12 + day.month - since.month) // months * months
    number = since.year * 12 + since.month - 1 + passed
    return max(since, date(number // 12, number % 12 + 1, 1))
