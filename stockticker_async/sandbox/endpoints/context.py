"""What every endpoint is answered from: the market, the clock, the plan."""

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
    """Encoded rows of the whole market and their number, by what they depend on."""
    lists: dict[str, tuple[Hashable, list[Row]]] = field(default_factory=dict)
    """By path: the last question to a list, and its rows in order; the next page wants them again."""
    grouping: asyncio.Lock = field(default_factory=asyncio.Lock)
    """The whole market is worked out once, however many ask at once."""

    def today(self) -> date:
        return self.clock.today()

    def horizon(self) -> Horizon:
        return horizon(self.plan, self.clock.now(), self.unpublished)

    def floor(self) -> date:
        return self.plan.floor(self.today())

    def require_day(self, day: date) -> None:
        """Refuse a day that the plan does not give, with the 403 that the API chooses."""
        today = self.today()
        if day < self.floor() or (day > today and not self.plan.shows_today):
            raise denied("timeframe")
        if day == today and not self.plan.shows_today:
            raise denied("early")

    def results(self, rows: Any) -> dict[str, Any]:
        """The `results` of an answer with bars, in the spelling of emptiness that was chosen."""
        if rows:
            return {"results": rows}
        spelling: dict[str, dict[str, Any]] = {
            "absent": {},
            "null": {"results": None},
            "list": {"results": []},
        }
        return spelling[self.options.empty]

    def spelled(self, response: ApiResponse, ticker: str) -> ApiResponse:
        """The answer with large volumes in the spelling of the ticker: with exponents for one in eight."""
        return replace(response, body=self.spelled_row(ticker, response.body))

    def spelled_row(self, ticker: str, body: bytes) -> bytes:
        odd = self.options.scientific and not mix(seed_of(self.options.seed, ticker), 40) % 8
        return scientific(body) if odd else body
