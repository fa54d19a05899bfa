"""The only code that opens a socket: one exchange with the API, within its deadlines and its bytes.

`Transport.exchange` sends one request and gives the status, the headers and the whole unpacked body. The size
of the body is bounded, and each piece is held within the call's `Reservation`. Every fault of aiohttp is
translated here: to `PassingFaultError` if a retry may help, to `ConfigError` if only the user can help.

The key travels in a header, and only to the origin of the base URL: redirects are not followed, a URL of
another origin is refused before a request is sent, and a proxy gets its own password only.
"""

import errno
import logging
import math
import os
import ssl
import sys
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import cast
from urllib.parse import urljoin, urlsplit

import aiohttp
import aiohttp.http_exceptions
import anyio
import msgspec
from yarl import URL

from stockticker_async import __version__
from stockticker_async.errors import BadPageError, ConfigError, ConnectorError
from stockticker_async.marketdata import responses
from stockticker_async.marketdata.body_budget import SMALL_BYTES, Reservation
from stockticker_async.marketdata.call_limits import MIB, CallLimits
from stockticker_async.marketdata.proxy import proxy_for
from stockticker_async.marketdata.settings import Settings

_log = logging.getLogger(__name__)

_ERROR_BYTES = 65_536  # of the body of an error
_PIECE_BYTES = 65_536
"""Bytes of a body that are read at once. The bytes that aiohttp reads ahead are in no budget: with its
default buffers 0.75 MiB, and as much again in the piece that waits for room; 64 connections took 96 MB."""
_MOST_URL = 16_384
"""The most letters of a ``next_url``: twice what most servers accept; those of the API have some 200."""
_PROXY_REFUSALS = {
    401: responses.PROXY_WANTS_MORE,
    407: responses.PROXY_WANTS_MORE,
    403: "The proxy named in the environment forbids connections to {target} (403): ask its operator to "
    "allow that address, or name it in no_proxy.",
    405: "The proxy named in the environment makes no connections (405): check https_proxy.",
}


class Response(msgspec.Struct, frozen=True):
    """A response before it is judged."""

    status: int
    headers: Mapping[str, str]
    """Ignores the case of names."""
    body: bytes
    """The whole unpacked body; only the beginning of an error's body."""
    is_whole: bool = True
    """False if an error's body broke off, or did not come in time."""


class PassingFaultError(Exception):
    """A passing fault. ``str()`` describes it, without the key."""

    def __init__(self, said: str, *, wrong_address: bool = False, after: float = 0.0) -> None:
        """``wrong_address``: no server listens there, or the server does not speak TLS, or only TLS.

        ``after``: the seconds that the API asks to wait.
        """
        super().__init__(said)
        self.wrong_address = wrong_address
        self.after = after


class Transport:
    """One session with one origin; made by `open_transport`."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._session = session
        self._limits = settings.limits
        self.base_url = settings.base_url
        self._origin = _origin(settings.base_url)
        self._headers = {"Authorization": f"Bearer {settings.api_key}"}
        self._proxy = proxy_for(settings.base_url)
        self._proxy_headers: dict[str, str] = {}
        if self._proxy is not None and self._proxy.authorization is not None:
            # with http the proxy reads the request itself, with https only the request for the tunnel
            shown = self._headers if self.base_url.lower().startswith("http:") else self._proxy_headers
            shown["Proxy-Authorization"] = self._proxy.authorization

    def target(self, url: str) -> URL:
        """Return the URL of a path, or an absolute URL of the same origin; else raise `BadPageError`."""
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
        """Return the absolute URL of a path of the base URL."""
        return self.base_url + path

    def next_target(self, next_url: str) -> str:
        """Return the absolute URL of a ``next_url``: some servers give only its path.

        Raises `BadPageError` for one of more than `_MOST_URL` letters.
        """
        if len(next_url) > _MOST_URL:
            raise BadPageError(
                f"the API's next_url has {len(next_url):,} letters; the limit is {_MOST_URL:,}."
            )
        try:
            return urljoin(self.base_url + "/", next_url)
        except ValueError:
            return next_url  # which `target` refuses

    async def exchange(self, target: URL, reservation: Reservation, *, most_seconds: float) -> Response:
        """Send one request and read its answer. Raises `PassingFaultError` and `ConnectorError`."""
        response, body, handled = None, _Body(), sys.exception()
        try:
            ends_at = anyio.current_time() + min(self._limits.call, most_seconds)
            with anyio.fail_after(self._limits.silence) as scope:
                scope.deadline = min(scope.deadline, ends_at)
                async with self._session.get(
                    target,
                    # not as headers of the session, which aiohttp also sends to the proxy
                    headers=self._headers,
                    proxy=None if self._proxy is None else self._proxy.url,
                    proxy_headers=self._proxy_headers,
                    allow_redirects=False,
                ) as response:
                    await _read(response, body, reservation, scope, limits=self._limits, ends_at=ends_at)
        except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError) as error:
            _release(error, handled)
            if response is None or response.status == HTTPStatus.OK:
                # not `from error`: its repr has the request's headers
                raise translated(error, target, proxied=self._proxy is not None) from None
            return Response(response.status, response.headers, body.bytes(), is_whole=False)
        _log.debug("%s %s: %d bytes", response.status, target.path, body.size_bytes)
        return Response(response.status, response.headers, body.bytes())


@asynccontextmanager
async def open_transport(settings: Settings) -> AsyncIterator[Transport]:
    """Open a session for the body. Raises `ConfigError` for an invalid proxy in the environment."""
    connector = aiohttp.TCPConnector(limit=settings.max_concurrent_requests)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=_PIECE_BYTES,
        # the other limits are measured in `_read`, without the waits for room
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.limits.connect),
        headers={
            "Accept": "application/json",
            "User-Agent": f"source-stockticker-async/{__version__}",
        },
    ) as session:
        yield Transport(session, settings)


async def _read(
    response: aiohttp.ClientResponse,
    body: "_Body",
    reservation: Reservation,
    scope: anyio.CancelScope,
    *,
    limits: CallLimits,
    ends_at: float,
) -> None:
    """Add the pieces of the unpacked body; only the beginning of an error's body.

    Raises `ConnectorError` for too large a body. The deadline of ``scope`` is the end of the call, or an
    earlier end of a silence; waiting for room counts for neither.
    """
    whole = response.status == HTTPStatus.OK
    # if the announced size is too large, the body is not read
    if whole and (response.content_length or 0) > limits.body_bytes:
        raise _too_large(limits.body_bytes)
    if not whole:
        ends_at = min(ends_at, anyio.current_time() + limits.error_text)
    while True:
        # hold the bytes before reading them: a piece that waits for room would take memory, too
        if not reservation.try_hold(_PIECE_BYTES):
            scope.deadline, began = math.inf, anyio.current_time()
            await reservation.hold(_PIECE_BYTES)
            ends_at += anyio.current_time() - began
        scope.deadline = min(ends_at, anyio.current_time() + limits.silence)
        piece = await response.content.read(_PIECE_BYTES)
        reservation.give_back(_PIECE_BYTES - len(piece))
        if not piece:
            return
        if body.size_bytes + len(piece) > (limits.body_bytes if whole else _ERROR_BYTES):
            if whole:
                raise _too_large(limits.body_bytes)
            return
        body.add(piece)


class _Body:
    """The pieces of a body. Small bodies are joined; large ones grow, so that no copy is made."""

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
            return cast("bytes", self._large)  # the decoders accept both
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


def _too_large(most_bytes: int) -> ConnectorError:
    return ConnectorError(
        f"The API sent more than {most_bytes // MIB} MiB in one answer, which is refused: no known answer "
        "comes near that."
    )


def _release(error: BaseException | None, handled: BaseException | None) -> None:
    """Free what the frames of an error hold, also of the errors behind it, up to the one ``handled`` before.

    aiohttp keeps an error in the connection that the error's frames hold: a cycle with all that was read of a
    damaged head, 0.3 MB for each try, and the program collects cycles seldom.
    """
    while error is not None and error is not handled:
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def translated(error: Exception, target: URL, *, proxied: bool) -> ConfigError | PassingFaultError:
    """Return a transport fault as one of our errors. The text contains no header and no query."""
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
    return PassingFaultError(
        _described(error, target), wrong_address=not proxied and _is_wrong_address(error)
    )


def _is_wrong_address(error: Exception) -> bool:
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
            return f"the server at {target.host} did not speak HTTP"
    return f"the connection failed ({type(error).__name__})"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port. Raises ValueError for an invalid URL, as ``https://host:443:443/``."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, port


def _without_query(url: str) -> str:
    return url.partition("?")[0].rpartition("@")[2][:120]
