"""How far a sync is, for whoever watches it: it is asked, so that it costs nothing where nobody does."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class SyncProgress:
    """Filled by the sync as it goes."""

    tickers: int = 0
    tickers_done: Callable[[], int] = int
    calls_planned: int = 0
    """Of the whole sync, as far as they are known."""
    calls_made: Callable[[], int] = int
