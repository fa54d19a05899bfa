"""The controls of a sandbox: its clock, its splits, its faults, and the calls it received."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from stockticker_async.sandbox.bucket.file_changes import Applied
from stockticker_async.sandbox.bucket.flat_files import FlatFiles
from stockticker_async.sandbox.bucket.s3_request import S3Request
from stockticker_async.sandbox.bucket.s3_service import S3Service
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
    conditions: dict[str, str] = field(default_factory=dict)
    """The headers range, if-range, if-match and if-none-match, of requests to the bucket."""


_SECRETS = ("X-Amz-Credential", "X-Amz-Signature")
_CONDITIONS = ("range", "if-range", "if-match", "if-none-match")


def called(received: HttpRequest | S3Request, at: float) -> Call:
    """The record of a request, without what it shows its right by."""
    if isinstance(received, HttpRequest):
        return Call(at, received.method, received.path, dict(received.query), received.via)
    query = {name: text for name, text in received.query.items() if name not in _SECRETS}
    conditions = {name: received.headers[name] for name in _CONDITIONS if name in received.headers}
    via: Via = "signature" if received.signed else "none"
    return Call(at, received.method, received.path, query, via, conditions=conditions)


class Sandbox:
    def __init__(self, options: Options) -> None:
        """Raises ValueError for an unknown plan, and for an endpoint in `without` that does not exist."""
        if options.plan not in PLANS:
            raise ValueError(f"no plan {options.plan!r}: one of {', '.join(PLANS)}")
        for path in options.without:
            if not serves(path) and not path.startswith(f"/{options.bucket}/"):
                raise ValueError(f"no endpoint begins with {path!r}")
        self.options = options
        self.url = ""
        """Set once the server listens."""
        self.calls: list[Call] = []
        self.clock = Clock(options.now, options.speed)
        self.faults = Faults(self.clock.epoch)
        self.skew = options.skew
        """Seconds that the clock by which signatures are judged is ahead of the machine's."""
        self.market = Market(options.seed, options.universe, options.tickers, self.clock.today)
        plan = PLANS[options.plan]
        allowance = Allowance(options.calls_per_minute or plan.calls_per_minute, options.window)
        self._context = Context(options, plan, self.clock, self.market, options.unpublished)
        self._gateway = Gateway(self._context, allowance)
        self.files = FlatFiles(self._context, self._changes)
        self._s3 = S3Service(self._context, self.files)

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

    async def respond_s3(self, received: S3Request) -> ApiResponse:
        """The bucket's response to a request, without faults of the connection.

        Signatures are made by the clock of the client's machine, so they are judged by this machine's.
        """
        return await self._s3.respond(received, self.signing_time())

    def signing_time(self) -> float:
        """The clock by which signatures are judged, epoch seconds."""
        return time.time() + self.skew

    async def close(self) -> None:
        await self.files.close()

    def _changes(self, key: str) -> Sequence[Applied]:
        return self.faults.changes(f"/{self.options.bucket}/{key}")

    async def respond(self, received: HttpRequest) -> ApiResponse:
        """The API's response to a request, without faults."""
        return await self._gateway.respond(received)
