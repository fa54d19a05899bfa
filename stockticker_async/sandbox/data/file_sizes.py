"""The sizes of the flat files, told without making them: what their tickers are expected to take, and a
margin.

A ticker's rows depend on its volume, which is a level times noise. The level changes with a split only, so
that the expectation over all tickers is a step function of the day, and its values are sums over what changed
until then.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from math import ceil, sqrt

from stockticker_async.sandbox.data.flat_rows import OTC_FROM, Kind
from stockticker_async.sandbox.data.intraday_bars import minute_chances
from stockticker_async.sandbox.data.sessions import CLOSING, EXTENDED_CLOSING, EXTENDED_OPENING, OPENING
from stockticker_async.sandbox.data.simulated_market import Market
from stockticker_async.sandbox.data.universe import LAST_DAY, Listing

_DAY_ROW, _MINUTE_ROW = 26, 12.5  # packed bytes, some more than seen of large files
_TICKER = 40  # packed bytes of a ticker's beginning, in a minute file
_HEADER = 600
_BUSY = (0.67, 1.0, 1.33)  # of a ticker's usual volume: the middles of three thirds
_SHARES_A_TRADE = (47, 100, 153)
_BUSIEST, _SMALLEST_TRADE = 3.5, 20
_DEVIATIONS = 4
_REGULAR = CLOSING - OPENING
_OUTSIDE = EXTENDED_CLOSING - EXTENDED_OPENING - _REGULAR


class FileSizes:
    def __init__(self, market: Market) -> None:
        """Takes a second for twelve thousand tickers. Splits added later do not count."""
        self._steps: dict[Kind, tuple[list[int], list[float], list[float]]] = {
            "day": _summed(_changes(market, "day")),
            "minute": _summed(_changes(market, "minute")),
        }

    def size(self, kind: Kind, day: int) -> int:
        """Bytes that the file of a session takes at most, all but certainly."""
        days, means, squares = self._steps[kind]
        at = bisect_right(days, day) - 1  # the market begins years before the first file
        return _HEADER + ceil(means[at] + _DEVIATIONS * sqrt(max(0.0, squares[at])))


def _summed(changes: Iterator[tuple[int, float, float]]) -> tuple[list[int], list[float], list[float]]:
    """Days, and from each of them on the sums of the means and of the squares of the spreads."""
    ordered = sorted(changes)
    return (
        [day for day, _, _ in ordered],
        list(accumulate(mean for _, mean, _ in ordered)),
        list(accumulate(square for _, _, square in ordered)),
    )


def _changes(market: Market, kind: Kind) -> Iterator[tuple[int, float, float]]:
    """(day, change of the mean, change of the spread's square) wherever a ticker's expectation changes."""
    for listing in market.universe:
        first = max(listing.first, OTC_FROM) if listing.otc else listing.first
        basis = market.basis(listing, None)
        cuts = sorted({first, *(day for day, _ in basis.scales if first < day <= listing.last)})
        for begin, end in zip(cuts, [*cuts[1:], listing.last + 1], strict=True):
            if begin >= end:
                continue
            mean, most = _expected(listing, kind, basis.scale(begin))
            yield begin, mean, (most / 2) ** 2
            if end <= LAST_DAY:
                yield end, -mean, -((most / 2) ** 2)


def _expected(listing: Listing, kind: Kind, scale: float) -> tuple[float, float]:
    """The bytes that a ticker takes in a file, as a mean and at most."""
    if kind == "day":
        return listing.presence * _DAY_ROW, _DAY_ROW
    volume = listing.volume / scale
    rows = [_rows(volume * busy, shares) for busy in _BUSY for shares in _SHARES_A_TRADE]
    mean = _TICKER + _MINUTE_ROW * sum(rows) / len(rows)
    return listing.presence * mean, _TICKER + _MINUTE_ROW * _rows(volume * _BUSIEST, _SMALLEST_TRADE)


def _rows(volume: float, shares: float) -> float:
    """The expected number of minutes with trades."""
    regular, outside = minute_chances(volume / shares)
    return max(1.0, min(volume, (_REGULAR * regular + _OUTSIDE * outside) / (1 << 16)))
