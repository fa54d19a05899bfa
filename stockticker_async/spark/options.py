"""The options of the data source, judged by the same code, with the same words, as the configuration.

Spark gives all options as strings, and their names in lower case. The API key is no option: Spark keeps
options in plans and in pickled objects, and redacts them by a pattern that does not match ``api_key``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from stockticker_async.connector import config
from stockticker_async.errors import ConfigError
from stockticker_async.library.question import OnError, judged_on_error, stream_named
from stockticker_async.marketdata.settings import Settings
from stockticker_async.streams.table import Stream
from stockticker_async.sync.job import SyncJob

DEFAULT_PARTITIONS = 8
_MOST_PARTITIONS = 1000
_WHOLE_NUMBERS = ("multiplier", "lookback_days", "requests_per_minute", "max_concurrent_requests")
_FLAGS = ("adjusted", "include_otc")
_OWN = ("stream", "on_error", "partitions", "api_key_file")
"""The options that are no fields of the configuration."""
_SECRET = re.compile("key|token|secret|password")
_NO_KEY = "-"
"""Stands for the key while the other options are judged."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Judged options: plain values, without the key."""

    stream_name: str
    job: SyncJob
    settings: Settings
    """Without the key."""
    on_error: OnError = "raise"
    partitions: int = DEFAULT_PARTITIONS
    api_key_file: str | None = None
    warnings: tuple[str, ...] = ()
    lookback_is_set: bool = False
    """Whether the option ``lookback_days`` was given."""

    @property
    def stream(self) -> Stream:
        return stream_named(self.stream_name)


def judged(given: Mapping[str, str], *, today: date) -> ReadOptions:
    """Return the options. Raises `ConfigError`. ``today`` is the date in New York."""
    options = {name.lower(): text for name, text in given.items()}
    for name in options:
        if name != "api_key_file" and _SECRET.search(name):
            raise ConfigError(
                f"The API key must not be an option, as {name} is: Spark keeps options in plans and logs. "
                f"Set the environment variable {config.KEY_VARIABLES[0]} on the driver and on all executors, "
                "or name a file with the key in the option api_key_file."
            )
    parsed = config.parse(_raw(options), today=today)
    stream = stream_named(options.get("stream", "stock_bars"))
    return ReadOptions(
        stream.name,
        parsed.job,
        replace(parsed.settings, api_key=""),
        judged_on_error(options.get("on_error", "raise")),
        _partitions(options.get("partitions")),
        options.get("api_key_file") or None,
        parsed.warnings,
        bool(options.get("lookback_days")),
    )


def _raw(options: Mapping[str, str]) -> dict[str, Any]:
    """The configuration that the options stand for; what is no number stays a string, which is refused."""
    raw: dict[str, Any] = {name: text for name, text in options.items() if name not in _OWN}
    for name in _WHOLE_NUMBERS:
        if name in raw:
            raw[name] = _number(raw[name])
    for name in _FLAGS:
        if name in raw:
            raw[name] = {"true": True, "false": False, "": None}.get(raw[name].strip().lower(), raw[name])
    return raw | {"api_key": _NO_KEY}


def _number(text: str) -> int | str | None:
    text = text.strip()
    if not text:
        return None
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else text


def _partitions(text: str | None) -> int:
    found = DEFAULT_PARTITIONS if text is None else _number(text)
    if not isinstance(found, int) or not 1 <= found <= _MOST_PARTITIONS:
        raise ConfigError(
            f"partitions must be a whole number from 1 to {_MOST_PARTITIONS}, not {str(text)[:60]!r}."
        )
    return found
