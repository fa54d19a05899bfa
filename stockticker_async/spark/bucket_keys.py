"""The keys of the flat files of the machine that this code runs on, driver or executor.

They come from a file, or from the environment, and travel nowhere: neither in an option nor in a partition.
As for the API key, no function that raises an error has a key in a variable.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import orjson

from stockticker_async.connector import config
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.settings import FlatFiles, Settings
from stockticker_async.spark.key_files import KeyText, read_key_file
from stockticker_async.spark.options import FILE_KEY_VARIABLES

_ANY_DAY = date(2024, 1, 2)
_FIELDS = ("access_key_id", "secret_access_key")


@dataclass(frozen=True, slots=True)
class _Given:
    """The two keys as they are given, not judged yet."""

    keys: Mapping[str, Any] = field(repr=False)


def with_file_keys(settings: Settings, key_file: str | None) -> Settings:
    """Return the settings with the keys of this machine, if they have flat files. Raises `ConfigError`.

    ``settings`` have the API key, which stands for a missing secret.
    """
    if settings.flat_files is None:
        return settings
    given = _from_environment() if key_file is None else _from_file(key_file)
    found = given if isinstance(given, str) else _judged(given, settings)
    if isinstance(found, str):
        raise ConfigError(f"{found} (on {socket.gethostname()})")
    files = replace(
        settings.flat_files, access_key_id=found.access_key_id, secret_access_key=found.secret_access_key
    )
    return replace(settings, flat_files=files)


def _from_environment() -> _Given | str:
    for_id, for_secret = FILE_KEY_VARIABLES
    if os.environ.get(for_id, "").strip():
        return _Given({"access_key_id": os.environ[for_id], "secret_access_key": os.environ.get(for_secret)})
    return (
        f"No keys of flat files: {for_id} is not set. Set it and {for_secret} in the environment of the "
        "driver and of all executors, or name a file with the keys in the option flat_files_key_file."
    )


def _from_file(name: str) -> _Given | str:
    found = read_key_file("flat_files_key_file", name)
    return found if isinstance(found, str) else _parsed(found, name)


def _parsed(text: KeyText, name: str) -> _Given | str:
    fault = (
        f"The option flat_files_key_file names {name[:120]!r}, which is no JSON object with "
        f"{' and '.join(_FIELDS)}."
    )
    try:
        keys = orjson.loads(text.text)
    except orjson.JSONDecodeError:
        return fault
    return _Given(keys) if isinstance(keys, dict) and keys.keys() <= set(_FIELDS) else fault


def _judged(given: _Given, settings: Settings) -> FlatFiles | str:
    raw = {"stock_ticker": "*", "api_key": settings.api_key, "flat_files": dict(given.keys) or {"bucket": ""}}
    try:
        files = config.parse(raw, today=_ANY_DAY).settings.flat_files
    except ConfigError as error:
        return error.message
    assert files is not None  # noqa: S101 - an object with a field
    return files
