"""The lists of the API: the parameters of each path, and the order of its rows.

Paths, parameters and limits are from the API's OpenAPI file (read 2026-11). ``market_rows`` are estimates for
the whole US market, used only to choose the calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Listing:
    """A path with rows of all tickers, in pages, perhaps with filters."""

    path: str
    market_rows: float
    """Rows of the whole market: for one day if the listing has a filter by day, else in all."""
    page_rows: int | None = None
    """The ``limit`` parameter: the maximum, or less to save memory. None: the path has no limit and one
    page."""
    filters: Literal["any_of", "one", "nothing"] = "nothing"
    """The filter of the path: many tickers, one ticker, or none."""
    since: str | None = None
    """The field for the filter by day (``.gte``) and for the order. None: the whole list is read each
    time."""
    announced: bool = False
    """Whether the list has rows of future days, without a limit."""
    weekdays: bool = False
    """Whether all days of the field ``since`` are weekdays: sessions, or FINRA's settlement dates."""
    query: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[Mapping[str, str], ...] = ({},)
    """Queries that together give the whole list."""
    by_market: bool = False
    """Whether stocks and OTC stocks are separate lists if no ticker is named."""
    older: "Listing | None" = None
    """A deprecated listing of the same rows, for plans and proxies without this one."""


OLDER_SPLITS = Listing(
    "/v3/reference/splits",
    market_rows=6,
    page_rows=1000,
    filters="one",
    since="execution_date",
    announced=True,
    query={"sort": "execution_date", "order": "asc"},
)
SPLITS = Listing(
    "/stocks/v1/splits",
    market_rows=6,  # reverse splits and OTC ones included: some 1,500 a year
    page_rows=5000,
    filters="any_of",
    since="execution_date",
    announced=True,
    query={"sort": "execution_date.asc"},
    older=OLDER_SPLITS,
)
