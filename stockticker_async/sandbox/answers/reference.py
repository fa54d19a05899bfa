"""Who is listed: the tickers, and the details of one."""

from datetime import date
from typing import Any

from stockticker_async.sandbox.asked import Asked, parse_day
from stockticker_async.sandbox.lists import Row
from stockticker_async.sandbox.noise import fraction, mix
from stockticker_async.sandbox.universe import Listing
from stockticker_async.sandbox.wire import Answer, not_found, ok
from stockticker_async.sandbox.world import World

_BASE36 = "0123456789BCDFGHJKLMNPQRSTVWXYZ"  # FIGIs have no vowels: https://www.openfigi.com/about/figi


def _figi(bits: int) -> str:
    text = ""
    for _ in range(8):
        bits, digit = divmod(bits, len(_BASE36))
        text += _BASE36[digit]
    return text


def listing_row(listing: Listing, day: int) -> Row:
    """A name as the list of tickers shows it on a day."""
    row: Row = {
        "ticker": listing.ticker,
        "name": listing.name,
        "market": "otc" if listing.otc else "stocks",
        "locale": "us",
        "primary_exchange": listing.exchange,
        "type": listing.type,
        "active": day <= listing.last,
        "currency_name": "usd",
        "cik": f"{mix(listing.seed, 60) % 2_000_000:010}",
        "composite_figi": f"BBG0{_figi(mix(listing.seed, 61))}",
        "share_class_figi": f"BBG0{_figi(mix(listing.seed, 62))}",
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


async def details(world: World, asked: Asked) -> Answer:
    """GET /v3/reference/tickers/{ticker}: 404 for who is unknown, or not listed on `date`."""
    text = asked.query.get("date", "")
    day = (parse_day("date", text) if text else world.today()).toordinal()
    listing = world.market.universe.get(asked.parts["ticker"])
    if listing is None or not listing.active_on(day):
        raise not_found("Ticker")
    return ok(
        {
            "request_id": asked.request_id,
            "results": _details(world, listing, day, asked.origin),
            "status": "OK",
        },
        asked.request_id,
    )


def _details(world: World, listing: Listing, day: int, origin: str) -> dict[str, Any]:
    row = listing_row(listing, day)
    del row["last_updated_utc"]
    shares = int(1e7 * 1000 ** fraction(listing.seed, 63))
    host = f"www.{listing.ticker.lower().replace('.', '-')}.example"
    branding = f"{origin}/v1/reference/company-branding/{host}/images/2022-01-10"
    return {
        **row,
        "market_cap": round(shares * listing.price, 2),
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
