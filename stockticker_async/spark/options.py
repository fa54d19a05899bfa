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
_OWN = ("stream", "on_error", "partitions", "api_key_file", "flat_files_key_file")
"""The options that are no fields of the configuration."""
_FILES_FIELD = "flat_files."
"""Before the name of a field of the object ``flat_files``."""
_SECRET = re.compile("key|token|secret|password")
_FILES_SECRET = re.compile("access_key|flat_files")
_NO_KEY = "-"
"""Stands for a key while the other options are judged."""
FILE_KEY_VARIABLES = ("MASSIVE_ACCESS_KEY_ID", "MASSIVE_SECRET_ACCESS_KEY")
"""Environment variables for the keys of flat files. Those of AWS are for buckets of one's own."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Judged options: plain values, without the keys."""

    stream_name: str
    job: SyncJob
    settings: Settings
    """Without the keys."""
    on_error: OnError = "raise"
    partitions: int = DEFAULT_PARTITIONS
    api_key_file: str | None = None
    flat_files_key_file: str | None = None
    warnings: tuple[str, ...] = ()
    lookback_is_set: bool = False
    """Whether the option ``lookback_days`` was given."""
    at_once_is_set: bool = False
    """Whether the option ``max_concurrent_requests`` was given."""

    @property
    def stream(self) -> Stream:
        return stream_named(self.stream_name)


def judged(given: Mapping[str, str], *, today: date) -> ReadOptions:
    """Return the options. Raises `ConfigError`. ``today`` is the date in New York."""
    options = {name.lower(): text for name, text in given.items()}
    for name in options:
        _refuse_secret(name)
    parsed = config.parse(_raw(options), today=today)
    stream = stream_named(options.get("stream", "stock_bars"))
    return ReadOptions(
        stream.name,
        parsed.job,
        _without_keys(parsed.settings),
        judged_on_error(options.get("on_error", "raise")),
        _partitions(options.get("partitions")),
        api_key_file=options.get("api_key_file") or None,
        flat_files_key_file=options.get("flat_files_key_file") or None,
        warnings=parsed.warnings,
        lookback_is_set=bool(options.get("lookback_days")),
        at_once_is_set=bool(options.get("max_concurrent_requests")),
    )


def _refuse_secret(name: str) -> None:
    """Raises `ConfigError` for an option that is, or may be, a key."""
    if name in ("api_key_file", "flat_files_key_file") or not _SECRET.search(name):
        return
    if _FILES_SECRET.search(name):
        raise ConfigError(
            f"The keys of flat files must not be options, as {name} is: Spark keeps options in plans and "
            f"logs. Set the environment variables {' and '.join(FILE_KEY_VARIABLES)} on the driver and on "
            "all executors, or name a file with the keys in the option flat_files_key_file."
        )
    raise ConfigError(
        f"The API key must not be an option, as {name} is: Spark keeps options in plans and logs. "
        f"Set the environment variable {config.KEY_VARIABLES[0]} on the driver and on all executors, "
        "or name a file with the key in the option api_key_file."
    )


def _without_keys(settings: Settings) -> Settings:
    files = settings.flat_files
    if files is not None:
        files = replace(files, access_key_id="", secret_access_key="")
    return replace(settings, api_key="", flat_files=files)


def _raw(options: Mapping[str, str]) -> dict[str, Any]:
    """The configuration that the options stand for; what is no number stays a string, which is refused."""
    raw: dict[str, Any] = {
        name: text for name, text in options.items() if name not in _OWN and not name.startswith(_FILES_FIELD)
    }
    for name in _WHOLE_NUMBERS:
        if name in raw:
            raw[name] = _number(raw[name])
    for name in _FLAGS:
        if name in raw:
            raw[name] = {"true": True, "false": False, "": None}.get(raw[name].strip().lower(), raw[name])
    return raw | {"api_key": _NO_KEY, "flat_files": _files(options)}


def _files(options: Mapping[str, str]) -> dict[str, str] | None:
    """Return the object ``flat_files``, without keys; None where it is switched off. Raises `ConfigError`."""
    fields = {name: text for name, text in options.items() if name.startswith(_FILES_FIELD)}
    match options.get("flat_files", "").strip().lower():
        case "true":
            given = {name.removeprefix(_FILES_FIELD): text for name, text in fields.items()}
            return {"access_key_id": _NO_KEY, "secret_access_key": _NO_KEY, **given}
        case "false":
            return None
        case "":
            unused = [*fields, *(name for name in ("flat_files_key_file",) if options.get(name))]
            if unused:
                raise ConfigError(f"{unused[0]} is set, but flat_files is not: set flat_files to true.")
            return None
    # the text is not shown: it may be the object of a configuration, with its keys
    raise ConfigError(
        "flat_files must be true or false: its fields are options of their own, such as flat_files.endpoint, "
        "and its keys must not be options. Set the environment variables "
        f"{' and '.join(FILE_KEY_VARIABLES)}, or the option flat_files_key_file."
    )


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
