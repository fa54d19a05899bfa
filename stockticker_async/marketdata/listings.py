"""The API's lists: what each path can be asked for, and how its rows come.

Paths, parameters and limits: the API's OpenAPI file (read 2026-11). ``market_rows`` are our estimates of
the whole US market; they only choose between ways of asking.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of all tickers on one path, in pages that can be filtered."""

    path: str
    market_rows: float
    """Of the whole market: a day where the listing can be asked from a day on, else in all."""
    page_rows: int | None = None
    """The ``limit`` to ask with: the greatest, or what memory allows. None: the path knows none, and answers
    with one page."""
    filters: Literal["any_of", "one", "nothing"] = "nothing"
    """What the path can filter by: many tickers, one ticker, or none."""
    since: str | None = None
    """The field that can be asked for from a day on (``.gte``), and whose order is asked for. None: the whole
    list is read each time."""
    announced: bool = False
    """Whether there are rows of days to come, as far ahead as may be."""
    query: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[Mapping[str, str], ...] = ({},)
    """Queries that only together are the whole list."""
    by_market: bool = False
    """Whether stocks and OTC stocks are two lists when no ticker is named."""
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
