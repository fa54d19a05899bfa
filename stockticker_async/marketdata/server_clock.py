"""Compares the API's clock, from its Date headers, with the machine's clock."""

import logging
from datetime import datetime, timedelta

from stockticker_async.marketdata.responses import http_date

_log = logging.getLogger(__name__)
_SKEW = timedelta(minutes=10)  # a larger difference is logged
_FIRST_YEAR, _LAST_YEAR = 1970, 9000  # of a plausible clock; calendar arithmetic works from both


class ServerClock:
    """Logs once that the two clocks differ."""

    def __init__(self) -> None:
        self.apart: tuple[datetime, datetime] | None = None
        """This machine's time and the API's time when they first differed; None if they did not."""

    def moment(self, date_header: str | None, now: datetime) -> datetime:
        """Return the time of an answer by the API's clock (UTC), or ``now`` if the API sent none."""
        moment = http_date(date_header)
        if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            return now
        if abs(moment - now) > _SKEW and self.apart is None:
            self.apart = now, moment
            _log.warning(
                "This machine's clock (%s) and the API's (%s) differ; a day counts as finished when it is "
                "by both.",
                now.isoformat(timespec="seconds"),
                moment.isoformat(timespec="seconds"),
            )
        return moment
