"""Flat files: one gzipped CSV file for each session, with the bars of every ticker, in an S3 bucket.

The keys and columns are those of the published files (documentation and public issue threads, 2026-11). A
file is split-unadjusted, always; it has no vwap, and since `OTC_SINCE` it has over-the-counter stocks without
a mark. The date in the key is the session; some files hold rows of other days.
"""

import re
from datetime import date

import msgspec

from stockticker_async.marketdata.bar_size import BarSize

COLUMNS = ("ticker", "volume", "open", "close", "high", "low", "window_start", "transactions")
"""The header of the published files."""
FIRST_DAY = date(2003, 9, 10)
"""The first session that has files."""
OTC_SINCE = date(2021, 12, 31)
"""The first session whose files have over-the-counter stocks."""
_FOLDERS = {BarSize(1, "day"): "day_aggs_v1", BarSize(1, "minute"): "minute_aggs_v1"}
_KEY = re.compile(r"\d{4}/\d{2}/(\d{4}-\d{2}-\d{2})\.csv\.gz")


class FlatFile(msgspec.Struct, frozen=True):
    """A published file."""

    session: date
    key: str
    etag: str
    size_bytes: int
    """Of the packed file."""


def has_files(bar: BarSize) -> bool:
    """Whether there are files with bars of this size."""
    return bar in _FOLDERS


def needs_otc_call(bar: BarSize, session: date) -> bool:
    """Whether a call of the API must tell the OTC stocks of the file, which it does not mark.

    Files of day bars since `OTC_SINCE` are read only where nobody asks which stocks are OTC stocks.
    """
    return bar.intraday and session >= OTC_SINCE


def folder(bar: BarSize) -> str:
    """Return the prefix of the keys of all files with bars of this size."""
    return f"us_stocks_sip/{_FOLDERS[bar]}/"


def key_of(bar: BarSize, session: date) -> str:
    return f"{folder(bar)}{session:%Y/%m}/{session}.csv.gz"


def session_of_key(key: str) -> date | None:
    """Return the session that a key names; None for any other object of the bucket."""
    for prefix in map(folder, _FOLDERS):
        if key.startswith(prefix) and (found := _KEY.fullmatch(key, len(prefix))):
            try:
                session = date.fromisoformat(found[1])
            except ValueError:
                return None
            return session if f"{session:%Y/%m}/" in key else None
    return None
