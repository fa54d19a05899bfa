"""The issuer of a ticker: identifiers (CIK, FIGI, CUSIP, ISIN) and shares outstanding."""

from stockticker_async.sandbox.data.pseudorandom import fraction, mix
from stockticker_async.sandbox.data.universe import Listing

_FIGI = "0123456789BCDFGHJKLMNPQRSTVWXYZ"  # no vowels: https://www.openfigi.com/about/figi
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LEAST_SHARES = 60  # days' volume: the float is not turned over faster

_FLOATING = frozenset({"CS", "ADRC", "OS"})  # types that have a free float


def cik(listing: Listing) -> str:
    return f"{mix(listing.seed, 60) % 2_000_000:010}"


def composite_figi(listing: Listing) -> str:
    return f"BBG0{_figi(mix(listing.seed, 61))}"


def share_class_figi(listing: Listing) -> str:
    return f"BBG0{_figi(mix(listing.seed, 62))}"


def _figi(bits: int) -> str:
    text = ""
    for _ in range(8):
        bits, digit = divmod(bits, len(_FIGI))
        text += _FIGI[digit]
    return text


def shares_outstanding(listing: Listing, scale: float = 1.0) -> int:
    """Shares of a day on which a share becomes `scale` final shares."""
    return int(max(1e7 * 1000 ** fraction(listing.seed, 63), _LEAST_SHARES * listing.volume) / scale)


def free_float_percent(listing: Listing) -> float | None:
    """The percentage of shares that trades freely; None for funds and preferred shares."""
    if listing.type not in _FLOATING:
        return None
    return round(100 - 60 * fraction(listing.seed, 73) ** 3, 2)


def cusip(listing: Listing) -> str:
    """The nine-character CUSIP, with its check digit."""
    text, bits = "", mix(listing.seed, 74)
    for choices in (10, 10, 10, 10, 10, len(_LETTERS)):
        bits, digit = divmod(bits, choices)
        text += _LETTERS[digit]
    return cusip_checked(text + "10")  # the issuer's first share


def isin(listing: Listing) -> str:
    return isin_checked("US" + cusip(listing))


def cusip_checked(text: str) -> str:
    """Eight characters and their check digit: https://www.cusip.com/identifiers.html."""
    values = (_LETTERS.index(letter) * (1 + place % 2) for place, letter in enumerate(text))
    return text + str(-sum(sum(divmod(value, 10)) for value in values) % 10)


def isin_checked(text: str) -> str:
    """Eleven characters and their check digit (ISO 6166)."""
    digits = "".join(str(_LETTERS.index(letter)) for letter in text)
    values = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    return text + str(-sum(sum(divmod(value, 10)) for value in values) % 10)
