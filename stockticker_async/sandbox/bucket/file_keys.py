"""The keys of the flat files, and the sessions that they name."""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from stockticker_async.sandbox.data.flat_rows import Kind
from stockticker_async.sandbox.data.sessions import is_session, sessions

FIRST_SESSION = date(2003, 9, 10).toordinal()
ROOT = "us_stocks_sip/"
KINDS: tuple[Kind, ...] = ("day", "minute")
"""In the order of their keys."""
_PATTERN = re.compile(
    rf"{ROOT}(?P<kind>day|minute)_aggs_v1/(?P<year>\d{{4}})/(?P<month>\d\d)/(?P<day>(?P=year)-(?P=month)-\d\d)\.csv\.gz"
)


@dataclass(frozen=True, slots=True)
class FileKey:
    kind: Kind
    day: int
    text: str
    """The key in the bucket."""


@lru_cache(maxsize=65_536)
def key_of(kind: Kind, day: int) -> FileKey:
    moment = date.fromordinal(day)
    return FileKey(kind, day, f"{ROOT}{kind}_aggs_v1/{moment:%Y/%m}/{moment}.csv.gz")


def parsed(text: str) -> FileKey | None:
    """The key of a session's file; None for a text that is no such key."""
    found = _PATTERN.fullmatch(text)
    if found is None:
        return None
    try:
        day = date.fromisoformat(found["day"]).toordinal()
    except ValueError:
        return None
    if day < FIRST_SESSION or not is_session(day):
        return None
    return key_of("day" if found["kind"] == "day" else "minute", day)


def all_keys(last: int) -> list[FileKey]:
    """The keys of all sessions until the day `last`, in the order of their texts."""
    days = sessions(FIRST_SESSION, last)
    return [key_of(kind, day) for kind in KINDS for day in days]
