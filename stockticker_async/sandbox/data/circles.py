"""Who is talked of together: each name belongs to one circle, and news and relations stay within it.

So the articles about one name are found without looking at those about all others.
"""

from collections.abc import Mapping

from stockticker_async.sandbox.data.noise import seed_of
from stockticker_async.sandbox.data.universe import Universe

_MEMBERS = 8  # of a circle of made names, on average

# The well-known names by what they do.
_SECTORS = (
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


class Circles:
    """The circles of one universe, worked out when somebody asks: some 30 ms for twelve thousand names."""

    def __init__(self, seed: int, universe: Universe) -> None:
        self._seed = seed
        self._universe = universe
        self._members: dict[int, list[str]] = {}
        self._circle_of: dict[str, int] = {}
        self._seeds: dict[int, int] = {}

    def members(self) -> Mapping[int, list[str]]:
        """The names of each circle, by its number; the well-known circles come first."""
        if not self._members:
            self._work_out()
        return self._members

    def of(self, ticker: str) -> int | None:
        """The circle of a name; None for unknown ones and for preferred shares, which nobody talks of."""
        self.members()
        return self._circle_of.get(ticker)

    def seed(self, circle: int) -> int:
        seed = self._seeds.get(circle)
        if seed is None:
            seed = self._seeds[circle] = seed_of(self._seed, "circle", circle)
        return seed

    def busy(self, circle: int) -> bool:
        """Whether there is news of it every day."""
        return circle < len(_SECTORS)

    def _work_out(self) -> None:
        self._circle_of = {name: at for at, names in enumerate(_SECTORS) for name in names}
        symbols = self._universe.symbols()
        circles = max(1, len(symbols) // _MEMBERS)
        for symbol in symbols:
            if symbol not in self._circle_of and "p" not in symbol:
                self._circle_of[symbol] = len(_SECTORS) + seed_of(self._seed, symbol) % circles
        for symbol, circle in self._circle_of.items():
            self._members.setdefault(circle, []).append(symbol)
