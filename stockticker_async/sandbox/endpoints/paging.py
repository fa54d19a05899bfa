"""What the lists have in common: the names a question is about, and a page as it is sent."""

from collections.abc import Iterable
from typing import Any

from stockticker_async.sandbox.data.universe import Listing
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, ok
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.list_endpoint import ListEndpoint, Row


def named(context: Context, request: ApiRequest, endpoint: ListEndpoint) -> Iterable[Listing]:
    """The names that the question's ticker filters admit; those listed by name are not searched for."""
    universe = context.market.universe
    filters = [wanted for wanted in endpoint.filters(request) if wanted.field == "ticker"]
    told = request.query.get("ticker", "")
    several = request.query.get("ticker.any_of", "") if "ticker" in endpoint.any_of else ""
    some: Iterable[Listing | None] = universe
    if told or several:
        some = (universe.get(ticker) for ticker in dict.fromkeys([told] if told else several.split(",")))
    for listing in some:
        if listing is not None and all(wanted.admits({"ticker": listing.ticker}) for wanted in filters):
            yield listing


def paged(
    endpoint: ListEndpoint, request: ApiRequest, selected: list[Row], identity: str, *, count: bool = False
) -> ApiResponse:
    """The page of `selected` that was asked for; some endpoints tell the `count` of its rows."""
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
