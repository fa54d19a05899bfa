"""The table of routes: the path of every endpoint, its function, and the least plan with it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from stockticker_async.sandbox.endpoints.aggregates import bars
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse
from stockticker_async.sandbox.endpoints.codes import conditions, exchanges, ticker_types
from stockticker_async.sandbox.endpoints.companies import events, related
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.corporate_actions import (
    dividends_v1,
    dividends_v3,
    splits_v1,
    splits_v3,
)
from stockticker_async.sandbox.endpoints.daily_summaries import grouped, open_close, previous
from stockticker_async.sandbox.endpoints.market_status import holidays, now
from stockticker_async.sandbox.endpoints.news import news
from stockticker_async.sandbox.endpoints.offerings import offerings
from stockticker_async.sandbox.endpoints.shares import free_float, short_interest, short_volume
from stockticker_async.sandbox.endpoints.snapshot import snapshot
from stockticker_async.sandbox.endpoints.tickers import details, tickers

Respond = Callable[[Context, ApiRequest], Awaitable[ApiResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    pattern: str
    respond: Respond
    level: int = 0
    """The lowest level of a plan that includes the endpoint."""
    bars: bool = False
    """Whether it responds with bars, which can be encoded ahead."""

    def parts(self, path: str) -> dict[str, str] | None:
        """The parameters in a path, decoded; None for a path of another route."""
        named = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.pattern)
        found = re.fullmatch(named, path)
        return None if found is None else {name: unquote(text) for name, text in found.groupdict().items()}


ROUTES = (
    Route("/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}", bars, bars=True),
    Route("/v2/aggs/grouped/locale/us/market/stocks/{date}", grouped, bars=True),
    Route("/v2/aggs/ticker/{ticker}/prev", previous),
    Route("/v1/open-close/{ticker}/{date}", open_close),
    Route("/stocks/v1/splits", splits_v1),
    Route("/v3/reference/splits", splits_v3),
    Route("/stocks/v1/dividends", dividends_v1),
    Route("/v3/reference/dividends", dividends_v3),
    Route("/v3/reference/tickers", tickers),
    Route("/v3/reference/tickers/types", ticker_types),
    Route("/v3/reference/tickers/{ticker}", details),
    Route("/v3/reference/exchanges", exchanges),
    Route("/v3/reference/conditions", conditions),
    Route("/stocks/v1/short-interest", short_interest),
    Route("/stocks/v1/short-volume", short_volume),
    Route("/stocks/vX/float", free_float),
    Route("/vX/reference/ipos", offerings),
    Route("/v2/reference/news", news),
    Route("/v1/related-companies/{ticker}", related),
    Route("/vX/reference/tickers/{id}/events", events),
    Route("/v1/marketstatus/now", now),
    Route("/v2/snapshot/locale/us/markets/stocks/tickers", snapshot, level=1),
    Route("/v1/marketstatus/upcoming", holidays),
)


def routed(path: str) -> tuple[Route, Mapping[str, str]] | None:
    for route in ROUTES:
        parts = route.parts(path)
        if parts is not None:
            return route, parts
    return None


def serves(beginning: str) -> bool:
    """Whether the path of any endpoint begins with `beginning`."""
    return any(route.pattern.startswith(beginning) for route in ROUTES)
