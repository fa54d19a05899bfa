"""The error tree: one class for each who has to act.

A message says what failed, on which value, and what to do. It never holds a key or a whole body.
"""

import traceback
from collections.abc import Iterator
from typing import ClassVar, Literal

FailureType = Literal["config_error", "transient_error", "system_error"]


class ConnectorError(Exception):
    """Something that we, the authors, have to mend. ``str()`` is the sentence for the user."""

    failure_type: ClassVar[FailureType] = "system_error"

    def __init__(self, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        """For whoever looks deeper, such as the foreign error that it comes from."""
        self.tickers: tuple[str, ...] = ()
        """All for which it holds, where it is of some and not of all; the message names ten at most."""


class ConfigError(ConnectorError):
    """The user acts: a field, a file, the key, or the plan has to change."""

    failure_type: ClassVar[FailureType] = "config_error"


class TransientError(ConnectorError):
    """Nobody has to act: the next sync may do."""

    failure_type: ClassVar[FailureType] = "transient_error"


class BadPageError(TransientError):
    """The API answered 200 with something that must not become records.

    The message does not name the ticker: whoever tells the user knows for which ones it holds.
    """


class RowTooLargeError(ConnectorError):
    """A row of the API's that is larger than any message may be."""

    def __init__(self, size_bytes: int, most_bytes: int) -> None:
        super().__init__(
            f"a row of the API's is too large to be written: {size_bytes:,} bytes, where "
            f"{most_bytes:,} are the most."
        )


class UsageError(ConfigError):
    """The command line is wrong; ``usage`` is the help that argparse prints with it."""

    def __init__(self, message: str, *, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class UnforeseenError(ConnectorError):
    """What is no error of ours, or was not meant to happen: our bug. ``stack_trace`` is for the report."""

    def __init__(self, error: BaseException) -> None:
        cause = next(cause for cause in causes(error) if not isinstance(cause, ConnectorError))
        super().__init__(
            "Something unforeseen went wrong in the connector. Please report it with this trace.",
            detail=type(cause).__name__,
        )
        self.stack_trace = "".join(traceback.format_exception(error))


def causes(error: BaseException) -> Iterator[BaseException]:
    """What a group of errors holds, at any depth; the error itself if it is none."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from causes(one)
    else:
        yield error


class OutputError(ConnectorError):
    """stdout takes no more, so the message can only be told on stderr."""
