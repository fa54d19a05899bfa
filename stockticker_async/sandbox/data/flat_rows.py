"""The text of the flat files: the bars of every ticker of a session as rows of CSV, never adjusted for
splits.

A file has the bars that the API gives unadjusted, number by number: both come from the same functions. A
minute file has millions of rows, so that its rows are made ticker by ticker, and each number is spelled once
a ticker.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

from stockticker_async.sandbox.data.day_bars import Bar, day_bar
from stockticker_async.sandbox.data.intraday_bars import minute_columns, trades_a_share
from stockticker_async.sandbox.data.sessions import closing, extended_closing, midnight_ms
from stockticker_async.sandbox.data.simulated_market import Market
from stockticker_async.sandbox.data.universe import Listing

Kind = Literal["day", "minute"]
HEADER = ("ticker", "volume", "open", "close", "high", "low", "window_start", "transactions")
OTC_FROM = date(2021, 12, 31).toordinal()
"""The first session whose files have the tickers traded over the counter."""

_NS = 1_000_000  # nanoseconds of a millisecond


def in_files(listing: Listing, day: int) -> bool:
    """Whether the files of a session have a ticker, if it traded."""
    return listing.first <= day <= listing.last and (day >= OTC_FROM or not listing.otc)


def tables(market: Market, kind: Kind, day: int) -> Iterator[str]:
    """The rows of each ticker that traded in a session, as lines, in no order of the tickers."""
    for listing in market.universe:
        if in_files(listing, day):
            scale = market.basis(listing, None).scale(day)
            bar = day_bar(listing, day, scale, midnight_ms(day))
            if bar is not None:
                yield _day_line(listing, bar) if kind == "day" else _minute_lines(listing, day, bar)


def _day_line(listing: Listing, bar: Bar) -> str:
    trades = bar["n"] if "n" in bar else int(bar["v"] * trades_a_share(bar)) or 1
    numbers = ",".join(spelled(bar[name]) for name in "voch")
    return f"{listing.ticker},{numbers},{spelled(bar['l'])},{bar['t'] * _NS},{trades}\n"


def _minute_lines(listing: Listing, day: int, bar: Bar) -> str:
    columns = minute_columns(listing.seed, day, bar, closing(day), extended_closing(day))
    trades = trades_a_share(bar)
    path = _texts(columns.path)
    rows = zip(
        columns.volumes, path, path[1:], _texts(columns.highs), _texts(columns.lows), columns.times,
        strict=False,
    )  # fmt: skip
    name = listing.ticker
    return "".join(
        [
            f"{name},{v},{o},{c},{h},{low},{t}000000,{int(v * trades) or 1}\n"
            if type(v) is int
            else f"{name},{spelled(v)},{o},{c},{h},{low},{t}000000,{int(v * trades) or 1}\n"
            for v, o, c, h, low, t in rows
        ]
    )


def _texts(prices: Sequence[float]) -> list[str]:
    known = {price: spelled(price) for price in set(prices)}
    return [known[price] for price in prices]


def spelled(number: float) -> str:
    """A number as files spell it: the shortest that means it, whole numbers without a point."""
    return str(number).removesuffix(".0")
