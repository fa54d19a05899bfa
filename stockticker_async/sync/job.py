"""What a sync reads: the tickers, the days and the kind of bars."""

from dataclasses import dataclass
from datetime import date, timedelta

from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize
from stockticker_async.streams.table import Stream

DEFAULT_DAYS = timedelta(days=7)
"""The days before today that are read without a start date, as in Airbyte's tutorial."""
WHOLE_MARKET = "*"
"""Stands for the whole market in place of a ticker."""
StreamStates = dict[str, object]
"""The stream_state of each stream, by the name of the stream: not parsed yet."""


@dataclass(frozen=True, slots=True)
class SyncJob:
    """Days are New York dates, both ends included."""

    tickers: tuple[str, ...]
    """In the configured order, each once, case kept. Empty: the whole market."""
    start_date: date | None = None
    """None: the default start of `prepare`."""
    end_date: date | None = None
    """None: no end."""
    adjusted: bool = True
    bar: BarSize = ONE_DAY
    include_otc: bool = False
    flat_files: bool = False
    """Whether bars may come from flat files, which are never adjusted."""
    lookback_days: int = 1
    """The number of settled sessions that an incremental sync reads again."""

    @property
    def whole_market(self) -> bool:
        return not self.tickers

    @property
    def names(self) -> tuple[str, ...]:
        """The tickers, or `WHOLE_MARKET` alone."""
        return self.tickers or (WHOLE_MARKET,)


@dataclass(frozen=True, slots=True)
class SelectedStream:
    """A stream of the configured catalog."""

    stream: Stream
    incremental: bool
