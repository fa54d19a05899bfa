"""The API's clock, from its Date headers, beside the machine's."""

import logging
from datetime import datetime, timedelta

from stockticker_async.marketdata.responses import http_date

_log = logging.getLogger(__name__)
_SKEW = timedelta(minutes=10)  # a machine's clock further off than this deserves a word
_FIRST_YEAR, _LAST_YEAR = 1970, 9000  # of a clock that may be believed; a calendar can go on from both


class ServerClock:
    """Tells once where the two clocks are apart."""

    def __init__(self) -> None:
        self.apart: tuple[datetime, datetime] | None = None
        """This machine's time and the API's, when they first differed."""

    def moment(self, date_header: str | None, now: datetime) -> datetime:
        """The API's time of an answer (UTC); the machine's where the API did not say."""
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
