"""Conditions of trades and quotes, and the fields of a bar that they update: the same in every sandbox."""

from typing import Any, NamedTuple


class _Sale(NamedTuple):
    """A condition of a trade in stocks: its letters on the two tapes, and what it updates.

    `consolidated` and `market_center` hold three letters, T or F: high and low, open and close, volume.
    """

    id: int
    name: str
    cta: str
    utp: str
    consolidated: str = "TTT"
    market_center: str = "TTT"
    legacy: bool = False
    abbreviation: str = ""
    exchange: int = 0
    """The id of the only exchange that uses the condition; 0 if all do."""
    description: str = ""


# Letters and rules as the tapes specify them: https://www.ctaplan.com/tech-specs (Pillar Output
# Specification, Sale Condition matrix) and https://www.utpplan.com/technical_information.
_SALES = (
    _Sale(0, "Regular Sale", "@", "@"),
    _Sale(1, "Acquisition", "", "A"),
    _Sale(2, "Average Price Trade", "B", "W", "FFT", "FFT"),
    _Sale(3, "Automatic Execution", "E", ""),
    _Sale(4, "Bunched Trade", "", "B"),
    _Sale(5, "Bunched Sold Trade", "", "G", "TFT", "TFT"),
    _Sale(6, "CAP Election", "I", "", legacy=True),
    _Sale(7, "Cash Sale", "C", "C", "FFT", "FFT"),
    _Sale(8, "Closing Prints", "", "6"),
    _Sale(9, "Cross Trade", "X", "X"),
    _Sale(10, "Derivatively Priced", "4", "4", "TFT", "TFT"),
    _Sale(11, "Distribution", "", "D"),
    _Sale(12, "Form T", "T", "T", "FFT", "FFT"),
    _Sale(13, "Extended Trading Hours (Sold Out Of Sequence)", "U", "U", "FFT", "FFT"),
    _Sale(14, "Intermarket Sweep", "F", "F", abbreviation="ISO"),
    _Sale(15, "Market Center Official Close", "M", "M", "FFF", "FTF"),
    _Sale(16, "Market Center Official Open", "Q", "Q", "FFF", "FTF"),
    _Sale(17, "Market Center Opening Trade", "O", ""),
    _Sale(18, "Market Center Reopening Trade", "5", ""),
    _Sale(19, "Market Center Closing Trade", "6", ""),
    _Sale(20, "Next Day", "N", "N", "FFT", "FFT"),
    _Sale(21, "Price Variation Trade", "H", "H", "FFT", "FFT"),
    _Sale(22, "Prior Reference Price", "P", "P", "TFT", "TFT"),
    _Sale(23, "Rule 155 Trade (AMEX)", "K", "K", exchange=1),
    _Sale(24, "Rule 127 (NYSE)", "J", "", legacy=True, exchange=10),
    _Sale(25, "Opening Prints", "", "O"),
    _Sale(27, "Stopped Stock (Regular Trade)", "", "1"),
    _Sale(28, "Re-Opening Prints", "", "5"),
    _Sale(29, "Seller", "R", "R", "FFT", "FFT"),
    _Sale(30, "Sold Last", "L", "L"),
    _Sale(33, "Sold (Out of Sequence)", "Z", "Z", "TFT", "TFT"),
    _Sale(34, "Split Trade", "", "S"),
    _Sale(35, "Stock-Option Trade", "", "V", legacy=True),
    _Sale(36, "Yellow Flag Regular Trade", "", "Y"),
    _Sale(37, "Odd Lot Trade", "I", "I", "FFT", "FFT", description="A trade of less than a round lot."),
    _Sale(38, "Corrected Consolidated Close (Per Listing Market)", "9", "9", "TTF", "FFF"),
    _Sale(52, "Contingent Trade", "V", "V", "FFT", "FFT"),
    _Sale(53, "Qualified Contingent Trade (QCT)", "7", "7", "FFT", "FFT", abbreviation="QCT"),
)

# (id, type, name, CTA, UTP) of quotes; their ids begin anew: an id is unique within its data types only.
_QUOTES = (
    (1, "quote_condition", "Regular, Two-Sided Open", "R", "R"),
    (2, "quote_condition", "Regular, One-Sided Open", "", "Y"),
    (3, "quote_condition", "Slow Ask", "A", "A"),
    (4, "quote_condition", "Slow Bid", "B", "B"),
    (5, "quote_condition", "Slow Bid and Ask", "H", "H"),
    (9, "quote_condition", "Closing", "C", "L"),
    (10, "quote_condition", "Non-Firm", "N", "N"),
    (21, "quote_condition", "Order Imbalance", "I", "I"),
    (41, "market_condition", "Market Wide Circuit Breaker Level 1", "1", "1"),
    (42, "market_condition", "Market Wide Circuit Breaker Level 2", "2", "2"),
    (61, "short_sale_restriction_indicator", "Short Sale Restriction Activated", "A", "A"),
    (62, "short_sale_restriction_indicator", "Short Sale Restriction Continued", "C", "C"),
    (81, "financial_status_indicator", "Bankrupt", "1", "Q"),
    (82, "financial_status_indicator", "Deficient", "2", "D"),
    (83, "financial_status_indicator", "Delinquent", "3", "E"),
)

# (id, name, OPRA): https://www.opraplan.com, message types of its participant interface.
_OPTIONS = (
    (201, "Canceled", "A"),
    (202, "Late and Out Of Sequence", "B"),
    (203, "Last and Canceled", "C"),
    (204, "Late", "D"),
    (209, "Automatic Execution", "I"),
    (210, "Reopen", "J"),
    (219, "Intermarket Sweep Order", "S"),
)
_CRYPTO = ((0, "Regular Trade"), (1, "Sell Side"), (2, "Buy Side"))


def _rule(letters: str) -> dict[str, bool]:
    names = ("updates_high_low", "updates_open_close", "updates_volume")
    return {name: letter == "T" for name, letter in zip(names, letters, strict=True)}


def _row(
    number: int, kind: str, name: str, asset_class: str, sips: dict[str, str], *data: str
) -> dict[str, Any]:
    return {
        "id": number,
        "type": kind,
        "name": name,
        "asset_class": asset_class,
        "sip_mapping": {sip: letter for sip, letter in sips.items() if letter},
        "data_types": list(data),
    }


def _sale_row(sale: _Sale) -> dict[str, Any]:
    row = _row(sale.id, "sale_condition", sale.name, "stocks", {"CTA": sale.cta, "UTP": sale.utp}, "trade")
    row["update_rules"] = {
        "consolidated": _rule(sale.consolidated),
        "market_center": _rule(sale.market_center),
    }
    optional = {name: getattr(sale, name) for name in ("legacy", "abbreviation", "exchange", "description")}
    return {**row, **{name: value for name, value in optional.items() if value}}


CONDITIONS: tuple[dict[str, Any], ...] = (
    *map(_sale_row, _SALES),
    *(
        _row(id_, kind, name, "stocks", {"CTA": cta, "UTP": utp}, "bbo", "nbbo")
        for id_, kind, name, cta, utp in _QUOTES
    ),
    *(_row(id_, "sale_condition", name, "options", {"OPRA": opra}, "trade") for id_, name, opra in _OPTIONS),
    *(_row(id_, "sale_condition", name, "crypto", {}, "trade") for id_, name in _CRYPTO),
)
"""Rows as the API gives them; fields without a value are left out."""
