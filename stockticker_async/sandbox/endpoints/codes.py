"""The meaning of codes: exchanges, ticker types, conditions."""

from collections.abc import Iterable

from stockticker_async.sandbox.data.conditions import CONDITIONS
from stockticker_async.sandbox.data.venues import EXCHANGES, TICKER_TYPES
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.list_endpoint import ListEndpoint, Row
from stockticker_async.sandbox.endpoints.paging import page_of, paged

_LOCALES = ("us", "global")


def _whole(*asset_classes: str) -> ListEndpoint:
    """A list in one page, in the order of its table, whatever the parameters."""
    return ListEndpoint(
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
CONDITION_LIST = ListEndpoint(
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


async def exchanges(_: Context, request: ApiRequest) -> ApiResponse:
    """GET /v3/reference/exchanges."""
    return _respond(request, EXCHANGE_LIST, EXCHANGES)


async def ticker_types(_: Context, request: ApiRequest) -> ApiResponse:
    """GET /v3/reference/tickers/types."""
    return _respond(request, TYPE_LIST, TICKER_TYPES)


async def conditions(_: Context, request: ApiRequest) -> ApiResponse:
    """GET /v3/reference/conditions."""
    request = request.resumed()
    selected = CONDITION_LIST.selected(request, CONDITIONS)
    data_type, sip = request.query.get("data_type"), request.query.get("sip")
    rows = [
        row
        for row in selected
        if (not data_type or data_type in row["data_types"]) and (not sip or sip in row["sip_mapping"])
    ]
    return paged(CONDITION_LIST, request, rows, "name", count=True)


def _respond(request: ApiRequest, endpoint: ListEndpoint, rows: Iterable[Row]) -> ApiResponse:
    filters = endpoint.filters(request)
    found = [row for row in rows if all(wanted.admits(row) for wanted in filters)]
    return page_of(request, found, None, count=True)
