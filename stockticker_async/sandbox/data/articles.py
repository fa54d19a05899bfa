"""News articles about the tickers of a peer group, a pure function of (seed, group, day)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stockticker_async.sandbox.data.peer_groups import PeerGroups
from stockticker_async.sandbox.data.pseudorandom import day_noise, mix
from stockticker_async.sandbox.data.sessions import midnight_ms
from stockticker_async.sandbox.data.universe import Universe

_MOST = 4  # articles of a busy group a day
_SELDOM = 0.15  # of the days, a group of made-up tickers has an article
_WEEKEND = 0.25  # of a weekday's articles
_MOST_NAMES = 4

_MORNING, _EVENING = 6 * 3600, 20 * 3600  # New York; most is written between

_WORKDAYS = 5
_UNIT = 1 / (1 << 32)


@dataclass(frozen=True, slots=True)
class Article:
    published: int
    """Epoch seconds."""
    group: int
    number: int
    """Counts the articles of a group on a day."""
    tickers: tuple[str, ...]
    """The ticker that the article is about comes first."""
    noise: tuple[int, ...]

    @property
    def place(self) -> tuple[int, int, int]:
        """The article's place in the order of publication."""
        return self.published, self.group, self.number


def articles(groups: PeerGroups, universe: Universe, some: Iterable[int], day: int) -> Iterator[Article]:
    """The articles about some groups that are published on a New York day, in no order."""
    members = groups.members()
    for group in some:
        seed = groups.seed(group)
        for number in range(_count(seed, day, busy=groups.busy(group))):
            noise = day_noise(mix(seed, number), day)
            tickers = _mentioned(universe, members[group], day, noise)
            if tickers:
                yield Article(_moment(day, noise), group, number, tickers, noise)


def _count(seed: int, day: int, *, busy: bool) -> int:
    chance = (mix(seed, day) >> 32) * _UNIT / (1 if (day - 1) % 7 < _WORKDAYS else _WEEKEND)
    if chance >= 1:
        return 0
    return 1 + int(_MOST * chance) if busy else int(chance < _SELDOM)


def _mentioned(universe: Universe, members: list[str], day: int, noise: tuple[int, ...]) -> tuple[str, ...]:
    """One to four of the members that are listed on the day."""
    count = 1 + noise[0] % _MOST_NAMES
    drawn = dict.fromkeys(members[number % len(members)] for number in noise[1 : 1 + count])
    listings = (universe.get(ticker) for ticker in drawn)
    return tuple(each.ticker for each in listings if each is not None and each.active_on(day))


def _moment(day: int, noise: tuple[int, ...]) -> int:
    first, last = (0, 86_400) if noise[5] & 15 == 0 else (_MORNING, _EVENING)
    return midnight_ms(day) // 1000 + first + int((last - first) * noise[6] * _UNIT)
