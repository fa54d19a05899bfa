"""Validates tickers in the configuration and in the API's rows."""

from collections.abc import Collection, Sequence

MOST_CHARS = 24
"""The longest tickers, of options, have 23. A key has 32, and must not be sent or shown as a ticker."""
_FOREIGN = " *=?#,"
"""Characters that separate names, fingerprints in a state, or parts of a URL."""

_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789."
_DOTS = frozenset("." * count for count in range(MOST_CHARS + 1))
"""Names that a URL path interprets (``.`` and ``..``), and the empty name."""


def is_ticker(name: str) -> bool:
    """Whether the text may be a ticker, in any script."""
    # the space is the only printable white space
    return (
        len(name) <= MOST_CHARS
        and name.isprintable()
        and not any(char in _FOREIGN for char in name)
        and name not in _DOTS
    )


def is_quoted(name: str) -> bool:
    """Whether the text is in quotes, as some writers of CSV put texts: then it is not the ticker itself."""
    return len(name) > 1 and name[0] == name[-1] == '"'


def strange_name(names: Sequence[str], unique: Collection[str] | None = None) -> str | None:
    """Return the first name that cannot be a ticker; None if all can.

    ``unique`` is a set of the same names, where there is one. All names of a market take half a millisecond.
    """
    text = "".join(names)
    if (
        (_is_plain(text) or (text.isprintable() and not any(char in text for char in _FOREIGN)))
        and max(map(len, names), default=0) <= MOST_CHARS
        and _DOTS.isdisjoint(names if unique is None else unique)
    ):
        return None
    return next(name for name in names if not is_ticker(name))


def _is_plain(text: str) -> bool:
    """Whether the text has only the characters of nearly all tickers (a tenth of the time of asking each)."""
    return text.isascii() and not text.encode().translate(None, _PLAIN)
