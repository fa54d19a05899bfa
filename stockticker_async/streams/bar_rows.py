"""Bars to the rows of `stock_bars`: the one place that names their fields.

The ``timestamp`` of a row is the start of the bar in UTC, whatever time of the day the API gives a day bar.
The ``date`` is the session in New York; for a longer bar it is the session of its start.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache

from stockticker_async.marketdata.bars import Bar, GroupedBar
from stockticker_async.marketdata.calendar import midnight_ms, session_of, utc_text
from stockticker_async.marketdata.rows import Row

_DAY_MS = 86_400_000


def bar_rows(bars: Sequence[GroupedBar], session: date, *, adjusted: bool) -> list[Row]:
    """Return the rows of `stock_bars` from a grouped answer; the timestamp is the start of the session."""
    texts = [(utc_text(midnight_ms(session)), session.isoformat())] * len(bars)
    return [
        {"stock_ticker": bar.T, **fields, "adjusted": adjusted, "otc": bar.otc or False}
        for bar, fields in zip(bars, bar_fields(bars, texts), strict=True)
    ]


def bar_fields(bars: Sequence[Bar], texts: Iterable[tuple[str, str]]) -> list[Row]:
    """Return the fields of each bar without its ticker; ``texts`` are the timestamp and date of each bar."""
    # inline, because a function call takes as long as building the row
    return [
        {
            "timestamp": timestamp,
            "date": day,
            "open": bar.o,
            "high": bar.h,
            "low": bar.l,
            "close": bar.c,
            "volume": bar.v,
            "vwap": bar.vw,
            "transactions": trades if type(trades := bar.n) is int else whole(trades),
        }
        for (timestamp, day), bar in zip(texts, bars, strict=True)
    ]


def whole(trades: float | None) -> float | None:
    """Return a whole float as an integer: the API may write two million trades as 2e+06."""
    if isinstance(trades, float) and trades.is_integer() and abs(trades) < 2**53:
        return int(trades)
    return trades


@lru_cache(maxsize=16_384)  # 60 years of days
def day_texts(timestamp_ms: int) -> tuple[str, str]:
    """Return the start of the session of a bar in UTC, and its date, as text."""
    session = session_of(timestamp_ms)
    return utc_text(midnight_ms(session)), session.isoformat()


def intraday_texts(bars: Sequence[Bar]) -> Iterator[tuple[str, str]]:
    """As `day_texts`, for ascending intraday bars; computes each day once (a thirtieth of the time)."""
    prefix, day, begin, until = "", "", 0, 0
    for bar in bars:
        moment = bar.t
        if moment >= until:
            session, begin = session_of(moment), moment // _DAY_MS * _DAY_MS
            day, prefix = session.isoformat(), utc_text(begin)[: -len("00:00:00Z")]
            until = min(begin + _DAY_MS, midnight_ms(session + timedelta(days=1)))
        yield prefix + _time_text(moment - begin), day


@lru_cache(maxsize=86_400)
def _time_text(milliseconds: int) -> str:
    """Return the time of day in UTC: ``05:00:00Z``."""
    return utc_text(milliseconds)[len("1970-01-01T") :]
