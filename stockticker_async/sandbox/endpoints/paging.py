"""What all lists share: the listings that a request is about, and the body of a page."""

from collections.abc import Iterable
from typing import Any

from stockticker_async.sandbox.data.universe import Listing
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, ok
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.list_endpoint import ListEndpoint, Row


def named(context: Context, request: ApiRequest, endpoint: ListEndpoint) -> Iterable[Listing]:
    """The listings that the ticker filters admit; tickers given by name are looked up, not searched for."""
    universe = context.market.universe
    filters = [wanted for wanted in endpoint.filters(request) if wanted.field == "ticker"]
    single = request.query.get("ticker", "")
    several = request.query.get("ticker.any_of", "") if "ticker" in endpoint.any_of else ""
    candidates: Iterable[Listing | None] = universe
    if single or several:
        candidates = (
            universe.get(ticker) for ticker in dict.fromkeys([single] if single else several.split(","))
        )
    for listing in candidates:
        if listing is not None and all(wanted.admits({"ticker": listing.ticker}) for wanted in filters):
            yield listing


def paged(
    endpoint: ListEndpoint, request: ApiRequest, selected: list[Row], identity: str, *, count: bool = False
) -> ApiResponse:
    """The requested page of `selected`; with `count`, the body has the number of its rows."""
    page, next_url = endpoint.page(request, selected, identity)
    return page_of(request, page, next_url, count=count)


def page_of(
    request: ApiRequest, page: list[Row], next_url: str | None, *, count: bool = False
) -> ApiResponse:
    body: dict[str, Any] = {"results": page, "status": "OK", "request_id": request.request_id}
    if count:
        body["count"] = len(page)
    if next_url is not None:
        body["next_url"] = next_url
    return ok(body, request.request_id)
