"""What the readers of one family share: its streams, its days, and what became of its tickers so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.client import Client
from stockticker_async.sync.completeness import Completeness
from stockticker_async.sync.failures import Failure
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.windows import BarStream, Days


@dataclass(frozen=True, slots=True)
class BarFamily:
    """Streams that share their bars, of one size."""

    client: Client
    job: SyncJob
    bar: BarSize
    streams: Sequence[BarStream]
    days: Days
    completeness: Completeness = field(default_factory=Completeness)
    failures: list[Failure] = field(default_factory=list)

    def settled(self, moment: datetime) -> date:
        """The last day that has passed by both clocks: this machine's, and the API's when it answered."""
        return min(self.days.settled, calendar.last_settled(moment))

    def is_new(self, name: str) -> bool:
        """Whether no bar of the ticker was ever written, so that it may not exist at all."""
        return all(
            stream.cursors.start.entries[name].cursor is None
            for stream in self.streams
            if name in stream.first_days
        )

    def read_since(self, name: str) -> date | None:
        """The first day of the ticker that an earlier sync has read, though it may have to be read again."""
        days = (stream.cursors.start.read_since.get(name) for stream in self.streams)
        return min((day for day in days if day is not None), default=None)

    def cover(self, name: str, reached: date) -> None:
        """Every day up to ``reached`` was answered whole for the ticker, and its bars are put."""
        for stream in self.streams:
            if name in stream.first_days:
                stream.cursors.cover(name, reached)
