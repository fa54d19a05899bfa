"""The controls of a sandbox: its clock, its splits, its faults, and the calls it received."""

from dataclasses import dataclass
from datetime import date

from stockticker_async.sandbox.data.simulated_market import Market
from stockticker_async.sandbox.data.split_book import Split
from stockticker_async.sandbox.endpoints.api_response import ApiResponse
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.routes import serves
from stockticker_async.sandbox.endpoints.subscriptions import PLANS
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.allowance import Allowance
from stockticker_async.sandbox.service.faults import Faults
from stockticker_async.sandbox.service.gateway import Gateway, HttpRequest, Via
from stockticker_async.sandbox.simulated_clock import Clock


@dataclass(slots=True)
class Call:
    """A request to the sandbox."""

    at: float
    """Epoch seconds of the sandbox's clock."""
    method: str
    path: str
    query: dict[str, str]
    """Without the key."""
    via: Via
    status: int = 0
    """0 until the response is ready."""


class Sandbox:
    def __init__(self, options: Options) -> None:
        """Raises ValueError for an unknown plan, and for an endpoint in `without` that does not exist."""
        if options.plan not in PLANS:
            raise ValueError(f"no plan {options.plan!r}: one of {', '.join(PLANS)}")
        for path in options.without:
            if not serves(path):
                raise ValueError(f"no endpoint begins with {path!r}")
        self.options = options
        self.url = ""
        """Set once the server listens."""
        self.calls: list[Call] = []
        self.faults = Faults()
        self.clock = Clock(options.now, options.speed)
        self.market = Market(options.seed, options.universe, options.tickers, self.clock.today)
        plan = PLANS[options.plan]
        allowance = Allowance(options.calls_per_minute or plan.calls_per_minute, options.window)
        self._context = Context(options, plan, self.clock, self.market, options.unpublished)
        self._gateway = Gateway(self._context, allowance)

    @property
    def unpublished(self) -> int:
        """The number of settled sessions that are held back, with today's."""
        return self._context.unpublished

    @unpublished.setter
    def unpublished(self, count: int) -> None:
        self._context.unpublished = count

    def add_split(self, ticker: str, execution_date: date, split_from: float, split_to: float) -> Split:
        """List a split from now on; a second equal split is a duplicate, which prices ignore.

        Raw prices change only for a split in the future. Raises KeyError for an unknown ticker.
        """
        listing = self.market.listing(ticker)
        today = self.clock.today().toordinal()
        return self.market.book.add(listing, execution_date.toordinal(), split_from, split_to, today)

    def withdraw_split(self, ticker: str, execution_date: date) -> int:
        """Strike the splits of a ticker and day from the list; returns their number."""
        today = self.clock.today().toordinal()
        return self.market.book.withdraw(self.market.listing(ticker), execution_date.toordinal(), today)

    async def respond(self, received: HttpRequest) -> ApiResponse:
        """The API's response to a request, without faults."""
        return await self._gateway.respond(received)
