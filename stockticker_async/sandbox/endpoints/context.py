"""The context of every endpoint: the market, the clock, the plan, and caches."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from stockticker_async.sandbox.data.pseudorandom import mix, seed_of
from stockticker_async.sandbox.data.simulated_market import Horizon, Market
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, denied, scientific
from stockticker_async.sandbox.endpoints.list_endpoint import Row
from stockticker_async.sandbox.endpoints.subscriptions import Plan, horizon
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.simulated_clock import Clock


@dataclass(slots=True)
class Context:
    options: Options
    plan: Plan
    clock: Clock
    market: Market
    unpublished: int
    grouped: dict[Hashable, tuple[bytes, int]] = field(default_factory=dict)
    """Encoded rows of grouped responses and their number."""
    lists: dict[str, tuple[Hashable, list[Row]]] = field(default_factory=dict)
    """By path: the last request to a list and its rows in order, for the next page."""
    grouping: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Simultaneous requests work out a grouped response once."""

    def today(self) -> date:
        return self.clock.today()

    def horizon(self) -> Horizon:
        return horizon(self.plan, self.clock.now(), self.unpublished)

    def floor(self) -> date:
        return self.plan.floor(self.today())

    def require_day(self, day: date) -> None:
        """Raise the API's 403 for a day outside of the plan."""
        today = self.today()
        if day < self.floor() or (day > today and not self.plan.shows_today):
            raise denied("timeframe")
        if day == today and not self.plan.shows_today:
            raise denied("early")

    def results(self, rows: Any) -> dict[str, Any]:
        """The `results` of a response with bars; the option `empty` says how to spell no rows."""
        if rows:
            return {"results": rows}
        spelling: dict[str, dict[str, Any]] = {
            "absent": {},
            "null": {"results": None},
            "list": {"results": []},
        }
        return spelling[self.options.empty]

    def spelled(self, response: ApiResponse, ticker: str) -> ApiResponse:
        """The response with large volumes as the ticker spells them: one in eight uses exponents."""
        return replace(response, body=self.spelled_row(ticker, response.body))

    def spelled_row(self, ticker: str, body: bytes) -> bytes:
        odd = self.options.scientific and not mix(seed_of(self.options.seed, ticker), 40) % 8
        return scientific(body) if odd else body
