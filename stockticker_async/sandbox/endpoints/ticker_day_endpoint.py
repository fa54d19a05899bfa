"""Lists of a row a ticker and day, too long to be made whole: a page begins where the previous page ended.

Sorted by tickers and days, only the rows of a page are made, and few before them. In any other order all rows
that the filters on tickers and days admit are made for each page, and only the rows of the page kept. A
cursor holds the sort fields of the last row: rows published between two pages move no other row.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

import orjson

from stockticker_async.sandbox.data.universe import FIRST_DAY, LAST_DAY, Listing
from stockticker_async.sandbox.endpoints import cursors
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, bad_request
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.list_endpoint import Filter, ListEndpoint, Row, without_paging
from stockticker_async.sandbox.endpoints.paging import named, page_of

Order = list[tuple[str, bool]]
"""(field, whether descending), the most significant first."""

_Place = TypeVar("_Place", str, int)

_YIELD_EVERY = 200  # rows between two turns of the event loop


@dataclass(frozen=True, slots=True)
class TickerDayEndpoint:
    """An endpoint with a row a ticker and day."""

    endpoint: ListEndpoint
    """Its fields include `ticker` and `day`."""
    day: str
    """The field with the date."""
    days: Callable[[Context, int, int], list[int]]
    """The days with published rows between two days, both included, ascending."""
    row: Callable[[Context, Listing, int], Row | None]
    """The row of a ticker and a day of its life, or None."""

    async def respond(self, context: Context, request: ApiRequest) -> ApiResponse:
        request = request.resumed()
        limit = request.limit(self.endpoint.limit, self.endpoint.most)
        order = self._whole_order(request)
        last = self._last(request, order)
        in_order = {name for name, _ in order[:2]} == {"ticker", self.day}
        kept: list[Row] = []
        async for row in self._rows(context, request, order, last if in_order else None):
            if last is None or _after(row, last, order):
                kept.append(row)
            if in_order and len(kept) > limit:
                break
            if len(kept) > 2 * limit + _YIELD_EVERY:
                kept = _ordered(kept, order)[: limit + 1]
        return _paged(request, kept if in_order else _ordered(kept, order), limit, order)

    def _whole_order(self, request: ApiRequest) -> Order:
        """The requested order, made unique by ticker and day at its end."""
        order = self.endpoint.order(request)
        sorted_by = {name for name, _ in order}
        return [*order, *((name, False) for name in ("ticker", self.day) if name not in sorted_by)]

    def _last(self, request: ApiRequest, order: Order) -> Row | None:
        """The sort fields of the last row of the previous page; raises a 400 for an invalid marker."""
        marker = request.query.get("page_marker")
        if not marker:
            return None
        try:
            last = dict(zip((name for name, _ in order), orjson.loads(marker), strict=True))
            date.fromisoformat(last[self.day])
        except (TypeError, ValueError):
            raise bad_request("The parameter 'cursor' is invalid.") from None
        texts = {name for name, kind in self.endpoint.fields.items() if kind in ("text", "date")}
        if any(not isinstance(value, str if name in texts else int | float) for name, value in last.items()):
            raise bad_request("The parameter 'cursor' is invalid.")
        return last

    async def _rows(
        self, context: Context, request: ApiRequest, order: Order, last: Row | None
    ) -> AsyncIterator[Row]:
        """The rows that the filters admit, in order of tickers and days, from `last` on."""
        filters = self.endpoint.filters(request)
        names = {listing.ticker: listing for listing in named(context, request, self.endpoint)}
        days = self.days(context, *self._span(filters))
        directions = dict(order)
        down = directions["ticker"], directions[self.day]
        by_name = next(name for name in directions if name in ("ticker", self.day)) == "ticker"
        at = None if last is None else (last["ticker"], date.fromisoformat(last[self.day]).toordinal())
        cells = (_by_name if by_name else _by_day)(names, days, down, at)
        for number, (listing, day) in enumerate(cells, 1):
            if not number % _YIELD_EVERY:
                await asyncio.sleep(0)
            row = self.row(context, listing, day)
            if row is not None and all(wanted.admits(row) for wanted in filters):
                yield row

    def _span(self, filters: list[Filter]) -> tuple[int, int]:
        """The first and last day that the date filters admit; days between may still be excluded."""
        first, last = FIRST_DAY, LAST_DAY
        for wanted in filters:
            if wanted.field != self.day:
                continue
            texts = wanted.value if wanted.suffix == "any_of" else [wanted.value]
            days = [date.fromisoformat(text).toordinal() for text in texts]
            if wanted.suffix not in ("lt", "lte"):
                first = max(first, min(days))
            if wanted.suffix not in ("gt", "gte"):
                last = min(last, max(days))
        return first, last


def _by_name(
    names: Mapping[str, Listing], days: list[int], down: tuple[bool, bool], at: tuple[str, int] | None
) -> Iterator[tuple[Listing, int]]:
    """Tickers and, for each, days, from `at` on; `down`: whether tickers and days descend."""
    for ticker in _axis(sorted(names), at and at[0], descending=down[0]):
        listing = names[ticker]
        listed_days = days[bisect_left(days, listing.first) : bisect_right(days, listing.last)]
        begin = at[1] if at and ticker == at[0] else None
        for day in _axis(listed_days, begin, descending=down[1]):
            yield listing, day


def _by_day(
    names: Mapping[str, Listing], days: list[int], down: tuple[bool, bool], at: tuple[str, int] | None
) -> Iterator[tuple[Listing, int]]:
    """Days and, for each, tickers, from `at` on."""
    whole = sorted(names, reverse=down[0])
    rest = _axis(sorted(names), at and at[0], descending=down[0])
    for day in _axis(days, at and at[1], descending=down[1]):
        for ticker in rest if at and day == at[1] else whole:
            listing = names[ticker]
            if listing.first <= day <= listing.last:
                yield listing, day


def _axis(values: list[_Place], begin: _Place | None, *, descending: bool) -> list[_Place]:
    """Ascending values in the given direction, from `begin` on."""
    if descending:
        return values[: None if begin is None else bisect_right(values, begin)][::-1]
    return values[None if begin is None else bisect_left(values, begin) :]


def _ordered(rows: list[Row], order: Order) -> list[Row]:
    for name, descending in reversed(order):
        rows.sort(key=itemgetter(name), reverse=descending)
    return rows


def _after(row: Row, last: Mapping[str, Any], order: Order) -> bool:
    """Whether a row comes after the last row of the previous page."""
    for name, descending in order:
        if row[name] != last[name]:
            return bool(row[name] < last[name]) is descending
    return False


def _paged(request: ApiRequest, rows: list[Row], limit: int, order: Order) -> ApiResponse:
    """The first `limit` rows, and the URL of the next page if more rows follow."""
    page = rows[:limit]
    if len(rows) <= limit:
        return page_of(request, page, None)
    marker = orjson.dumps([page[-1][name] for name, _ in order]).decode()
    cursor = cursors.encode({**without_paging(request), "limit": str(limit), "page_marker": marker})
    return page_of(request, page, f"{request.origin}{request.path}?cursor={cursor}")


@lru_cache(maxsize=65_536)
def iso(day: int) -> str:
    return date.fromordinal(day).isoformat()
