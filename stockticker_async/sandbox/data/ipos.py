"""How names came to the market: what is known of each offering on a day, from the first rumour on.

A pure function of (seed, ticker, day): it ends with the first session of the name in this market. A few names
withdrew an offering before, so that a ticker may have two.
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

# Facts, ticker: (issue price, shares offered). Other well-known names have none here: spin-offs, further
# classes, or older than the list.
_KNOWN = {
    "AVGO": (15.0, 43_200_000), "CRM": (11.0, 10_000_000), "GM": (33.0, 478_000_000),
    "GOOGL": (85.0, 19_605_052), "MA": (39.0, 61_535_098), "META": (38.0, 421_233_615),
    "NFLX": (15.0, 5_500_000), "TSLA": (17.0, 13_300_000), "V": (44.0, 406_000_000),
}  # fmt: skip

_RUMOURED, _POSTPONED, _DIRECT, _WITHDREW = 0.3, 0.06, 0.04, 0.06  # of the names
_RUMOUR_DAYS = 7
_DATED_DAYS = 14  # before the listing: from then on its day and its register numbers are told


@dataclass(frozen=True, slots=True)
class Ipo:
    """An offering as it is known on a day."""

    listing: Listing
    status: Status
    announced: int
    updated: int
    """When anything of it changed for the last time."""
    day: int | None
    """The first session; None while it is not told, and for ever when it is withdrawn."""
    price: float | None
    """Dollars, as shares were on the day; None until the eve of the first session."""
    spread: tuple[float, float] | None
    """The lowest and the highest price; None for a rumour and where nothing is offered."""
    offered: int | None
    shares: int


def ipos(listing: Listing, today: int, scale: Callable[[int], float]) -> Iterator[Ipo]:
    """What is known of a name's offerings on a day; `scale` tells the final shares that one of a day is."""
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
    """(day, status from then on), ascending; days on which only fields change among them."""
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
