"""Plans the calls for a listing: few calls, and few rows that are not needed.

A listing is read with its filter, in as few URLs as can hold all names, or whole if that takes fewer pages.
Tickers with different first days share a call as long as the rows read in vain are less than a page.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import ceil
from urllib.parse import quote, urlencode

import msgspec

from stockticker_async.marketdata.calendar import midnight_ms, utc_text
from stockticker_async.marketdata.endpoints import MARKET_ROWS
from stockticker_async.marketdata.list_judge import ANYTHING, RowCriteria
from stockticker_async.marketdata.listings import Listing

_URL_CHARS = 3500
"""The most characters of tickers in a URL: the URL stays below 4 KB, which servers accept."""
_DAY = timedelta(days=1)
_LAST = date.max - _DAY
_SLACK = timedelta(days=7)
"""Future rows in a listing without announcements are faults, but this machine's clock may be wrong, too."""
_PAGE = 1000
"""The assumed rows of a page for a listing without pages."""


class Everything(msgspec.Struct, frozen=True):
    """Stands for all rows, in place of tickers."""

    first: date | None = None
    """The first requested day, if the listing has a filter by day."""


class ListCall(msgspec.Struct, frozen=True):
    """One call and its further pages."""

    path: str
    names: tuple[str, ...]
    """The tickers whose rows are wanted. Empty: all rows."""
    first: date | None = None
    """The first requested day, if the listing has a filter by day."""
    criteria: RowCriteria = ANYTHING
    """The conditions of the path on each row."""


class _Portion(msgspec.Struct, frozen=True):
    names: tuple[str, ...]
    first: date | None


def list_calls(
    listing: Listing,
    firsts: Mapping[str, date | None] | Everything,
    *,
    last: date,
    end: date | None = None,
    times: bool = False,
    otc: bool = True,
) -> list[ListCall]:
    """Return the calls for the rows of these tickers, each from its first day, or of everything.

    ``last`` is the estimated last day of the rows; ``end`` is the last requested day, included, or None for
    no end. ``times``: days are requested as times. ``otc``: the whole market includes OTC stocks.
    """
    if not firsts:
        return []
    named = {} if isinstance(firsts, Everything) else firsts
    portions = _portions(listing, named)
    whole = () if listing.filters == "nothing" else tuple(named)
    markets: Sequence[str | None] = ("stocks", "otc")[: 1 + otc] if listing.by_market else (None,)
    days = [firsts.first] if isinstance(firsts, Everything) else list(firsts.values())
    earliest = min((day for day in days if day is not None), default=None)
    everything = _Portion((), earliest)
    filtered = sum(max(1, _pages(listing, portion, last)) for portion in portions)
    if not portions or len(markets) * max(1, _pages(listing, everything, last)) < filtered:
        portions = [everything]
    else:
        markets = (None,)
    return [
        ListCall(
            f"{listing.path}{_query(listing, portion, end, variant, market, times=times)}",
            portion.names or whole,
            portion.first,
            _criteria(listing, portion, last, end, times=times),
        )
        for portion in portions
        for market in markets
        for variant in listing.variants
    ]


def portions_of(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the names in order, in portions that fit one URL each."""
    portions: list[list[str]] = []
    room = 0
    for name in names:
        chars = _chars(name)
        if chars > room:
            portions.append([])
            room = _URL_CHARS
        portions[-1].append(name)
        room -= chars
    return [tuple(portion) for portion in portions]


def _chars(name: str) -> int:
    return len(quote(name)) + 3  # the comma is percent-encoded, too


def _portions(listing: Listing, firsts: Mapping[str, date | None]) -> list[_Portion]:
    """Return the portions for the filter of the listing; empty without a filter or without tickers."""
    if listing.filters == "nothing":
        return []
    if listing.filters == "one":
        return [_Portion((name,), first) for name, first in firsts.items()]
    ordered = sorted(firsts, key=lambda name: firsts[name] or date.min)
    return [
        _Portion(names, firsts[names[0]])
        for alike in _alike(listing, firsts, ordered)
        for names in portions_of(alike)
    ]


def _alike(listing: Listing, firsts: Mapping[str, date | None], ordered: Sequence[str]) -> list[list[str]]:
    """Return the tickers in groups. Each group is read from its earliest first day."""
    groups: list[list[str]] = []
    begun: date | None = None
    twice = 0.0
    for name in ordered:
        first = firsts[name]
        if first is not None and begun is not None:
            twice += (first - begun).days * listing.market_rows / MARKET_ROWS
        if not groups or twice > (listing.page_rows or _PAGE):
            groups.append([])
            begun, twice = first, 0.0
        groups[-1].append(name)
    return groups


def _pages(listing: Listing, portion: _Portion, last: date) -> int:
    """Return the estimated number of pages of a portion; a portion without names is the whole listing."""
    share = min(1.0, len(portion.names) / MARKET_ROWS) if portion.names else 1.0
    days = 1 if portion.first is None else max(1, (last - portion.first).days + 1)
    pages = ceil(share * days * listing.market_rows / (listing.page_rows or _PAGE))
    return max(1, pages) * len(listing.variants)


def _query(
    listing: Listing,
    portion: _Portion,
    end: date | None,
    variant: Mapping[str, str],
    market: str | None,
    *,
    times: bool,
) -> str:
    query: dict[str, str | int] = {}
    if portion.names and listing.filters == "any_of":
        query["ticker.any_of"] = ",".join(portion.names)
    elif portion.names:
        query["ticker"] = portion.names[0]
    if market is not None:
        query["market"] = market
    query |= variant
    if listing.since is not None and portion.first is not None:
        query[f"{listing.since}.gte"] = _bound(portion.first, times=times)
        if end is not None:
            query[f"{listing.since}.lt"] = _bound(min(end, _LAST) + _DAY, times=times)
    query |= listing.query
    if listing.page_rows is not None:
        query["limit"] = listing.page_rows
    return f"?{urlencode(query)}" if query else ""


def _criteria(
    listing: Listing, portion: _Portion, last: date, end: date | None, *, times: bool
) -> RowCriteria:
    tickers = frozenset(portion.names)
    if listing.since is None or portion.first is None:
        return RowCriteria(tickers)
    if end is None:
        end = date.max if listing.announced else min(last, date.max - _SLACK) + _SLACK
    return RowCriteria(tickers, listing.since, portion.first, end, times, listing.weekdays)


def _bound(day: date, *, times: bool) -> str:
    return utc_text(midnight_ms(day)) if times else day.isoformat()
