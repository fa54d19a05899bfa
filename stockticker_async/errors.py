"""The error tree: one class for each party that has to act.

A message says what failed, on which value, and what to do. It never holds a key or a whole body.
"""

import traceback
from collections.abc import Iterator
from typing import ClassVar, Literal

FailureType = Literal["config_error", "transient_error", "system_error"]


class ConnectorError(Exception):
    """The authors have to act: a fault of the connector. ``str()`` is the sentence for the user."""

    failure_type: ClassVar[FailureType] = "system_error"

    def __init__(self, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        """Further information for a developer, such as the text of the foreign error."""
        self.tickers: tuple[str, ...] = ()
        """The tickers for which the error holds, where these are not all. The message names at most ten."""


class ConfigError(ConnectorError):
    """The user acts: a field, a file, the key, or the plan has to change."""

    failure_type: ClassVar[FailureType] = "config_error"


class TransientError(ConnectorError):
    """Nobody has to act: the next sync may succeed."""

    failure_type: ClassVar[FailureType] = "transient_error"


class BadPageError(TransientError):
    """The API answered 200 with a body that must not become records.

    The message does not name the ticker: the caller adds the names.
    """


class RowTooLargeError(ConnectorError):
    """A row from the API is larger than a message may be."""

    def __init__(self, size_bytes: int, most_bytes: int) -> None:
        super().__init__(
            f"a row from the API is too large to write: {size_bytes:,} bytes; the "
            f"limit is {most_bytes:,} bytes."
        )


class UsageError(ConfigError):
    """The command line is wrong; ``usage`` is the help that argparse prints with it."""

    def __init__(self, message: str, *, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class UnforeseenError(ConnectorError):
    """An unexpected error: a bug of the connector. ``stack_trace`` is the traceback for the report."""

    def __init__(self, error: BaseException) -> None:
        cause = next(cause for cause in causes(error) if not isinstance(cause, ConnectorError))
        super().__init__(
            "An unexpected error occurred in the connector. Please report it with this trace.",
            detail=type(cause).__name__,
        )
        self.stack_trace = "".join(traceback.format_exception(error))


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors inside an error group, at any depth, or the error itself if it is not a group."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from causes(one)
    else:
        yield error


class OutputError(ConnectorError):
    """stdout cannot be written, so the message can only go to stderr."""
