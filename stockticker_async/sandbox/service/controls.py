"""What the holder of a sandbox can do with it: move its clock, add splits and faults, read its calls."""

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
    """One request, in the order of coming."""

    at: float
    """Epoch seconds of the sandbox's clock."""
    method: str
    path: str
    query: dict[str, str]
    """Without the key."""
    via: Via
    status: int = 0
    """0 until it is answered."""


class Sandbox:
    def __init__(self, options: Options) -> None:
        """Raises ValueError for a plan, or an endpoint that it should lack, that does not exist."""
        if options.plan not in PLANS:
            raise ValueError(f"no plan {options.plan!r}: one of {', '.join(PLANS)}")
        for path in options.without:
            if not serves(path):
                raise ValueError(f"no endpoint begins with {path!r}")
        self.options = options
        self.url = ""
        """Set once it listens."""
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
        """How many settled sessions, and today's, are held back."""
        return self._context.unpublished

    @unpublished.setter
    def unpublished(self, count: int) -> None:
        self._context.unpublished = count

    def add_split(self, ticker: str, execution_date: date, split_from: float, split_to: float) -> Split:
        """List a split from now on; the same once more is a duplicate, which prices ignore.

        Raw prices follow only if its day is still to come. Raises KeyError for an unknown ticker.
        """
        listing = self.market.listing(ticker)
        today = self.clock.today().toordinal()
        return self.market.book.add(listing, execution_date.toordinal(), split_from, split_to, today)

    def withdraw_split(self, ticker: str, execution_date: date) -> int:
        """Strike a name's splits of that day from the list; returns how many there were."""
        today = self.clock.today().toordinal()
        return self.market.book.withdraw(self.market.listing(ticker), execution_date.toordinal(), today)

    async def respond(self, received: HttpRequest) -> ApiResponse:
        """The API's answer to a request, faults aside."""
        return await self._gateway.respond(received)
