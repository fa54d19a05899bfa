"""Plans a read that has flat files: one listing of the bucket, and a slice for each file.

A condition narrows the plan of the whole read. A plan of its own for the narrowed read might have rows of
calls in place of rows of files, which have other columns filled.
"""

import logging
from dataclasses import dataclass

from stockticker_async.marketdata.client import Client
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.plan_steps import begin, parts_of, planned_calls, prepared_alone
from stockticker_async.spark.push_down import Narrowed
from stockticker_async.sync.bar_slices import bar_slices
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.narrowed_plan import narrowed_plan
from stockticker_async.sync.readers.bars import BarsSync
from stockticker_async.sync.readers.file_calls import day_list, halves
from stockticker_async.sync.readers.slices import SessionCalls
from stockticker_async.sync.slices import SyncSlice
from stockticker_async.sync.windows import BarStream, Days

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WholeRead:
    """A read of bars that no condition narrows."""

    stream: BarStream
    days: Days
    calls: CallPlan


def whole_read(options: ReadOptions, days: Days) -> WholeRead:
    """Plan the bars of a read from its start date on; without a call."""
    prepared = prepared_alone(options.stream, options.job, days)
    begin(prepared, options.job, days)
    assert isinstance(prepared, BarStream)  # noqa: S101 - flat files have bars
    return WholeRead(prepared, days, planned_calls(prepared, options, options.job, days))


async def slices_of_files(
    client: Client, options: ReadOptions, whole: WholeRead, some: Narrowed
) -> list[SyncSlice]:
    """List the bucket if files are left of the narrowed plan, and cut it. Raises `ConnectorError`."""
    job, days = options.job, whole.days
    names = None if job.whole_market else frozenset(some.job.tickers)
    first = some.job.start_date or min(whole.stream.first_days.values(), default=days.last)
    call_plan = narrowed_plan(whole.calls, names, first, some.job.end_date or days.last)
    calls = await BarsSync(client, job, whole.stream.bar, [whole.stream], days).sessions(call_plan)
    if job.whole_market:
        _warn_of_halves(options.stream_name, calls)
    return bar_slices(whole.stream, call_plan, calls, job=job, days=days, parts=parts_of(options))


def _warn_of_halves(name: str, calls: SessionCalls) -> None:
    """Compare files beside each other, which different tasks read: by their bytes."""
    sizes = {file.session: file.size_bytes for _, file in calls.sessions if file is not None}
    if days := halves(sizes):
        _log.warning(
            "%s: the flat file of %s has less than half of the bytes of the file beside it.",
            name,
            day_list(days),
        )
