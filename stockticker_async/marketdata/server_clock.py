"""Compares the API's clock, from its Date headers, with the machine's clock.

This machine's clock may be ahead. So the time of an answer without a usable Date is that of the machine,
less the last known difference. Before any difference is known, a whole day is taken off: a cursor then stays
a session behind, which costs a session read again, and no row.
"""

import logging
from datetime import datetime, timedelta

from stockticker_async.marketdata.responses import http_date

_log = logging.getLogger(__name__)
_SKEW = timedelta(minutes=10)  # a larger difference is logged
_UNKNOWN = timedelta(days=1)  # by which the machine's clock may be ahead of an API that sends no Date
_FIRST_YEAR, _LAST_YEAR = 1970, 9000  # of a plausible clock; calendar arithmetic works from both


class ServerClock:
    """Logs once that the two clocks differ."""

    def __init__(self) -> None:
        self.apart: tuple[datetime, datetime] | None = None
        """This machine's time and the API's time when they first differed; None if they did not."""
        self._behind = _UNKNOWN
        """The time by which the API's clock is behind this machine's, from the last Date."""

    def moment(self, date_header: str | None, now: datetime) -> datetime:
        """Return the time of an answer by the API's clock (UTC), estimated if the API sent none."""
        moment = http_date(date_header)
        if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            return now - self._behind
        self._behind = now - moment
        if abs(moment - now) > _SKEW and self.apart is None:
            self.apart = now, moment
            _log.warning(
                "This machine's clock (%s) and the API's (%s) differ; a day counts as finished when it is "
                "by both.",
                now.isoformat(timespec="seconds"),
                moment.isoformat(timespec="seconds"),
            )
        return moment
