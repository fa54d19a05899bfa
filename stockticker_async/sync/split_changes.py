"""Finds history that must be read again: after splits, and after a whole market without its OTC stocks.

Both are requested before the first bar. The cursors of affected tickers are taken back, so that this sync
reads their history again.
"""

import logging
from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from stockticker_async.errors import BadPageError, ConfigError, ConnectorError, OutputError
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.client import Answer, Client
from stockticker_async.marketdata.confirmation import Doubt
from stockticker_async.marketdata.grouped import grouped_bars
from stockticker_async.marketdata.responses import Refusal
from stockticker_async.marketdata.split_list import splits
from stockticker_async.marketdata.splits import Split
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.prepare import PreparedStream, is_adjusted
from stockticker_async.sync.rereads import after_splits
from stockticker_async.sync.sink import Sink
from stockticker_async.sync.state import StreamCursors
from stockticker_async.sync.windows import BarStream, Days

_log = logging.getLogger(__name__)


async def leave_whole_market(client: Client, job: SyncJob, streams: Sequence[BarStream]) -> None:
    """Take back the cursors of tickers that were read as part of the whole market and may be OTC stocks.

    A ticker with a bar in the last covered session is not an OTC stock; the other tickers begin again.
    """
    listed: dict[date, frozenset[str]] = {}
    for stream in streams:
        names = stream.cursors.start.from_whole_market
        for session in {calendar.sessions_back(cursor, 0) for cursor in names.values()}:
            if session not in listed:
                listed[session] = await _listed(client, job, session)
            stream.cursors.uncover([name for name in names if name not in listed[session]])


async def _listed(client: Client, job: SyncJob, session: date) -> frozenset[str]:
    """Return the configured tickers that traded on an exchange in a session; empty if it cannot be read."""
    wanted = frozenset(job.tickers)
    try:
        found = await grouped_bars(client, session, adjusted=job.adjusted, otc=False, wanted=wanted)
    except BadPageError:
        return frozenset()
    return frozenset() if isinstance(found, Refusal) else frozenset(bar.T for bar in found.value)


async def follow_splits(client: Client, job: SyncJob, streams: Sequence[PreparedStream], days: Days) -> None:
    """Request the splits of all tickers before the first bar, and take back the cursors that they affect."""
    found: list[Split] | None = None
    adjusted = [stream.cursors for stream in streams if stream.cursors and is_adjusted(stream)]
    since = min((entry.since for one in adjusted for entry in one.start.entries.values()), default=days.today)
    known = days
    if job.adjusted and since < days.today:
        answer = await _splits(client, job.tickers, adjusted, since, days)
        if answer is not None:
            found = answer.value
            known = _known(days, answer)
    for stream in streams:
        if stream.cursors is not None:
            splits = found if is_adjusted(stream) else None
            await _follow(stream.cursors, stream.sink, splits, known)
        stream.begin(days, job.end_date)


async def _follow(cursors: StreamCursors, sink: Sink, splits: Sequence[Split] | None, days: Days) -> None:
    cursors.follow(splits, today=days.today, settled=days.settled)
    for note in cursors.start.notes:
        _log.log(logging.WARNING if note.warn else logging.INFO, "%s: %s", sink.name, note.text)
    if cursors.start.replaced:
        await sink.replaced()


def _known(days: Days, splits: Answer[list[Split]]) -> Days:
    """Return the days with a last settled day that is over by the API's clock, too."""
    return replace(days, settled=min(days.settled, calendar.last_settled(splits.moment)))


async def _splits(
    client: Client, names: Sequence[str], adjusted: Sequence[StreamCursors], after: date, days: Days
) -> Answer[list[Split]] | None:
    """Return the splits; None and a warning if they cannot be read. Raises `ConfigError`, `OutputError`.

    Splits that would cause history to be read again are requested twice: one answer without a split would
    rewrite the history today, and the next answer tomorrow. An empty list that no earlier sync confirmed is
    requested twice, too.
    """

    async def ask() -> Answer[list[Split]] | Refusal:
        return await splits(client, names, after=after, until=days.today)

    def is_news(found: Answer[list[Split]]) -> bool:
        known = _known(days, found)
        if not found.value and any(
            entry.cursor is None for one in adjusted for entry in one.start.entries.values()
        ):
            return True
        return any(
            after_splits(one.start, found.value, today=known.today, settled=known.settled).changed
            for one in adjusted
        )

    doubt = Doubt()
    try:
        found = await ask()
        while isinstance(found, Answer):
            if doubt.settles(frozenset(found.value) if is_news(found) else None):
                break
            found = await ask()
    except (ConfigError, OutputError):
        raise
    except ConnectorError as error:
        reason = error.message.rstrip(".")
    else:
        if not isinstance(found, Refusal):
            return found
        reason = found.why.value
    _log.warning("The splits cannot be read (%s): adjusted history is not compared in this sync.", reason)
    return None
