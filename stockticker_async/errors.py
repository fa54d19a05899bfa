"""The error tree: one class for each who has to act.

A message says what failed, on which value, and what to do. It never holds a key or a whole body.
"""

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


class UsageError(ConfigError):
    """The command line is wrong; ``usage`` is the help that argparse prints with it."""

    def __init__(self, message: str, *, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class OutputError(ConnectorError):
    """stdout takes no more, so the message can only be told on stderr."""
