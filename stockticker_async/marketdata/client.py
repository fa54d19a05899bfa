"""The only code that opens a socket: one session, the limiter, verdicts, deadlines.

Every call (a page and a retry is a call, too) goes the same way: wait for the limiter's leave,
send, read the body up to a limit, ask `verdict` what it means. "Later" waits for as long as the
API wants, in silence towards the caller; faults that may pass are tried again with jitter until
`patience` seconds have gone by without any success of this client; bodies that do not decode are
tried `BODY_TRIES` times. What is held of bodies is bounded by a `Room`.
What comes back is an answer, or one of the refusals a caller must tell
apart; everything else is raised as one of our own errors. None of aiohttp's leaves this module.

The key travels in a header, and only to the origin of the base URL: redirects are not followed,
a URL of another origin is refused before anything is sent, and a proxy is shown its own password only.
"""

import errno
import logging
import math
import os
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Generic, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import aiohttp
import aiohttp.http_exceptions
import anyio
from yarl import URL

from stockticker_async import __version__
from stockticker_async.clock import Clock
from stockticker_async.errors import BadPageError, ConfigError, ConnectorError, TransientError
from stockticker_async.marketdata import responses
from stockticker_async.marketdata.body_budget import SMALL_BYTES, Held, Room, Share
from stockticker_async.marketdata.call_limits import MIB, Limits, may_be_decoded
from stockticker_async.marketdata.call_queue import Line
from stockticker_async.marketdata.limiter import Limiter
from stockticker_async.marketdata.proxy import proxy_for
from stockticker_async.marketdata.settings import Settings

T = TypeVar("T")
_log = logging.getLogger(__name__)

BODY_TRIES = 3
OUTAGE_TRIES = 3
"""Of a call while nothing else was answered for `PATIENCE` either: a few seconds more."""
PATIENCE = 15 * 60.0
"""Seconds without any success after which a sync gives up on a call."""
_EXPECTED_BYTES = 65_536  # of an answer of which nothing is known
_ERROR_BYTES = 65_536  # of a body that says no more than what is wrong
_BACKOFF = 0.5  # seconds; doubled with each fault, up to the cap, of which a random half is waited
_BACKOFF_CAP = 60.0
_SKEW = timedelta(minutes=10)  # a machine's clock further off than this deserves a word
_PROXY_REFUSALS = {
    401: responses.PROXY_WANTS_MORE,
    407: responses.PROXY_WANTS_MORE,
    403: "The proxy named in the environment forbids connections to {target} (403): whoever runs it has to "
    "allow that address, or name it in no_proxy.",
    405: "What the environment names as a proxy makes no connections (405): check https_proxy.",
}
_FIRST_YEAR, _LAST_YEAR = 1970, 9000  # of a clock that may be believed; a calendar can go on from both
_TOLD_WAIT = 10.0  # a wait for the allowance that is shorter is not worth a status


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A whole, decoded answer."""

    value: T
    moment: datetime
    """The API's clock when it answered (UTC); the machine's where the API did not say."""


class _PassingFaultError(Exception):
    """A fault that may pass. ``str()`` says what happened, without the key."""


class Client:
    """One session with the API; made by `open_client`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: Settings,
        clock: Clock,
        limiter: Limiter,
        *,
        patience: float,
        most_wait: float,
        on_wait: Callable[[datetime], Awaitable[None]] | None,
    ) -> None:
        self._session = session
        self._limits = settings.limits
        self._room = Room()
        self._at_once = settings.max_concurrent_requests
        self._origin = _origin(settings.base_url)
        self._base_url = settings.base_url
        self._headers = {"Authorization": f"Bearer {settings.api_key}"}
        self._proxy = proxy_for(settings.base_url)
        self._proxy_headers: dict[str, str] = {}
        if self._proxy is not None and self._proxy.authorization is not None:
            # with plain http the proxy reads the request itself, with https only what asks for the tunnel
            shown = self._headers if self._base_url.lower().startswith("http:") else self._proxy_headers
            shown["Proxy-Authorization"] = self._proxy.authorization
        self._clock = clock
        self._limiter = limiter
        self._patience = patience
        self._most_wait = most_wait
        self._on_wait = on_wait
        self._line = Line()
        self._last_success = clock.monotonic()
        self._refused_since: float | None = None
        self._outage = False
        self._skew_told = False
        self._fault_told = False
        self.calls = 0
        """Requests sent so far, retries included."""
        self.answers = 0
        """Those that the API answered, be it with a refusal."""
        self.found_any = False
        """Whether any answer was a 200: then the address is that of an API."""

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
    ) -> Answer[Held] | responses.Missing | responses.Refusal:
        """Ask for ``url``, a path of the base URL or an absolute URL of the same origin.

        The body of an answer counts until it was used. Raises `ConfigError`, `TransientError` (after
        trying again, for ``patience`` seconds where that is less than the client's) or `ConnectorError`.
        """
        target = self._target(url)
        faults = refusals = 0
        began = self._clock.monotonic()
        while True:
            try:
                judged = await self._call(target, expected_bytes, refusals)
            except _PassingFaultError as fault:
                faults += 1
                await self._back_off(fault, faults, began, patience)
            else:
                if judged is not None:
                    return judged
                refusals += 1
                self._judge_wait()

    async def _call(
        self, target: URL, expected_bytes: int, refusals: int
    ) -> Answer[Held] | responses.Missing | responses.Refusal | None:
        """One request. None: the API said later, and the limiter knows."""
        share = await self._room.begin(expected_bytes)
        with ExitStack() as kept:
            kept.callback(share.give_back)
            status, headers, body = await self._exchange(target, share, refusals)
            judged = self._judged(status, headers, Held(body, share), body)
            if isinstance(judged, Answer):
                kept.pop_all()  # whoever uses the body gives back
            return judged

    def _judged(
        self, status: int, headers: Mapping[str, str], held: Held, body: bytes
    ) -> Answer[Held] | responses.Missing | responses.Refusal | None:
        now = self._clock.utc_now()
        match responses.judge(status, headers, body, now=now):
            case responses.Later():
                return None
            case responses.Again(reason):
                raise _PassingFaultError(reason)
            case responses.Wrong(error):
                raise error
            case responses.Body():
                self.found_any = True
                self._succeeded()
                return Answer(held, self._moment(headers.get("Date"), now))
            case refusal:
                self._succeeded()
                return refusal

    def _succeeded(self) -> None:
        self.answers += 1
        self._last_success = self._clock.monotonic()
        self._refused_since = None
        self._outage = False

    async def _exchange(
        self, target: URL, share: Share, refusals: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request when the limiter allows, and tell it how that went."""
        began = await self._begin(refusals)
        self.calls += 1
        try:
            ends_at = anyio.current_time() + min(self._limits.call, self._patience)
            with anyio.fail_after(self._limits.silence) as scope:
                scope.deadline = min(scope.deadline, ends_at)
                async with self._session.get(
                    target,
                    # not the session's own headers: those aiohttp shows the proxy as its password
                    headers=self._headers,
                    proxy=None if self._proxy is None else self._proxy.url,
                    proxy_headers=self._proxy_headers,
                    allow_redirects=False,
                ) as response:
                    body = await _read(response, self._limits, share, scope, ends_at)
        except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError) as error:
            self._limiter.failed(self._clock.monotonic())
            # not `from error`: its repr has the request's headers
            raise self._translated(error, target) from None
        except BaseException:
            self._limiter.failed(self._clock.monotonic())
            raise
        finally:
            self._line.tell()
        now = self._clock.monotonic()
        if response.status == responses.TOO_MANY:
            wait = responses.retry_after(response.headers.get("Retry-After"), now=self._clock.utc_now())
            self._limiter.refused(now, began, wait)
        else:
            self._limiter.succeeded(now, began)
        self._line.tell()
        _log.debug("%s %s: %d bytes", response.status, target.path, len(body))
        return response.status, response.headers, body

    def _translated(self, error: Exception, target: URL) -> ConfigError | _PassingFaultError:
        """The fault as one of ours; to a person who waits an address that cannot be right is told at once."""
        fault = _translated(error, target)
        hasty = self._most_wait < math.inf and not self.found_any and self._proxy is None
        if hasty and isinstance(fault, _PassingFaultError) and _is_wrong_address(error):
            return ConfigError(f"{str(fault).capitalize()}. Check base_url, and what listens there.")
        return fault

    async def _begin(self, refusals: int) -> float:
        """Return when the limiter lets one more call begin, and the moment: see `Line` for who is first."""
        async with self._line.place(refusals) as waits_for:
            while True:
                moved = waits_for()
                if moved is not None:
                    await moved.wait()
                    continue
                now = self._clock.monotonic()
                wait = self._limiter.reserve(now)
                if wait <= 0:
                    return now
                changed = self._line.changed()
                await self._tell_wait()
                await self._clock.wait(changed, min(wait, responses.RETRY_AFTER_CAP))

    async def _tell_wait(self) -> None:
        now = self._clock.monotonic()
        resumes_at = self._limiter.resumes_at(now)
        if self._on_wait is not None and resumes_at is not None and resumes_at - now > _TOLD_WAIT:
            await self._on_wait(self._clock.utc_now() + timedelta(seconds=resumes_at - now))

    def _judge_wait(self) -> None:
        """After a 429. Raise `TransientError` where waiting would take longer than may be waited in all."""
        now = self._clock.monotonic()
        if self._refused_since is None:
            self._refused_since = now
        wait = (self._limiter.resumes_at(now) or now) - self._refused_since
        if wait > self._most_wait:
            raise TransientError(
                "The allowance of this key is used up, by others that use it: the API answered only 429, "
                f"and wants {wait:.0f} s or more to pass. Try again later, or use a key of your own."
            )

    async def _back_off(self, fault: _PassingFaultError, faults: int, began: float, patience: float) -> None:
        """Wait before the next try, or raise `TransientError` when patience is used up.

        After an outage has used up the whole patience, the calls that follow try a few times only.
        """
        patience = min(patience, self._patience)
        waited = self._clock.monotonic() - max(began, self._last_success)
        if waited >= patience or (self._outage and faults >= OUTAGE_TRIES):
            self._outage = self._outage or patience == self._patience
            raise TransientError(
                f"{self._base_url} could not be reached or did not answer for {patience:.0f} s: {fault}.",
            )
        if not self._fault_told:
            self._fault_told = True
            _log.warning("The API fails at times, and is asked again: %s", fault)
        wait = min(_BACKOFF_CAP, _BACKOFF * 2 ** min(faults, 10)) * random.uniform(0.5, 1)  # noqa: S311 - jitter
        await self._clock.sleep(min(wait, patience - waited))

    def _moment(self, text: str | None, now: datetime) -> datetime:
        moment = responses.http_date(text)
        if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            return now
        if abs(moment - now) > _SKEW and not self._skew_told:
            self._skew_told = True
            _log.warning(
                "This machine's clock (%s) and the API's (%s) differ; a day counts as finished when it is "
                "by both.",
                now.isoformat(timespec="seconds"),
                moment.isoformat(timespec="seconds"),
            )
        return moment

    def _target(self, url: str) -> URL:
        absolute = url if "://" in url else self.url_of(url)
        try:
            same = _origin(absolute) == self._origin and urlsplit(absolute).username is None
        except ValueError:
            same = False
        # the address is sent as it is: what stands in no request line would be another request
        if not (same and absolute.isascii() and absolute.isprintable() and " " not in absolute):
            raise BadPageError(
                "The API named a further page at another address, where the key must not go: "
                f"{_without_query(url)}."
            )
        return URL(absolute, encoded=True)

    def url_of(self, path: str) -> str:
        """The absolute URL of a path of the base URL."""
        return self._base_url + path

    def next_target(self, next_url: str) -> str:
        """A ``next_url`` as `get` takes it: some servers give only its path."""
        try:
            return urljoin(self._base_url + "/", next_url)
        except ValueError:
            return next_url  # which `get` refuses


@asynccontextmanager
async def open_client(
    settings: Settings,
    clock: Clock,
    *,
    patience: float = PATIENCE,
    most_wait: float = math.inf,
    on_wait: Callable[[datetime], Awaitable[None]] | None = None,
) -> AsyncIterator[Client]:
    """One session for the body. ``on_wait`` hears until when a longer wait for the allowance lasts.

    ``most_wait`` bounds the seconds for which the API may say "later" to everything; a sync waits on.
    Raises `ConfigError` for a proxy in the environment that cannot be used.
    """
    limiter = Limiter(settings.requests_per_minute, at_once=settings.max_concurrent_requests)
    connector = aiohttp.TCPConnector(limit=settings.max_concurrent_requests)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        # the others are measured where waits that are our own can be told from the server's
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.limits.connect),
        headers={
            "Accept": "application/json",
            "User-Agent": f"source-stockticker-async/{__version__}",
        },
    ) as session:
        yield Client(
            session,
            settings,
            clock,
            limiter,
            patience=patience,
            most_wait=most_wait,
            on_wait=on_wait,
        )


async def _read(
    response: aiohttp.ClientResponse,
    limits: Limits,
    share: Share,
    scope: anyio.CancelScope,
    ends_at: float,
) -> bytes:
    """The body, unpacked; of an error's, the beginning.

    Raises `ConnectorError` where it is larger than a body may be. The ``scope`` is cancelled at the
    end of the call, or at an earlier silence; what is waited for room counts as neither.
    """
    whole = response.status == HTTPStatus.OK
    # what is told of a size is believed where it is too large: then nothing of it is read
    if whole and (response.content_length or 0) > limits.body_bytes:
        raise _too_large(limits.body_bytes)
    body = _Body()
    while True:
        scope.deadline = min(ends_at, anyio.current_time() + limits.silence)
        piece = await response.content.readany()
        if not piece:
            return body.bytes()
        if body.size_bytes + len(piece) > (limits.body_bytes if whole else _ERROR_BYTES):
            if whole:
                raise _too_large(limits.body_bytes)
            return body.bytes()
        if not share.fits(len(piece)):
            scope.deadline, began = math.inf, anyio.current_time()
            await share.grow(len(piece))
            ends_at += anyio.current_time() - began
        body.add(piece)


class _Body:
    """Pieces of a body. Small ones are joined; large ones grow, so that they are never there twice."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._pieces: list[bytes] = []
        self._large = bytearray()

    def add(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        self._pieces.append(piece)
        if self.size_bytes > SMALL_BYTES:
            for one in self._pieces:
                self._large += one
            self._pieces.clear()

    def bytes(self) -> bytes:
        if self._large:
            return cast("bytes", self._large)  # whoever decodes takes both
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


def at_once(decode: Callable[[bytes], T]) -> Callable[[bytes], Awaitable[T]]:
    """What reads a body by decoding it as a whole, where that does not take too much memory."""

    async def read(body: bytes) -> T:
        if not may_be_decoded(body):
            raise BadPageError(f"the API's answer of {len(body) / MIB:.0f} MiB is too large to be decoded.")
        return decode(body)

    return read


def _too_large(most_bytes: int) -> ConnectorError:
    return ConnectorError(
        f"The API sent more than {most_bytes // MIB} MiB in one answer, which is refused: no page of bars "
        "comes near that."
    )


def _translated(error: Exception, target: URL) -> ConfigError | _PassingFaultError:
    """A transport fault as one of our own, in words that hold no header, and no query."""
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=cause):
            reason = str(getattr(cause, "verify_message", cause)).rstrip(".")
            return ConfigError(
                f"The certificate of {error.host} is not trusted ({reason}). Where a proxy opens TLS, name "
                "its authority in the environment variable SSL_CERT_FILE.",
                detail=type(error).__name__,
            )
        case aiohttp.ClientHttpProxyError(status=status) if status in _PROXY_REFUSALS:
            return ConfigError(_PROXY_REFUSALS[status].format(target=f"{target.host}:{target.port}"))
    return _PassingFaultError(_described(error, target))


def _is_wrong_address(error: Exception) -> bool:
    """Whether nothing listens there, or what does speaks no TLS, or TLS only."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return False  # a network that is down looks the same
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return True
        case aiohttp.ClientConnectorError():
            return error.errno == errno.ECONNREFUSED
    return False


def _described(error: Exception, target: URL) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} cannot be found (no network?)"
        case aiohttp.ClientHttpProxyError(status=status):
            return f"the proxy answered {status}"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return f"no secure connection to {target.host}"
        case aiohttp.ClientProxyConnectionError():
            return "the proxy named in the environment cannot be reached"
        case aiohttp.ClientConnectorError():
            reason = os.strerror(error.errno or errno.ECONNREFUSED)
            return f"no connection to {target.host}:{target.port} ({reason})"
        case TimeoutError():
            return f"{target.host} did not answer in time"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            return f"{target.host} closed the connection"
        case aiohttp.ClientPayloadError():
            return "an answer broke off, or was damaged"
        case aiohttp.ClientResponseError() | aiohttp.http_exceptions.HttpProcessingError():
            return f"what answered at {target.host} did not speak HTTP"
    return f"the connection failed ({type(error).__name__})"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Raises ValueError for what is no URL, such as ``https://host:443:443/``."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, port


def _without_query(url: str) -> str:
    return url.partition("?")[0].rpartition("@")[2][:120]
