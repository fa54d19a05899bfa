"""Tickers: the list, and the details of a ticker."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from stockticker_async.sandbox.data.issuers import cik, composite_figi, share_class_figi, shares_outstanding
from stockticker_async.sandbox.data.pseudorandom import mix
from stockticker_async.sandbox.data.universe import Listing
from stockticker_async.sandbox.endpoints.api_request import ApiRequest, parse_day
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, not_found, ok
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.list_endpoint import ListEndpoint, Row, without_paging
from stockticker_async.sandbox.endpoints.paging import paged

_YIELD_EVERY = 500  # tickers between two turns of the event loop


def listing_row(listing: Listing, day: int) -> Row:
    """The row of a listing in the list of tickers on a day."""
    row: Row = {
        "ticker": listing.ticker,
        "name": listing.name,
        "market": "otc" if listing.otc else "stocks",
        "locale": "us",
        "primary_exchange": listing.exchange,
        "type": listing.type,
        "active": day <= listing.last,
        "currency_name": "usd",
        "cik": cik(listing),
        "composite_figi": composite_figi(listing),
        "share_class_figi": share_class_figi(listing),
    }
    if listing.otc:
        del row["primary_exchange"]
    if listing.type == "ETF":
        del row["cik"]
    moment = date.fromordinal(min(day, listing.last))
    row["last_updated_utc"] = f"{moment.isoformat()}T00:00:00Z"
    if day > listing.last:
        row["delisted_utc"] = f"{moment.isoformat()}T04:00:00Z"
    return row


TICKERS = ListEndpoint(
    "v3",
    {
        "ticker": "text", "type": "text", "market": "text", "cik": "text", "primary_exchange": "text",
        "cusip": "text",
    },
    (
        "ticker", "name", "market", "locale", "primary_exchange", "type", "currency_symbol", "currency_name",
        "base_currency_symbol", "base_currency_name", "cik", "composite_figi", "share_class_figi",
        "last_updated_utc", "delisted_utc",
    ),
    ("ticker", False),
    100,
    1000,
    exact=("type", "market", "cik", "primary_exchange", "cusip"),
)  # fmt: skip


async def tickers(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /v3/reference/tickers: the tickers listed on `date`, or delisted by then."""
    request = request.resumed()
    request.limit(TICKERS.limit, TICKERS.most)
    day = _day(context, request)
    key = (day, tuple(sorted(without_paging(request).items())))
    kept = context.lists.get(request.path)
    if kept is None or kept[0] != key:
        active = request.flag("active", default=True)
        query = dict(request.query)
        if "exchange" in query:
            query["primary_exchange"] = query["exchange"]
        rows = []
        for number, listing in enumerate(context.market.universe, 1):
            if listing.listed <= day and (day <= listing.last) is active and _matches(listing, query):
                rows.append(listing_row(listing, day))
            if not number % _YIELD_EVERY:
                await asyncio.sleep(0)
        kept = context.lists[request.path] = (key, TICKERS.selected(replace(request, query=query), rows))
    return paged(TICKERS, request, kept[1], "ticker", count=True)


def _matches(listing: Listing, query: Mapping[str, str]) -> bool:
    words = query.get("search", "").lower()
    return words in listing.ticker.lower() or words in listing.name.lower()


def _day(context: Context, request: ApiRequest) -> int:
    text = request.query.get("date", "")
    return (parse_day("date", text) if text else context.today()).toordinal()


async def details(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /v3/reference/tickers/{ticker}: a 404 for tickers unknown or not listed on `date`."""
    day = _day(context, request)
    listing = context.market.universe.get(request.parts["ticker"])
    if listing is None or not listing.active_on(day):
        raise not_found("Ticker")
    body = {
        "request_id": request.request_id,
        "results": _details(context, listing, day, request.origin),
        "status": "OK",
    }
    return ok(body, request.request_id)


def _details(context: Context, listing: Listing, day: int, origin: str) -> dict[str, Any]:
    row = listing_row(listing, day)
    del row["last_updated_utc"]
    shares = shares_outstanding(listing, context.market.basis(listing, None).scale(day))
    host = f"www.{listing.ticker.lower().replace('.', '-')}.example"
    branding = f"{origin}/v1/reference/company-branding/{host}/images/2022-01-10"
    return {
        **row,
        "market_cap": round(shares_outstanding(listing) * listing.price, 2),
        "phone_number": f"(555) {mix(listing.seed, 64) % 900 + 100}-{mix(listing.seed, 65) % 10_000:04}",
        "address": {
            "address1": f"{mix(listing.seed, 66) % 9000 + 1} Market Street",
            "city": "Springfield",
            "state": "NY",
            "postal_code": f"{mix(listing.seed, 67) % 90_000 + 10_000}",
        },
        "description": f"{listing.name} is made up by a sandbox, or at least its numbers are.",
        "sic_code": f"{mix(listing.seed, 68) % 8000 + 1000}",
        "sic_description": "SERVICES",
        "ticker_root": listing.ticker.split(".")[0].split("p")[0],
        "homepage_url": f"https://{host}",
        "total_employees": mix(listing.seed, 69) % 100_000 + 10,
        "list_date": date.fromordinal(listing.listed).isoformat(),
        "branding": {"logo_url": f"{branding}_logo.svg", "icon_url": f"{branding}_icon.png"},
        "share_class_shares_outstanding": shares,
        "weighted_shares_outstanding": shares,
        "round_lot": 100,
    }
