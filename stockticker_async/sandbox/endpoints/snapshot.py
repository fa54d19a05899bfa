"""A snapshot of the market now: GET /v2/snapshot/locale/us/markets/stocks/tickers."""

import asyncio
from typing import Any

from stockticker_async.sandbox.data.day_bars import Bar
from stockticker_async.sandbox.data.sessions import midnight_ms, session_before
from stockticker_async.sandbox.data.universe import Listing
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, ok
from stockticker_async.sandbox.endpoints.context import Context

_YIELD_EVERY = 100  # tickers between two turns of the event loop


async def snapshot(context: Context, request: ApiRequest) -> ApiResponse:
    """All tickers, or the given `tickers`; unknown tickers and tickers without a trade are left out."""
    universe = context.market.universe
    tickers = request.query.get("tickers")
    wanted = universe.symbols() if not tickers else dict.fromkeys(tickers.split(","))
    with_otc = request.flag("include_otc", default=False)
    rows: list[dict[str, Any]] = []
    for number, ticker in enumerate(wanted, 1):
        listing = universe.get(ticker)
        row = None if listing is None or (listing.otc and not with_otc) else _row(context, listing)
        if row is not None:
            rows.append(row)
        if not number % _YIELD_EVERY:
            await asyncio.sleep(0)
    body = {"count": len(rows), "status": "OK", "tickers": rows}
    return ok(body, request.request_id)


def _row(context: Context, listing: Listing) -> dict[str, Any] | None:
    """The last two sessions shown; `updated` is in nanoseconds."""
    horizon = context.horizon()
    basis = context.market.basis(listing, context.today().toordinal())
    before = session_before(horizon.day)
    day = context.market.session_bar(listing, horizon.day, basis, horizon, midnight_ms(horizon.day))
    previous = context.market.session_bar(listing, before, basis, horizon, midnight_ms(before))
    if day is None or previous is None:
        return None
    change = day["c"] - previous["c"]
    return {
        "day": _shown(day),
        "prevDay": _shown(previous),
        "ticker": listing.ticker,
        "todaysChange": round(change, 4),
        "todaysChangePerc": round(100 * change / previous["c"], 4),
        "updated": horizon.until_ms * 1_000_000,
    }


def _shown(bar: Bar) -> Bar:
    """The fields of a bar in a snapshot, which always has a vw."""
    shown = {name: bar[name] for name in ("c", "h", "l", "o", "v")}
    return {**shown, "vw": bar.get("vw", bar["c"])}
