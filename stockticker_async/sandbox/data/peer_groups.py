"""Peer groups: each ticker but preferred shares is in one; news and related companies stay within it.

So the articles about one ticker are found without a look at the articles about all others.
"""

from collections.abc import Mapping

from stockticker_async.sandbox.data.pseudorandom import seed_of
from stockticker_async.sandbox.data.universe import Universe

_MEMBERS = 8  # of a group of made-up tickers, on average

# The well-known tickers by industry.
_WELL_KNOWN = (
    ("AAPL", "MSFT", "GOOGL", "GOOG", "META", "AMZN", "NFLX", "ADBE", "CRM", "ORCL", "IBM", "CSCO"),
    ("NVDA", "AMD", "INTC", "AVGO"),
    ("JPM", "BAC", "C", "GS", "V", "MA", "BRK.A", "BRK.B"),
    ("JNJ", "PFE", "MRK", "LLY", "ABBV", "UNH"),
    ("KO", "PEP", "MCD", "WMT", "COST", "HD", "PG", "DIS"),
    ("BA", "CAT", "GE"),
    ("XOM", "CVX"),
    ("TSLA", "F", "GM"),
    ("T", "VZ"),
    ("SPY", "QQQ", "IWM"),
)


class PeerGroups:
    """The peer groups of a universe, worked out on first use: some 30 ms for twelve thousand tickers."""

    def __init__(self, seed: int, universe: Universe) -> None:
        self._seed = seed
        self._universe = universe
        self._members: dict[int, list[str]] = {}
        self._group_of: dict[str, int] = {}
        self._seeds: dict[int, int] = {}

    def members(self) -> Mapping[int, list[str]]:
        """The tickers of each group, by its number; the well-known groups come first."""
        if not self._members:
            self._work_out()
        return self._members

    def of(self, ticker: str) -> int | None:
        """The group of a ticker; None for an unknown ticker and for preferred shares."""
        self.members()
        return self._group_of.get(ticker)

    def seed(self, group: int) -> int:
        seed = self._seeds.get(group)
        if seed is None:
            # "circle" is what peer groups were called: another word here would write other news
            seed = self._seeds[group] = seed_of(self._seed, "circle", group)
        return seed

    def busy(self, group: int) -> bool:
        """Whether a group has news every day."""
        return group < len(_WELL_KNOWN)

    def _work_out(self) -> None:
        self._group_of = {name: at for at, names in enumerate(_WELL_KNOWN) for name in names}
        symbols = self._universe.symbols()
        groups = max(1, len(symbols) // _MEMBERS)
        for symbol in symbols:
            if symbol not in self._group_of and "p" not in symbol:
                self._group_of[symbol] = len(_WELL_KNOWN) + seed_of(self._seed, symbol) % groups
        for symbol, group in self._group_of.items():
            self._members.setdefault(group, []).append(symbol)
