"""What codes mean: exchanges, kinds of names, conditions."""

from collections.abc import Iterable

from stockticker_async.sandbox.data.conditions import CONDITIONS
from stockticker_async.sandbox.data.venues import EXCHANGES, TICKER_TYPES
from stockticker_async.sandbox.endpoints.api_request import Asked
from stockticker_async.sandbox.endpoints.api_response import Answer
from stockticker_async.sandbox.endpoints.context import World
from stockticker_async.sandbox.endpoints.list_endpoint import Listed, Row
from stockticker_async.sandbox.endpoints.paging import page_of, paged

_LOCALES = ("us", "global")


def _whole(*asset_classes: str) -> Listed:
    """A list that comes in one page, whatever is asked; its order is its table's."""
    return Listed(
        "v3",
        {"asset_class": "text", "locale": "text"},
        ("asset_class",),
        ("asset_class", False),
        1000,
        1000,
        exact=("asset_class", "locale"),
        choices={"asset_class": asset_classes, "locale": _LOCALES},
    )


EXCHANGE_LIST = _whole("stocks", "options", "crypto", "fx", "futures")
TYPE_LIST = _whole("stocks", "options", "crypto", "fx", "indices")
CONDITION_LIST = Listed(
    "v3",
    {"asset_class": "text", "id": "integer"},
    ("asset_class", "id", "type", "name", "data_types", "legacy"),
    ("asset_class", False),
    10,
    1000,
    exact=("asset_class", "id"),
    choices={
        "asset_class": ("stocks", "options", "crypto", "fx"),
        "data_type": ("trade", "bbo", "nbbo"),
        "sip": ("CTA", "UTP", "OPRA"),
    },
)


async def exchanges(_: World, asked: Asked) -> Answer:
    """GET /v3/reference/exchanges."""
    return _answer(asked, EXCHANGE_LIST, EXCHANGES)


async def ticker_types(_: World, asked: Asked) -> Answer:
    """GET /v3/reference/tickers/types."""
    return _answer(asked, TYPE_LIST, TICKER_TYPES)


async def conditions(_: World, asked: Asked) -> Answer:
    """GET /v3/reference/conditions."""
    asked = asked.resumed()
    selected = CONDITION_LIST.selected(asked, CONDITIONS)
    data_type, sip = asked.query.get("data_type"), asked.query.get("sip")
    rows = [
        row
        for row in selected
        if (not data_type or data_type in row["data_types"]) and (not sip or sip in row["sip_mapping"])
    ]
    return paged(CONDITION_LIST, asked, rows, "name", count=True)


def _answer(asked: Asked, listed: Listed, rows: Iterable[Row]) -> Answer:
    filters = listed.filters(asked)
    found = [row for row in rows if all(wanted.admits(row) for wanted in filters)]
    return page_of(asked, found, None, count=True)
