"""Pages of bars as the API writes them, and how one is judged."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.bar_times import judge_times
from stockticker_async.marketdata.bars import Asked, Bar, RangePage, decode_grouped, decode_range, judge_echo

NEW_YORK = ZoneInfo("America/New_York")
DAY = BarSize()
MINUTE = BarSize(1, "minute")
MONDAY = date(2020, 12, 14)
FRIDAY = date(2020, 12, 18)
ASKED = Asked("TSLA", MONDAY, FRIDAY, DAY, adjusted=True)


# the closes of the tutorial's output
CLOSES = {14: 639.83, 15: 633.25, 16: 622.77, 17: 655.9, 18: 695.0}


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    """A New York time as epoch milliseconds."""
    return int(datetime(year, month, day, hour, minute, tzinfo=NEW_YORK).timestamp() * 1000)


def wire(t: object, **fields: object) -> dict[str, object]:
    """A bar as the API writes it."""
    return {"t": t, "o": 1.0, "h": 2.0, "l": 0.5, "c": 1.5, "v": 100, "vw": 1.25, "n": 7, **fields}


def body(*results: object, **envelope: object) -> bytes:
    """A page as the API writes it."""
    page = {
        "ticker": "TSLA",
        "queryCount": len(results),
        "resultsCount": len(results),
        "adjusted": True,
        "results": list(results),
        "status": "OK",
        "request_id": "6a7e466379af0a71039d60cc78e72282",
        "count": len(results),
        **envelope,
    }
    return json.dumps(page).encode()


def judge_range(page: RangePage, asked: Asked, *, after_ms: int | None) -> list[Bar]:
    judge_echo(page, asked)
    bars = page.results or []
    judge_times([bar.t for bar in bars], asked, after_ms=after_ms)
    return bars


def bars_of(*results: object, asked: Asked = ASKED, after_ms: int | None = None) -> list[Bar]:
    return judge_range(decode_range(body(*results)), asked, after_ms=after_ms)


def stamps(bars: Sequence[Bar]) -> list[int]:
    return [bar.t for bar in bars]


TUTORIAL = [wire(at(2020, 12, day), c=close) for day, close in CLOSES.items()]


def market(*names: str) -> Any:
    return decode_grouped(body(*(wire(at(2020, 12, 15, 16), T=name) for name in names)))


moments = st.lists(
    st.builds(at, st.just(2020), st.just(12), st.integers(14, 18), st.integers(4, 19), st.integers(0, 59)),
    unique=True,
    min_size=1,
    max_size=20,
).map(sorted)
