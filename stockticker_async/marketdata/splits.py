"""A split as a value."""

from datetime import date
from fractions import Fraction

import msgspec


class Split(msgspec.Struct, frozen=True):
    """One split of one ticker: ``ratio`` new shares for an old one."""

    ticker: str
    day: date
    """The execution date: the first session on the new basis."""
    ratio: Fraction


def ratio(split_to: float, split_from: float) -> Fraction:
    """Return the reduced ratio; the numbers may be fractional. Raises ValueError unless both are positive."""
    if not (split_to > 0 and split_from > 0):
        raise ValueError(f"a split of {split_to} for {split_from}")
    # via the shortest decimal form: 1.1 is eleven tenths, not the nearest double
    return Fraction(repr(float(split_to))) / Fraction(repr(float(split_from)))
