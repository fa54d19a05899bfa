"""Whole syncs against the sandbox: how one is run, what it wrote, and what is true of every one."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import anyio.lowlevel
import oracle
import orjson
from jsonschema import Draft7Validator

from stockticker_async.clock import Clock
from stockticker_async.connector import catalog, config, resources, state_file
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.log import LinesHandler, Mask
from stockticker_async.connector.read import read
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.call_limits import LIMITS, CallLimits
from stockticker_async.sandbox.service.controls import Call, Sandbox
from stockticker_async.streams.table import STREAMS

NEW_YORK = ZoneInfo("America/New_York")
PRICES, BARS = "stock_prices", "stock_bars"
BOTH = (PRICES, BARS)
ALL = [stream.name for stream in STREAMS]
CURSORS = {PRICES: "date", BARS: "timestamp"}
Row = dict[str, Any]
Rows = dict[tuple[str, str], Row]
"""Rows of a stream by their primary key."""

# made here, since a catalog comes from files, which no event loop should wait for
_SELECTED = {
    incremental: catalog.parse(catalog.configured(ALL, incremental=incremental))
    for incremental in (False, True)
}


def at(day: str, hour: int = 6, minute: int = 0) -> datetime:
    """A time of New York's; at 06:00 all sessions before have settled, and that day's is not worth asking."""
    return datetime.fromisoformat(day).replace(hour=hour, minute=minute, tzinfo=NEW_YORK).astimezone(UTC)


class Recorder:
    """Keeps what is put; `Lines` as the output has them, without a reader."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.records = 0

    @property
    def stdout(self) -> bytes:
        return b"".join(self.pieces)

    async def put(self, piece: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        self.pieces.append(piece)
        self.records += piece.count(b'{"type":"RECORD"')

    async def drain(self) -> None:
        await anyio.lowlevel.checkpoint()

    def offer(self, piece: bytes) -> None:
        self.pieces.append(piece)


class Interrupted(Recorder):
    """Cancels the sync once so many lines were put, as a signal would.

    Those that wait for room just then are not put any more, if ``waiting``.
    """

    def __init__(self, after: int, *, waiting: bool = False) -> None:
        super().__init__()
        self.scope = anyio.CancelScope()
        self._left = after
        self._waiting = waiting

    async def put(self, piece: bytes) -> None:
        self._left -= piece.count(b"\n")
        if self._left <= 0 and self._waiting:
            self.scope.cancel()
        await super().put(piece)
        if self._left <= 0:
            self.scope.cancel()


@dataclass(frozen=True)
class Run:
    """What one sync wrote."""

    stdout: bytes
    code: int | None
    """None: it was interrupted."""
    calls: tuple[Call, ...] = field(default=(), repr=False)
    """Those that it made."""

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """Judged by Airbyte's models, the many records aside, of which every hundredth is."""
        found = []
        for number, line in enumerate(self.stdout.splitlines(keepends=True)):
            quick = line.startswith(b'{"type":"RECORD"') and number % 100
            found.append(orjson.loads(line) if quick else oracle.decoded(line))
        return found

    @cached_property
    def _others(self) -> list[dict[str, Any]]:
        """Those that are no records: few, and asked for again and again."""
        return [message for message in self.messages if message["type"] != "RECORD"]

    def records(self, stream: str) -> list[Row]:
        return [
            message["record"]["data"]
            for message in self.messages
            if message["type"] == "RECORD" and message["record"]["stream"] == stream
        ]

    def states(self, stream: str) -> list[dict[str, Any]]:
        return [
            message["state"]["stream"]["stream_state"]
            for message in self._others
            if message["type"] == "STATE" and _stream_of(message) == stream
        ]

    def cursors(self, stream: str) -> dict[str, str]:
        """New York dates by ticker, as the last state has them; nothing for tickers without a cursor."""
        return {
            name: cursor for name, (_, cursor, _) in entries(self.states(stream)[-1]).items() if cursor != ""
        }

    def told(self, level: str) -> list[str]:
        return [
            m["log"]["message"] for m in self._others if m["type"] == "LOG" and m["log"]["level"] == level
        ]

    def errors(self, stream: str | None = None) -> list[dict[str, Any]]:
        found = [m["trace"]["error"] for m in self._others if m["type"] == "TRACE" and "error" in m["trace"]]
        return [one for one in found if stream is None or one["stream_descriptor"]["name"] == stream]

    def statuses(self, stream: str) -> list[str]:
        return [
            message["trace"]["stream_status"]["status"]
            for message in self._others
            if _kind(message) == "STREAM_STATUS" and _stream_of(message) == stream
        ]

    def paths(self, part: str) -> list[str]:
        """The paths asked that hold ``part``, in the order of asking."""
        return [call.path for call in self.calls if part in call.path]


def entries(blob: Mapping[str, Any]) -> dict[str, tuple[str, str, str]]:
    """(since, cursor, fingerprint) by ticker of a state, dates all; an empty text where there is none."""
    found = {}
    for group in blob.get("tickers", []):
        (cursor,) = group.keys() - {"since", "names"}
        covered = _new_york_day(group[cursor])
        for name in group["names"].split(","):
            ticker, _, mark = name.partition("=")
            found[ticker] = (group["since"], covered if covered >= group["since"] else "", mark)
    return found


def _new_york_day(text: str) -> str:
    if len(text) == len("2020-12-21"):
        return text
    return datetime.fromisoformat(text).astimezone(NEW_YORK).date().isoformat()


def _kind(message: Mapping[str, Any]) -> str:
    return str(message["trace"]["type"]) if message["type"] == "TRACE" else str(message["type"])


def _stream_of(message: Mapping[str, Any]) -> str | None:
    if message["type"] == "RECORD":  # most messages are: no pattern is tried on them
        return str(message["record"]["stream"])
    match message:
        case {"type": "STATE", "state": {"stream": {"stream_descriptor": {"name": name}}}}:
            return str(name)
        case {"type": "TRACE", "trace": {"type": "ESTIMATE", "estimate": {"name": name}}}:
            return str(name)
        case {"type": "TRACE", "trace": {"type": kind} as trace}:
            return str(trace[kind.lower()].get("stream_descriptor", {}).get("name"))
    return None


async def sync(
    sandbox: Sandbox,
    tickers: str | Iterable[str],
    *,
    streams: Sequence[str] = BOTH,
    incremental: bool = True,
    before: bytes | Run | None = None,
    clock: Clock | None = None,
    speed: float = 1.0,
    lines: Recorder | None = None,
    limits: CallLimits = LIMITS,
    **options: Any,
) -> Run:
    """One `read`, from the state in ``before`` on; its clock begins where the sandbox's stands.

    What every sync owes the protocol is asserted here.
    """
    clock = clock or Clock(start=sandbox.clock.now(), speed=speed)
    raw = raw_config(sandbox, tickers, **options)
    parsed = config.parse(raw, today=calendar.new_york_date(clock.utc_now()))
    parsed = replace(parsed, settings=replace(parsed.settings, limits=limits))
    selected = tuple(one for one in _SELECTED[incremental] if one.stream.name in streams)
    text = before.stdout if isinstance(before, Run) else before
    blobs = state_file.find_states(text) if text else {}
    lines = lines or Recorder()
    scope = lines.scope if isinstance(lines, Interrupted) else anyio.CancelScope()
    code, first, mask = None, len(sandbox.calls), Mask()
    mask.add(raw["api_key"])
    with _logged_to(lines), scope:
        code = await read(CommandContext(clock, lines, mask), parsed, selected, blobs)
    run = Run(lines.stdout, code, tuple(sandbox.calls[first:]))
    assert_protocol(run, streams)
    return run


def raw_config(sandbox: Sandbox, tickers: str | Iterable[str], **options: Any) -> dict[str, Any]:
    joined = tickers if isinstance(tickers, str) else ",".join(tickers)
    return {
        "stock_ticker": joined,
        "api_key": sandbox.options.key,
        "base_url": sandbox.url,
        **options,
    }


@contextmanager
def _logged_to(lines: Recorder) -> Iterator[None]:
    """What the program logs becomes LOG lines, as in the program."""
    handler = LinesHandler(lines.offer, Mask())
    logger = logging.getLogger("stockticker_async")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def assert_protocol(run: Run, streams: Sequence[str]) -> None:
    """What holds for every read, however it ended."""
    by_stream: dict[str | None, list[Mapping[str, Any]]] = {}
    for message in run.messages:
        by_stream.setdefault(_stream_of(message), []).append(message)
    names = by_stream.keys() - {None}
    assert names <= set(streams)
    assert names == set(streams) or run.code is None, "only an interruption keeps a stream from starting"
    for stream in names:
        assert stream is not None
        _assert_stream(run, stream, by_stream[stream])
    if run.code is not None:
        failed = any(run.statuses(stream)[-1] == "INCOMPLETE" for stream in streams)
        assert run.code == (1 if failed else 0)


def _assert_stream(run: Run, stream: str, messages: Sequence[Mapping[str, Any]]) -> None:
    kinds = [_kind(message) for message in messages]
    statuses = run.statuses(stream)
    assert statuses[0] == "STARTED"
    assert kinds[0] == "STREAM_STATUS"
    assert kinds[-1] == "STREAM_STATUS"
    assert set(statuses[1:-1]) <= {"RUNNING"}
    assert statuses[-1] in ("COMPLETE", "INCOMPLETE")
    if "RECORD" in kinds:
        running = next(n for n, m in enumerate(messages) if "RUNNING" in repr(m.get("trace")))
        assert running < kinds.index("RECORD")
        # a last state vouches for, or at least counts, the last record
        assert len(kinds) - kinds[::-1].index("STATE") > len(kinds) - kinds[::-1].index("RECORD")
    if run.code is not None:
        assert bool(run.errors(stream)) == (statuses[-1] == "INCOMPLETE")
    # what a list in disorder covered is taken back
    in_disorder = any("the API gave a row out of order" in one["message"] for one in run.errors(stream))
    _assert_states(messages, may_go_back=in_disorder)


def _assert_states(messages: Sequence[Mapping[str, Any]], *, may_go_back: bool) -> None:
    count, blobs = 0, []
    for message in messages:
        if message["type"] == "RECORD":
            count += 1
        elif message["type"] == "STATE":
            assert message["state"]["sourceStats"]["recordCount"] == count
            count = 0
            blobs.append(message["state"]["stream"]["stream_state"])
    assert blobs, "a stream without a STATE"
    for one, following in pairwise(blobs):
        assert one != following, "two equal states in a row"
        earlier = entries(one)
        for name, (since, cursor, mark) in entries(following).items():
            if name in earlier and earlier[name][::2] == (since, mark) and not may_go_back:
                assert cursor >= earlier[name][1], f"the cursor of {name} went back"


_SCHEMAS = {stream: resources.load(f"schemas/{stream}.json") for stream in BOTH}


def schema_faults(stream: str, rows: Iterable[Row]) -> list[str]:
    """What the stream's schema has against the rows; a row has all of its fields and no other."""
    schema = _SCHEMAS[stream]
    judge = Draft7Validator({**schema, "required": list(schema["properties"]), "additionalProperties": False})
    return [error.message for row in rows for error in judge.iter_errors(row)]


def rows_of(stream: str, *runs: Run) -> Rows:
    """All rows that the runs wrote, the later over the earlier, as a destination would hold them."""
    key = ("stock_ticker", CURSORS[stream])
    return {(row[key[0]], row[key[1]]): row for run in runs for row in run.records(stream)}


def truth(
    sandbox: Sandbox,
    stream: str,
    tickers: Iterable[str],
    first: str,
    last: str,
    *,
    adjusted: bool = True,
    bar: tuple[int, str] = (1, "day"),
) -> Rows:
    """What the API has from one day to another, both included, as the stream should write it."""
    found: Rows = {}
    for ticker in tickers:
        for one in sandbox.market.bars(
            ticker,
            date.fromisoformat(first),
            date.fromisoformat(last),
            adjusted=adjusted,
            multiplier=bar[0],
            timespan=bar[1],
        ):
            row = row_of(stream, ticker, one, adjusted=adjusted)
            found[ticker, row[CURSORS[stream]]] = row
    return found


def row_of(stream: str, ticker: str, bar: Mapping[str, Any], *, adjusted: bool) -> Row:
    """The row of one bar of the API, made without the code under test."""
    timestamp, day = _told(bar["t"])
    if stream == PRICES:
        return {"date": day, "stock_ticker": ticker, "price": bar["c"]}
    return {
        "stock_ticker": ticker,
        "timestamp": timestamp,
        "date": day,
        "open": bar["o"],
        "high": bar["h"],
        "low": bar["l"],
        "close": bar["c"],
        "volume": bar["v"],
        "vwap": bar.get("vw"),
        "transactions": bar.get("n"),
        "adjusted": adjusted,
        "otc": bar.get("otc", False),
    }


@cache
def _told(moment_ms: int) -> tuple[str, str]:
    """A moment as rows tell it, and its date in New York; many tickers have bars of the same minute."""
    moment = datetime.fromtimestamp(moment_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.astimezone(NEW_YORK).date().isoformat()


def made_names(count: int) -> list[str]:
    """So many names, for `Options(tickers=...)`: liquid, listed for ever, without splits."""
    letters = "BCDFGHJKLM"
    return [f"Z{letters[n // 100]}{letters[n // 10 % 10]}{letters[n % 10]}" for n in range(count)]


def advance_days(sandbox: Sandbox, days: int = 1) -> None:
    sandbox.clock.advance(timedelta(days=days).total_seconds())
