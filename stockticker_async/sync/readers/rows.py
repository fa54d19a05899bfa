"""Chooses the reader of a row stream, and logs the number of calls before a long read."""

import logging

from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.client import Client
from stockticker_async.streams.table import Daily, Listed, Lookup, Previous, Source
from stockticker_async.sync.call_plan import minutes_under
from stockticker_async.sync.failures import Failure
from stockticker_async.sync.job import WHOLE_MARKET, SyncJob
from stockticker_async.sync.readers.daily import DailySync, sessions_of
from stockticker_async.sync.readers.listing import ListingSync, first_calls
from stockticker_async.sync.readers.lookup import LookupSync, PreviousSync
from stockticker_async.sync.row_stream import RowStream
from stockticker_async.sync.windows import Days

_log = logging.getLogger(__name__)

_MANY_CALLS = 500
NO_NAMES = "a call for each ticker is needed: name them in stock_ticker, or leave the stream out."


async def read_row_stream(client: Client, job: SyncJob, row_stream: RowStream, days: Days) -> None:
    """Read a row stream; errors of single tickers are added to its failures.

    Raises a `ConnectorError` that would also end the other streams.
    """
    source = row_stream.stream.source
    if needs_names(source, job):
        row_stream.failures.append(Failure((WHOLE_MARKET,), ConfigError(NO_NAMES)))
        return
    calls = calls_of(row_stream, job, days)
    if calls > _MANY_CALLS:
        _log.info("%s", _call_count_line(row_stream, calls, client.allowance))
    match source:
        case Listed():
            await ListingSync(client, job, row_stream, source, days).run()
        case Lookup():
            await LookupSync(client, job, row_stream, source, days).run()
        case Daily():
            await DailySync(client, job, row_stream, source, days).run()
        case Previous():
            await PreviousSync(client, job, row_stream, source, days).run()
    row_stream.warn_of_lacking()


def describe_row_stream(row_stream: RowStream, job: SyncJob, days: Days, *, allowance: int | None) -> str:
    """Return a line about the calls of the stream."""
    if needs_names(row_stream.stream.source, job):
        return f"{row_stream.stream.name} would fail: {NO_NAMES}"
    return _call_count_line(row_stream, calls_of(row_stream, job, days), allowance)


def calls_of(row_stream: RowStream, job: SyncJob, days: Days) -> int:
    """Return the least number of calls of the stream: the further pages of a listing are unknown."""
    match row_stream.stream.source:
        case Listed() as listed:
            return len(first_calls(row_stream, listed.listing, job, days))
        case Daily():
            return sum(len(sessions_of(first, days)) for first in row_stream.firsts.values())
        case Previous():
            return 1
    return len(row_stream.firsts)


def _call_count_line(row_stream: RowStream, calls: int, allowance: int | None) -> str:
    minutes = minutes_under(calls, allowance)
    under = f", {minutes} min under the allowance" if minutes else ""
    pages = ", and further pages" if _has_pages(row_stream.stream.source) else ""
    return f"{row_stream.stream.name}: {calls} call{'' if calls == 1 else 's'}{pages}{under}."


def needs_names(source: Source, job: SyncJob) -> bool:
    """Whether the stream needs a call for each ticker, and the job names none."""
    return job.whole_market and isinstance(source, Lookup | Daily)


def _has_pages(source: Source) -> bool:
    return isinstance(source, Listed) and source.listing.page_rows is not None
