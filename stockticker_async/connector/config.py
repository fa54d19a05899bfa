"""Parses raw JSON to a `Config`, or raises a `ConfigError` that names the field, the fault and the remedy.

`spec.json` describes the same fields to the user; `tests/connector/test_config.py` compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from stockticker_async.connector.config_values import is_plain, kind, shown
from stockticker_async.connector.flat_files_config import flat_files_of
from stockticker_async.errors import ConfigError
from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize, Timespan
from stockticker_async.marketdata.session_files import has_files
from stockticker_async.marketdata.settings import BASE_URL, Settings, is_loopback
from stockticker_async.marketdata.ticker_name import MOST_CHARS, is_ticker
from stockticker_async.sync.job import WHOLE_MARKET, SyncJob

T = TypeVar("T", int, None)
_EARLIEST = date(1970, 1, 1)  # timestamps are epoch milliseconds; the API's history begins in 2003


@dataclass(frozen=True, slots=True)
class Config:
    """A validated configuration; only checks that need the API are still open."""

    job: SyncJob
    settings: Settings
    warnings: tuple[str, ...] = ()
    """Sentences about valid values that are probably mistakes."""


def parse(raw: Any, *, today: date, key_from: str = "") -> Config:
    """Validate a configuration. Raises `ConfigError`.

    ``today`` is the date in New York; ``key_from`` is as in `Settings`.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError(
            f"The configuration must be a JSON object with stock_ticker and api_key, not {kind(raw)}."
        )
    warnings = _unknown_keys(raw)
    tickers = _tickers(raw)
    start, end = _date(raw, "start_date"), _date(raw, "end_date")
    if start is not None and start > today:
        raise ConfigError(
            f"start_date {start} is in the future (it is {today} in New York): give a day that has begun."
        )
    if start is not None and end is not None and end < start:
        raise ConfigError(f"end_date {end} is before start_date {start}: swap them, or leave one empty.")
    bar = BarSize(_integer(raw, "multiplier", 1, 1000, 1), _timespan(raw))
    adjusted = _boolean(raw, "adjusted", default=True)
    files = flat_files_of(raw)
    if not tickers:
        _judge_whole_market(bar, files=files is not None, adjusted=adjusted)
    elif files is not None and adjusted:
        warnings.append(
            "flat_files is not used: flat files are never split-adjusted. Set adjusted to false to read "
            "from them."
        )
    base_url, insecure = _base_url(raw)
    if insecure:
        warnings.append(
            f"base_url {shown(raw, base_url)} is plain http: anyone on the network path can read the "
            "API key. Use https."
        )
    job = SyncJob(
        tickers=tickers,
        start_date=start,
        end_date=end,
        adjusted=adjusted,
        bar=bar,
        flat_files=files is not None,
        include_otc=_boolean(raw, "include_otc", default=False),
        lookback_days=_integer(raw, "lookback_days", 0, 250, 1),
    )
    settings = Settings(
        api_key=_api_key(raw),
        key_from=key_from,
        base_url=base_url,
        requests_per_minute=_integer(raw, "requests_per_minute", 1, 1_000_000, None),
        max_concurrent_requests=_integer(raw, "max_concurrent_requests", 1, 64, 16),
        flat_files=files,
    )
    return Config(job, settings, tuple(warnings))


KEY_VARIABLES = ("MASSIVE_API_KEY", "POLYGON_API_KEY")
"""Environment variables for the key, used if the configuration has none; the first one that is set wins."""
_FIELDS = (
    "stock_ticker",
    "api_key",
    "start_date",
    "end_date",
    "adjusted",
    "multiplier",
    "timespan",
    "include_otc",
    "lookback_days",
    "requests_per_minute",
    "max_concurrent_requests",
    "base_url",
    "flat_files",
)


def _unknown_keys(raw: JsonObject) -> list[str]:
    unknown = [key for key in raw if key not in _FIELDS and not key.startswith("__")]
    if not unknown:
        return []
    from difflib import get_close_matches  # noqa: PLC0415 - 5 ms, and hardly ever needed

    warnings = []
    for key in unknown:
        near = get_close_matches(key, _FIELDS, n=1)
        hint = f": did you mean {near[0]}?" if near else "."
        warnings.append(f"The configuration has an unknown field {shown(raw, key)}, which is ignored{hint}")
    return warnings


def _tickers(raw: JsonObject) -> tuple[str, ...]:
    text = raw.get("stock_ticker")
    remedy = "Give one ticker, such as TSLA, or several separated by commas, or * for the whole market."
    if not isinstance(text, str):
        fault = "is missing" if text is None else f"must be a string, not {kind(text)}"
        near = next((key for key in raw if "tick" in key.lower() or "symbol" in key.lower()), None)
        hint = f" (did you mean it by {shown(raw, near)}?)" if text is None and near is not None else ""
        raise ConfigError(f"stock_ticker {fault}{hint}. {remedy}")
    names = tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
    if not names:
        raise ConfigError(f"stock_ticker is empty. {remedy}")
    if names == (WHOLE_MARKET,):
        return ()
    if WHOLE_MARKET in names:
        raise ConfigError(
            'stock_ticker has "*" beside names: give "*" alone for the whole market, or names only.'
        )
    for name in names:
        if len(name) > MOST_CHARS:
            raise ConfigError(
                f"stock_ticker has a name of {len(name)} characters, which cannot be a ticker. {remedy}"
            )
        if not is_ticker(name):
            raise ConfigError(f"stock_ticker has {shown(raw, name)}, which cannot be a ticker. {remedy}")
    return names


def _api_key(raw: JsonObject) -> str:
    key = raw.get("api_key")
    remedy = "Give the key of your account at massive.com."
    unset = f"and neither {' nor '.join(KEY_VARIABLES)} is set"
    if not isinstance(key, str):
        fault = f"is missing, {unset}" if key is None else f"must be a string, not {kind(key)}"
        raise ConfigError(f"api_key {fault}. {remedy}")
    key = key.strip()
    if not key:
        raise ConfigError(f"api_key is empty, {unset}. {remedy}")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError(f"api_key has characters that no key has (spaces, line ends, accents). {remedy}")
    return key


def _judge_whole_market(bar: BarSize, *, files: bool, adjusted: bool) -> None:
    """Raise `ConfigError` for bars that the whole market does not have."""
    if bar == ONE_DAY:
        return
    if not has_files(bar):
        raise ConfigError(
            f'stock_ticker "*" gives bars of 1 day, and with flat_files of 1 minute, not of {bar}: name '
            "the tickers, or set multiplier to 1 and timespan to day or minute."
        )
    if not files:
        raise ConfigError(
            f'stock_ticker "*" gives bars of {bar} from flat files only: set flat_files, name the tickers, '
            "or set timespan to day."
        )
    if adjusted:
        raise ConfigError(
            f'adjusted is true, but bars of {bar} of stock_ticker "*" come from flat files, which are never '
            "split-adjusted: set adjusted to false."
        )


def _date(raw: JsonObject, name: str) -> date | None:
    text = raw.get(name)
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise ConfigError(f'{name} must be a string such as "2024-01-02", not {kind(text)}.')
    try:
        day = date.fromisoformat(text)
        if day.isoformat() != text:
            raise ValueError  # noqa: TRY301 - fromisoformat also takes 20240102 and 2024-W01-1, which we do not
    except ValueError:
        raise ConfigError(f"{name} {shown(raw, text)} is not a date: write it as 2024-01-02.") from None
    if day < _EARLIEST:
        raise ConfigError(f"{name} {day} is before {_EARLIEST}; the API's history begins in 2003.")
    return day


def _boolean(raw: JsonObject, name: str, *, default: bool) -> bool:
    value = raw.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ConfigError(f"{name} must be true or false, not {shown(raw, value)}.")
    return value


def _integer(raw: JsonObject, name: str, low: int, high: int, default: T) -> int | T:
    value = raw.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{name} must be a whole number from {low} to {high}, not {shown(raw, value)}.")
    if not low <= value <= high:
        raise ConfigError(f"{name} must be from {low} to {high}, not {shown(raw, value)}.")
    return value


def _timespan(raw: JsonObject) -> Timespan:
    value = raw.get("timespan")
    if value is None:
        return "day"
    names: tuple[Timespan, ...] = get_args(Timespan)
    for name in names:
        if value == name:
            return name
    raise ConfigError(f"timespan must be one of {', '.join(names)}, not {shown(raw, value)}.")


def _base_url(raw: JsonObject) -> tuple[str, bool]:
    """Return the URL without a slash at the end, and whether the key would be sent unencrypted."""
    url = raw.get("base_url")
    if url is None or url == "":
        return BASE_URL, False
    if isinstance(url, str) and any(char in url for char in "@?#"):
        # the URL is not shown: it may contain a password
        raise ConfigError("base_url must hold no user name, no password, no ? and no #: only an address.")
    fault = ConfigError(f"base_url {shown(raw, url)} is not the address of an API: write it as {BASE_URL}.")
    if not isinstance(url, str):
        raise fault
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, port_is_valid = parts.hostname, parts.port is None or parts.port > 0
    except ValueError:
        raise fault from None
    if parts.scheme not in ("http", "https") or not host or not port_is_valid or not is_plain(url):
        raise fault
    return url, parts.scheme == "http" and not is_loopback(host)
