"""What may be a ticker: of the configuration, and of the API's rows. Pure text."""

from collections.abc import Collection

MOST_CHARS = 24
"""The longest, an option's, have 23. A key has 32, and must not be sent or shown as a ticker."""
_FOREIGN = " *=?#,"
"""What parts names from each other, from their fingerprints in a state, or from the rest of a URL."""

_DOTS = frozenset("." * count for count in range(MOST_CHARS + 1))
"""Which a path would take for another one; and no name at all."""


def is_ticker(name: str) -> bool:
    """Whether the text may be a ticker, in whatever script."""
    # of all white space only the space is printable
    return (
        len(name) <= MOST_CHARS
        and name.isprintable()
        and not any(char in _FOREIGN for char in name)
        and name not in _DOTS
    )


def strange_name(names: Collection[str]) -> str | None:
    """One of the names that cannot be a ticker, if any is. Those of a market take a millisecond."""
    text = "".join(names)
    if (
        text.isprintable()
        and not any(char in text for char in _FOREIGN)
        and max(map(len, names), default=0) <= MOST_CHARS
        and _DOTS.isdisjoint(names)
    ):
        return None
    return next(name for name in names if not is_ticker(name))
