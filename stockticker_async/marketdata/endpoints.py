"""The paths of the API, according to its documentation and OpenAPI file (read 2026-11).

All characters of a ticker are percent-encoded, because it may contain a slash (``BRK/B``).
"""

from datetime import date
from urllib.parse import quote, urlencode

from stockticker_async.marketdata.bars import Asked

MARKET_ROWS = 12_000
"""The expected rows of a grouped call: the US market lists ten to twelve thousand tickers."""
BAR_BYTES = 110  # bytes of a bar as JSON, a low estimate, so that no call waits for more room than it needs
PAGE_ROWS = 50_000
"""The documented maximum of ``limit``, which counts base bars: days, and minutes for hours as well."""


def range_path(asked: Asked) -> str:
    """Return the path of the bars of one ticker, both days included."""
    # always ascending: descending paging once ended in a 400
    query = urlencode({"adjusted": flag(asked.adjusted), "sort": "asc", "limit": PAGE_ROWS})
    return f"{range_of(asked, str(asked.first))}?{query}"


def range_of(asked: Asked, begin: str) -> str:
    """Return the path without a query, from another beginning: a day, or epoch milliseconds."""
    size = f"{asked.bar.multiplier}/{asked.bar.timespan}"
    return f"/v2/aggs/ticker/{quoted(asked.ticker)}/range/{size}/{begin}/{asked.last}"


def grouped_path(session: date, *, adjusted: bool, otc: bool) -> str:
    """Return the path of the day bars of the whole market."""
    query = urlencode({"adjusted": flag(adjusted), "include_otc": flag(otc)})
    return f"/v2/aggs/grouped/locale/us/market/stocks/{session}?{query}"


def details_path(ticker: str, on: date | None) -> str:
    """Return the path of the details of a ticker that is listed now, or was listed on a day."""
    return ticker_path("/v3/reference/tickers/{ticker}", ticker) + (f"?date={on}" if on else "")


def ticker_path(
    template: str, ticker: str, session: date | None = None, *, adjusted: bool | None = None
) -> str:
    """Return the path of a template with ``{ticker}`` and perhaps ``{session}``."""
    path = template.replace("{ticker}", quoted(ticker)).replace("{session}", str(session))
    return path if adjusted is None else f"{path}?adjusted={flag(adjusted)}"


def quoted(ticker: str) -> str:
    return quote(ticker, safe="")


def flag(value: bool) -> str:  # noqa: FBT001 - its uses are obvious
    return "true" if value else "false"
