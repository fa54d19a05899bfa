"""The fingerprint of the splits that a ticker's rows are adjusted for.

Adjusted prices are on the basis of today's shares: when a split takes effect, or one of the past is
added, corrected or withdrawn, every earlier row of the ticker is another number. A few bytes for
each ticker that has splits at all are enough to notice.
"""

import hashlib
from collections.abc import Iterable
from datetime import date

from stockticker_async.marketdata.splits import Split

_HASH_BYTES = 4  # a change goes unnoticed once in four billion; three thousand of them fit a state


def fingerprint(splits: Iterable[Split], *, since: date, today: date, settled: date) -> str | None:
    """Of the splits of one ticker with ``since`` < day <= ``today``; None where there is none.

    Repeated rows count once. A split whose first session has not settled counts as another one
    than the same split later: nobody knows the minute at which the API turns, so that history is
    read on the day of the split, and once more after it.
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
