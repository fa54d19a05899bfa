"""One session at a time: the whole market's bars, the previous day's bar, open and close."""

import asyncio
from collections.abc import Iterable
from typing import Any

import orjson

from stockticker_async.sandbox.data.day_bars import Bar
from stockticker_async.sandbox.data.pseudorandom import day_noise
from stockticker_async.sandbox.data.sessions import is_session, midnight_ms, session_before
from stockticker_async.sandbox.endpoints.api_request import Asked
from stockticker_async.sandbox.endpoints.api_response import Answer, not_found, ok
from stockticker_async.sandbox.endpoints.context import World

_KEPT = 100  # sessions of the whole market, about a megabyte each
_BREATH = 100  # names worked out before the loop gets its turn


async def grouped(world: World, asked: Asked) -> Answer:
    """GET /v2/aggs/grouped/locale/us/market/stocks/{date}."""
    day = asked.day("date")
    adjusted = asked.flag("adjusted", default=True)
    with_otc = asked.flag("include_otc", default=False)
    world.require_day(day)
    rows, count = await _rows(world, day.toordinal(), adjusted=adjusted, with_otc=with_otc)
    body: dict[str, Any] = {
        "queryCount": count,
        "resultsCount": count,
        "adjusted": adjusted,
        **world.results(rows if count else []),
        "status": world.plan.status,
        "request_id": asked.request_id,
    }
    if count:
        body["count"] = count
    return ok(body, asked.request_id)


async def _rows(world: World, day: int, *, adjusted: bool, with_otc: bool) -> tuple[orjson.Fragment, int]:
    """The encoded rows of a session and their number; kept, since the whole market takes its time."""
    as_of = world.today().toordinal() if adjusted else None
    horizon = world.horizon()
    # A settled session looks the same from everywhere after it.
    seen = (horizon.day > day, horizon.day == day, horizon.done if horizon.day == day else 1.0)
    key = (day, as_of, with_otc, world.market.book.version, seen)
    async with world.grouping:
        if key not in world.grouped:
            names = (listing for listing in world.market.universe if with_otc or not listing.otc)
            rows = await _encoded(world, world.market.grouped(names, day, as_of, horizon))
            while len(world.grouped) >= _KEPT:
                del world.grouped[next(iter(world.grouped))]
            world.grouped[key] = rows
        text, count = world.grouped[key]
    return orjson.Fragment(text), count


async def _encoded(world: World, rows: Iterable[Bar]) -> tuple[bytes, int]:
    """The rows as one JSON array, and how many they are."""
    texts: list[bytes] = []
    for number, row in enumerate(rows, 1):
        texts.append(world.spelled_row(row["T"], orjson.dumps(row)))
        if not number % _BREATH:
            await asyncio.sleep(0)
    return b"[" + b",".join(texts) + b"]", len(texts)


async def previous(world: World, asked: Asked) -> Answer:
    """GET /v2/aggs/ticker/{ticker}/prev: the last bar before today's."""
    ticker = asked.parts["ticker"]
    adjusted = asked.flag("adjusted", default=True)
    row = _previous_row(world, ticker, adjusted=adjusted)
    rows = [] if row is None else [row]
    body: dict[str, Any] = {
        "ticker": ticker,
        "queryCount": len(rows),
        "resultsCount": len(rows),
        "adjusted": adjusted,
        **world.results(rows),
        "status": world.plan.status,
        "request_id": asked.request_id,
    }
    if rows:
        body["count"] = 1
    return ok(body, asked.request_id)


def _previous_row(world: World, ticker: str, *, adjusted: bool) -> Bar | None:
    listing = world.market.universe.get(ticker)
    if listing is None:
        return None
    today = world.today().toordinal()
    horizon = world.horizon()
    day = min(session_before(today), horizon.day)
    return next(
        world.market.grouped([listing], day, today if adjusted else None, horizon),
        None,
    )


async def open_close(world: World, asked: Asked) -> Answer:
    """GET /v1/open-close/{ticker}/{date}: flat, with pre-market and after-hours prices."""
    day = asked.day("date")
    adjusted = asked.flag("adjusted", default=True)
    world.require_day(day)
    listing = world.market.universe.get(asked.parts["ticker"])
    if listing is None or not is_session(day.toordinal()):
        raise not_found("Data")
    basis = world.market.basis(listing, world.today().toordinal() if adjusted else None)
    number = day.toordinal()
    bar = world.market.session_bar(listing, number, basis, world.horizon(), midnight_ms(number))
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
    if listing.presence == 1.0:  # nobody trades the others outside of hours
        late, early = day_noise(listing.seed, number)[13:15]
        body["afterHours"] = _near(bar, late)
        body["preMarket"] = _near(bar, early)
    if listing.otc:
        body["otc"] = True
    return Answer(200, orjson.dumps(body), asked.request_id)


def _near(bar: Bar, noise: int) -> float:
    """A price within the day's range."""
    price: float = bar["l"] + (bar["h"] - bar["l"]) * noise / (1 << 32)
    return round(price, 4)
