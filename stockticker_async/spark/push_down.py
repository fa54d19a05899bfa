"""Narrows a read by the conditions of a query: values in, values out.

A narrowed read gives the rows of the whole read for which the conditions are true, perhaps with some other
rows, but with no row that the whole read does not have. A condition is ``exact`` if no other rows come; Spark
then need not evaluate it again.

- Tickers: a read of named tickers is narrowed to those wanted. A read of the whole market asks for few
  tickers by name. Where the whole market leaves out OTC stocks, so do the calls by name. Where its rows may
  come from flat files, it is not narrowed: the rows of calls by name have other columns filled.
- Days: bars of days and shorter are narrowed by ``date`` and ``timestamp``, other streams by their cursor.
  Bars of weeks and longer are not narrowed by days: their windows depend on the first requested day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.ticker_name import is_ticker
from stockticker_async.streams.table import STOCK_BARS, Bars, Daily, Listed, Lookup, Stream
from stockticker_async.sync.call_plan import weekdays_in
from stockticker_async.sync.job import DEFAULT_DAYS, SyncJob

Comparison = Literal["in", ">", ">=", "<", "<="]


@dataclass(frozen=True, slots=True)
class Condition:
    """A column compared with values; with one value, but for ``in``."""

    column: str
    comparison: Comparison
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What is left to read."""

    job: SyncJob
    by_name: tuple[str, ...] = ()
    """Tickers of the whole market that are asked for by name, in place of whole sessions."""
    empty: bool = False
    exact: frozenset[int] = frozenset()
    """The places of the conditions that every row fulfills."""


def narrowed(
    stream: Stream, job: SyncJob, conditions: Sequence[Condition], *, today: date, files: bool = False
) -> Narrowed:
    """Narrow the job of a stream. ``today`` is the date in New York; ``files``: bars may be of flat files."""
    days = [n for n, one in enumerate(conditions) if one.column in _day_columns(stream, job)]
    tickers = [n for n, one in enumerate(conditions) if one.column == "stock_ticker" and _names(one)]
    found = _by_days(job, [conditions[n] for n in days], today)
    found = replace(found, exact=frozenset(n for n in days if _is_exact(conditions[n])))
    if not tickers or (files and job.whole_market):
        return found
    by_ticker = _by_tickers(stream, found, [conditions[n] for n in tickers], today)
    if by_ticker is None:
        return found
    return replace(by_ticker, exact=found.exact.union(tickers))


def _day_columns(stream: Stream, job: SyncJob) -> tuple[str, ...]:
    if isinstance(stream.source, Bars):
        bar = job.bar if stream is STOCK_BARS else ONE_DAY
        return ("date", stream.cursor) if bar.intraday or bar == ONE_DAY else ()
    return (stream.cursor,) if stream.cursor else ()


def _names(condition: Condition) -> list[str]:
    """The tickers that the condition allows; none if it is no condition of tickers."""
    names = [value for value in condition.values if isinstance(value, str) and is_ticker(value)]
    return names if condition.comparison == "in" and len(names) == len(condition.values) else []


def _by_days(job: SyncJob, conditions: Iterable[Condition], today: date) -> Narrowed:
    first, last = date.min, date.max
    for one in conditions:
        spans = [_span(one.comparison, value) for value in one.values]
        if not spans:
            continue
        first = max(first, min(begin for begin, _ in spans))
        last = min(last, max(end for _, end in spans))
    if first > date.min:
        job = replace(job, start_date=max(first, job.start_date or today - DEFAULT_DAYS))
    if last < date.max:
        job = replace(job, end_date=min(last, job.end_date or last))
    start = job.start_date or today - DEFAULT_DAYS
    return Narrowed(job, empty=job.end_date is not None and start > job.end_date)


def _span(comparison: Comparison, value: object) -> tuple[date, date]:
    """The days that hold all rows for which the comparison is true."""
    day = _day(value)
    if day is None:
        return date.min, date.max
    # a moment on a day: earlier and later moments of this day fulfill the condition, too
    strict = calendar.DAY * (not isinstance(value, datetime))
    match comparison:
        case ">":
            return day + strict, date.max
        case ">=":
            return day, date.max
        case "<":
            return date.min, day - strict
        case "<=":
            return date.min, day
    return day, day


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return None if value.tzinfo is None else calendar.new_york_date(value)
    return value if isinstance(value, date) and date.min < value < date.max else None


def _is_exact(condition: Condition) -> bool:
    return len(condition.values) == 1 and all(
        _day(value) is not None and not isinstance(value, datetime) for value in condition.values
    )


def _by_tickers(
    stream: Stream, before: Narrowed, conditions: Sequence[Condition], today: date
) -> Narrowed | None:
    """Narrow by tickers; None if that is not possible, or would take more calls."""
    allowed = set.intersection(*(set(_names(one)) for one in conditions))
    names = [name for name in dict.fromkeys(_names(conditions[0])) if name in allowed]
    job = before.job
    if not names:
        return replace(before, empty=True)
    if not job.whole_market:
        job = replace(job, tickers=tuple(name for name in job.tickers if name in names))
        return replace(before, job=job, empty=before.empty or not job.tickers)
    match stream.source:
        case Bars():
            start = job.start_date or today - DEFAULT_DAYS
            sessions = weekdays_in(start, max(start, min(today, job.end_date or today)))
            return replace(before, by_name=tuple(names)) if len(names) < sessions else None
        case Listed(listing=listing) if listing.filters == "nothing" or (
            listing.by_market and not job.include_otc
        ):
            return None
        case Listed() | Lookup() | Daily():
            return replace(before, job=replace(job, tickers=tuple(names)))
    return None
