"""Syncs without Airbyte, into memory: a sink that keeps the rows of its stream, and what it was told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import anyio.lowlevel

from stockticker_async.clock import Clock
from stockticker_async.errors import ConnectorError
from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.bars import Asked, Bar, GroupedBar
from stockticker_async.marketdata.client import open_client
from stockticker_async.marketdata.session_files import FlatFile
from stockticker_async.marketdata.settings import Settings
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.streams.table import STREAMS, Stream
from stockticker_async.sync.bar_slices import Parts, bar_slices
from stockticker_async.sync.job import SelectedStream, SyncJob
from stockticker_async.sync.prepare import PreparedStream, days_of, prepare
from stockticker_async.sync.progress import SyncProgress
from stockticker_async.sync.readers.slices import SessionCalls
from stockticker_async.sync.row_stream import RowStream
from stockticker_async.sync.run import run
from stockticker_async.sync.sink import StateSource, TooLarge
from stockticker_async.sync.slice_run import run_slice
from stockticker_async.sync.slices import SyncSlice, slices_of
from stockticker_async.sync.windows import Days, shared_call_plan

BY_NAME = {stream.name: stream for stream in STREAMS}


@dataclass
class Chunk:
    """Bars that were not put yet. Implements `sink.BarChunk`."""

    kept: "Kept"
    found: list[JsonObject]

    @property
    def size_bytes(self) -> int:
        return 100 * len(self.found)

    async def put(self) -> None:
        await self.kept.rows(self.found)


@dataclass
class Kept:
    """One stream's. Implements `sink.Sink`."""

    stream: Stream
    vouched: StateSource
    failed: bool = False
    found: list[JsonObject] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What happened, in order."""
    errors: list[ConnectorError] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.stream.name

    @property
    def closes_only(self) -> bool:
        return False

    @property
    def state(self) -> JsonObject:
        return self.vouched.blob()

    def chunk(self, bars: Sequence[Bar], asked: Asked) -> Chunk:
        return Chunk(self, [{"ticker": asked.ticker, "t": bar.t, "c": bar.c} for bar in bars])

    def session_chunk(self, bars: Sequence[GroupedBar], session: date, *, adjusted: bool) -> Chunk:
        rows: list[JsonObject] = [
            {"ticker": bar.T, "day": session, "c": bar.c, "adjusted": adjusted} for bar in bars
        ]
        return Chunk(self, rows)

    async def rows(self, rows: Sequence[JsonObject], too_large: TooLarge | None = None) -> None:
        del too_large
        await anyio.lowlevel.checkpoint()
        self.told += ["rows"] if rows and self.told[-1:] != ["rows"] else []
        self.found += rows

    async def start(self) -> None:
        self.told.append("start")

    async def replaced(self) -> None:
        self.told.append("replaced")

    async def estimate(self, *, rows: int) -> None:
        self.told.append(f"estimate {rows}")

    async def state_due(self) -> None:
        await anyio.lowlevel.checkpoint()

    async def waits(self, until: datetime) -> None:
        self.told.append(f"waits {until:%H:%M}")

    async def complete(self) -> None:
        self.told.append("complete")

    async def fail(self, errors: Sequence[ConnectorError]) -> None:
        if self.told[-1:] != ["complete"]:
            self.failed = True
            self.errors += errors
            self.told.append("fail")


def clock_of(sandbox: Sandbox) -> Clock:
    return Clock(start=sandbox.clock.now(), speed=1000)


def prepared(
    sandbox: Sandbox,
    streams: Sequence[str],
    job: SyncJob,
    *,
    blobs: Mapping[str, Any] | None = None,
    incremental: bool = True,
) -> tuple[Days, list[PreparedStream]]:
    """The days of a sync that begins now, and its streams, each with a `Kept` as its sink."""
    days = days_of(clock_of(sandbox), job)
    chosen = [SelectedStream(BY_NAME[name], incremental) for name in streams]
    return days, [prepare(Kept, job, one, (blobs or {}).get(one.stream.name), days) for one in chosen]


def slices_for(
    stream: PreparedStream,
    job: SyncJob,
    days: Days,
    *,
    most: int,
    allowance: int | None = None,
    files: Sequence[FlatFile] = (),
    most_calling: int | None = None,
) -> list[SyncSlice]:
    """The slices of a stream that has begun; ``files`` are those that are published."""
    if isinstance(stream, RowStream):
        return slices_of(stream, job, days, most=most)
    plan = shared_call_plan(job, stream.bar, [stream], days, allowance=allowance)
    published = {file.session: file for file in files}
    sessions = [(call.session, published.get(call.session)) for call in plan.files]
    if stream.bar != ONE_DAY:
        sessions = [(session, file) for session, file in sessions if file is not None]
    sessions += [(call.session, None) for call in plan.grouped]
    parts = Parts(most, rationed=allowance is not None, most_calling=most_calling)
    calls = SessionCalls(tuple(sorted(sessions, key=lambda one: one[0])), days.last)
    return bar_slices(stream, plan, calls, job=job, days=days, parts=parts)


def client_of(sandbox: Sandbox, **options: Any) -> Any:
    """A client of the sandbox, whose clock stands where the sandbox's does."""
    settings = Settings(sandbox.options.key, sandbox.url, **options)
    return open_client(settings, clock_of(sandbox))


async def keep(
    sandbox: Sandbox,
    tickers: Sequence[str],
    *streams: str,
    blobs: Mapping[str, Any] | None = None,
    incremental: bool = True,
    **job: Any,
) -> list[Kept]:
    """One whole sync; what each stream's sink has kept. Without tickers: of the whole market."""
    wanted = SyncJob(tuple(tickers), **job)
    days, readings = prepared(sandbox, streams, wanted, blobs=blobs, incremental=incremental)
    clock = clock_of(sandbox)

    def reach(on_wait: Any) -> Any:
        return open_client(Settings(sandbox.options.key, sandbox.url), clock, on_wait=on_wait)

    is_well = await run(wanted, reach, readings, days, clock=clock, progress=SyncProgress())
    kept = [reading.sink for reading in readings]
    assert all(isinstance(one, Kept) for one in kept)
    assert is_well is not any(one.failed for one in kept)
    return kept  # type: ignore[return-value] # as was asserted


def closes(kept: Kept, ticker: str = "TSLA") -> list[float]:
    return [row["c"] for row in kept.found if row["ticker"] == ticker]


async def kept_slices(
    access: Callable[[], Any], stream: Stream, slices: Iterable[SyncSlice], **told: Any
) -> list[Kept]:
    """Read each slice by a client of its own, which ``access`` opens."""
    sinks: list[Kept] = []

    def open_sink(one: Stream, vouched: Any) -> Kept:
        sinks.append(Kept(one, vouched))
        return sinks[-1]

    for one in slices:
        async with access() as client:
            await run_slice(client, stream, one, open_sink, **told)
    return sinks
