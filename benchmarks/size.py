"""How much is measured: whole, or so little that a test sees in seconds that everything runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    tickers: int = 100
    few_tickers: int = 10
    first: str = "2006-01-02"
    """With 2025-02-28 as the last day: 5,000 weekdays."""
    minutes_first: str = "2022-01-03"
    """With 2025-03-07 as the last day: 830 weekdays of 600 minutes, ten pages."""
    sessions_first: str = "2024-03-18"
    """Of the whole market: 250 weekdays."""
    file_tickers: int = 11_000
    """Of a flat file of minutes: 2 million rows."""
    runs: int = 5
    short_runs: int = 11
    """Of what takes less than a second."""
    contenders: tuple[str, ...] = ("plain", "gzip", "cdk")
    more: int = 10
    """Times the rows, for memory that must not grow with them."""
    messages: int = 200_000
    slow_bytes: float = 1e6
    """A second, of the slow reader."""


WHOLE = Size()
TINY = Size(
    tickers=3,
    few_tickers=1,
    first="2025-02-03",
    minutes_first="2025-03-03",
    sessions_first="2025-02-27",
    file_tickers=20,
    runs=1,
    short_runs=1,
    contenders=("gzip",),
    more=2,
    messages=2_000,
    slow_bytes=5e6,
)
LAST_DAY = "2025-02-28"
LAST_MINUTE = "2025-03-07"
