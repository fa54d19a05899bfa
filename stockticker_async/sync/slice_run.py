"""Reads one slice with the engine, as `run` reads a whole sync.

The differences: splits were compared before the sync was cut, so a slice does not ask for them; and nobody
keeps the state of a slice. Instead, `run_slice` can be told that a session is known to be published
(``seen``), and then fails if a ticker is not covered up to there. So whoever has promised these days in a
state of its own can rely on them.
"""

from collections.abc import Mapping
from datetime import date

from stockticker_async.errors import ConnectorError, TransientError
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.calendar import DAY
from stockticker_async.marketdata.client import Client
from stockticker_async.marketdata.session_files import FlatFile
from stockticker_async.streams.table import STOCK_BARS, Bars, Listed, Stream
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.failures import Failure, errors_by_cause, name_list
from stockticker_async.sync.readers.bars import BarsSync
from stockticker_async.sync.readers.listing import ListingSync
from stockticker_async.sync.readers.rows import read_row_stream
from stockticker_async.sync.readers.slices import SessionCalls
from stockticker_async.sync.row_stream import NoCursor, RowStream
from stockticker_async.sync.run import of_stream
from stockticker_async.sync.sink import OpenSink
from stockticker_async.sync.slices import SyncSlice
from stockticker_async.sync.start import Start
from stockticker_async.sync.state import StreamCursors
from stockticker_async.sync.state_format import Basis, Entry
from stockticker_async.sync.windows import BarStream


async def run_slice(
    client: Client, stream: Stream, some: SyncSlice, open_sink: OpenSink, *, seen: date | None = None
) -> None:
    """Read the slice into the sink, which is told of the failures at the end.

    ``seen`` is a session that is known to be published. Then it is a failure if a ticker's days up to there
    were not answered.
    """
    cursors = StreamCursors(stream, Basis(), _start(some), end=some.job.end_date) if stream.cursor else None
    if cursors is not None and seen is not None:
        cursors.see(seen)
    sink = open_sink(stream, cursors or NoCursor())
    await sink.start()
    failures: list[Failure] = []
    ending: list[ConnectorError] = []
    try:
        if isinstance(stream.source, Bars) and cursors is not None and isinstance(some.calls, CallPlan):
            bar = some.job.bar if stream is STOCK_BARS else ONE_DAY
            firsts = {name: first for name, first in some.firsts.items() if first is not None}
            bars = BarStream(sink, cursors, bar, 0, firsts, dict(some.rereads), some.days.last)
            sync = BarsSync(client, some.job, bar, [bars], some.days)
            failures = sync.failures
            await sync.run(some.calls, _sessions(some, some.calls), earliest_file=some.earliest_file)
        else:
            rows = RowStream(stream, sink, some.job.names, cursors, firsts=dict(some.firsts))
            failures = rows.failures
            await _read_rows(client, some, rows)
    except Exception as error:  # noqa: BLE001 - the sink is told
        ending.append(of_stream(error))
    else:
        if cursors is not None and seen is not None and not failures:
            ending += _holes(cursors, some, seen)
    errors = [*errors_by_cause(failures), *ending]
    if errors:
        await sink.fail(errors)
    else:
        await sink.complete()


async def _read_rows(client: Client, some: SyncSlice, rows: RowStream) -> None:
    source = rows.stream.source
    if isinstance(source, Listed) and isinstance(some.calls, tuple):
        rows.sparse = source.sparse
        await ListingSync(client, some.job, rows, source, some.days).run(some.calls)
        rows.warn_of_lacking()
    else:
        await read_row_stream(client, some.job, rows, some.days)


def _sessions(some: SyncSlice, plan: CallPlan) -> SessionCalls:
    """Return how each session of the slice is read. The bucket is not listed again."""
    sessions: dict[date, FlatFile | None] = {call.session: None for call in plan.grouped}
    sessions |= {file.session: file for file in some.files}
    return SessionCalls(tuple(sorted(sessions.items(), key=lambda item: item[0])), some.days.last)


def _start(some: SyncSlice) -> Start:
    entries = {
        name: Entry(first, first - DAY if name in some.known else None)
        for name, first in some.firsts.items()
        if first is not None
    }
    # of no use to a slice but for being there: the fingerprints are those of the whole sync
    return Start(entries, again=some.again, rereads=dict.fromkeys(some.rereads, ""))


def _holes(cursors: StreamCursors, some: SyncSlice, seen: date) -> list[ConnectorError]:
    """Return an error for tickers with unanswered days.

    A new ticker without a covered day has no bars: that was looked into, and said.
    """
    names = []
    for name, last in _last_days(some).items():
        covered = cursors.covered(name)
        is_silent = name not in some.known and isinstance(some.calls, CallPlan)
        if (not is_silent) if covered is None else covered < min(last, seen):
            names.append(name)
    if not names:
        return []
    error = TransientError(f"{name_list(names)}: the API has not published all days up to {seen} yet.")
    error.tickers = tuple(names)
    return [error]


def _last_days(some: SyncSlice) -> Mapping[str, date]:
    """Return the last day that the calls of the slice request for each ticker that is covered by days."""
    match some.calls:
        case None:
            return dict.fromkeys(some.firsts, some.days.last)
        case tuple() as lists:
            names = (name for call in lists for name in call.names or some.job.names)
            return dict.fromkeys(names, some.days.last)
    found: dict[str, date] = {}
    for call in some.calls.ranges:
        if call.ticker not in some.rereads:
            found[call.ticker] = max(call.last, found.get(call.ticker, call.last))
    sessions = [call.session for call in some.calls.grouped] + [file.session for file in some.files]
    if sessions:
        last = max(sessions)
        covered = some.job.names if some.job.whole_market else some.calls.by_session
        found |= dict.fromkeys(covered, last)
    return found
