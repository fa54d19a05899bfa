"""Initial public offerings as known on a day, from the first rumour to the first session.

A pure function of (seed, ticker, day). A few companies withdrew an earlier offering: their ticker has two.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from stockticker_async.sandbox.data.day_bars import about
from stockticker_async.sandbox.data.issuers import shares_outstanding
from stockticker_async.sandbox.data.pseudorandom import fraction, mix
from stockticker_async.sandbox.data.sessions import session_before, session_on_or_after
from stockticker_async.sandbox.data.universe import FIRST_DAY, Listing

Status = Literal["rumor", "pending", "postponed", "direct_listing_process", "new", "history", "withdrawn"]

# Facts, ticker: (issue price, shares offered). The other well-known tickers have no offering: they are
# spin-offs, further share classes, or older than the list.
_KNOWN = {
    "AVGO": (15.0, 43_200_000), "CRM": (11.0, 10_000_000), "GM": (33.0, 478_000_000),
    "GOOGL": (85.0, 19_605_052), "MA": (39.0, 61_535_098), "META": (38.0, 421_233_615),
    "NFLX": (15.0, 5_500_000), "TSLA": (17.0, 13_300_000), "V": (44.0, 406_000_000),
}  # fmt: skip

_RUMOURED, _POSTPONED, _DIRECT, _WITHDREW = 0.3, 0.06, 0.04, 0.06  # of the offerings
_RUMOUR_DAYS = 7
_DATED_DAYS = 14  # before the listing, its day, CUSIP and ISIN become known


@dataclass(frozen=True, slots=True)
class Ipo:
    """An offering as known on a day."""

    listing: Listing
    status: Status
    announced: int
    updated: int
    """The day of the last change."""
    day: int | None
    """The first session; None until it is announced, and for a withdrawn offering."""
    price: float | None
    """Dollars, in shares of that day; None until the session before the first, and for a direct listing."""
    spread: tuple[float, float] | None
    """The lowest and the highest price; None for a rumour and for a direct listing."""
    offered: int | None
    shares: int


def ipos(listing: Listing, today: int, scale: Callable[[int], float]) -> Iterator[Ipo]:
    """The offerings of a ticker as known on a day; `scale` returns the final shares for a day's share."""
    first = session_on_or_after(listing.listed)
    if not _offered(listing, first):
        return
    announced = first - 25 - int(60 * fraction(listing.seed, 80))
    price, offered = _KNOWN.get(listing.ticker) or _made(listing, first, scale(first))
    shares = max(shares_outstanding(listing, scale(first)), offered)
    spread = round(price * (0.8 + 0.15 * fraction(listing.seed, 83)), 2), round(price * 1.1, 2)
    if listing.made and fraction(listing.seed, 84) < _WITHDREW:
        tried = announced - 300 - int(400 * fraction(listing.seed, 85))
        given_up = tried + 20 + int(90 * fraction(listing.seed, 86))
        if FIRST_DAY <= tried <= today:
            over = given_up <= today
            status: Status = "withdrawn" if over else "pending"
            yield Ipo(
                listing, status, tried, given_up if over else tried, None, None, spread, offered, shares
            )
    if announced > today:
        return
    steps = [(day, status) for day, status in _steps(listing, announced, first) if day <= today]
    status = steps[-1][1]
    direct = listing.made and fraction(listing.seed, 87) < _DIRECT
    yield Ipo(
        listing,
        status,
        announced,
        steps[-1][0],
        first if today >= first - _DATED_DAYS else None,
        price if today >= session_before(first) and not direct else None,
        None if direct or status == "rumor" else spread,
        None if direct else offered,
        shares,
    )


def _offered(listing: Listing, first: int) -> bool:
    if not listing.made:
        return listing.ticker in _KNOWN
    return listing.type in ("CS", "ADRC") and not listing.otc and FIRST_DAY < first <= listing.last


def _made(listing: Listing, first: int, scale: float) -> tuple[float, int]:
    """Price and shares offered: about the first price, a half or a whole dollar from a dollar up."""
    price = about(listing, first) * scale * (0.75 + 0.3 * fraction(listing.seed, 81))
    price = max(round(2 * price) / 2, 1.0)
    part = 0.08 + 0.2 * fraction(listing.seed, 82)
    return price, max(1000, int(shares_outstanding(listing, scale) * part) // 1000 * 1000)


def _steps(listing: Listing, announced: int, first: int) -> Iterator[tuple[int, Status]]:
    """(day, status from that day on), ascending; on some days only other fields change."""
    usual: Status = "pending"
    if listing.made and fraction(listing.seed, 87) < _DIRECT:
        usual = "direct_listing_process"
    elif listing.made and fraction(listing.seed, 88) < _RUMOURED:
        yield announced, "rumor"
        announced += _RUMOUR_DAYS
    yield announced, usual
    if listing.made and usual == "pending" and mix(listing.seed, 89) % 100 < 100 * _POSTPONED:
        yield announced + 2, "postponed"
    yield first - _DATED_DAYS, usual
    yield session_before(first), usual
    yield first, "new"
    yield first + 1, "history"
