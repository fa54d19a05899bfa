"""The bucket of flat files: lists and fetches files, with patience. The only code that imports obstore.

Every request is signed for its host by the client (obstore, which is Rust's object_store), so the secret
never travels. A redirect to another origin is followed without the keys. Retries are made here, not by the
client: passing faults until nothing has succeeded for the client's patience, and never sooner than the bucket
asks. A transfer that was cut goes on where it ended, if the file is still the same (``If-Match``); a file
that was replaced meanwhile is read again from its beginning. A transfer that nearly stands still is ended,
and goes on with a new connection; a file that comes too slowly in all is given up (`_Transfer`).
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlsplit

import anyio

from stockticker_async import __version__
from stockticker_async.clock import Clock
from stockticker_async.errors import BadPageError, ConfigError, TransientError
from stockticker_async.marketdata import session_files
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.bucket_faults import (
    Absent,
    Changed,
    Fatal,
    Fault,
    Passing,
    Refused,
    Unreadable,
    judge,
)
from stockticker_async.marketdata.calendar import holds_session
from stockticker_async.marketdata.call_limits import LIMITS, MIB
from stockticker_async.marketdata.client import BODY_TRIES
from stockticker_async.marketdata.patience import PATIENCE, Patience
from stockticker_async.marketdata.proxy import proxy_for
from stockticker_async.marketdata.session_files import FlatFile
from stockticker_async.marketdata.settings import FlatFiles
from stockticker_async.marketdata.transport import PassingFaultError

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ClientConfig, S3Store

T = TypeVar("T")
_log = logging.getLogger(__name__)

AT_ONCE = 2
"""Files that are held at once: one is decoded while another one is fetched."""
MOST_BYTES = 64 * MIB
"""The most bytes of a packed file, of which `AT_ONCE` are held: three times a minute file."""
_TRIES = 3
"""Versions of a file that are fetched, when each was replaced while it was read."""
_PIECE_BYTES = 16 * 1024
"""Bytes that are taken at once: what came of a smaller piece is lost when a transfer is cut."""
_EMPTY_TRIES = 2
"""Lists without files after which the bucket has none."""
_LIST_ROWS = 1000
"""Files that are taken at once of a list: as many as a page of S3 has."""
_SLOW_DOWN = 2.0
"""Seconds to wait at least when the bucket asks for fewer requests."""


class Bucket:
    """The files of one bucket; made by `open_bucket`."""

    def __init__(self, store: "S3Store", settings: FlatFiles, clock: Clock, patience: float) -> None:
        self._store = store
        self._clock = clock
        self._patience = Patience(clock, settings.endpoint, patience)
        self._held = anyio.Semaphore(AT_ONCE)
        self.requests = 0
        """The number of requests sent, including retries."""
        self.answers = 0
        """The number of answers, including refusals."""

    @property
    def turn(self) -> anyio.Semaphore:
        """Held by whoever holds a packed file: `AT_ONCE` may."""
        return self._held

    async def files(self, bar: BarSize, first: date, last: date) -> list[FlatFile]:
        """Return the published files of these sessions, both ends included, ascending.

        A list without files is requested twice, unless the exchange was closed: the client takes an HTML page
        for one. Raises `BadPageError` for a list that cannot be read, in each of `BODY_TRIES`, or has no end.
        """
        empty, most_empty = 0, _EMPTY_TRIES if holds_session(first, last) else 1
        for tries_left in reversed(range(BODY_TRIES)):
            try:
                found = await self._with_patience(lambda: self._list(bar, first, last))
            except BadPageError:
                if not tries_left:
                    raise
            else:
                if not isinstance(found, list):
                    raise ConfigError(
                        "The bucket of flat files does not let these keys list its files. Check the plan."
                    )
                empty += not found
                if found or empty == most_empty or not tries_left:
                    return found
        raise AssertionError  # the last try returns or raises

    async def _list(self, bar: BarSize, first: date, last: date) -> list[FlatFile]:
        import obstore  # noqa: PLC0415 - 15 MB, wanted by few

        self.requests += 1
        before = session_files.key_of(bar, first).removesuffix(".csv.gz")  # the key itself comes after it
        found: list[FlatFile] = []
        latest = ""
        pages = obstore.list(
            self._store, prefix=session_files.folder(bar).rstrip("/"), offset=before, chunk_size=_LIST_ROWS
        )
        # the client asks on while pages are empty
        async for page in _in_time(pages, LIMITS.call, "the bucket's list of files has no end"):
            for one in page:
                if one["path"] <= latest:
                    raise BadPageError("the bucket's list of files repeats itself, or is out of order.")
                latest = one["path"]
                session = session_files.session_of_key(latest)
                if session is not None and session > last:
                    return found
                if session is not None and session >= first:
                    found.append(FlatFile(session, latest, one["e_tag"] or "", one["size"]))
        return found

    async def fetch(self, file: FlatFile) -> tuple[bytes, str] | Refused | Absent:
        """Return the packed bytes of a file, and its ETag now; whole, by its length.

        A response with the ETag of the bucket's list, or with none, must have the length of the list, too.
        Raises `BadPageError` for a file that has not, or is replaced while it is read, in each of `_TRIES`,
        and `TransientError` for one that comes too slowly.
        """
        fault = ""
        for _ in range(_TRIES):
            found = await self._fetched(file)
            match found:
                case Changed():
                    _log.info("The file %s was replaced while it was read: it is read again.", file.key)
                    fault = f"was replaced {_TRIES} times while it was read"
                case packed, etag if etag in ("", file.etag) and len(packed) != file.size_bytes:
                    fault = f"has {len(packed)} bytes; in the bucket's list, it has {file.size_bytes}"
                    del found, packed
                case _:
                    return found
        raise BadPageError(f"the file {file.key} {fault}.")

    async def _fetched(self, file: FlatFile) -> tuple[bytes, str] | Refused | Absent | Changed:
        transfer = _Transfer(file.key)

        async def go_on() -> tuple[bytes, str] | Changed:
            self.requests += 1
            return await transfer.go_on(self._store, self._patience.succeeded)

        return await self._with_patience(go_on)

    async def may_read(self, bar: BarSize, session: date) -> bool:
        """Whether the plan includes the file of a session. A file that does not exist is not refused."""
        key = session_files.key_of(bar, session)

        async def ask() -> bool:
            import obstore  # noqa: PLC0415 - as above

            self.requests += 1
            with _within(LIMITS.call, "the bucket did not answer in time"):
                await obstore.get_async(self._store, key, options={"range": (0, 1)})
            return True

        return not isinstance(await self._with_patience(ask), Refused)

    async def _with_patience(self, ask: Callable[[], Awaitable[T]]) -> "T | Refused | Absent | Changed":
        """Ask until there is an answer. Raises `ConfigError`, `TransientError` and `BadPageError`."""
        faults, began, answered = 0, self._clock.monotonic(), self.answers
        while True:
            try:
                found = await ask()
            except PassingFaultError as cut:
                fault: Fault = Passing(str(cut))
            except Exception as error:
                if isinstance(error, BadPageError) or not _is_clients(error):
                    raise
                fault = judge(error)
            else:
                self.answers += 1
                self._patience.succeeded()
                return found
            match fault:
                case Passing(reason, slow_down):
                    faults = faults + 1 if self.answers == answered else 1
                    answered = self.answers
                    if slow_down:
                        await self._clock.sleep(_SLOW_DOWN)
                    await self._patience.back_off(PassingFaultError(reason), faults, began, PATIENCE)
                case Fatal(error=fatal):
                    raise fatal
                case Unreadable(text, detail):
                    self.answers += 1
                    self._patience.succeeded()
                    raise BadPageError(text, detail=detail)
                case refusal:
                    self.answers += 1
                    self._patience.succeeded()
                    return refusal


class _Transfer:
    """A file under way: what has come in all tries, and the time that they took.

    Each piece must come within the time of a silence; a drip of bytes is one. All tries together may take the
    time of a call, and as long as the slowest line takes for the size of the file. What counts is the time in
    which pieces came: a silence is a fault of the bucket, for which its patience stands.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._body = bytearray()
        self._etag = ""
        self._size = 0
        self._taken = 0.0

    async def go_on(self, store: "S3Store", succeeded: Callable[[], None]) -> tuple[bytes, str] | Changed:
        """Request what is missing; returns the whole file and its ETag. ``succeeded`` is called for a piece.

        Raises `PassingFaultError` for a transfer that was cut, and `TransientError` where the time is over.
        """
        try:
            with anyio.fail_after(self._most_seconds - self._taken) as scope:
                return await self._rest(store, scope, succeeded)
        except TimeoutError:
            raise TransientError(
                f"the flat file {self._key} came too slowly: {len(self._body):,} of {self._size:,} bytes in "
                f"{self._most_seconds:.0f} s."
            ) from None

    @property
    def _most_seconds(self) -> float:
        return LIMITS.call + self._size / LIMITS.slowest

    async def _rest(
        self, store: "S3Store", scope: anyio.CancelScope, succeeded: Callable[[], None]
    ) -> tuple[bytes, str] | Changed:
        import obstore  # noqa: PLC0415 - 15 MB, wanted by few

        taken, began = self._taken, anyio.current_time()
        options: GetOptions = {}
        body, begin = self._body, len(self._body)
        if begin:
            options = {"range": {"offset": begin}, "if_match": self._etag}
        with _within(LIMITS.silence, "the bucket did not answer in time"):
            answer = await obstore.get_async(store, self._key, options=options)
        size, now = answer.meta["size"], answer.meta["e_tag"] or ""
        if size > MOST_BYTES:
            raise BadPageError(
                f"the file {self._key} has {size // MIB} MiB: no file of bars comes near that."
            )
        if begin and (now != self._etag or answer.range[0] != begin):
            return Changed()
        scope.deadline += (size - self._size) / LIMITS.slowest
        self._etag, self._size = now, size
        pieces = answer.stream(min_chunk_size=_PIECE_BYTES)
        async for piece in _in_time(aiter(pieces), LIMITS.silence, "a transfer nearly stood still"):
            body.extend(piece)
            self._taken = taken + anyio.current_time() - began
            succeeded()
        if len(body) != size:
            raise PassingFaultError("a transfer was cut")
        return cast("bytes", body), now  # the decoder accepts both, and 20 MB are not copied


@contextmanager
def _within(seconds: float, fault: str) -> Iterator[None]:
    """Raise `PassingFaultError` if the body takes longer."""
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        raise PassingFaultError(fault) from None


async def _in_time(items: AsyncIterator[T], seconds: float, fault: str) -> AsyncIterator[T]:
    """Yield the items, each of which must come within the time. Raises `PassingFaultError`."""
    while True:
        with _within(seconds, fault):
            try:
                item = await anext(items)
            except StopAsyncIteration:
                return
        yield item


def _is_clients(error: Exception) -> bool:
    from obstore.exceptions import BaseError  # noqa: PLC0415 - as above

    return isinstance(error, BaseError | FileNotFoundError)


def open_bucket(settings: FlatFiles, clock: Clock, *, patience: float = PATIENCE) -> Bucket:
    """Return a bucket. Raises `ConfigError` without obstore, and for a proxy that cannot be used."""
    try:
        from obstore.store import S3Store  # noqa: PLC0415 - as above
    except ImportError as error:
        raise ConfigError(
            "flat_files needs the package obstore: pip install 'stockticker-async[flatfiles]'."
        ) from error
    options: ClientConfig = {
        "allow_http": urlsplit(settings.endpoint).scheme == "http",
        "connect_timeout": timedelta(seconds=LIMITS.connect),
        "read_timeout": timedelta(seconds=LIMITS.silence),
        "timeout": timedelta(hours=1),
        "user_agent": f"source-stockticker-async/{__version__}",
    }
    proxy = proxy_for(settings.endpoint)
    if proxy is None:
        # else the client looks for one in the environment, for this machine, too: a proxy for no host is none
        options["proxy_url"] = settings.endpoint
        options["proxy_excludes"] = urlsplit(settings.endpoint).hostname or ""
    else:
        options["proxy_url"] = proxy.address
    store = S3Store(
        settings.bucket,
        endpoint=settings.endpoint,
        access_key_id=settings.access_key_id,
        secret_access_key=settings.secret_access_key,
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options=options,
        retry_config={"max_retries": 0},
    )
    return Bucket(store, settings, clock, patience)
