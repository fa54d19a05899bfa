"""The fingerprint of the splits for which a ticker's rows are adjusted.

Adjusted prices are on the basis of today's shares. When a split takes effect, or a past split is added,
corrected or withdrawn, every earlier price of the ticker changes. A few bytes for each ticker with splits are
enough to detect this.
"""

import hashlib
from collections.abc import Iterable
from datetime import date

from stockticker_async.marketdata.splits import Split

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
