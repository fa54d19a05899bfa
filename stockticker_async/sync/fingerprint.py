"""The fingerprint of the splits for which a ticker's rows are adjusted.

Adjusted prices are on the basis of today's shares. When a split takes effect, or a past split is added,
corrected or withdrawn, every earlier price of the ticker changes. A few bytes for each ticker with splits are
enough to detect this.

The bars of the API may change later than its list of splits. So a history that was read for new splits is
read once more on a later day. Until then its *mark* in the state is the fingerprint and the day of the read:
``1a2b3c4d@20200901``.
"""

import hashlib
from collections.abc import Iterable
from datetime import date
from enum import Enum

from stockticker_async.marketdata.splits import Split

_READ_ON = "@"
_HASH_BYTES = 4  # one change in four billion is missed; a state has room for three thousand hashes


def fingerprint(splits: Iterable[Split], *, since: date, today: date, settled: date) -> str | None:
    """Return the fingerprint of one ticker's splits with ``since`` < day <= ``today``; None without splits.

    Repeated rows count once. The fingerprint of a split changes when its first session has settled. So the
    history is read on the day of the split, and again after it: the time at which the API adjusts its prices
    is unknown.
    """
    parts = {
        f"{split.day}:{split.ratio}{'' if split.day <= settled else ':fresh'}"
        for split in splits
        if since < split.day <= today
    }
    if not parts:
        return None
    text = ",".join(sorted(parts))
    return hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()


class Reread(Enum):
    """Why the history of a ticker is read again."""

    CHANGED = "its splits differ from those of the state"
    LATER = "it was read for new splits on an earlier day"


def unconfirmed(found: str | None, today: date) -> str:
    """Return the mark of a history that is read for new splits today."""
    return f"{found or ''}{_READ_ON}{today:%Y%m%d}"


def renewed(before: str | None, found: str | None, today: date) -> tuple[str | None, Reread | None]:
    """Return the mark after a sync that begins today, and why the history is read again.

    ``before`` is the mark in the state, ``found`` the fingerprint now.
    """
    kept, _, day = (before or "").partition(_READ_ON)
    if kept != (found or ""):
        return unconfirmed(found, today), Reread.CHANGED
    if day and day < f"{today:%Y%m%d}":
        return found, Reread.LATER
    return before, None


def moved(mark: str | None, found: str | None) -> str | None:
    """Return the mark with another fingerprint."""
    _, at, day = (mark or "").partition(_READ_ON)
    return f"{found or ''}{at}{day}" or None
