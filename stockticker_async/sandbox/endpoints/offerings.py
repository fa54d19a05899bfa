"""Initial public offerings: GET /vX/reference/ipos."""

import asyncio
from typing import Any

from stockticker_async.sandbox.data.ipos import Ipo, ipos
from stockticker_async.sandbox.data.issuers import cusip, isin
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.list_endpoint import ListEndpoint, Row, without_paging
from stockticker_async.sandbox.endpoints.paging import named, paged
from stockticker_async.sandbox.endpoints.ticker_day_endpoint import iso

_YIELD_EVERY = 200  # tickers between two turns of the event loop

IPO_LIST = ListEndpoint(
    "v3",
    {"ticker": "text", "us_code": "text", "isin": "text", "listing_date": "date", "ipo_status": "text"},
    (
        "listing_date", "ticker", "last_updated", "security_type", "issuer_name", "currency_code", "isin",
        "us_code", "final_issue_price", "min_shares_offered", "max_shares_offered", "lowest_offer_price",
        "highest_offer_price", "total_offer_size", "shares_outstanding", "primary_exchange", "lot_size",
        "security_description", "ipo_status", "announced_date",
    ),
    ("listing_date", True),
    10,
    1000,
    exact=("ticker", "us_code", "isin", "ipo_status"),
    choices={
        "ipo_status": (
            "direct_listing_process", "history", "new", "pending", "postponed", "rumor", "withdrawn",
        )
    },
)  # fmt: skip


async def offerings(context: Context, request: ApiRequest) -> ApiResponse:
    """A row for each announced offering, without the fields that are not known yet."""
    request = request.resumed()
    request.limit(IPO_LIST.limit, IPO_LIST.most)
    today = context.today().toordinal()
    key = (today, context.market.book.version, tuple(sorted(without_paging(request).items())))
    kept = context.lists.get(request.path)
    if kept is None or kept[0] != key:
        rows: list[Row] = []
        for number, listing in enumerate(named(context, request, IPO_LIST), 1):
            scale = context.market.basis(listing, None).scale
            rows.extend(map(_row, ipos(listing, today, scale)))
            if not number % _YIELD_EVERY:
                await asyncio.sleep(0)
        kept = context.lists[request.path] = (key, IPO_LIST.selected(request, rows))
    return paged(IPO_LIST, request, kept[1], "ticker")


def _row(ipo: Ipo) -> Row:
    listing = ipo.listing
    dated = ipo.day is not None
    row: dict[str, Any] = {
        "announced_date": iso(ipo.announced),
        "currency_code": "USD",
        "final_issue_price": ipo.price,
        "highest_offer_price": ipo.spread and ipo.spread[1],
        "ipo_status": ipo.status,
        "isin": isin(listing) if dated else None,
        "issuer_name": listing.name,
        "last_updated": iso(ipo.updated),
        "listing_date": None if ipo.day is None else iso(ipo.day),
        "lot_size": 100,
        "lowest_offer_price": ipo.spread and ipo.spread[0],
        "max_shares_offered": ipo.offered,
        "min_shares_offered": ipo.offered and ipo.offered // 2,
        "primary_exchange": listing.exchange,
        "security_description": "Ordinary Shares" if listing.type == "CS" else "American Depository Shares",
        "security_type": listing.type,
        "shares_outstanding": ipo.shares,
        "ticker": listing.ticker,
        "total_offer_size": ipo.price and ipo.offered and ipo.price * ipo.offered,
        "us_code": cusip(listing) if dated else None,
    }
    return {name: value for name, value in row.items() if value is not None}
