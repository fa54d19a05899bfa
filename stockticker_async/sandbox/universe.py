"""Which names exist: the well-known ones, those asked for, and the rest made from the seed.

Only symbols are made at once (twelve thousand in some 20 ms); what a name is like is a pure function of
(seed, symbol), worked out when somebody asks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from stockticker_async.sandbox.noise import fraction, mix, seed_of

FIRST_DAY = date(2000, 1, 3).toordinal()  # the market begins here, for every name
LAST_DAY = date(2100, 1, 1).toordinal()


class _Known(NamedTuple):
    name: str
    type: str
    exchange: str
    listed: str
    price: float  # about the level of the price, in the share basis after all its splits
    volume: int  # about the shares a day, in the same basis


# Names and exchanges are facts; listing days are about right; prices and volumes only look right.
_KNOWN: dict[str, _Known] = {
    "AAPL": _Known("Apple Inc.", "CS", "XNAS", "1980-12-12", 150.0, 60_000_000),
    "ABBV": _Known("AbbVie Inc.", "CS", "XNYS", "2013-01-02", 140.0, 6_000_000),
    "ADBE": _Known("Adobe Inc.", "CS", "XNAS", "1986-08-20", 420.0, 3_000_000),
    "AMD": _Known("Advanced Micro Devices", "CS", "XNAS", "1979-10-15", 110.0, 55_000_000),
    "AMZN": _Known("Amazon.Com Inc", "CS", "XNAS", "1997-05-15", 140.0, 50_000_000),
    "AMpB": _Known("Antero Midstream 5.50% Series B Preferred", "PFD", "XNYS", "2017-05-04", 24.0, 9_000),
    "AVGO": _Known("Broadcom Inc. Common Stock", "CS", "XNAS", "2009-08-06", 130.0, 20_000_000),
    "BA": _Known("Boeing Company", "CS", "XNYS", "1962-01-02", 210.0, 8_000_000),
    "BAC": _Known("Bank of America Corporation", "CS", "XNYS", "1972-01-03", 35.0, 40_000_000),
    "BRK.A": _Known("Berkshire Hathaway Inc.", "CS", "XNYS", "1980-03-17", 480_000.0, 3_000),
    "BRK.B": _Known("BERKSHIRE HATHAWAY Class B", "CS", "XNYS", "1996-05-09", 320.0, 4_000_000),
    "C": _Known("Citigroup Inc.", "CS", "XNYS", "1977-01-03", 60.0, 15_000_000),
    "CAT": _Known("Caterpillar Inc.", "CS", "XNYS", "1929-12-02", 240.0, 3_500_000),
    "COST": _Known("Costco Wholesale Corp", "CS", "XNAS", "1985-12-05", 500.0, 2_000_000),
    "CRM": _Known("Salesforce, Inc.", "CS", "XNYS", "2004-06-23", 210.0, 6_000_000),
    "CSCO": _Known("Cisco Systems, Inc.", "CS", "XNAS", "1990-02-16", 48.0, 18_000_000),
    "CVX": _Known("Chevron Corporation", "CS", "XNYS", "1962-01-02", 140.0, 9_000_000),
    "DIS": _Known("The Walt Disney Company", "CS", "XNYS", "1957-11-12", 110.0, 10_000_000),
    "F": _Known("Ford Motor Company", "CS", "XNYS", "1956-01-17", 12.0, 55_000_000),
    "GE": _Known("General Electric Company", "CS", "XNYS", "1962-01-02", 100.0, 7_000_000),
    "GM": _Known("General Motors Company", "CS", "XNYS", "2010-11-18", 38.0, 14_000_000),
    "GOOG": _Known("Alphabet Inc. Class C Capital Stock", "CS", "XNAS", "2014-04-03", 121.0, 22_000_000),
    "GOOGL": _Known("Alphabet Inc. Class A Common Stock", "CS", "XNAS", "2004-08-19", 120.0, 30_000_000),
    "GS": _Known("Goldman Sachs Group Inc.", "CS", "XNYS", "1999-05-04", 340.0, 2_300_000),
    "HD": _Known("Home Depot, Inc.", "CS", "XNYS", "1984-04-19", 310.0, 3_700_000),
    "IBM": _Known(
        "International Business Machines Corporation", "CS", "XNYS", "1962-01-02", 140.0, 5_000_000
    ),
    "INTC": _Known("Intel Corp", "CS", "XNAS", "1971-10-13", 38.0, 45_000_000),
    "IWM": _Known("iShares Russell 2000 ETF", "ETF", "ARCX", "2000-05-26", 190.0, 30_000_000),
    "JNJ": _Known("Johnson & Johnson", "CS", "XNYS", "1944-09-25", 160.0, 7_000_000),
    "JPM": _Known("JPMorgan Chase & Co.", "CS", "XNYS", "1969-03-05", 150.0, 11_000_000),
    "KO": _Known("Coca-Cola Company", "CS", "XNYS", "1962-01-02", 58.0, 14_000_000),
    "LLY": _Known("Eli Lilly & Co.", "CS", "XNYS", "1970-07-09", 400.0, 3_200_000),
    "MA": _Known("Mastercard Incorporated", "CS", "XNYS", "2006-05-25", 380.0, 2_800_000),
    "MCD": _Known("McDonald's Corporation", "CS", "XNYS", "1966-07-05", 260.0, 3_000_000),
    "META": _Known(
        "Meta Platforms, Inc. Class A Common Stock", "CS", "XNAS", "2012-05-18", 280.0, 20_000_000
    ),
    "MRK": _Known("Merck & Co., Inc.", "CS", "XNYS", "1970-01-02", 95.0, 9_000_000),
    "MSFT": _Known("Microsoft Corp", "CS", "XNAS", "1986-03-13", 290.0, 25_000_000),
    "NFLX": _Known("NetFlix Inc", "CS", "XNAS", "2002-05-23", 400.0, 5_000_000),
    "NVDA": _Known("Nvidia Corp", "CS", "XNAS", "1999-01-22", 60.0, 350_000_000),
    "ORCL": _Known("Oracle Corp", "CS", "XNYS", "1986-03-12", 95.0, 9_000_000),
    "PEP": _Known("PepsiCo, Inc.", "CS", "XNAS", "1972-06-01", 165.0, 5_000_000),
    "PFE": _Known("Pfizer Inc.", "CS", "XNYS", "1972-06-01", 38.0, 25_000_000),
    "PG": _Known("Procter & Gamble Company", "CS", "XNYS", "1962-01-02", 145.0, 6_500_000),
    "QQQ": _Known("Invesco QQQ Trust, Series 1", "ETF", "XNAS", "1999-03-10", 340.0, 48_000_000),
    "SPY": _Known("SPDR S&P 500 ETF Trust", "ETF", "ARCX", "1993-01-29", 410.0, 80_000_000),
    "T": _Known("AT&T Inc.", "CS", "XNYS", "1983-11-21", 20.0, 35_000_000),
    "TSLA": _Known("Tesla, Inc. Common Stock", "CS", "XNAS", "2010-06-29", 235.0, 95_000_000),
    "UNH": _Known("UnitedHealth Group Incorporated", "CS", "XNYS", "1984-10-17", 460.0, 3_300_000),
    "V": _Known("Visa Inc.", "CS", "XNYS", "2008-03-19", 230.0, 6_500_000),
    "VZ": _Known("Verizon Communications Inc.", "CS", "XNYS", "1983-11-21", 42.0, 18_000_000),
    "WMT": _Known("Walmart Inc.", "CS", "XNYS", "1972-08-25", 55.0, 18_000_000),
    "XOM": _Known("Exxon Mobil Corporation", "CS", "XNYS", "1962-01-02", 95.0, 18_000_000),
}

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FIRST_WORDS = (
    "Alder", "Amber", "Arbor", "Beacon", "Birch", "Bright", "Cedar", "Cobalt", "Copper", "Crescent", "Delta",
    "Dunmore", "Eastern", "Evergreen", "Falcon", "First", "Garnet", "Granite", "Harbor", "Hawthorn", "Highland",
    "Iron", "Juniper", "Keystone", "Lake", "Lantern", "Maple", "Meridian", "Northern", "Oak", "Orchard", "Pacific",
    "Pioneer", "Quarry", "Raven", "Ridge", "Silver", "Summit", "Tidewater", "Union", "Valley", "Western",
)  # fmt: skip
_SECOND_WORDS = (
    "Analytics", "Bancorp", "Biosciences", "Brands", "Capital", "Chemicals", "Components", "Dynamics", "Energy",
    "Financial", "Foods", "Gold", "Industries", "Insurance", "Logistics", "Materials", "Media", "Mining",
    "Networks", "Partners", "Pharma", "Properties", "Resources", "Robotics", "Semiconductor", "Software",
    "Systems", "Therapeutics", "Transport", "Water",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listing:
    """One name: who it is, when it trades, and about what its price and volume are.

    `price` and `volume` are in the share basis after all splits that ever come to it. `first` and `last` are
    the days between which it trades, both included; `presence` is the share of sessions with a trade;
    `made` tells the names of the seed from the well-known and the asked ones.
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
    made: bool

    @property
    def otc(self) -> bool:
        return not self.exchange

    @property
    def delisted(self) -> bool:
        """Whether its last day ever comes."""
        return self.last < LAST_DAY

    def active_on(self, day: int) -> bool:
        return self.listed <= day <= self.last


class Universe:
    """The names there are. Anything else is unknown."""

    def __init__(self, seed: int, size: int, asked: tuple[str, ...]) -> None:
        self._seed = seed
        self._size = size
        self._asked = frozenset(asked)
        self._symbols: dict[str, None] = {}
        self._listings: dict[str, Listing] = {}

    def symbols(self) -> dict[str, None]:
        """All symbols, as an ordered set; the order has no meaning, as in a grouped answer."""
        if not self._symbols:
            fixed = dict.fromkeys((*_KNOWN, *sorted(self._asked)))
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
        known = ticker in _KNOWN or ticker in self._asked or ticker in self.symbols()
        return self._listing(ticker) if known else None

    def _listing(self, ticker: str) -> Listing:
        listing = self._listings.get(ticker)
        if listing is None:
            listing = self._listings[ticker] = self._make(ticker)
        return listing

    def _make(self, ticker: str) -> Listing:
        seed = seed_of(self._seed, ticker)
        if ticker in _KNOWN:
            return _well_known(ticker, seed, _KNOWN[ticker])
        if ticker in self._asked:
            return _asked_for(ticker, seed)
        return _generated(ticker, seed)


def _well_known(ticker: str, seed: int, known: _Known) -> Listing:
    listed = date.fromisoformat(known.listed).toordinal()
    return Listing(
        ticker, seed, known.name, known.type, known.exchange, listed, max(listed, FIRST_DAY), LAST_DAY,
        known.price, known.volume, 1.0, made=False,
    )  # fmt: skip


def _asked_for(ticker: str, seed: int) -> Listing:
    price = 10 + 190 * fraction(seed, 1)
    listed = FIRST_DAY - 1000
    return Listing(
        ticker, seed, _company(seed), "CS", "XNYS", listed, FIRST_DAY, LAST_DAY, price, 2_000_000, 1.0,
        made=False,
    )  # fmt: skip


def _generated(ticker: str, seed: int) -> Listing:
    """Some young, one in ten delisted, one in ten (and every OTC one) illiquid."""
    kind, exchange = _kind(ticker, seed)
    listed = FIRST_DAY - 4000 + int(5000 * fraction(seed, 2))
    if fraction(seed, 3) < 0.35:
        listed = FIRST_DAY + 500 + int(9_500 * fraction(seed, 4))
    last = LAST_DAY
    if fraction(seed, 5) < 0.10:
        last = max(listed, FIRST_DAY) + 250 + int(8_000 * fraction(seed, 6))
    rarely = kind == "PFD" or not exchange or fraction(seed, 7) < 0.10
    volume = int(200 + 20_000 * fraction(seed, 8) ** 2) if rarely else int(30_000 * 100 ** fraction(seed, 8))
    presence = 0.35 + 0.6 * fraction(seed, 9) if rarely else 1.0
    price = 0.5 + 12 * fraction(seed, 1) if not exchange else 3 + 250 * fraction(seed, 1) ** 3
    return Listing(
        ticker, seed, _company(seed), kind, exchange, listed, max(listed, FIRST_DAY), last, price, volume, presence,
        made=True,
    )  # fmt: skip


def _kind(ticker: str, seed: int) -> tuple[str, str]:
    """Type and exchange by the symbol's shape; an OTC name has no exchange."""
    if len(ticker) == 5 and ticker.isalpha() and ticker[-1] in "FY":
        return ("OS" if ticker[-1] == "F" else "ADRC"), ""
    if "p" in ticker:
        return "PFD", "XNYS"
    exchange = ("XNAS", "XNYS", "XNAS", "XASE")[mix(seed, 10) % 4]
    if len(ticker) == 4 and fraction(seed, 11) < 0.25:
        return "ETF", "ARCX"
    return ("ADRC" if fraction(seed, 11) > 0.95 else "CS"), exchange


def _company(seed: int) -> str:
    first = _FIRST_WORDS[mix(seed, 12) % len(_FIRST_WORDS)]
    second = _SECOND_WORDS[mix(seed, 13) % len(_SECOND_WORDS)]
    return f"{first} {second} {('Inc.', 'Corp.', 'Holdings Ltd.', 'Group plc')[mix(seed, 14) % 4]}"


def _made_symbols(seed: int) -> Iterator[str]:
    """Symbols without end, repeated ones among them."""
    stream = seed_of(seed, "symbols")
    n = 0
    while True:
        n += 1
        yield _symbol(mix(stream, n))


def _symbol(bits: int) -> str:
    """One in ten is OTC, one in twenty-five preferred, some have share classes, the rest 1 to 4 letters."""
    shape, bits = bits % 100, bits // 100
    count = 4 if shape < 10 or shape > 48 else 3
    if shape in (16, 17, 18):
        count = 2
    word = ""
    for _ in range(count):
        bits, letter = divmod(bits, 26)
        word += _LETTERS[letter]
    if shape < 10:
        return word + "FY"[bits % 2]
    if shape < 14:
        return f"{word}p{_LETTERS[bits % 6]}"
    if shape < 16:
        return f"{word}.{'AB'[bits % 2]}"
    return word
