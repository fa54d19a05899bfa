"""Companies: related companies, and the tickers that a company has had."""

import asyncio

from stockticker_async.sandbox.data.issuers import cik, composite_figi, cusip
from stockticker_async.sandbox.data.pseudorandom import seed_of
from stockticker_async.sandbox.data.ticker_changes import tickers_of
from stockticker_async.sandbox.data.universe import Listing
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, bad_request, not_found, ok
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.ticker_day_endpoint import iso

_MOST_RELATED = 10
_YIELD_EVERY = 200  # tickers between two turns of the event loop

_CUSIP_LETTERS = 9


async def related(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /v1/related-companies/{ticker}: at most ten tickers of its peer group, maybe none.

    The response repeats the ticker under `stock_symbol`, whatever the published schema says.
    """
    market, today = context.market, context.today().toordinal()
    listing = market.universe.get(request.parts["ticker"])
    if listing is None or not listing.active_on(today):
        raise not_found("Ticker")
    group = market.peer_groups.of(listing.ticker)
    others = () if group is None else market.peer_groups.members()[group]
    listed = [
        ticker for ticker in others if ticker != listing.ticker and market.listing(ticker).active_on(today)
    ]
    listed.sort(key=lambda ticker: seed_of(listing.ticker, ticker))
    body = {
        "request_id": request.request_id,
        "results": [{"ticker": ticker} for ticker in listed[:_MOST_RELATED]],
        "status": "OK",
        "stock_symbol": listing.ticker,
    }
    return ok(body, request.request_id)


async def events(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /vX/reference/tickers/{id}/events: by a ticker of today, or by CUSIP or composite FIGI.

    The kind of an event is under `type`, whatever the published schema says.
    """
    kinds = request.query.get("types", "")
    if any(kind != "ticker_change" for kind in kinds.split(",") if kind):
        raise bad_request(f"The parameter 'types' is invalid: '{kinds}'.")
    listing = await _identified(context, request.parts["id"])
    if listing is None:
        raise not_found("Ticker")
    changes = tickers_of(listing, context.market.universe, context.today().toordinal())
    body = {
        "results": {
            "name": listing.name,
            "composite_figi": composite_figi(listing),
            "cik": cik(listing),
            "events": [
                {"ticker_change": {"ticker": ticker}, "type": "ticker_change", "date": iso(day)}
                for day, ticker in changes
            ],
        },
        "status": "OK",
        "request_id": request.request_id,
    }
    return ok(body, request.request_id)


async def _identified(context: Context, identifier: str) -> Listing | None:
    universe, today = context.market.universe, context.today().toordinal()
    listing = universe.get(identifier)
    if listing is not None:
        return listing if listing.active_on(today) else None
    by_figi = identifier.startswith("BBG")
    if not by_figi and len(identifier) != _CUSIP_LETTERS:
        return None
    number_of = composite_figi if by_figi else cusip
    for number, each in enumerate(universe, 1):
        if each.listed <= today and number_of(each) == identifier:
            return each
        if not number % _YIELD_EVERY:
            await asyncio.sleep(0)
    return None
