"""Asks the API: the limiter, verdicts, retries and patience. `transport` makes the single exchange.

Every call (a page and a retry is a call, too) goes the same way: wait for the limiter's leave,
send, read the body up to a limit, ask `responses` what it means. "Later" waits for as long as the
API wants, in silence towards the caller; faults that may pass are tried again with jitter until
`patience` seconds have gone by without any success of this client; bodies that do not decode are
tried `BODY_TRIES` times. A `BodyBudget` bounds the bytes of all bodies.
The result is an answer, or one of the refusals that a caller must tell apart; everything else is raised as
one of our own errors.
"""

import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

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
from stockticker_async.marketdata.settings import Settings
from stockticker_async.marketdata.transport import PassingFaultError, Response, Transport, open_transport

T = TypeVar("T")
_log = logging.getLogger(__name__)

BODY_TRIES = 3
_EXPECTED_BYTES = 65_536  # of an answer of which nothing is known


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A whole, decoded answer."""

    value: T
    moment: datetime
    """The API's clock when it answered (UTC); the machine's where the API did not say."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """What clients beside each other use together: one session, one allowance, one budget of bytes."""

    transport: Transport
    settings: Settings
    clock: Clock
    limiter: Limiter
    hasty: bool
    """Whether an address at which nothing can be reached is told at once."""
    budget: BodyBudget = field(default_factory=BodyBudget)
    queue: CallQueue = field(default_factory=CallQueue)


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
        self._budget = shared.budget
        self._key_from = shared.settings.key_from
        self._at_once = shared.settings.max_concurrent_requests
        self._clock = clock = shared.clock
        self._limiter = shared.limiter
        self._patience = Patience(clock, shared.transport.base_url, patience)
        self._allowance = AllowanceWait(shared.limiter, shared.queue, clock, most_wait, on_wait)
        self._most_wait = most_wait
        self.pace = pace
        self.server_clock = ServerClock()
        self.calls = 0
        """Requests sent so far, retries included."""
        self.answers = 0
        """Those that the API answered, be it with a refusal."""
        self.found_any = False
        """Whether any answer was a 200: then the address is that of an API."""

    def beside(self, *, pace: Pace, on_wait: OnWait | None) -> "Client":
        """The client of another sync at the same time: the same session, allowance and budget, own counts."""
        return Client(
            self._shared,
            patience=self._patience.seconds,
            most_wait=self._most_wait,
            on_wait=on_wait,
            pace=pace,
        )

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def at_once(self) -> int:
        """How many requests may be under way together."""
        return self._at_once

    @property
    def allowance(self) -> int | None:
        """Calls a minute, set or learned so far."""
        return self._limiter.allowance

    async def get(
        self, url: str, decode: Callable[[bytes], T], *, patience: float = math.inf
    ) -> Answer[T] | responses.Missing | responses.Refusal:
        """As `asked`, for what is small, or used at once: nothing of it is counted any more."""
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
        """Ask as `fetch` does; an answer is decoded, and counted, for the body of the statement.

        ``read`` turns a body into a value or raises `BadPageError`, as this does after `BODY_TRIES`.
        Nothing may be asked within the statement where there is an answer: it has the turn.
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
        """Ask for ``url``, a path of the base URL or an absolute URL of the same origin.

        The body of an answer counts until it was used. Raises `ConfigError`, `TransientError` (after
        trying again, for ``patience`` seconds where that is less than the client's) or `ConnectorError`.
        With a ``patience`` of its own, a question is also given up when the silences after its own 429s
        have lasted as long; the wait for an allowance that others use up does not count.
        """
        target = self._transport.target(url)
        faults = refusals = 0
        silent = 0.0
        began = self._clock.monotonic()
        while True:
            try:
                judged = await self._call(target, expected_bytes, refusals)
            except PassingFaultError as fault:
                faults += 1
                await self._patience.back_off(fault, faults, began, patience)
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
        """One request. None: the API said later, and the limiter knows."""
        reservation = await self._budget.reserve(expected_bytes)
        with ExitStack() as kept:
            kept.callback(reservation.release)
            verdict, response = await self._asked_once(target, reservation, refusals)
            found = self._found(verdict, response, reservation)
            if isinstance(found, Answer):
                kept.pop_all()  # whoever uses the body releases
            return found

    def _found(
        self, verdict: responses.Verdict, response: Response, reservation: Reservation
    ) -> Answer[PendingBody] | responses.Missing | responses.Refusal | None:
        match verdict:
            case responses.Later():
                return None
            case responses.Again(reason):
                raise PassingFaultError(reason)
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
        """Send one request when the limiter allows, and tell the limiter how that went."""
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
            key_from=self._key_from,
        )
        now = self._clock.monotonic()
        if isinstance(verdict, responses.Later):
            self._limiter.refused(now, began, verdict.after)
        else:
            self._limiter.succeeded(now, began)
        self._allowance.notify()
        return verdict, response

    def _judge_address(self, fault: PassingFaultError) -> None:
        """To a person who waits, an address that cannot be right is told at once, as a `ConfigError`."""
        if fault.wrong_address and self._shared.hasty and not self.found_any:
            raise ConfigError(f"{str(fault).capitalize()}. Check base_url, and what listens there.") from None

    def url_of(self, path: str) -> str:
        """The absolute URL of a path of the base URL."""
        return self._transport.url_of(path)

    def next_target(self, next_url: str) -> str:
        """A ``next_url`` as `get` takes it: some servers give only its path."""
        return self._transport.next_target(next_url)


@asynccontextmanager
async def open_client(
    settings: Settings,
    clock: Clock,
    *,
    patience: float = PATIENCE,
    most_wait: float = math.inf,
    hasty: bool = False,
    on_wait: OnWait | None = None,
) -> AsyncIterator[Client]:
    """One session for the body.

    ``most_wait`` bounds the seconds for which the API may say "later" to everything; a sync waits on. To a
    person who waits, which such a bound or ``hasty`` says, an address that cannot be right is told at once.
    Raises `ConfigError` for a proxy in the environment that cannot be used.
    """
    limiter = Limiter(settings.requests_per_minute, at_once=settings.max_concurrent_requests)
    async with open_transport(settings) as transport:
        shared = _Shared(transport, settings, clock, limiter, hasty=hasty or most_wait < math.inf)
        yield Client(shared, patience=patience, most_wait=most_wait, on_wait=on_wait)


def at_once(decode: Callable[[bytes], T]) -> Callable[[bytes], Awaitable[T]]:
    """What reads a body by decoding it as a whole, where that does not take too much memory."""

    async def read(body: bytes) -> T:
        if not may_be_decoded(body):
            raise BadPageError(f"the API's answer of {len(body) / MIB:.0f} MiB is too large to be decoded.")
        return decode(body)

    return read
