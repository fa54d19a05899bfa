"""Exchanges and ticker types: tables of facts, the same in every sandbox."""

from typing import Any, NamedTuple


class _Venue(NamedTuple):
    id: int
    name: str
    mic: str = ""
    operating_mic: str = ""
    participant_id: str = ""
    url: str = ""
    type: str = "exchange"
    acronym: str = ""


# MICs by ISO 10383 (https://www.iso20022.org/market-identifier-codes), participant ids by the tapes'
# specifications (https://www.ctaplan.com, https://www.utpplan.com). The four facilities of FINRA share an id:
# neither `id` nor (`asset_class`, `id`) tells the rows apart.
_FINRA, _NYSE, _NASDAQ, _CBOE = (
    "https://www.finra.org", "https://www.nyse.com", "https://www.nasdaq.com",
    "https://www.cboe.com/us/equities",
)  # fmt: skip
_STOCKS = (
    _Venue(1, "NYSE American, LLC", "XASE", "XNYS", "A", f"{_NYSE}/markets/nyse-american", acronym="AMEX"),
    _Venue(2, "Nasdaq BX, Inc.", "XBOS", "XNAS", "B", _NASDAQ),
    _Venue(3, "NYSE National, Inc.", "XCIS", "XNYS", "C", f"{_NYSE}/markets/nyse-national", acronym="NSX"),
    _Venue(4, "FINRA NYSE TRF", "FINY", "XNYS", "D", _FINRA, "TRF"),
    _Venue(4, "FINRA Nasdaq TRF Carteret", "FINN", "FINR", "D", _FINRA, "TRF"),
    _Venue(4, "FINRA Nasdaq TRF Chicago", "FINC", "FINR", "D", _FINRA, "TRF"),
    _Venue(4, "FINRA Alternative Display Facility", "XADF", "FINR", "D", _FINRA, "TRF"),
    _Venue(5, "Unlisted Trading Privileges", "", "XNAS", "E", "https://www.utpplan.com", "SIP"),
    _Venue(6, "Nasdaq ISE, LLC - Stocks", "XISE", "XNAS", "I", _NASDAQ, "TRF"),
    _Venue(7, "Cboe EDGA", "EDGA", "XCBO", "J", _CBOE),
    _Venue(8, "Cboe EDGX", "EDGX", "XCBO", "K", _CBOE),
    _Venue(9, "NYSE Chicago, Inc.", "XCHI", "XNYS", "M", f"{_NYSE}/markets/nyse-chicago", acronym="CHX"),
    _Venue(10, "New York Stock Exchange", "XNYS", "XNYS", "N", _NYSE, acronym="NYSE"),
    _Venue(11, "NYSE Arca, Inc.", "ARCX", "XNYS", "P", f"{_NYSE}/markets/nyse-arca"),
    _Venue(12, "Nasdaq", "XNAS", "XNAS", "T", _NASDAQ),
    _Venue(13, "Consolidated Tape Association", "", "XNYS", "S", "https://www.ctaplan.com", "SIP"),
    _Venue(14, "Long-Term Stock Exchange", "LTSE", "LTSE", "L", "https://longtermstockexchange.com"),
    _Venue(15, "Investors Exchange", "IEXG", "IEXG", "V", "https://www.iexexchange.io", acronym="IEX"),
    _Venue(16, "Cboe Stock Exchange", "CBSX", "XCBO", "W", _CBOE, acronym="CBSX"),
    _Venue(17, "Nasdaq PHLX LLC", "XPHL", "XNAS", "X", _NASDAQ, acronym="PSX"),
    _Venue(18, "Cboe BYX", "BATY", "XCBO", "Y", _CBOE),
    _Venue(19, "Cboe BZX", "BATS", "XCBO", "Z", _CBOE),
    _Venue(20, "MIAX Pearl Equities", "EPRL", "MIHI", "H", "https://www.miaxglobal.com"),
    _Venue(21, "Members Exchange", "MEMX", "MEMX", "U", "https://memx.com", acronym="MEMX"),
    _Venue(62, "OTC Equity Security", "OOTC", "FINR", "", _FINRA, acronym="OTC"),
)
_OPTIONS = (
    _Venue(300, "NYSE American Options", "AMXO", "XNYS", "A", f"{_NYSE}/markets/american-options"),
    _Venue(301, "BOX Options Exchange", "XBOX", "XBOX", "B", "https://boxexchange.com", acronym="BOX"),
    _Venue(302, "Cboe Options Exchange", "XCBO", "XCBO", "C", "https://www.cboe.com/us/options"),
    _Venue(312, "NYSE Arca Options", "ARCO", "XNYS", "N", f"{_NYSE}/markets/arca-options"),
    _Venue(323, "Nasdaq PHLX Options", "XPHO", "XNAS", "X", _NASDAQ),
)
_CRYPTO = (
    _Venue(1, "Coinbase", url="https://www.coinbase.com"),
    _Venue(2, "Bitfinex", url="https://www.bitfinex.com"),
    _Venue(6, "Bitstamp", url="https://www.bitstamp.net"),
    _Venue(23, "Kraken", url="https://www.kraken.com"),
)
_FX = (_Venue(48, "Currency Banks 1"),)
_FUTURES = (
    _Venue(1, "Chicago Mercantile Exchange", "XCME", "XCME", url="https://www.cmegroup.com", acronym="CME"),
    _Venue(2, "Chicago Board of Trade", "XCBT", "XCME", url="https://www.cmegroup.com", acronym="CBOT"),
)

# The values of a ticker's `type`.
_KINDS = {
    "CS": "Common Stock", "PFD": "Preferred Stock", "WARRANT": "Warrant", "RIGHT": "Rights",
    "BOND": "Corporate Bond", "ETF": "Exchange Traded Fund", "ETN": "Exchange Traded Note",
    "ETV": "Exchange Traded Vehicle", "ETS": "Single-security ETF", "SP": "Structured Product",
    "ADRC": "American Depository Receipt Common", "ADRP": "American Depository Receipt Preferred",
    "ADRW": "American Depository Receipt Warrants", "ADRR": "American Depository Receipt Rights",
    "FUND": "Fund", "BASKET": "Basket", "UNIT": "Unit", "LT": "Liquidating Trust", "OS": "Ordinary Shares",
    "GDR": "Global Depository Receipts", "NYRS": "New York Registry Shares", "AGEN": "Agency Bond",
    "EQLK": "Equity Linked Bond", "OTHER": "Other Security Type",
}  # fmt: skip


def _row(venue: _Venue, asset_class: str, locale: str) -> dict[str, Any]:
    row = {"asset_class": asset_class, "locale": locale, **venue._asdict()}
    return {name: value for name, value in row.items() if value != ""}


EXCHANGES: tuple[dict[str, Any], ...] = tuple(
    _row(venue, asset_class, locale)
    for asset_class, locale, venues in (
        ("stocks", "us", _STOCKS),
        ("options", "us", _OPTIONS),
        ("crypto", "global", _CRYPTO),
        ("fx", "global", _FX),
        ("futures", "us", _FUTURES),
    )
    for venue in venues
)
"""Rows as the API gives them; fields without a value are left out."""

TICKER_TYPES: tuple[dict[str, Any], ...] = (
    *(
        {"code": code, "description": description, "asset_class": "stocks", "locale": "us"}
        for code, description in _KINDS.items()
    ),
    {"code": "INDEX", "description": "Index", "asset_class": "indices", "locale": "us"},
)
"""Rows as the API gives them."""
