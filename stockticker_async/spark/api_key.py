"""The API key of the machine that this code runs on, driver or executor: from a file, or the environment.

The key travels from nowhere to nowhere: neither in an option nor in a partition. No function that raises an
error has the key in a variable, because Spark can add the variables to its traces.
"""

import os
import socket
from dataclasses import dataclass, field, replace
from datetime import date

from stockticker_async.connector import config
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark.key_files import read_key_file

_ANY_DAY = date(2024, 1, 2)


@dataclass(frozen=True, slots=True)
class _Found:
    key: str = field(repr=False)
    source: str


def with_key(settings: Settings, key_file: str | None) -> Settings:
    """Return the settings with the key of this machine. Raises `ConfigError`."""
    found = _from_environment() if key_file is None else _from_file(key_file)
    if isinstance(found, str):
        raise ConfigError(f"{found} (on {socket.gethostname()})")
    return replace(settings, api_key=found.key, key_from=found.source)


def _from_environment() -> _Found | str:
    for name in config.KEY_VARIABLES:
        if key := os.environ.get(name, "").strip():
            return _judged(key, name)
    return (
        f"No API key: neither {' nor '.join(config.KEY_VARIABLES)} is set. Set one in the environment of the "
        "driver and of all executors, or name a file with the key in the option api_key_file."
    )


def _from_file(name: str) -> _Found | str:
    found = read_key_file("api_key_file", name)
    return found if isinstance(found, str) else _judged(found.text, "")


def _judged(key: str, source: str) -> _Found | str:
    try:
        config.parse({"stock_ticker": "*", "api_key": key}, today=_ANY_DAY)
    except ConfigError as error:
        return error.message
    return _Found(key, source)
