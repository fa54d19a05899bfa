"""Splits and dividends, in both generations of their endpoints."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from stockticker_async.sandbox import dividends
from stockticker_async.sandbox.asked import Asked
from stockticker_async.sandbox.lists import Filter, Listed, Row
from stockticker_async.sandbox.splits import Split
from stockticker_async.sandbox.universe import Listing
from stockticker_async.sandbox.wire import Answer, ok, scientific
from stockticker_async.sandbox.world import World

_BREATH = 500  # names looked at before the loop gets its turn

SPLITS_V1 = Listed(
    "v1",
    {"ticker": "text", "execution_date": "date", "adjustment_type": "text"},
    ("ticker", "execution_date", "adjustment_type", "id", "split_from", "split_to"),
    ("execution_date", True),
    100,
    5000,
)
SPLITS_V3 = Listed(
    "v3",
    {"ticker": "text", "execution_date": "date"},
    ("execution_date", "ticker"),
    ("execution_date", True),
    10,
    1000,
)


async def splits_v1(world: World, asked: Asked) -> Answer:
    """GET /stocks/v1/splits."""
    asked = asked.resumed()
    rows = await _rows(world, asked, SPLITS_V1, _split_rows_v1)
    return _answer(SPLITS_V1, asked, rows)


async def splits_v3(world: World, asked: Asked) -> Answer:
    """GET /v3/reference/splits."""
    asked = asked.resumed()
    rows = await _rows(world, asked, SPLITS_V3, _split_rows_v3)
    if asked.query.get("reverse_split"):
        reverse = asked.flag("reverse_split", default=False)
        rows = [row for row in rows if (row["split_from"] > row["split_to"]) is reverse]
    return _answer(SPLITS_V3, asked, rows)


async def _rows(
    world: World, asked: Asked, listed: Listed, rows_of: Callable[[World, Listing], Iterable[Row]]
) -> list[Row]:
    """The rows of every name that the question's ticker filters admit."""
    filters = [f for f in listed.filters(asked) if f.field == "ticker"]
    rows: list[Row] = []
    for number, listing in enumerate(_names(world, asked, filters), 1):
        rows.extend(rows_of(world, listing))
        if not number % _BREATH:
            await asyncio.sleep(0)
    return rows


def _names(world: World, asked: Asked, filters: list[Filter]) -> Iterable[Listing]:
    universe = world.market.universe
    asked_for = asked.query.get("ticker") or asked.query.get("ticker.any_of")
    if asked_for:
        found = (universe.get(ticker) for ticker in dict.fromkeys(asked_for.split(",")))
        return (listing for listing in found if listing is not None)
    return (listing for listing in universe if all(f.admits({"ticker": listing.ticker}) for f in filters))


def _answer(listed: Listed, asked: Asked, rows: list[Row]) -> Answer:
    page, next_url = listed.page(asked, rows, "id")
    body: dict[str, Any] = {"results": page, "status": "OK", "request_id": asked.request_id}
    if next_url is not None:
        body["next_url"] = next_url
    answer = ok(body, asked.request_id)
    return Answer(200, scientific(answer.body), asked.request_id)


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def _split_rows_v3(world: World, listing: Listing) -> Iterable[Row]:
    for split in world.market.book.listed(listing, world.today().toordinal()):
        yield {
            "execution_date": split.execution_date,
            "id": split.id,
            "split_from": _number(split.split_from),
            "split_to": _number(split.split_to),
            "ticker": split.ticker,
        }


def _split_rows_v1(world: World, listing: Listing) -> Iterable[Row]:
    """The factor of a split takes a price before it to the basis after the last one executed, or itself."""
    today = world.today().toordinal()
    splits = world.market.book.listed(listing, today)
    for split in splits:
        yield {
            "adjustment_type": split.adjustment_type,
            "execution_date": split.execution_date,
            "historical_adjustment_factor": _historical_factor(split, splits, today),
            "id": split.id,
            "split_from": _number(split.split_from),
            "split_to": _number(split.split_to),
            "ticker": split.ticker,
        }


def _historical_factor(split: Split, splits: tuple[Split, ...], today: int) -> float:
    later = {(s.day, s.ratio) for s in splits if split.day <= s.day <= max(today, split.day)}
    factor = 1.0
    for _, ratio in later:
        factor /= ratio
    return round(factor, 6)


DIVIDENDS_V1 = Listed(
    "v1",
    {"ticker": "text", "ex_dividend_date": "date", "frequency": "number", "distribution_type": "text"},
    (
        "ticker", "ex_dividend_date", "declaration_date", "record_date", "pay_date", "cash_amount", "frequency",
        "distribution_type", "id",
    ),
    ("ticker", False),
    100,
    5000,
)  # fmt: skip
DIVIDENDS_V3 = Listed(
    "v3",
    {
        "ticker": "text", "ex_dividend_date": "date", "record_date": "date", "declaration_date": "date",
        "pay_date": "date", "frequency": "number", "cash_amount": "number", "dividend_type": "text",
    },
    ("ex_dividend_date", "pay_date", "declaration_date", "record_date", "cash_amount", "ticker"),
    ("ex_dividend_date", True),
    10,
    1000,
)  # fmt: skip
