"""Finds the tickers of a list that have no late row: pure bookkeeping of the rows of one call.

In a list with regular days (see `Listing.weekdays`), every ticker has a row in the days that each sync reads
again. If it has none, rows may have been left out that no later sync would request. A list without days has a
row of every ticker. Whether an older row is missing cannot be known.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from stockticker_async.marketdata.list_calls import ListCall
from stockticker_async.marketdata.rows import Row, day_of
from stockticker_async.streams.table import Listed
from stockticker_async.sync.job import WHOLE_MARKET


class LateRows:
    """The last row of each ticker, or of the whole market, in the pages of one call."""

    def __init__(self, listed: Listed, call: ListCall, settled: date, names: tuple[str, ...]) -> None:
        """``settled`` is the last day that the call covers, ``names`` are its tickers or the whole market."""
        listing = listed.listing
        self._field = call.criteria.field
        self._names = names
        self._first = call.first
        self._last: dict[Any, Any] = {}
        self.since: date | None = None
        """The first day of the days that must have a row; None if any row will do."""
        if self._field:
            self.since = date.fromordinal(settled.toordinal() + 1 - listed.lookback_days)
            self.is_known = listing.weekdays and call.first is not None and call.first <= self.since
        else:
            self.is_known = listing.filters == "any_of" and not listed.sparse and bool(call.names)

    def add(self, rows: Iterable[Row]) -> None:
        """Note the rows of a page, ascending by their day."""
        if not self.is_known:
            return
        market = WHOLE_MARKET in self._names
        for row in rows:
            self._last[WHOLE_MARKET if market else row.get("stock_ticker")] = row.get(self._field)

    def found(self) -> Sequence[str]:
        """Return the tickers with a row so far; all tickers of a list of which nothing is known."""
        return tuple(name for name in self._names if name in self._last) if self.is_known else self._names

    def behind(self) -> dict[str, date | None]:
        """Return the tickers without a late row, each with the first day of what may be missing."""
        if not self.is_known:
            return {}
        behind: dict[str, date | None] = {}
        for name in self._names:
            if name not in self._last:
                behind[name] = self._first
                continue
            day = day_of(self._last[name])
            if self.since is not None and day is not None and day < self.since:
                # a ticker has one row of a day; of the market's last day some may be missing
                behind[name] = day if name == WHOLE_MARKET else day + timedelta(days=1)
        return behind
