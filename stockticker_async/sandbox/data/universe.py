"""The listings of the market: well-known tickers, added tickers, and the rest made up from the seed.

All symbols are made at once (twelve thousand in some 20 ms); a listing is a pure function of (seed, symbol),
worked out on first use.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from stockticker_async.sandbox.data.pseudorandom import fraction, mix, seed_of
from stockticker_async.sandbox.data.wellknown import KNOWN, Known

FIRST_DAY = date(2000, 1, 3).toordinal()  # the market begins here, for every ticker
LAST_DAY = date(2100, 1, 1).toordinal()


# Shares of the made-up tickers.
_YOUNG, _DELISTED, _ILLIQUID, _ETF, _ADR = 0.35, 0.10, 0.10, 0.15, 0.05

_OTC_LETTERS = 5
_GROWTH = 0.01
# Shapes of symbols. L: any letter, o: the last letter of an OTC symbol, c: a class, s: a series.
_SHAPES = ("LLLLo",) * 5 + ("LLLps",) * 2 + ("LLL.c",) + ("LL",) * 2 + ("LLL",) * 15 + ("LLLL",) * 25
_PLACES = {"L": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "o": "FY", "c": "AB", "s": "ABCDEF"}
_FIRST_WORDS = (
    "Alder", "Amber", "Arbor", "Beacon", "Birch", "Bright", "Cedar", "Cobalt", "Copper", "Crescent",
    "Delta", "Dunmore", "Eastern", "Evergreen", "Falcon", "First", "Garnet", "Granite", "Harbor",
    "Hawthorn", "Highland", "Iron", "Juniper", "Keystone", "Lake", "Lantern", "Maple", "Meridian",
    "Northern", "Oak", "Orchard", "Pacific", "Pioneer", "Quarry", "Raven", "Ridge", "Silver",
    "Summit", "Tidewater", "Union", "Valley", "Western",
)  # fmt: skip
_SECOND_WORDS = (
    "Analytics", "Bancorp", "Biosciences", "Brands", "Capital", "Chemicals", "Components",
    "Dynamics", "Energy", "Financial", "Foods", "Gold", "Industries", "Insurance", "Logistics",
    "Materials", "Media", "Mining", "Networks", "Partners", "Pharma", "Properties", "Resources",
    "Robotics", "Semiconductor", "Software", "Systems", "Therapeutics", "Transport", "Water",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listing:
    """A ticker: its company, when it trades, and the levels of its price and volume.

    `price` and `volume` are in final shares, after all its splits. `first` and `last` are the first and the
    last day of trading; `presence` is the share of sessions with a trade;
    prices of y years before 2026 are lower by the factor (1 + growth * y) ** 2;
    `made` is true for tickers made up from the seed, false for well-known and added tickers.
    """

    ticker: str
    seed: int
    name: str
    type: str
    exchange: str
    listed: int
    first: int
    last: int
    price: float
    volume: int
    presence: float
    growth: float
    made: bool

    @property
    def otc(self) -> bool:
        return not self.exchange

    @property
    def delisted(self) -> bool:
        """Whether trading ends before the market does."""
        return self.last < LAST_DAY

    def active_on(self, day: int) -> bool:
        return self.listed <= day <= self.last


class Universe:
    """All listings; any other ticker is unknown."""

    def __init__(self, seed: int, size: int, added: tuple[str, ...]) -> None:
        self._seed = seed
        self._size = size
        self._added = frozenset(added)
        self._symbols: dict[str, None] = {}
        self._listings: dict[str, Listing] = {}

    def symbols(self) -> dict[str, None]:
        """All symbols, as an ordered set; the order has no meaning, as in a grouped answer."""
        if not self._symbols:
            fixed = dict.fromkeys((*KNOWN, *sorted(self._added)))
            made = _made_symbols(self._seed)
            while len(fixed) < self._size:
                fixed[next(made)] = None
            self._symbols = fixed
        return self._symbols

    def __iter__(self) -> Iterator[Listing]:
        for symbol in self.symbols():
            yield self._listing(symbol)

    def get(self, ticker: str) -> Listing | None:
        """The listing of a ticker, case and all; None when unknown."""
        known = ticker in KNOWN or ticker in self._added or ticker in self.symbols()
        return self._listing(ticker) if known else None

    def _listing(self, ticker: str) -> Listing:
        listing = self._listings.get(ticker)
        if listing is None:
            listing = self._listings[ticker] = self._make(ticker)
        return listing

    def _make(self, ticker: str) -> Listing:
        seed = seed_of(self._seed, ticker)
        if ticker in KNOWN:
            return _well_known(ticker, seed, KNOWN[ticker])
        if ticker in self._added:
            return _added_listing(ticker, seed)
        return _generated(ticker, seed)


def _well_known(ticker: str, seed: int, known: Known) -> Listing:
    listed = date.fromisoformat(known.listed).toordinal()
    return Listing(
        ticker, seed, known.name, known.type, known.exchange, listed, max(listed, FIRST_DAY), LAST_DAY,
        known.price, known.volume, 1.0, known.growth, made=False,
    )  # fmt: skip


def _added_listing(ticker: str, seed: int) -> Listing:
    price = 10 + 190 * fraction(seed, 1)
    listed = FIRST_DAY - 1000
    return Listing(
        ticker, seed, _company(seed), "CS", "XNYS", listed, FIRST_DAY, LAST_DAY, price, 2_000_000, 1.0,
        _GROWTH, made=False,
    )  # fmt: skip


def _generated(ticker: str, seed: int) -> Listing:
    kind, exchange = _kind(ticker, seed)
    listed = FIRST_DAY - 4000 + int(5000 * fraction(seed, 2))
    if fraction(seed, 3) < _YOUNG:
        listed = FIRST_DAY + 500 + int(9_500 * fraction(seed, 4))
    first, last = max(listed, FIRST_DAY), LAST_DAY
    if fraction(seed, 5) < _DELISTED:
        last = first + 250 + int(8_000 * fraction(seed, 6))
    price = 0.5 + 12 * fraction(seed, 1) if not exchange else 3 + 250 * fraction(seed, 1) ** 3
    volume, presence = int(30_000 * 100 ** fraction(seed, 8)), 1.0
    if kind == "PFD" or not exchange or fraction(seed, 7) < _ILLIQUID:
        volume, presence = int(200 + 20_000 * fraction(seed, 8) ** 2), 0.35 + 0.6 * fraction(seed, 9)
    return Listing(
        ticker, seed, _company(seed), kind, exchange, listed, first, last, price, volume, presence,
        _GROWTH, made=True,
    )  # fmt: skip


def _kind(ticker: str, seed: int) -> tuple[str, str]:
    """Type and exchange by the shape of the symbol; an OTC listing has no exchange."""
    if len(ticker) == _OTC_LETTERS and ticker.isalpha() and ticker[-1] in "FY":
        return ("OS" if ticker[-1] == "F" else "ADRC"), ""
    if "p" in ticker:
        return "PFD", "XNYS"
    fate = fraction(seed, 11)
    if "." not in ticker and fate < _ETF:
        return "ETF", "ARCX"
    return ("ADRC" if fate > 1 - _ADR else "CS"), ("XNAS", "XNYS", "XNAS", "XASE")[mix(seed, 10) % 4]


def _company(seed: int) -> str:
    first = _FIRST_WORDS[mix(seed, 12) % len(_FIRST_WORDS)]
    second = _SECOND_WORDS[mix(seed, 13) % len(_SECOND_WORDS)]
    return f"{first} {second} {('Inc.', 'Corp.', 'Holdings Ltd.', 'Group plc')[mix(seed, 14) % 4]}"


def _made_symbols(seed: int) -> Iterator[str]:
    """Symbols without end, some repeated."""
    stream = seed_of(seed, "symbols")
    n = 0
    while True:
        n += 1
        yield _symbol(mix(stream, n))


def _symbol(bits: int) -> str:
    """Mostly 3 or 4 letters; some OTC, preferred, or classes of shares."""
    bits, shape = divmod(bits, len(_SHAPES))
    word = ""
    for place in _SHAPES[shape]:
        choices = _PLACES.get(place, place)
        bits, letter = divmod(bits, len(choices))
        word += choices[letter]
    return word
