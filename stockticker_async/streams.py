"""The table of streams: a stream is a row here and a JSON schema in `schemas/`, never a subclass."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stream:
    """What the catalog says of a stream. Its schema is ``schemas/{name}.json``."""

    name: str
    primary_key: tuple[str, ...]
    cursor: str
    """The field that the destination may compare by; the state has a key of the same name."""


STOCK_PRICES = Stream("stock_prices", ("stock_ticker", "date"), "date")
STOCK_BARS = Stream("stock_bars", ("stock_ticker", "timestamp"), "timestamp")
STREAMS = (STOCK_PRICES, STOCK_BARS)
