"""The dividends of every name: a pure function of (seed, ticker), on a grid of months."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from stockticker_async.sandbox.noise import fraction, mix
from stockticker_async.sandbox.sessions import session_on_or_after
from stockticker_async.sandbox.universe import Listing

_DECLARED_DAYS = 21  # before the ex-dividend date; from then on a dividend is listed
_PAID_DAYS = 14  # after it
# Since then trades settle in one day, and the record date is the ex-dividend date:
# https://www.sec.gov/newsroom/press-releases/2024-62
_ONE_DAY_SETTLEMENT = date(2024, 5, 28).toordinal()

_NEVER_PAID = frozenset({"ADBE", "AMD", "AMZN", "BRK.A", "BRK.B", "NFLX", "TSLA"})


@dataclass(frozen=True, slots=True)
class Dividend:
    """`cash` dollars for each share as there were on `day`, the ex-dividend date."""

    ticker: str
    day: int
    cash: float
    frequency: int
    """Times a year; 0 for a special one."""
    to_come: int
    """Regular dividends of this name from this one to the last one that was asked for."""
    share: float
    """About the part of the price that is paid out each time."""

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


def pays(listing: Listing) -> bool:
    if not listing.made:
        return listing.ticker not in _NEVER_PAID
    return fraction(listing.seed, 50) < 0.35


def declared_by(listing: Listing, today: int) -> Iterator[tuple[int, int]]:
    """(ex-dividend day, its number) of what a name has declared by a day, ascending."""
    if not pays(listing):
        return
    gap = 12 // frequency(listing)
    offset, day_of_month = mix(listing.seed, 52) % gap, 3 + mix(listing.seed, 53) % 22
    month = date.fromordinal(listing.first).year * 12 + offset
    last = min(today + _DECLARED_DAYS, listing.last)
    while True:
        year, index = divmod(month, 12)
        day = session_on_or_after(date(year, index + 1, day_of_month).toordinal())
        if day > last:
            return
        if day > listing.first:
            yield day, month
        month += gap


def frequency(listing: Listing) -> int:
    """How many times a year a name pays."""
    return 4 if not listing.made else (4, 4, 4, 4, 4, 12, 12, 2, 1)[mix(listing.seed, 51) % 9]
