"""Merges the failures of single tickers into one error for each cause."""

from collections.abc import Sequence

import msgspec

from stockticker_async.errors import ConnectorError
from stockticker_async.sync.job import WHOLE_MARKET

_MOST_NAMES = 10
_MOST_CAUSES = 10


class Failure(msgspec.Struct, frozen=True):
    """An error that holds the cursors of these tickers. No tickers: the whole stream failed."""

    names: tuple[str, ...]
    error: ConnectorError


def name_list(names: Sequence[str]) -> str:
    """Return ``A, B and 7 more``, with at most ten names."""
    more = len(names) - _MOST_NAMES
    listed = ", ".join("the whole market" if name == WHOLE_MARKET else name for name in names[:_MOST_NAMES])
    return f"{listed} and {more} more" if more > 0 else listed


def errors_by_cause(failures: Sequence[Failure]) -> list[ConnectorError]:
    """Return one error for each cause, with the names of its tickers. A cause is a class and a message.

    Each class has at most ten errors; the tenth counts the rest, because an unusable bar has a different
    message for each ticker.
    """
    kinds: dict[type[ConnectorError], dict[str, list[Failure]]] = {}
    for failure in failures:
        causes = kinds.setdefault(type(failure.error), {})
        causes.setdefault(failure.error.message, []).append(failure)
    return [error for causes in kinds.values() for error in _errors_of_class(list(causes.values()))]


def _errors_of_class(causes: list[list[Failure]]) -> list[ConnectorError]:
    """Return one error for each cause of one class, at most `_MOST_CAUSES`."""
    rest = causes[_MOST_CAUSES:]
    errors = [_error(alike) for alike in causes[: _MOST_CAUSES - bool(rest)]]
    if rest:
        last = [failure for alike in causes[_MOST_CAUSES - 1 :] for failure in alike]
        errors.append(_error(last, f" {len(rest)} more errors of this kind are not listed."))
    return errors


def _error(alike: Sequence[Failure], and_so_on: str = "") -> ConnectorError:
    """Return the error of the first failure, with the names of all."""
    names = dict.fromkeys(name for failure in alike for name in failure.names)
    first = alike[0].error
    whose = f"{name_list(list(names))}: " if names else ""
    error = type(first)(f"{whose}{first.message}{and_so_on}", detail=first.detail)
    error.tickers = tuple(names)
    return error
