"""Validates tickers in the configuration and in the API's rows."""

from collections.abc import Collection

MOST_CHARS = 24
"""The longest tickers, of options, have 23. A key has 32, and must not be sent or shown as a ticker."""
_FOREIGN = " *=?#,"
"""Characters that separate names, fingerprints in a state, or parts of a URL."""

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


def strange_name(names: Collection[str]) -> str | None:
    """Return a name that cannot be a ticker; None if all can. All names of a market take a millisecond."""
    text = "".join(names)
    if (
        text.isprintable()
        and not any(char in text for char in _FOREIGN)
        and max(map(len, names), default=0) <= MOST_CHARS
        and _DOTS.isdisjoint(names)
    ):
        return None
    return next(name for name in names if not is_ticker(name))
