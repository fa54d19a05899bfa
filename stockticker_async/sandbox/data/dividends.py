"""The dividends of every ticker: a pure function of (seed, ticker), paid every few months."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from stockticker_async.sandbox.data.pseudorandom import fraction, mix
from stockticker_async.sandbox.data.sessions import session_on_or_after
from stockticker_async.sandbox.data.universe import Listing

_DECLARED_DAYS = 21  # before the ex-dividend date; a dividend is listed from its declaration on
_PAID_DAYS = 14  # after it
# Since then trades settle in one day, and the record date is the ex-dividend date:
# https://www.sec.gov/newsroom/press-releases/2024-62
_ONE_DAY_SETTLEMENT = date(2024, 5, 28).toordinal()

_NEVER_PAID = frozenset({"ADBE", "AMD", "AMZN", "BRK.A", "BRK.B", "NFLX", "TSLA"})
_PAYING = 0.35  # of the made-up tickers
_SPECIAL = 40  # one dividend in this many is special


@dataclass(frozen=True, slots=True)
class Dividend:
    ticker: str
    day: int
    """The ex-dividend date."""
    cash: float
    """Dollars a share, in shares of that day."""
    frequency: int
    """Payments a year; 0 for a special dividend."""
    factor: float
    """Adjusts a price from before the dividend for it and for all later dividends declared."""

    @property
    def declared(self) -> int:
        return self.day - _DECLARED_DAYS

    @property
    def recorded(self) -> int:
        return self.day if self.day >= _ONE_DAY_SETTLEMENT else session_on_or_after(self.day + 1)

    @property
    def paid(self) -> int:
        return session_on_or_after(self.day + _PAID_DAYS)

    @property
    def id(self) -> str:
        return "E" + sha256(f"{self.ticker} {self.day} dividend".encode()).hexdigest()


def dividends(
    listing: Listing, first: int, last: int, today: int, scale: Callable[[int], float]
) -> Iterator[Dividend]:
    """The dividends declared by `today` with ex-dividend days from `first` to `last`, ascending.

    `scale` returns how many final shares, after all splits, a share of a day becomes.
    """
    if not _pays(listing):
        return
    times = 4 if not listing.made else (4, 4, 4, 4, 4, 12, 12, 2, 1)[mix(listing.seed, 51) % 9]
    gap = 12 // times
    share = (0.004 + 0.05 * fraction(listing.seed, 54)) / times
    offset = mix(listing.seed, 52) % gap
    known = min(today + _DECLARED_DAYS, listing.last)
    newest = _last_month(listing, known, gap, offset)
    month = max(_month_of(listing.first), _month_of(max(first, 1)) - 1)
    month += (offset - month) % gap
    for at in range(month, newest + 1, gap):
        day = _ex_day(listing, at)
        if not max(first, listing.first + 1) <= day <= min(last, known):
            continue
        special = mix(listing.seed, at) % _SPECIAL == 0
        years = max(0, 2026 - at // 12)
        cash = listing.price / (1 + listing.growth * years) ** 2 * share * (2 if special else 1) * scale(day)
        factor = round((1 - share) ** ((newest - at) // gap + 1), 6)
        yield Dividend(listing.ticker, day, max(round(cash, 4), 0.0001), 0 if special else times, factor)


def _pays(listing: Listing) -> bool:
    if not listing.made:
        return listing.ticker not in _NEVER_PAID
    return fraction(listing.seed, 50) < _PAYING


def _month_of(day: int) -> int:
    """Months since January of year 0."""
    moment = date.fromordinal(day)
    return moment.year * 12 + moment.month - 1


def _last_month(listing: Listing, known: int, gap: int, offset: int) -> int:
    """The last month with a dividend whose ex-dividend day is known."""
    month = _month_of(known)
    month -= (month - offset) % gap
    return month if _ex_day(listing, month) <= known else month - gap


def _ex_day(listing: Listing, month: int) -> int:
    year, index = divmod(month, 12)
    return session_on_or_after(date(year, index + 1, 3 + mix(listing.seed, 53) % 22).toordinal())
