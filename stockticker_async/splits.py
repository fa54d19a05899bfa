"""Splits, and the fingerprint of those that a ticker's rows are adjusted for.

Adjusted prices are on the basis of today's shares: when a split takes effect, or one of the past is
added, corrected or withdrawn, every earlier row of the ticker is another number. A few bytes for
each ticker that has splits at all are enough to notice.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

_HASH_BYTES = 4  # a change goes unnoticed once in four billion; three thousand of them fit a state


@dataclass(frozen=True, slots=True)
class Split:
    """One split of one ticker: ``ratio`` new shares for an old one."""

    ticker: str
    day: date
    """The execution date: the first session on the new basis."""
    ratio: Fraction


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


def ratio(split_to: float, split_from: float) -> Fraction:
    """The reduced ratio; numbers may be fractional, or written as 2e+06. Raises ValueError."""
    if not (split_to > 0 and split_from > 0):
        raise ValueError(f"a split of {split_to} for {split_from}")
    # through their shortest decimal form: 1.1 is eleven tenths, not the double next to it
    return Fraction(repr(float(split_to))) / Fraction(repr(float(split_from)))
