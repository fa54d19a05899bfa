"""The tickers that a company has had: a few facts, and a former ticker for some made-up companies."""

from datetime import date

from stockticker_async.sandbox.data.pseudorandom import fraction, mix
from stockticker_async.sandbox.data.sessions import session_on_or_after
from stockticker_async.sandbox.data.universe import FIRST_DAY, Listing, Universe

_RENAMED = 0.08  # of the made-up tickers
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Facts, ticker: (day, ticker from then on), ascending. QQQ was QQQQ for some years.
_KNOWN = {
    "GOOGL": (("2004-08-19", "GOOG"), ("2014-04-03", "GOOGL")),
    "JPM": (("1969-03-05", "CMB"), ("2001-01-02", "JPM")),
    "META": (("2012-05-18", "FB"), ("2022-06-09", "META")),
    "QQQ": (("1999-03-10", "QQQ"), ("2004-12-01", "QQQQ"), ("2011-03-23", "QQQ")),
    "VZ": (("1983-11-21", "BEL"), ("2000-07-03", "VZ")),
}


def tickers_of(listing: Listing, universe: Universe, today: int) -> list[tuple[int, str]]:
    """(day, ticker from that day on) as known on a day, newest first; never empty.

    The simulated market lists a company under its last ticker all its life, so that a former ticker is known
    only once it has changed.
    """
    known = _KNOWN.get(listing.ticker)
    if known is not None:
        days = [(date.fromisoformat(when).toordinal(), ticker) for when, ticker in known]
        return sorted((day, ticker) for day, ticker in days if day <= today)[::-1]
    changed = _changed(listing)
    if changed is None or changed > today:
        return [(listing.listed, listing.ticker)]
    return [(changed, listing.ticker), (listing.listed, _former(listing, universe))]


def _changed(listing: Listing) -> int | None:
    """The session on which a made-up company took its ticker; None if it never changed."""
    if not listing.made or listing.type not in ("CS", "ADRC") or fraction(listing.seed, 90) >= _RENAMED:
        return None
    begin = max(listing.listed, FIRST_DAY)
    day = session_on_or_after(begin + 30 + int(5000 * fraction(listing.seed, 91)))
    return day if day <= listing.last else None


def _former(listing: Listing, universe: Universe) -> str:
    """A ticker that no company of the universe has."""
    n = 92
    while True:
        bits, word = mix(listing.seed, n), ""
        for _ in range(4):
            bits, letter = divmod(bits, len(_LETTERS))
            word += _LETTERS[letter]
        if universe.get(word) is None:
            return word
        n += 1
