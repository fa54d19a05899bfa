"""Shares of a company: free float, short interest and short volume."""

import asyncio
from datetime import date

from stockticker_async.sandbox.data.issuers import free_float_percent, shares_outstanding
from stockticker_async.sandbox.data.sessions import session_before, sessions
from stockticker_async.sandbox.data.short_selling import interest, published, sales, settlements
from stockticker_async.sandbox.data.universe import Listing
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.list_endpoint import ListEndpoint, Row, without_paging
from stockticker_async.sandbox.endpoints.paging import named, paged
from stockticker_async.sandbox.endpoints.ticker_day_endpoint import TickerDayEndpoint, iso

_YIELD_EVERY = 500  # tickers between two turns of the event loop

INTEREST_LIST = ListEndpoint(
    "v1",
    {
        "ticker": "text", "settlement_date": "date", "days_to_cover": "number",
        "avg_daily_volume": "integer",
    },
    ("ticker", "settlement_date", "days_to_cover", "avg_daily_volume", "short_interest"),
    ("ticker", False),
    10,
    50_000,
    any_of=("ticker", "settlement_date", "days_to_cover", "avg_daily_volume"),
)  # fmt: skip
VOLUME_LIST = ListEndpoint(
    "v1",
    {"ticker": "text", "date": "date", "short_volume_ratio": "number"},
    (
        "ticker", "date", "short_volume_ratio", "short_volume", "total_volume", "exempt_volume",
        "non_exempt_volume",
    ),
    ("ticker", False),
    10,
    50_000,
    any_of=("ticker", "date", "short_volume_ratio"),
)  # fmt: skip
FLOAT_LIST = ListEndpoint(
    "v1",
    {"ticker": "text", "free_float_percent": "number"},
    ("ticker", "free_float_percent", "free_float", "effective_date"),
    ("ticker", False),
    100,
    5000,
    any_of=("ticker",),
)


async def short_interest(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /stocks/v1/short-interest: a row a ticker and published settlement day."""
    return await _INTEREST.respond(context, request)


async def short_volume(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /stocks/v1/short-volume: a row a ticker and session before today."""
    return await _VOLUME.respond(context, request)


async def free_float(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /stocks/vX/float: a row a company, as of the first of the month, without history."""
    request = request.resumed()
    request.limit(FLOAT_LIST.limit, FLOAT_LIST.most)
    key = (context.today(), context.market.book.version, tuple(sorted(without_paging(request).items())))
    kept = context.lists.get(request.path)
    if kept is None or kept[0] != key:
        rows: list[Row] = []
        for number, listing in enumerate(named(context, request, FLOAT_LIST), 1):
            row = _float_row(context, listing)
            if row is not None:
                rows.append(row)
            if not number % _YIELD_EVERY:
                await asyncio.sleep(0)
        kept = context.lists[request.path] = (key, FLOAT_LIST.selected(request, rows))
    return paged(FLOAT_LIST, request, kept[1], "ticker")


def _float_row(context: Context, listing: Listing) -> Row | None:
    today = context.today()
    percent = free_float_percent(listing)
    if percent is None or not listing.active_on(today.toordinal()):
        return None
    day = max(date(today.year, today.month, 1).toordinal(), listing.listed)
    shares = shares_outstanding(listing, context.market.basis(listing, None).scale(today.toordinal()))
    return {
        "effective_date": iso(day),
        "free_float": int(shares * percent / 100),
        "free_float_percent": percent,
        "ticker": listing.ticker,
    }


def _published_settlements(context: Context, first: int, last: int) -> list[int]:
    today = context.today().toordinal()
    return [day for day in settlements(first, min(last, today)) if published(day) <= today]


def _interest_row(context: Context, listing: Listing, day: int) -> Row:
    positions = interest(listing, day, context.market.basis(listing, None).scale)
    return {
        "avg_daily_volume": positions.average_volume,
        "days_to_cover": positions.days_to_cover,
        "settlement_date": iso(day),
        "short_interest": positions.shares,
        "ticker": listing.ticker,
    }


def _published_sessions(context: Context, first: int, last: int) -> list[int]:
    newest = session_before(context.today().toordinal(), context.unpublished + 1)
    return sessions(first, min(last, newest))


def _volume_row(context: Context, listing: Listing, day: int) -> Row | None:
    volumes = sales(listing, day, context.market.basis(listing, None).scale(day))
    if volumes is None:
        return None
    (adf, adf_exempt), (carteret, carteret_exempt), (chicago, chicago_exempt), (nyse, nyse_exempt) = (
        volumes.parts
    )
    return {
        "adf_short_volume": adf,
        "adf_short_volume_exempt": adf_exempt,
        "date": iso(day),
        "exempt_volume": volumes.exempt,
        "nasdaq_carteret_short_volume": carteret,
        "nasdaq_carteret_short_volume_exempt": carteret_exempt,
        "nasdaq_chicago_short_volume": chicago,
        "nasdaq_chicago_short_volume_exempt": chicago_exempt,
        "non_exempt_volume": round(volumes.short - volumes.exempt, 6),
        "nyse_short_volume": nyse,
        "nyse_short_volume_exempt": nyse_exempt,
        "short_volume": volumes.short,
        "short_volume_ratio": round(100 * volumes.short / volumes.total, 2),
        "ticker": listing.ticker,
        "total_volume": volumes.total,
    }


_INTEREST = TickerDayEndpoint(INTEREST_LIST, "settlement_date", _published_settlements, _interest_row)
_VOLUME = TickerDayEndpoint(VOLUME_LIST, "date", _published_sessions, _volume_row)
