"""Flat files of streaming queries: the minutes of the market, of sessions whose files are published.

Theory of operation
-------------------
An offset passes a session when its file is published, or when a later one is: then the session is missing, as
in a state of the connector, and the offset names it. The batch between two offsets has the files of all
sessions between them, without those that the second offset names, and the files that the first one named and
the second one does not: they have come late. So a file is read once, whenever it comes.

The bucket is listed once for an offset, and once for a batch: a batch that is repeated lists it again. A file
of the batch that has gone meanwhile fails the batch, and is not passed over.

Where ``lookback_days`` is set, an offset has the ETags of as many sessions, and a file that was replaced is
read again.
"""

from dataclasses import replace
from datetime import date

from msgspec import structs

from stockticker_async.errors import TransientError
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.client import Client
from stockticker_async.marketdata.session_files import FIRST_DAY, FlatFile
from stockticker_async.spark.offset import Increment, Offset, advanced
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.plan_steps import begin, may_have_files, open_sink, parts_of, planned_calls
from stockticker_async.streams.table import STOCK_BARS
from stockticker_async.sync.bar_slices import bar_slices
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.job import WHOLE_MARKET, SelectedStream, SyncJob
from stockticker_async.sync.prepare import prepare
from stockticker_async.sync.readers.bars import BarsSync
from stockticker_async.sync.readers.file_calls import day_list
from stockticker_async.sync.readers.slices import SessionCalls
from stockticker_async.sync.slices import SyncSlice
from stockticker_async.sync.windows import BarStream, Days

LIST_WARNING = (
    "flat_files is not used: a streaming query reads named tickers by calls. Name * for the whole market."
)


def without_files_of_lists(options: ReadOptions) -> ReadOptions:
    """Return the options of a streaming query: of named tickers, each batch is read by calls."""
    if options.job.whole_market or not may_have_files(options):
        return options
    return replace(
        options,
        job=replace(options.job, flat_files=False),
        settings=replace(options.settings, flat_files=None),
        warnings=(*options.warnings, LIST_WARNING),
    )


def waits_for_files(options: ReadOptions) -> bool:
    """Whether the files decide how far an offset goes: minutes have no other source."""
    return options.stream is STOCK_BARS and options.job.bar != ONE_DAY and may_have_files(options)


async def next_offset(
    client: Client, options: ReadOptions, start: Offset, days: Days, through: date
) -> Offset:
    """List the bucket, and return the offset after all published files; ``start`` if nothing is to be read.

    ``through`` is the last session that the API has published, which tells the OTC stocks of a file. Raises a
    `ConnectorError`.
    """
    job = options.job if options.lookback_is_set else replace(options.job, lookback_days=0)
    until = structs.replace(days, last=through, settled=through)
    stream = prepare(open_sink, job, SelectedStream(options.stream, incremental=True), start or None, until)
    assert isinstance(stream, BarStream)  # noqa: S101 - flat files have bars
    begin(stream, job, until)
    plan, calls = await _published(client, options, job, stream, until)
    wanted, ledger = _wanted(stream, calls), stream.cursors.files
    if not wanted:
        return start
    last = max((session for session, _ in calls.sessions), default=None)
    ledger.lack(session for session in _lacking(plan, calls) if last is not None and session < last)
    for file in wanted:
        ledger.read(file.session, file.etag)
    return advanced(stream.cursors, last)


async def slices_with_files(
    client: Client, options: ReadOptions, found: Increment, stream: BarStream
) -> list[SyncSlice]:
    """List the bucket, and return the slices of a batch. ``stream`` has begun. Raises a `ConnectorError`."""
    job, days = found.job, found.days
    plan, calls = await _published(client, options, job, stream, days)
    if waits_for_files(options):
        lost = [session for session in _lacking(plan, calls) if session not in found.passed]
        if lost:
            raise TransientError(f"the flat file of {day_list(lost)} was listed, and is not there any more.")
    files = {file.session for file in _wanted(stream, calls)} - found.passed
    part = SessionCalls(
        tuple(one for one in calls.sessions if one[1] is None or one[0] in files),
        calls.last,
        tuple(file for file in calls.late if file.session in files),
    )
    return bar_slices(stream, plan, part, job=job, days=days, parts=parts_of(options))


async def _published(
    client: Client, options: ReadOptions, job: SyncJob, stream: BarStream, days: Days
) -> tuple[CallPlan, SessionCalls]:
    plan = planned_calls(stream, options, job, days)
    return plan, await BarsSync(client, job, stream.bar, [stream], days).sessions(plan)


def _wanted(stream: BarStream, calls: SessionCalls) -> list[FlatFile]:
    """Return the published files that are to be read: all but those looked back at that have not changed."""
    ledger, entry = stream.cursors.files, stream.cursors.start.entries[WHOLE_MARKET]

    def is_read(file: FlatFile) -> bool:
        passed = entry.cursor is not None and entry.since <= file.session <= entry.cursor
        return passed and ledger.is_unchanged(file.session, file.etag)

    files = [file for _, file in calls.sessions if file is not None]
    return [*calls.late, *(file for file in files if not is_read(file))]


def _lacking(plan: CallPlan, calls: SessionCalls) -> list[date]:
    """Return the planned sessions that have no file, as far as the calendar knows sessions."""
    published = {session for session, _ in calls.sessions}
    days = [call.session for call in plan.files if call.session >= FIRST_DAY]
    return [day for day in days if calendar.is_session(day) and day not in published]
