"""The data that the readers of one family share: its streams, its days, and the state of its tickers."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from stockticker_async.marketdata import calendar, session_files
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.client import Client
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.completeness import Completeness
from stockticker_async.sync.failures import Failure
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.windows import BarStream, Days


class BarFamily(msgspec.Struct, frozen=True):
    """Streams that share their bars, of one size."""

    client: Client
    job: SyncJob
    bar: BarSize
    streams: Sequence[BarStream]
    days: Days
    completeness: Completeness = msgspec.field(default_factory=Completeness)
    failures: list[Failure] = msgspec.field(default_factory=list)

    @property
    def earliest(self) -> date:
        """The earliest day that is read, of any ticker."""
        firsts = (
            day for one in self.streams for days in (one.first_days, one.rereads) for day in days.values()
        )
        return min(firsts, default=self.days.last)

    def wants_files(self, call_plan: CallPlan) -> bool:
        """Whether the sync has to list the bucket of flat files."""
        if self.job.adjusted or not session_files.has_files(self.bar):
            return False
        return bool(call_plan.files) or any(stream.cursors.files.missing for stream in self.streams)

    def settled(self, moment: datetime) -> date:
        """Return the last day that is over by this machine's clock, and by the API's clock at ``moment``."""
        return min(self.days.settled, calendar.last_settled(moment))

    def is_new(self, name: str) -> bool:
        """Whether no bar of the ticker was ever written, so that the ticker may not exist."""
        return all(
            stream.cursors.start.entries[name].cursor is None
            for stream in self.streams
            if name in stream.first_days
        )

    def was_read(self, name: str) -> bool:
        """Whether an earlier sync read the ticker, even if it is read again from its first day now."""
        return any(name in stream.cursors.start.was_read for stream in self.streams)

    def cover(self, name: str, reached: date) -> None:
        """Note that all days up to ``reached`` are answered for the ticker, and its bars are put."""
        for stream in self.streams:
            if name in stream.first_days:
                stream.cursors.cover(name, reached)
