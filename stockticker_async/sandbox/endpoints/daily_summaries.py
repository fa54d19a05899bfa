"""Summaries of a session: all tickers (grouped), the previous day's bar, open and close."""

import asyncio
from collections.abc import Iterable
from typing import Any

import orjson

from stockticker_async.sandbox.data.day_bars import Bar
from stockticker_async.sandbox.data.pseudorandom import day_noise
from stockticker_async.sandbox.data.sessions import is_session, midnight_ms, session_before
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, not_found, ok
from stockticker_async.sandbox.endpoints.context import Context

_KEPT = 100  # grouped responses, about a megabyte each
_YIELD_EVERY = 100  # tickers between two turns of the event loop


async def grouped(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /v2/aggs/grouped/locale/us/market/stocks/{date}."""
    day = request.day("date")
    adjusted = request.flag("adjusted", default=True)
    with_otc = request.flag("include_otc", default=False)
    context.require_day(day)
    rows, count = await _rows(context, day.toordinal(), adjusted=adjusted, with_otc=with_otc)
    body: dict[str, Any] = {
        "queryCount": count,
        "resultsCount": count,
        "adjusted": adjusted,
        **context.results(rows if count else []),
        "status": context.plan.status,
        "request_id": request.request_id,
    }
    if count:
        body["count"] = count
    return ok(body, request.request_id)


async def _rows(context: Context, day: int, *, adjusted: bool, with_otc: bool) -> tuple[orjson.Fragment, int]:
    """The encoded rows of a session and their number; cached, since all tickers take their time."""
    as_of = context.today().toordinal() if adjusted else None
    horizon = context.horizon()
    # A settled session looks the same on every later day.
    seen = (horizon.day > day, horizon.day == day, horizon.done if horizon.day == day else 1.0)
    key = (day, as_of, with_otc, context.market.book.version, seen)
    async with context.grouping:
        if key not in context.grouped:
            names = (listing for listing in context.market.universe if with_otc or not listing.otc)
            rows = await _encoded(context, context.market.grouped(names, day, as_of, horizon))
            while len(context.grouped) >= _KEPT:
                del context.grouped[next(iter(context.grouped))]
            context.grouped[key] = rows
        text, count = context.grouped[key]
    return orjson.Fragment(text), count


async def _encoded(context: Context, rows: Iterable[Bar]) -> tuple[bytes, int]:
    """The rows as one JSON array, and their number."""
    texts: list[bytes] = []
    for number, row in enumerate(rows, 1):
        texts.append(context.spelled_row(row["T"], orjson.dumps(row)))
        if not number % _YIELD_EVERY:
            await asyncio.sleep(0)
    return b"[" + b",".join(texts) + b"]", len(texts)


async def previous(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /v2/aggs/ticker/{ticker}/prev: the last bar before today's."""
    ticker = request.parts["ticker"]
    adjusted = request.flag("adjusted", default=True)
    row = _previous_row(context, ticker, adjusted=adjusted)
    rows = [] if row is None else [row]
    body: dict[str, Any] = {
        "ticker": ticker,
        "queryCount": len(rows),
        "resultsCount": len(rows),
        "adjusted": adjusted,
        **context.results(rows),
        "status": context.plan.status,
        "request_id": request.request_id,
    }
    if rows:
        body["count"] = 1
    return ok(body, request.request_id)


def _previous_row(context: Context, ticker: str, *, adjusted: bool) -> Bar | None:
    listing = context.market.universe.get(ticker)
    if listing is None:
        return None
    today = context.today().toordinal()
    horizon = context.horizon()
    day = min(session_before(today), horizon.day)
    return next(
        context.market.grouped([listing], day, today if adjusted else None, horizon),
        None,
    )


async def open_close(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /v1/open-close/{ticker}/{date}: flat, with pre-market and after-hours prices."""
    day = request.day("date")
    adjusted = request.flag("adjusted", default=True)
    context.require_day(day)
    listing = context.market.universe.get(request.parts["ticker"])
    if listing is None or not is_session(day.toordinal()):
        raise not_found("Data")
    basis = context.market.basis(listing, context.today().toordinal() if adjusted else None)
    number = day.toordinal()
    bar = context.market.session_bar(listing, number, basis, context.horizon(), midnight_ms(number))
    if bar is None:
        raise not_found("Data")
    body: dict[str, Any] = {
        "status": "OK",
        "from": day.isoformat(),
        "symbol": listing.ticker,
        "open": bar["o"],
        "high": bar["h"],
        "low": bar["l"],
        "close": bar["c"],
        "volume": bar["v"],
    }
    if listing.presence == 1.0:  # illiquid tickers do not trade outside of regular hours
        late, early = day_noise(listing.seed, number)[13:15]
        body["afterHours"] = _near(bar, late)
        body["preMarket"] = _near(bar, early)
    if listing.otc:
        body["otc"] = True
    return ApiResponse(200, orjson.dumps(body), request.request_id)


def _near(bar: Bar, noise: int) -> float:
    """A price within the day's range."""
    price: float = bar["l"] + (bar["h"] - bar["l"]) * noise / (1 << 32)
    return round(price, 4)
