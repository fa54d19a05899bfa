"""Plans a read on the driver: the planner's calls and files, cut into slices, for a handful of calls.

The driver compares the splits where prices depend on them, and lists the bucket of flat files where the plan
has files. It reads no row.
"""

from dataclasses import dataclass, replace

from stockticker_async.clock import Clock
from stockticker_async.marketdata.client import open_client
from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark.file_planning import slices_of_files, whole_read
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.plan_steps import begin, may_have_files, prepared_alone, slices_by_calls
from stockticker_async.spark.push_down import Narrowed
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.prepare import days_of, is_adjusted
from stockticker_async.sync.slices import SyncSlice
from stockticker_async.sync.split_changes import follow_splits
from stockticker_async.sync.windows import BarStream, Days


@dataclass(frozen=True, slots=True)
class Planned:
    """The slices of a read."""

    slices: list[SyncSlice]
    calls: int
    """The calls that the driver has made."""


async def plan(options: ReadOptions, settings: Settings, some: Narrowed, clock: Clock) -> Planned:
    """Plan a read from its start date on. Raises `ConnectorError`.

    For adjusted prices, the splits are read, as in every sync. So a wrong key fails here, and once.
    """
    if some.empty:
        return Planned([], 0)
    if may_have_files(options):
        whole = whole_read(options, days_of(clock, options.job))
        if whole.calls.files:
            async with open_client(settings, clock) as client:
                return Planned(await slices_of_files(client, options, whole, some), client.calls)
    # a part of what is read without files is read without files, too
    job = replace(some.job, flat_files=False)
    days = days_of(clock, job)
    prepared = prepared_alone(options.stream, job, days)
    calls = 0
    if job.adjusted and is_adjusted(prepared) and not some.by_name:
        async with open_client(settings, clock) as client:
            await follow_splits(client, job, [prepared], days)
            calls = client.calls
    else:
        begin(prepared, job, days)
    if isinstance(prepared, BarStream) and some.by_name:
        _read_by_name(prepared, some.by_name, days)
    return Planned(slices_by_calls(prepared, options, job, days), calls)


def _read_by_name(prepared: BarStream, names: tuple[str, ...], days: Days) -> None:
    """Read tickers of the whole market as a sync reads those whose splits have changed."""
    first = prepared.first_days.pop(WHOLE_MARKET, None)
    if first is not None:
        prepared.rereads = dict.fromkeys(names, first)
        prepared.rereads_last = days.last
