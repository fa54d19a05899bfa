"""What went wrong for some tickers, gathered into one error for each cause."""

from collections.abc import Sequence
from dataclasses import dataclass

from stockticker_async.config import MARKET
from stockticker_async.errors import ConnectorError

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that keeps these tickers' cursors where they are."""

    names: tuple[str, ...]
    error: ConnectorError


def named(names: Sequence[str]) -> str:
    """``A, B and 7 more``: at most ten names."""
    more = len(names) - _NAMED
    listed = ", ".join("the whole market" if name == MARKET else name for name in names[:_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed


def told(failures: Sequence[Failure]) -> list[ConnectorError]:
    """One error for each cause, which names the tickers."""
    causes: dict[tuple[type[ConnectorError], str], list[str]] = {}
    details: dict[tuple[type[ConnectorError], str], str | None] = {}
    for failure in failures:
        cause = (type(failure.error), failure.error.message)
        causes.setdefault(cause, []).extend(failure.names)
        details.setdefault(cause, failure.error.detail)
    return [
        kind(f"{named(list(dict.fromkeys(names)))}: {message}", detail=details[kind, message])
        for (kind, message), names in causes.items()
    ]
