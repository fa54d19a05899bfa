"""Calls the API, with limiter, verdicts, retries and patience. `transport` makes the single exchange.

Every call (each page and each retry is a call) goes the same way: wait for the limiter, send, read the body
up to a limit, let `responses` judge it. After "later" the client waits as long as the API says. Passing
faults are retried with jitter until this client had no success for `patience` seconds. Bodies that cannot be
decoded are requested `BODY_TRIES` times. A `BodyBudget` bounds the bytes of all bodies. The result is an
answer, or a refusal that the caller must handle; all other outcomes raise a `ConnectorError`.
"""

import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime
from typing import Generic, TypeVar

import anyio.lowlevel
import msgspec
from yarl import URL

from stockticker_async.clock import Clock
from stockticker_async.errors import BadPageError, ConfigError, TransientError
from stockticker_async.marketdata import responses
from stockticker_async.marketdata.allowance_wait import AllowanceWait, OnWait
from stockticker_async.marketdata.body_budget import BodyBudget, PendingBody, Reservation
from stockticker_async.marketdata.call_limits import MIB, may_be_decoded
from stockticker_async.marketdata.call_queue import CallQueue
from stockticker_async.marketdata.limiter import Limiter
from stockticker_async.marketdata.pace import AT_ONCE, Pace
from stockticker_async.marketdata.patience import PATIENCE, Patience
from stockticker_async.marketdata.server_clock import ServerClock
from stockticker_async.marketdata.settings import FlatFiles, Settings
from stockticker_async.marketdata.transport import PassingFaultError, Response, Transport, open_transport

T = TypeVar("T")
_log = logging.getLogger(__name__)

BODY_TRIES = 3
_EXPECTED_BYTES = 65_536  # of an answer of which nothing is known


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """A whole, decoded answer."""

    value: T
    moment: datetime
    """The time of the answer by the API's clock (UTC), estimated if the API sent none (see `ServerClock`)."""


class _Shared(msgspec.Struct, frozen=True):
    """What clients beside each other use together: one session, one allowance, one budget of bytes."""

    transport: Transport
    settings: Settings
    clock: Clock
    limiter: Limiter
    hasty: bool
    """Whether an address at which nothing can be reached is told at once."""
    budget: BodyBudget = msgspec.field(default_factory=BodyBudget)
    queue: CallQueue = msgspec.field(default_factory=CallQueue)


class Client:
    """One session with the API; made by `open_client`."""

    def __init__(
        self,
        shared: _Shared,
        *,
        patience: float,
        most_wait: float,
        on_wait: OnWait | None,
        pace: Pace = AT_ONCE,
    ) -> None:
        self._shared = shared
        self._transport = shared.transport
        self._clock = clock = shared.clock
        self._limiter = shared.limiter
        self._patience = Patience(clock, shared.transport.base_url, patience)
        self._allowance = AllowanceWait(shared.limiter, shared.queue, clock, most_wait, on_wait)
        self.pace = pace
        self.server_clock = ServerClock()
        self.calls = 0
        """The number of requests sent, including retries."""
        self.answers = 0
        """The number of answers of the API, including refusals."""
        self.found_any = False
        """Whether any answer was a 200: then the address is an API."""

    def beside(self, *, pace: Pace, on_wait: OnWait | None) -> "Client":
        """The client of another sync at the same time: the same session, allowance and budget, own counts."""
        return Client(
            self._shared,
            patience=self._patience.seconds,
            most_wait=self._allowance.most_wait,
            on_wait=on_wait,
            pace=pace,
        )

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def flat_files(self) -> FlatFiles | None:
        """The bucket of flat files, if one is configured."""
        return self._shared.settings.flat_files

    @property
    def at_once(self) -> int:
        """The most requests that may be under way at the same time."""
        return self._shared.settings.max_concurrent_requests

    @property
    def allowance(self) -> int | None:
        """Calls a minute, configured or learned; None if unknown."""
        return self._limiter.allowance

    async def get(
        self, url: str, decode: Callable[[bytes], T], *, patience: float = math.inf
    ) -> Answer[T] | responses.Missing | responses.Refusal:
        """As `asked`, for small answers: the answer is no longer counted in the budget."""
        async with self.asked(url, at_once(decode), patience=patience) as found:
            return found

    @asynccontextmanager
    async def asked(
        self,
        url: str,
        read: Callable[[bytes], Awaitable[T]],
        *,
        expected_bytes: int = _EXPECTED_BYTES,
        patience: float = math.inf,
    ) -> AsyncIterator[Answer[T] | responses.Missing | responses.Refusal]:
        """As `fetch`, but yield a decoded answer, which counts in the budget during the body.

        ``read`` converts a body to a value or raises `BadPageError`, which is raised after `BODY_TRIES`. With
        an answer, the body must not make another call: the answer has the turn.
        """
        for tries_left in reversed(range(BODY_TRIES)):
            async with self.pace.call(expected_bytes):
                found = await self.fetch(url, expected_bytes=expected_bytes, patience=patience)
            if not isinstance(found, Answer):
                yield found
                return
            async with found.value as body:
                try:
                    value = await read(body)
                except BadPageError:
                    if not tries_left:
                        raise
                    del body  # before others are read
                    continue
                del body
                yield Answer(value, found.moment)
                return

    async def fetch(
        self, url: str, *, expected_bytes: int = _EXPECTED_BYTES, patience: float = math.inf
    ) -> Answer[PendingBody] | responses.Missing | responses.Refusal:
        """Request ``url``, a path of the base URL or an absolute URL of the same origin.

        The body of an answer counts in the budget until it is used. Raises `ConfigError`, `ConnectorError`
        or, after retries for the lesser of ``patience`` and the client's patience, `TransientError`. With a
        ``patience`` of its own, a request is also given up after as many seconds of silence for its own 429s;
        waiting for the allowance that other calls use up does not count.
        """
        target = self._transport.target(url)
        faults, refusals, silent = 0, 0, 0.0
        began = self._clock.monotonic()
        while True:
            try:
                judged = await self._call(target, expected_bytes, refusals)
            except PassingFaultError as fault:
                faults += 1
                # its frames would keep what was read of the answer during the wait
                await self._patience.back_off(fault.with_traceback(None), faults, began, patience)
            else:
                if judged is not None:
                    return judged
                refusals += 1
                self._allowance.judge()
                if silent >= patience:
                    raise TransientError(f"The API answered only 429 for {silent:.0f} s.")
                silent += self._limiter.silence(self._clock.monotonic())

    async def _call(
        self, target: URL, expected_bytes: int, refusals: int
    ) -> Answer[PendingBody] | responses.Missing | responses.Refusal | None:
        """Make one call. Returns None after a 429, which the limiter has noted."""
        reservation = await self._shared.budget.reserve(expected_bytes)
        with ExitStack() as kept:
            kept.callback(reservation.release)
            verdict, response = await self._asked_once(target, reservation, refusals)
            found = self._found(verdict, response, reservation)
            if isinstance(found, Answer):
                kept.pop_all()  # `PendingBody` releases it
            return found

    def _found(
        self, verdict: responses.Verdict, response: Response, reservation: Reservation
    ) -> Answer[PendingBody] | responses.Missing | responses.Refusal | None:
        match verdict:
            case responses.Later():
                return None
            case responses.Again(reason, after):
                raise PassingFaultError(reason, after=after)
            case responses.Wrong(error):
                raise error
            case responses.Body():
                self.found_any = True
                self._succeeded()
                moment = self.server_clock.moment(response.headers.get("Date"), self._clock.utc_now())
                return Answer(PendingBody(response.body, reservation), moment)
            case refusal:
                self._succeeded()
                return refusal

    def _succeeded(self) -> None:
        self.answers += 1
        self._patience.succeeded()
        self._allowance.succeeded()

    async def _asked_once(
        self, target: URL, reservation: Reservation, refusals: int
    ) -> tuple[responses.Verdict, Response]:
        """Send one request when the limiter allows, and report the outcome to the limiter."""
        began = await self._allowance.begin(refusals)
        self.calls += 1
        try:
            response = await self._transport.exchange(
                target, reservation, most_seconds=self._patience.seconds
            )
        except BaseException as error:
            self._limiter.failed(self._clock.monotonic())
            if isinstance(error, PassingFaultError):
                self._judge_address(error)
            raise
        finally:
            self._allowance.notify()
        verdict = responses.judge(
            response.status,
            response.headers,
            response.body,
            now=self._clock.utc_now(),
            key_from=self._shared.settings.key_from,
            is_whole=response.is_whole,
        )
        now = self._clock.monotonic()
        if isinstance(verdict, responses.Later):
            self._limiter.refused(now, began, verdict.after)
        else:
            self._limiter.succeeded(now, began)
        self._allowance.notify()
        return verdict, response

    def _judge_address(self, fault: PassingFaultError) -> None:
        """Raise `ConfigError` for a wrong address at once if a person waits for the result."""
        if fault.wrong_address and self._shared.hasty and not self.found_any:
            raise ConfigError(f"{str(fault).capitalize()}. Check base_url, and what listens there.") from None

    def url_of(self, path: str) -> str:
        """Return the absolute URL of a path of the base URL."""
        return self._transport.url_of(path)

    def next_target(self, next_url: str) -> str:
        """Return the absolute URL of a ``next_url``: some servers give only its path."""
        return self._transport.next_target(next_url)


@asynccontextmanager
async def open_client(
    settings: Settings,
    clock: Clock | None = None,
    *,
    patience: float = PATIENCE,
    most_wait: float = math.inf,
    hasty: bool = False,
    on_wait: OnWait | None = None,
) -> AsyncIterator[Client]:
    """One session for the body. Without a ``clock``, it waits and dates by the machine's.

    ``most_wait`` bounds the seconds for which the API may say "later" to everything; a sync waits on. To a
    person who waits, which such a bound or ``hasty`` says, an address that cannot be right is told at once.
    Raises `ConfigError` for a proxy in the environment that cannot be used.
    """
    clock = clock or Clock()
    limiter = Limiter(
        settings.requests_per_minute,
        at_once=settings.max_concurrent_requests,
        per_second=settings.most_per_second,
    )
    limiter.spent(settings.spent, clock.monotonic())
    async with open_transport(settings) as transport:
        shared = _Shared(transport, settings, clock, limiter, hasty=hasty or most_wait < math.inf)
        yield Client(shared, patience=patience, most_wait=most_wait, on_wait=on_wait)


def at_once(decode: Callable[[bytes], T]) -> Callable[[bytes], Awaitable[T]]:
    """Return a reader that decodes a body as a whole. It raises `BadPageError` for too large a body."""

    async def read(body: bytes) -> T:
        _judge_size(body)
        return decode(body)

    return read


def in_steps(decode: Callable[[bytes], Generator[None, None, T]]) -> Callable[[bytes], Awaitable[T]]:
    """As `at_once`, for a decoder that gives way: then others have their turns in the loop."""

    async def read(body: bytes) -> T:
        _judge_size(body)
        return await taken(decode(body))

    return read


async def taken(steps: Generator[None, None, T]) -> T:
    """Take the steps, with turns of others between them, and return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            value: T = done.value
            return value
        await anyio.lowlevel.checkpoint()


def _judge_size(body: bytes) -> None:
    if not may_be_decoded(body):
        raise BadPageError(f"the API's answer of {len(body) / MIB:.0f} MiB is too large to be decoded.")
