"""Bars to the rows of `stock_bars`: the one place that names their fields.

A row's ``timestamp`` is the start of the bar in UTC, whichever of its stamps the API gave a day bar; its
``date`` is the session in New York (of a longer bar, that of its start).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache

from stockticker_async.marketdata.bars import Bar, GroupedBar
from stockticker_async.marketdata.calendar import midnight_ms, session_of, utc_text
from stockticker_async.marketdata.rows import Row

_DAY_MS = 86_400_000


def bar_rows(bars: Sequence[GroupedBar], session: date, *, adjusted: bool) -> list[Row]:
    """Rows of `stock_bars` from a grouped answer; the timestamp is the session's start."""
    texts = [(utc_text(midnight_ms(session)), session.isoformat())] * len(bars)
    return [
        {"stock_ticker": bar.T, **fields, "adjusted": adjusted, "otc": bar.otc or False}
        for bar, fields in zip(bars, bar_fields(bars, texts), strict=True)
    ]


def bar_fields(bars: Sequence[Bar], texts: Iterable[tuple[str, str]]) -> list[Row]:
    """What bars of any ticker have of their own; ``texts`` are the timestamp and the date of each."""
    # written out, since a call for each takes as long as its row
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
    """As an integer where it is whole: 2e+06 is two million trades, though its notation is a float's."""
    if isinstance(trades, float) and trades.is_integer() and abs(trades) < 2**53:
        return int(trades)
    return trades


@lru_cache(maxsize=16_384)  # 60 years of days
def day_texts(timestamp_ms: int) -> tuple[str, str]:
    """The start of the session, whichever of its stamps the bar has, and its date."""
    session = session_of(timestamp_ms)
    return utc_text(midnight_ms(session)), session.isoformat()


def intraday_texts(bars: Sequence[Bar]) -> Iterator[tuple[str, str]]:
    """As `day_texts`, of bars that ascend; works out each day once (a thirtieth of the time)."""
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
    """The time of a UTC day: ``05:00:00Z``."""
    return utc_text(milliseconds)[len("1970-01-01T") :]
