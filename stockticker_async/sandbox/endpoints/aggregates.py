"""Aggregate bars of a ticker: GET /v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}."""

import asyncio
from dataclasses import dataclass
from typing import Any

from stockticker_async.sandbox.data.bar_windows import TIMESPANS, Window
from stockticker_async.sandbox.data.day_bars import Bar
from stockticker_async.sandbox.data.sessions import day_of, midnight_ms
from stockticker_async.sandbox.endpoints import cursors
from stockticker_async.sandbox.endpoints.api_request import ApiRequest, parse_day
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, bad_request, denied, ok
from stockticker_async.sandbox.endpoints.context import Context

_DEFAULT_LIMIT, _LARGEST_LIMIT = 5000, 50_000  # the OpenAPI file's
_LARGEST_MULTIPLIER = 10_000  # ours: windows must end before the year 9999 does
_EARLIEST_MS, _LATEST_MS = 0, 16_725_225_600_000  # ours: 1970 to 2500, for the same reason
_YIELD_EVERY = 1000  # rows between two turns of the event loop


@dataclass(frozen=True, slots=True)
class _Range:
    """A parsed request: the bars of the windows from `low` to `high`, not included."""

    ticker: str
    window: Window
    low: int
    high: int
    adjusted: bool
    descending: bool
    limit: int


async def bars(context: Context, request: ApiRequest) -> ApiResponse:
    request = request.resumed()
    span = _parsed(context, request)
    rows, base_bars, more = await _page(context, span)
    body: dict[str, Any] = {
        "ticker": span.ticker,
        "queryCount": base_bars,
        "resultsCount": len(rows),
        "adjusted": span.adjusted,
        **context.results(rows),
        "status": context.plan.status,
        "request_id": request.request_id,
    }
    if rows:
        body["count"] = len(rows)
    if more:
        body["next_url"] = _next_url(context, request, span, rows[-1]["t"])
    return context.spelled(ok(body, request.request_id), span.ticker)


def _parsed(context: Context, request: ApiRequest) -> _Range:
    timespan, multiplier = request.parts["timespan"], request.parts["multiplier"]
    if timespan not in TIMESPANS:
        raise bad_request(f"The parameter 'timespan' is invalid: '{timespan}'.")
    if not multiplier.isdecimal() or not 1 <= int(multiplier) <= _LARGEST_MULTIPLIER:
        raise bad_request("The parameter 'multiplier' must be a positive number.")
    sort = request.query.get("sort", "asc")
    if sort not in ("asc", "desc"):
        raise bad_request("The parameter 'sort' must be 'asc' or 'desc'.")
    first, last = _moment(request, "from"), _moment(request, "to")
    if last < first:
        raise bad_request("The parameter 'to' cannot be a time that occurs before 'from'")
    floor_ms = _entitled(context, first, last)
    window = Window(int(multiplier), timespan)
    return _Range(
        request.parts["ticker"],
        window,
        max(window.start(first), floor_ms),
        window.after(window.start(last)),
        request.flag("adjusted", default=True),
        sort == "desc",
        request.limit(_DEFAULT_LIMIT, _LARGEST_LIMIT),
    )


def _moment(request: ApiRequest, name: str) -> int:
    """An end of the range in epoch ms; a date as `to` means the last moment of that day."""
    text = request.parts[name]
    if text.isdecimal():
        return min(max(int(text), _EARLIEST_MS), _LATEST_MS)
    day = parse_day(name, text).toordinal()
    return midnight_ms(day) if name == "from" else midnight_ms(day + 1) - 1


def _entitled(context: Context, first: int, last: int) -> int:
    """The start of the plan's history in ms; raises a 403 for a range wholly outside of the plan."""
    floor_ms = midnight_ms(context.floor().toordinal())
    today = context.today().toordinal()
    if last < floor_ms or (day_of(first) >= today and not context.plan.shows_today):
        raise denied("timeframe")
    return floor_ms


async def _page(context: Context, span: _Range) -> tuple[list[Bar], int, bool]:
    """The rows of a page, the number of their base bars, and whether more rows follow.

    Windows are never cut: a page has at least one, and no more base bars than `limit` otherwise.
    """
    market = context.market
    listing = market.universe.get(span.ticker)
    if listing is None:
        return [], 0, False
    basis = market.basis(listing, context.today().toordinal() if span.adjusted else None)
    most = context.options.page_rows or span.limit
    rows: list[Bar] = []
    base_bars = 0
    found = market.windows(
        listing, span.window, (span.low, span.high), basis, context.horizon(), descending=span.descending
    )
    for bar, inside in found:
        if rows and (base_bars + inside > span.limit or len(rows) >= most):
            return rows, base_bars, True
        rows.append(bar)
        base_bars += inside
        if not len(rows) % _YIELD_EVERY:
            await asyncio.sleep(0)
    return rows, base_bars, False


def _next_url(context: Context, request: ApiRequest, span: _Range, last: int) -> str:
    """The URL of the rows after `last`: `from` becomes the next window, or `to` the moment before `last`."""
    pieces = request.path.split("/")
    if span.descending:
        pieces[-1] = str(last - 1)
    else:
        pieces[-2] = str(span.window.after(last))
    query = {"limit": str(span.limit), "sort": "desc" if span.descending else "asc"}
    if not span.adjusted and context.options.keep_adjusted:
        query = {"adjusted": "false", **query}
    return f"{request.origin}{'/'.join(pieces)}?cursor={cursors.encode(query)}"
