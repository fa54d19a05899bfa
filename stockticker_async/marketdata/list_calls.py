"""From a listing and the tickers to the calls to make: few, and none larger than it need be.

A listing is asked either by its filter, in as few URLs as hold all names, or whole, where that is fewer
pages. Tickers that begin on different days share a call as long as what is read twice by that is less
than a page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from urllib.parse import quote, urlencode

from stockticker_async.marketdata.calendar import midnight_ms, utc_text
from stockticker_async.marketdata.endpoints import MARKET_ROWS
from stockticker_async.marketdata.list_judge import ANYTHING, RowCriteria
from stockticker_async.marketdata.listings import Listing

_URL_CHARS = 3500
"""Of tickers in one URL: with the rest it stays below 4 KB, which servers and proxies take."""
_DAY = timedelta(days=1)
_LAST = date.max - _DAY
_SLACK = timedelta(days=7)
"""Rows of days to come are wrong where none are announced; but this machine's clock may be, too."""
_PAGE = 1000
"""The rows that are taken for a page where a listing knows none."""


@dataclass(frozen=True, slots=True)
class Everything:
    """In place of tickers: the rows of all of them, or those that have none."""

    first: date | None = None
    """The first day to ask for, where the listing can be asked from a day on."""


@dataclass(frozen=True, slots=True)
class ListCall:
    """One call, and the pages after it."""

    path: str
    names: tuple[str, ...]
    """The tickers whose rows are wanted of the answer. Empty: all rows are."""
    first: date | None = None
    """The first day asked for, where the listing can be asked from a day on."""
    criteria: RowCriteria = ANYTHING
    """What the path asks of each row."""


@dataclass(frozen=True, slots=True)
class _Portion:
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
    """The calls for the rows of these tickers, of each from its first day on, or of everything.

    ``last`` is about where the rows end, to weigh them; ``end`` is the last day to ask for, included,
    None for all there is. ``times`` tells that days are asked as moments. ``otc``: whether the
    whole market has its OTC stocks.
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
    """The names in portions that fit one URL each, in their order."""
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
    return len(quote(name)) + 3  # the comma is quoted, too


def _portions(listing: Listing, firsts: Mapping[str, date | None]) -> list[_Portion]:
    """By the listing's filter; none where it has no filter, or no ticker is named."""
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
    """The tickers in groups, each to be read from its earliest first day on."""
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
    """About so many pages are the portion's rows; no name stands for all."""
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
    return RowCriteria(tickers, listing.since, portion.first, end, times)


def _bound(day: date, *, times: bool) -> str:
    return utc_text(midnight_ms(day)) if times else day.isoformat()
