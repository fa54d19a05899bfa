"""Which reader a forwarded stream has, and what is said before a long one."""

import logging

from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.client import Client
from stockticker_async.streams.table import Daily, Listed, Lookup, Previous, Source
from stockticker_async.sync.failures import Failure
from stockticker_async.sync.job import MARKET, SyncJob
from stockticker_async.sync.plan import minutes_under
from stockticker_async.sync.readers.daily import DailySync, sessions_of
from stockticker_async.sync.readers.listing import ListingSync, asked_of
from stockticker_async.sync.readers.lookup import LookupSync, PreviousSync
from stockticker_async.sync.row_stream import Forward
from stockticker_async.sync.windows import Days

_log = logging.getLogger(__name__)

_MANY_CALLS = 500
_NO_NAMES = "a call for each ticker is needed: name them in stock_ticker, or leave the stream out."


async def read_forward(client: Client, job: SyncJob, forward: Forward, days: Days) -> None:
    """Read a forwarded stream; what fails for some tickers is in its failures.

    Raises the `ConnectorError` that would end every other stream, too.
    """
    source = forward.stream.source
    if _needs_names(source, job):
        forward.failures.append(Failure((MARKET,), ConfigError(_NO_NAMES)))
        return
    calls = calls_of(forward, job, days)
    if calls > _MANY_CALLS:
        _log.info("%s", _told(forward, calls, client.allowance))
    match source:
        case Listed():
            await ListingSync(client, job, forward, source, days).run()
        case Lookup():
            await LookupSync(client, job, forward, source, days).run()
        case Daily():
            await DailySync(client, job, forward, source, days).run()
        case Previous():
            await PreviousSync(client, job, forward, source, days).run()
    forward.tell_lacking()


def describe_forward(forward: Forward, job: SyncJob, days: Days, *, allowance: int | None) -> str:
    """What the stream would ask of the API, in a line."""
    if _needs_names(forward.stream.source, job):
        return f"{forward.stream.name} would fail: {_NO_NAMES}"
    return _told(forward, calls_of(forward, job, days), allowance)


def calls_of(forward: Forward, job: SyncJob, days: Days) -> int:
    """The calls that the stream makes at least: a listing's further pages are not known before."""
    match forward.stream.source:
        case Listed() as listed:
            return len(asked_of(forward, listed.listing, job, days))
        case Daily():
            return sum(len(sessions_of(first, days)) for first in forward.firsts.values())
        case Previous():
            return 1
    return len(forward.firsts)


def _told(forward: Forward, calls: int, allowance: int | None) -> str:
    minutes = minutes_under(calls, allowance)
    under = f", {minutes} min under the allowance" if minutes else ""
    pages = ", and further pages" if _has_pages(forward.stream.source) else ""
    return f"{forward.stream.name}: {calls} call{'' if calls == 1 else 's'}{pages}{under}."


def _needs_names(source: Source, job: SyncJob) -> bool:
    return job.whole_market and isinstance(source, Lookup | Daily)


def _has_pages(source: Source) -> bool:
    return isinstance(source, Listed) and source.listing.page_rows is not None
