"""What a caller asks, judged: by the same code, with the same words, as the connector's configuration."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from stockticker_async.connector import config
from stockticker_async.connector.config import Config
from stockticker_async.errors import ConfigError
from stockticker_async.streams.table import STREAMS, Stream

OnError = Literal["raise", "skip"]
Tickers = str | Iterable[str]
Day = str | date | None
FlatFileKeys = Mapping[str, Any]
"""The keys of flat files, as ``flat_files`` in the connector's configuration."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the API, as it was given: of every question of one client."""

    raw: Mapping[str, Any]

    def __repr__(self) -> str:
        return "Access(...)"  # it holds the key


def access(
    api_key: str | None,
    base_url: str | None,
    requests_per_minute: int | None,
    max_concurrent_requests: int | None,
    flat_files: FlatFileKeys | None = None,
) -> Access:
    """Where no key is given, it is that of the environment."""
    if api_key is None:
        api_key = next((key for name in config.KEY_VARIABLES if (key := os.environ.get(name))), None)
    return Access(
        {
            "api_key": api_key,
            "base_url": base_url,
            "requests_per_minute": requests_per_minute,
            "max_concurrent_requests": max_concurrent_requests,
            "flat_files": flat_files,
        }
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What to read, as it was given."""

    stream: Stream
    tickers: Tickers
    start: Day = None
    end: Day = None
    timespan: str = "day"
    multiplier: int = 1
    adjusted: bool = True
    include_otc: bool = False

    def judged(self, how: Access, *, today: date) -> Config:
        """Raises `ConfigError` in the connector's words, which name its fields: ``start_date`` for start."""
        return config.parse(
            {
                **how.raw,
                "stock_ticker": _joined(self.tickers),
                "start_date": _text(self.start),
                "end_date": _text(self.end),
                "timespan": self.timespan,
                "multiplier": self.multiplier,
                "adjusted": self.adjusted,
                "include_otc": self.include_otc,
            },
            today=today,
        )


def judged_access(how: Access, *, today: date) -> Config:
    """The settings alone, before anything is asked. Raises `ConfigError`."""
    return config.parse({**how.raw, "stock_ticker": "*"}, today=today)


def stream_named(name: str) -> Stream:
    """Raises `ConfigError` for a stream that there is not."""
    for stream in STREAMS:
        if stream.name == name:
            return stream
    known = ", ".join(stream.name for stream in STREAMS)
    raise ConfigError(f"There is no stream {str(name)[:80]!r}: the streams are {known}.")


def judged_on_error(given: str) -> OnError:
    """Raises `ConfigError`."""
    match given:
        case "raise" | "skip":
            return given
    raise ConfigError(f"on_error must be one of raise, skip, not {str(given)[:60]!r}.")


def names_of(tickers: Tickers) -> tuple[str, ...]:
    """The tickers in the order asked, of a question that was judged; none where all are asked."""
    text = tickers if isinstance(tickers, str) else ",".join(tickers)
    return tuple(name.strip() for name in text.split(",") if name.strip() != "*")


def _joined(tickers: Any) -> Any:
    """Several names as the configuration has them; what is neither is for the configuration to refuse."""
    if isinstance(tickers, str | Mapping) or not isinstance(tickers, Iterable):
        return tickers
    names = list(tickers)
    wrong = next((name for name in names if not isinstance(name, str)), None)
    return ",".join(names) if wrong is None else wrong


def _text(day: Any) -> Any:
    return day.isoformat() if isinstance(day, date) and not isinstance(day, datetime) else day
