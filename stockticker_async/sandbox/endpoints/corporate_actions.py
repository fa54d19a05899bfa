"""Splits and dividends, in both versions of their endpoints."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import lru_cache

from stockticker_async.sandbox.data.dividends import Dividend, dividends
from stockticker_async.sandbox.data.split_book import Split
from stockticker_async.sandbox.data.universe import Listing
from stockticker_async.sandbox.endpoints.api_request import ApiRequest, parse_day
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, scientific
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.list_endpoint import ListEndpoint, Row, without_paging
from stockticker_async.sandbox.endpoints.paging import named, paged

RowsOf = Callable[[Context, ApiRequest, Listing], Iterable[Row]]

_YIELD_EVERY = 100  # tickers between two turns of the event loop

SPLITS_V1 = ListEndpoint(
    "v1",
    {"ticker": "text", "execution_date": "date", "adjustment_type": "text"},
    ("ticker", "execution_date", "adjustment_type", "id", "split_from", "split_to"),
    ("execution_date", True),
    100,
    5000,
    exact=("adjustment_type",),
    any_of=("ticker", "adjustment_type"),
)
SPLITS_V3 = ListEndpoint(
    "v3",
    {"ticker": "text", "execution_date": "date"},
    ("execution_date", "ticker"),
    ("execution_date", True),
    10,
    1000,
)

DIVIDENDS_V1 = ListEndpoint(
    "v1",
    {"ticker": "text", "ex_dividend_date": "date", "frequency": "number", "distribution_type": "text"},
    (
        "ticker", "ex_dividend_date", "declaration_date", "record_date", "pay_date", "cash_amount",
        "frequency", "distribution_type", "id",
    ),
    ("ticker", False),
    100,
    5000,
    exact=("distribution_type",),
    any_of=("ticker", "distribution_type"),
)  # fmt: skip
DIVIDENDS_V3 = ListEndpoint(
    "v3",
    {
        "ticker": "text", "ex_dividend_date": "date", "record_date": "date", "declaration_date": "date",
        "pay_date": "date", "frequency": "number", "cash_amount": "number", "dividend_type": "text",
    },
    ("ex_dividend_date", "pay_date", "declaration_date", "record_date", "cash_amount", "ticker"),
    ("ex_dividend_date", True),
    10,
    1000,
    exact=("frequency", "dividend_type"),
)  # fmt: skip


async def splits_v1(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /stocks/v1/splits."""
    return await _respond(context, request.resumed(), SPLITS_V1, _split_rows_v1)


async def splits_v3(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /v3/reference/splits."""
    return await _respond(context, request.resumed(), SPLITS_V3, _split_rows_v3)


async def dividends_v1(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /stocks/v1/dividends."""
    return await _respond(context, request.resumed(), DIVIDENDS_V1, _dividend_rows_v1)


async def dividends_v3(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /v3/reference/dividends."""
    return await _respond(context, request.resumed(), DIVIDENDS_V3, _dividend_rows_v3)


async def _respond(
    context: Context, request: ApiRequest, endpoint: ListEndpoint, rows_of: RowsOf
) -> ApiResponse:
    request.limit(endpoint.limit, endpoint.most)
    key = (context.today(), context.market.book.version, tuple(sorted(without_paging(request).items())))
    kept = context.lists.get(request.path)
    if kept is None or kept[0] != key:
        rows: list[Row] = []
        for number, listing in enumerate(named(context, request, endpoint), 1):
            rows.extend(rows_of(context, request, listing))
            if not number % _YIELD_EVERY:
                await asyncio.sleep(0)
        kept = context.lists[request.path] = (key, endpoint.selected(request, rows))
    response = paged(endpoint, request, kept[1], "id")
    return replace(response, body=scientific(response.body))


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def _split_rows_v3(context: Context, request: ApiRequest, listing: Listing) -> Iterable[Row]:
    reverse = request.flag("reverse_split", default=False) if request.query.get("reverse_split") else None
    for split in context.market.book.listed(listing, context.today().toordinal()):
        if reverse is not None and (split.ratio < 1) is not reverse:
            continue
        yield {
            "execution_date": split.execution_date,
            "id": split.id,
            "split_from": _number(split.split_from),
            "split_to": _number(split.split_to),
            "ticker": split.ticker,
        }


def _split_rows_v1(context: Context, _: ApiRequest, listing: Listing) -> Iterable[Row]:
    """The factor of a split adjusts a price from before it for all splits executed, and for itself."""
    today = context.today().toordinal()
    splits = context.market.book.listed(listing, today)
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


def _dividend_rows_v3(context: Context, request: ApiRequest, listing: Listing) -> Iterable[Row]:
    for dividend in _dividends(context, request, listing):
        yield {
            "cash_amount": dividend.cash,
            "currency": "USD",
            "declaration_date": _iso(dividend.declared),
            "dividend_type": "CD" if dividend.frequency else "SC",
            "ex_dividend_date": _iso(dividend.day),
            "frequency": dividend.frequency,
            "id": dividend.id,
            "pay_date": _iso(dividend.paid),
            "record_date": _iso(dividend.recorded),
            "ticker": dividend.ticker,
        }


def _dividend_rows_v1(context: Context, request: ApiRequest, listing: Listing) -> Iterable[Row]:
    basis = context.market.basis(listing, context.today().toordinal())
    for dividend in _dividends(context, request, listing):
        yield {
            "cash_amount": dividend.cash,
            "currency": "USD",
            "declaration_date": _iso(dividend.declared),
            "distribution_type": "recurring" if dividend.frequency else "special",
            "ex_dividend_date": _iso(dividend.day),
            "frequency": dividend.frequency,
            "historical_adjustment_factor": dividend.factor,
            "id": dividend.id,
            "pay_date": _iso(dividend.paid),
            "record_date": _iso(dividend.recorded),
            "split_adjusted_cash_amount": round(dividend.cash / basis.factor(dividend.day), 6),
            "ticker": dividend.ticker,
        }


def _dividends(context: Context, request: ApiRequest, listing: Listing) -> Iterator[Dividend]:
    """The dividends within the filters on the ex-dividend date; the other filters come later."""
    query, first, last = request.query, date.min.toordinal(), date.max.toordinal()
    for suffix in ("", ".gte", ".gt"):
        if text := query.get(f"ex_dividend_date{suffix}"):
            first = max(first, parse_day("ex_dividend_date", text).toordinal())
    for suffix in ("", ".lte", ".lt"):
        if text := query.get(f"ex_dividend_date{suffix}"):
            last = min(last, parse_day("ex_dividend_date", text).toordinal())
    today = context.today().toordinal()
    return dividends(listing, first, last, today, context.market.basis(listing, None).scale)


@lru_cache(maxsize=65_536)
def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()
