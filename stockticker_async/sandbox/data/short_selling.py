"""Short interest, twice a month, and short volume, each session.

A pure function of (seed, ticker, day), like the volumes of the bars, which both follow.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from stockticker_async.sandbox.data.day_bars import traded_volume
from stockticker_async.sandbox.data.issuers import shares_outstanding
from stockticker_async.sandbox.data.pseudorandom import day_noise, fraction, level, mix
from stockticker_async.sandbox.data.sessions import session_before, sessions
from stockticker_async.sandbox.data.universe import Listing

# Members report as of the 15th and the end of the month, or the session before; the sums are published on
# the seventh business day after: https://www.finra.org/filing-reporting/regulatory-filing-systems/short-interest
_MIDDLE = 15
_PUBLISHED_AFTER = 7

_UNCOVERED = 999.99  # the most days to cover, and the days to cover without any volume
_MOST_SHORT = 0.4  # of the shares outstanding

_UNIT = 1 / (1 << 32)


class Interest(NamedTuple):
    """The open short positions of a ticker on a settlement day."""

    shares: int
    average_volume: int
    """Shares a session: the mean of three sessions, first, middle and last since the previous settlement."""
    days_to_cover: float


class Sales(NamedTuple):
    """The volumes of a session reported to FINRA, off the exchanges; from 2026-02-23 on also in fractions."""

    total: float
    short: float
    exempt: int
    parts: tuple[tuple[int, int], ...]
    """(short, exempt) in whole shares at ADF, Nasdaq Carteret, Nasdaq Chicago, NYSE."""


@lru_cache(maxsize=256)
def _year_settlements(year: int) -> tuple[int, ...]:
    middles = (date(year, month, _MIDDLE).toordinal() + 1 for month in range(1, 13))
    firsts = [date(year, month, 1).toordinal() for month in range(2, 13)] + [date(year + 1, 1, 1).toordinal()]
    return tuple(sorted(session_before(day) for day in (*middles, *firsts)))


def settlements(first: int, last: int) -> list[int]:
    """The settlement days from `first` to `last`, both included, ascending."""
    if last < first:
        return []
    years = range(date.fromordinal(first).year, date.fromordinal(last).year + 1)
    days = [day for year in years for day in _year_settlements(year)]
    return days[bisect_left(days, first) : bisect_right(days, last)]


@lru_cache(maxsize=4096)
def published(settlement: int) -> int:
    """The session on which the short interest of a settlement day is published."""
    return sessions(settlement + 1, settlement + 3 * _PUBLISHED_AFTER)[_PUBLISHED_AFTER - 1]


@lru_cache(maxsize=4096)
def _sampled(settlement: int) -> tuple[int, ...]:
    """The first, the middle and the last session since the previous settlement."""
    before = settlements(settlement - 25, settlement - 1)[-1]
    days = sessions(before + 1, settlement)
    return days[0], days[len(days) // 2], days[-1]


def interest(listing: Listing, settlement: int, scale: Callable[[int], float]) -> Interest:
    """The short interest of a ticker; `scale` returns how many final shares a share of a day becomes."""
    sampled = _sampled(settlement)
    volumes = (traded_volume(listing, day, scale(day)) for day in sampled)
    average = int(sum(volume or 0 for volume in volumes) / len(sampled))
    at = scale(settlement)
    days = (0.3 + 8 * fraction(listing.seed, 71) ** 2) * level(mix(listing.seed, 72), settlement)
    shares = int(min(listing.volume / at * days, _MOST_SHORT * shares_outstanding(listing, at)))
    cover = min(round(shares / average, 2), _UNCOVERED) if average else _UNCOVERED
    return Interest(shares, average, cover)


def sales(listing: Listing, day: int, scale: float) -> Sales | None:
    """The short volume of a session; None without trades off the exchanges, and for OTC tickers."""
    volume = None if listing.otc else traded_volume(listing, day, scale)
    if volume is None:
        return None
    noise = day_noise(mix(listing.seed, 70), day)
    total = volume * (0.35 + 0.25 * noise[0] * _UNIT)
    short = total * (0.2 + 0.45 * noise[1] * _UNIT)
    if isinstance(volume, int):
        total, short = int(total), int(short)
    if not total:
        return None
    exempt = int(short * 0.02 * noise[2] * noise[3] * _UNIT * _UNIT)
    shorts, exempts = _parted(int(short) - exempt, noise[4:7]), _parted(exempt, noise[7:10])
    return Sales(round(total, 6), round(short, 6), exempt, tuple(zip(shorts, exempts, strict=True)))


def _parted(shares: int, noise: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The shares divided among ADF, Carteret, Chicago, NYSE; most at Carteret."""
    adf = int(shares * 0.004 * noise[0] * _UNIT)
    chicago = int(shares * 0.02 * noise[1] * _UNIT)
    nyse = int(shares * (0.05 + 0.3 * noise[2] * _UNIT))
    return adf, shares - adf - chicago - nyse, chicago, nyse
