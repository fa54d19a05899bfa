"""The splits of every name: those the seed gives, and those added or withdrawn while it runs.

Two things follow from a split. The raw prices fall on its day, if it really happened: those of the seed
do, and those announced at run time for a day still to come. And the API, knowing of it, adjusts everything
before: a split added late, or withdrawn late, changes adjusted history and leaves raw prices alone.
"""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from stockticker_async.sandbox.data.pseudorandom import fraction, mix
from stockticker_async.sandbox.data.sessions import session_on_or_after
from stockticker_async.sandbox.data.universe import LAST_DAY, Listing

_SPLITTING = 0.25  # of the made names
_LEAST_SPLIT = 1.25  # new shares for an old one; fewer are a stock dividend
_ANNOUNCED_DAYS = 21  # a split of the seed is listed so many days ahead

# Facts, ticker: (execution date, from, to). Other well-known names have none here.
_KNOWN: dict[str, tuple[tuple[str, int, int], ...]] = {
    "AAPL": (("2000-06-21", 1, 2), ("2005-02-28", 1, 2), ("2014-06-09", 1, 7), ("2020-08-31", 1, 4)),
    "AMZN": (("2022-06-06", 1, 20),),
    "GE": (("2021-08-02", 8, 1),),
    "GOOG": (("2022-07-18", 1, 20),),
    "GOOGL": (("2022-07-18", 1, 20),),
    "NVDA": (("2021-07-20", 1, 4), ("2024-06-10", 1, 10)),
    "TSLA": (("2020-08-31", 1, 5), ("2022-08-25", 1, 3)),
    "WMT": (("2024-02-26", 1, 3),),
}

# (from, to), common ones more often.
_RATIOS: tuple[tuple[float, float], ...] = (
    (1, 2), (1, 2), (1, 2), (1, 3), (2, 3), (1, 4), (1, 10), (1, 1.05), (4, 5),
    (10, 1), (10, 1), (20, 1), (5, 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Split:
    """`split_from` old shares become `split_to` new ones on the morning of `day`; listed from `known` on."""

    ticker: str
    day: int
    split_from: float
    split_to: float
    known: int
    copy: int = 0  # duplicates differ in their ids only

    @property
    def ratio(self) -> float:
        return self.split_to / self.split_from

    @property
    def execution_date(self) -> str:
        return date.fromordinal(self.day).isoformat()

    @property
    def id(self) -> str:
        parts = f"{self.ticker} {self.day} {self.split_from:g} {self.split_to:g} {self.copy}"
        return "E" + sha256(parts.encode()).hexdigest()

    @property
    def adjustment_type(self) -> str:
        if self.split_to < self.split_from:
            return "reverse_split"
        return "stock_dividend" if self.ratio < _LEAST_SPLIT else "forward_split"


class SplitBook:
    """What happened to the shares of each name, and what the API says happened."""

    def __init__(self) -> None:
        self.version = 0
        """Grows with every change: whoever caches prices keeps it in the key."""
        self._listed: dict[str, tuple[Split, ...]] = {}
        self._happened: dict[str, tuple[Split, ...]] = {}

    def listed(self, listing: Listing, day: int = LAST_DAY) -> tuple[Split, ...]:
        """What the API lists of a name on a day, announced ones and duplicates too, ascending."""
        splits = self._of(listing)
        return tuple(split for split in splits if split.known <= day) if splits else splits

    def steps(self, listing: Listing, as_of: int) -> list[tuple[int, float]]:
        """(day, ratio) of the distinct splits that count in adjusted prices on a day, ascending."""
        splits = self._of(listing)
        if not splits:
            return []
        counted = {(s.day, s.ratio) for s in splits if s.known <= as_of and s.day <= as_of}
        return sorted(counted)

    def scales(self, listing: Listing) -> list[tuple[int, float]]:
        """(day, ratio) of what happened to the raw price, ascending, after (0, the product of the seed's)."""
        if not self._of(listing):
            return [(0, 1.0)]
        total = 1.0
        for split in _seeded(listing):
            total *= split.ratio
        return [(0, total), *((s.day, s.ratio) for s in self._happened[listing.ticker])]

    def add(self, listing: Listing, day: int, split_from: float, split_to: float, today: int) -> Split:
        """List one more split from now on; a second one of the same day and ratio is a duplicate."""
        splits = self._of(listing)
        copy = sum((s.day, s.split_from, s.split_to) == (day, split_from, split_to) for s in splits)
        split = Split(listing.ticker, day, split_from, split_to, 0, copy)
        self._listed[listing.ticker] = _ordered((*splits, split))
        if day > today and not copy:
            self._happened[listing.ticker] = _ordered((*self._happened[listing.ticker], split))
        self.version += 1
        return split

    def withdraw(self, listing: Listing, day: int, today: int) -> int:
        """Strike all splits of a day from the list, and say how many; one still to come will not happen."""
        splits = self._of(listing)
        kept = tuple(split for split in splits if split.day != day)
        self._listed[listing.ticker] = kept
        if day > today:
            happened = self._happened[listing.ticker]
            self._happened[listing.ticker] = tuple(split for split in happened if split.day != day)
        self.version += 1
        return len(splits) - len(kept)

    def _of(self, listing: Listing) -> tuple[Split, ...]:
        splits = self._listed.get(listing.ticker)
        if splits is None:
            splits = self._listed[listing.ticker] = self._happened[listing.ticker] = _seeded(listing)
        return splits


def _ordered(splits: tuple[Split, ...]) -> tuple[Split, ...]:
    return tuple(sorted(splits, key=lambda split: split.day))


def _seeded(listing: Listing) -> tuple[Split, ...]:
    """The splits that the facts or the seed give: one name in four has one to three."""
    known = _KNOWN.get(listing.ticker)
    if known is not None:
        days = ((date.fromisoformat(when).toordinal(), old, new) for when, old, new in known)
        return tuple(Split(listing.ticker, day, old, new, day - _ANNOUNCED_DAYS) for day, old, new in days)
    if not listing.made or fraction(listing.seed, 20) >= _SPLITTING:
        return ()
    splits: dict[int, Split] = {}
    for n in range(1 + mix(listing.seed, 21) % 3):
        day = session_on_or_after(listing.first + 60 + int(11_000 * fraction(listing.seed, 22 + n)))
        if day <= listing.last:
            old, new = _RATIOS[mix(listing.seed, 30 + n) % len(_RATIOS)]
            splits[day] = Split(listing.ticker, day, old, new, day - _ANNOUNCED_DAYS)
    return _ordered(tuple(splits.values()))
