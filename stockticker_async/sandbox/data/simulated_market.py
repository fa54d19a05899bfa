"""The bars of the simulated market: of any ticker, raw or adjusted, in any window.

A pure function of (seed, ticker, session) and the splits known. How much of it a plan shows, and when, is
not decided here: a `Horizon` comes in.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter

from stockticker_async.sandbox.data.bar_windows import Window, merged
from stockticker_async.sandbox.data.day_bars import Bar, adjusted, day_bar, partial
from stockticker_async.sandbox.data.intraday_bars import MINUTE_MS, minute_bars, second_bars
from stockticker_async.sandbox.data.peer_groups import PeerGroups
from stockticker_async.sandbox.data.sessions import (
    CLOSING,
    closing,
    day_of,
    extended_closing,
    is_session,
    midnight_ms,
    minute_ms,
    sessions,
)
from stockticker_async.sandbox.data.split_book import Split, SplitBook
from stockticker_async.sandbox.data.universe import LAST_DAY, Listing, Universe


@dataclass(frozen=True, slots=True)
class Horizon:
    """Where the data shown ends: after the part `done` of the session `day`, for windows at `until_ms`."""

    day: int
    done: float
    until_ms: int


SETTLED = Horizon(LAST_DAY, 1.0, midnight_ms(LAST_DAY))
"""Shows everything, settled."""


@dataclass(frozen=True, slots=True)
class Basis:
    """The splits to apply to the bars of a ticker; raw bars have no `steps`."""

    scales: Sequence[tuple[int, float]]
    steps: Sequence[tuple[int, float]]

    def scale(self, day: int) -> float:
        """How many final shares, after all splits, a share of `day` becomes."""
        scale = 1.0
        for when, ratio in self.scales:
            if when == 0:
                scale = ratio
            elif when <= day:
                scale /= ratio
        return scale

    def factor(self, day: int) -> float:
        """How many shares of this basis a share of `day` becomes."""
        factor = 1.0
        for when, ratio in self.steps:
            if when > day:
                factor *= ratio
        return factor


class Market:
    def __init__(self, seed: int, size: int, tickers: tuple[str, ...], today: Callable[[], date]) -> None:
        """A universe of `size` tickers, `tickers` among them; `today` returns the New York date."""
        self.universe = Universe(seed, size, tickers)
        self.peer_groups = PeerGroups(seed, self.universe)
        self.book = SplitBook()
        self._today = today
        self._raw: dict[str, tuple[int, Basis]] = {}

    def listing(self, ticker: str) -> Listing:
        """Raises KeyError for a ticker that is not in the universe."""
        listing = self.universe.get(ticker)
        if listing is None:
            raise KeyError(ticker)
        return listing

    # For tests: settled bars, days as dates.

    def day_bar(
        self, ticker: str, day: date, *, adjusted: bool = True, as_of: date | None = None
    ) -> Bar | None:
        """The settled bar of a session; None when the ticker is unknown or did not trade.

        `as_of` is the day up to which splits count, by default today.
        """
        bars = self.bars(ticker, day, day, adjusted=adjusted, as_of=as_of)
        return bars[0] if bars else None

    def bars(
        self,
        ticker: str,
        first: date,
        last: date,
        *,
        multiplier: int = 1,
        timespan: str = "day",
        adjusted: bool = True,
        as_of: date | None = None,
    ) -> list[Bar]:
        """The settled bars of the windows that overlap `first` to `last`, ascending."""
        listing = self.universe.get(ticker)
        if listing is None:
            return []
        window = Window(multiplier, timespan)
        low, high = midnight_ms(first.toordinal()), midnight_ms(last.toordinal() + 1)
        basis = self.basis(listing, (as_of or self._today()).toordinal() if adjusted else None)
        low, high = window.start(low), window.after(window.start(high - 1))
        return [bar for bar, _ in self.windows(listing, window, (low, high), basis, SETTLED)]

    def splits(self, ticker: str, day: date | None = None) -> tuple[Split, ...]:
        """The splits that the API lists of a ticker on `day`, by default today, ascending."""
        listing = self.universe.get(ticker)
        return () if listing is None else self.book.listed(listing, (day or self._today()).toordinal())

    # For endpoints: days as ordinals.

    def basis(self, listing: Listing, as_of: int | None) -> Basis:
        """The basis of adjusted bars as of a day, or of raw bars for None, which is cached."""
        if as_of is not None:
            return Basis(self.book.scales(listing), self.book.steps(listing, as_of))
        kept = self._raw.get(listing.ticker)
        if kept is None or kept[0] != self.book.version:
            kept = self._raw[listing.ticker] = self.book.version, Basis(self.book.scales(listing), [])
        return kept[1]

    def session_bar(self, listing: Listing, day: int, basis: Basis, horizon: Horizon, t: int) -> Bar | None:
        """The bar of one session, stamped `t`; None when no bar is shown."""
        if day > horizon.day:
            return None
        bar = day_bar(listing, day, basis.scale(day), t)
        if bar is None:
            return None
        if day == horizon.day:
            bar = partial(bar, horizon.done)
        return _finished(bar, basis.factor(day), otc=listing.otc)

    def windows(
        self,
        listing: Listing,
        window: Window,
        span: tuple[int, int],
        basis: Basis,
        horizon: Horizon,
        *,
        descending: bool = False,
    ) -> Iterator[tuple[Bar, int]]:
        """The bars of the windows in `span`, each with the number of its base bars.

        `span` is the start of the first window and, not included, the start of the window after the last.
        """
        low, high = span
        first = max(day_of(low), listing.first)
        days = sessions(first, min(day_of(high - 1), listing.last, horizon.day))
        if descending:
            days.reverse()
        if window.base == "day":
            yield from self._long_windows(listing, window, days, basis, horizon)
            return
        for day in days:
            bars = self._intraday(listing, window, day, basis, horizon)
            inside = [bar for bar in bars if low <= bar["t"] < high]
            if descending:
                inside.reverse()
            yield from _gathered(inside, window, listing)

    def grouped(
        self, listings: Iterable[Listing], day: int, as_of: int | None, horizon: Horizon
    ) -> Iterator[Bar]:
        """The rows of a grouped response: the bar of each listing that traded on a day."""
        if not is_session(day):
            return
        close_ms = minute_ms(day, CLOSING)
        for listing in listings:
            if listing.first <= day <= listing.last:
                bar = self.session_bar(listing, day, self.basis(listing, as_of), horizon, close_ms)
                if bar is not None:
                    yield {"T": listing.ticker, **bar}

    def _long_windows(
        self, listing: Listing, window: Window, days: list[int], basis: Basis, horizon: Horizon
    ) -> Iterator[tuple[Bar, int]]:
        """Windows of days, in the order of `days`."""
        bars = (self.session_bar(listing, day, basis, horizon, midnight_ms(day)) for day in days)
        traded = (bar for bar in bars if bar is not None)
        yield from _gathered(traded, window, listing)

    def _intraday(
        self, listing: Listing, window: Window, day: int, basis: Basis, horizon: Horizon
    ) -> list[Bar]:
        """The base bars of one session that have ended, ascending."""
        whole = day_bar(listing, day, basis.scale(day), midnight_ms(day))
        if whole is None:
            return []
        bars, length = minute_bars(listing.seed, day, whole, closing(day), extended_closing(day)), MINUTE_MS
        if window.base == "second":
            bars, length = [bar for minute in bars for bar in second_bars(listing.seed, minute)], 1000
        if bars[-1]["t"] + length > horizon.until_ms:
            bars = [bar for bar in bars if bar["t"] + length <= horizon.until_ms]
        factor = basis.factor(day)
        if factor == 1.0 and not listing.otc:
            return bars
        return [_finished(bar, factor, otc=listing.otc) for bar in bars]


def _finished(bar: Bar, factor: float, *, otc: bool) -> Bar:
    if factor != 1.0:
        bar = adjusted(bar, factor)
    return {**bar, "otc": True} if otc else bar


def _gathered(bars: Iterable[Bar], window: Window, listing: Listing) -> Iterator[tuple[Bar, int]]:
    """Base bars, in either order, gathered into windows, each with the number of its base bars."""
    if window.single:
        for bar in bars:
            yield bar, 1
        return
    for start, group in groupby(bars, lambda bar: window.start(bar["t"])):
        inside = sorted(group, key=itemgetter("t"))
        bar = merged(inside, start)
        yield ({**bar, "otc": True} if listing.otc else bar), len(inside)
