"""How a question ends that could not be answered whole: never silently."""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from stockticker_async.errors import ConnectorError


class Result(NamedTuple):
    """What was read, and what was not."""

    table: pa.Table
    """All rows that could be had; a ticker that failed may have some of its rows here."""
    failures: tuple[ConnectorError, ...]
    """One for each cause, with its `tickers`. Empty: the table is whole."""


class IncompleteError(ExceptionGroup[ConnectorError]):
    """Raised at the end, when all that could be had was read: an error for each cause.

    Each is a `ConfigError` (you act), a `TransientError` (asking again may do) or another `ConnectorError`
    (the authors of this package act), names the first tickers for which it holds, and carries all of them in
    ``tickers``.
    """

    table: pa.Table | None = None
    """What could be read, where a table was asked for."""

    def derive(self, excs: Sequence[ConnectorError]) -> "IncompleteError":  # type: ignore[override] # ours only
        part = IncompleteError(self.message, excs)
        part.table = self.table
        return part


def incomplete(failures: Sequence[ConnectorError], table: pa.Table | None = None) -> IncompleteError:
    """The error of these failures, at least one."""
    error = IncompleteError("not everything could be read", failures)
    error.table = table
    return error
