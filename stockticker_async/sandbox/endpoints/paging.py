"""What the lists have in common: the names a question is about, and a page as it is sent."""

from collections.abc import Iterable
from typing import Any

from stockticker_async.sandbox.data.universe import Listing
from stockticker_async.sandbox.endpoints.api_request import Asked
from stockticker_async.sandbox.endpoints.api_response import Answer, ok
from stockticker_async.sandbox.endpoints.context import World
from stockticker_async.sandbox.endpoints.list_endpoint import Listed, Row


def named(world: World, asked: Asked, listed: Listed) -> Iterable[Listing]:
    """The names that the question's ticker filters admit; those listed by name are not searched for."""
    universe = world.market.universe
    filters = [wanted for wanted in listed.filters(asked) if wanted.field == "ticker"]
    told = asked.query.get("ticker", "")
    several = asked.query.get("ticker.any_of", "") if "ticker" in listed.any_of else ""
    some: Iterable[Listing | None] = universe
    if told or several:
        some = (universe.get(ticker) for ticker in dict.fromkeys([told] if told else several.split(",")))
    for listing in some:
        if listing is not None and all(wanted.admits({"ticker": listing.ticker}) for wanted in filters):
            yield listing


def paged(listed: Listed, asked: Asked, selected: list[Row], identity: str, *, count: bool = False) -> Answer:
    """The page of `selected` that was asked for; some endpoints tell the `count` of its rows."""
    page, next_url = listed.page(asked, selected, identity)
    return page_of(asked, page, next_url, count=count)


def page_of(asked: Asked, page: list[Row], next_url: str | None, *, count: bool = False) -> Answer:
    body: dict[str, Any] = {"results": page, "status": "OK", "request_id": asked.request_id}
    if count:
        body["count"] = len(page)
    if next_url is not None:
        body["next_url"] = next_url
    return ok(body, asked.request_id)
