"""The progress of a sync for a display, which polls it: a sync without a display pays nothing."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class SyncProgress:
    """The counts of a running sync, set by the sync."""

    tickers: int = 0
    tickers_done: Callable[[], int] = int
    calls_planned: int = 0
    """The calls of the whole sync, as far as they are known."""
    calls_made: Callable[[], int] = int
