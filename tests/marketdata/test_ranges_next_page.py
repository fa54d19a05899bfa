"""Where the next page of bars begins: after the last bar, whatever a page names."""

from datetime import date

import pytest

from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.bars import Asked
from stockticker_async.marketdata.calendar import midnight_ms
from stockticker_async.marketdata.ranges import _going_on

DAY, MINUTE = BarSize(), BarSize(1, "minute")
FIRST, LAST = date(2020, 1, 1), date(2020, 1, 10)
FRIDAY = midnight_ms(date(2020, 1, 3))
SATURDAY = midnight_ms(date(2020, 1, 4))
HOST = "https://api.massive.com"
CURSOR = "?cursor=bGltaXQ9MiZzb3J0PWFzYw"


def url(begin: object, ticker: str = "AAPL", size: str = "1/day", end: str = "2020-01-10") -> str:
    return f"{HOST}/v2/aggs/ticker/{ticker}/range/{size}/{begin}/{end}{CURSOR}"


@pytest.mark.parametrize(
    ("named", "followed"),
    [
        (url(SATURDAY), url(SATURDAY)),  # the published example
        (url(SATURDAY + 1), url(SATURDAY)),
        (url(midnight_ms(date(2020, 1, 6))), url(SATURDAY)),
        (url("2020-01-04"), url("2020-01-04")),
        (url("2020-01-06"), url(SATURDAY)),
        # what goes back is followed, and refused for the bars that come twice
        (url(FRIDAY), url(FRIDAY)),
        (url("2020-01-01"), url("2020-01-01")),
        (url(SATURDAY, ticker="MSFT"), url(SATURDAY)),
        (url(SATURDAY, size="1/week"), url(SATURDAY)),
        (url(SATURDAY, end="2020-01-08"), url(SATURDAY)),
        # what is no range is followed as it is
        (url("2020-99-99"), url("2020-99-99")),
        (url("then"), url("then")),
        (f"{HOST}/v2/aggs/next{CURSOR}", f"{HOST}/v2/aggs/next{CURSOR}"),
        ("https://other.example/x", "https://other.example/x"),
    ],
)
def test_the_next_page_begins_with_the_window_after_the_last_bar(named: str, followed: str) -> None:
    assert _going_on(named, Asked("AAPL", FIRST, LAST, DAY, adjusted=True), FRIDAY) == followed


@pytest.mark.parametrize(
    ("size", "last_ms", "following_ms"),
    [
        (MINUTE, FRIDAY, FRIDAY + 60_000),
        (BarSize(5, "minute"), FRIDAY, FRIDAY + 300_000),
        (BarSize(2, "hour"), FRIDAY, FRIDAY + 7_200_000),
        (DAY, FRIDAY + 16 * 3_600_000, SATURDAY),
        (BarSize(1, "week"), midnight_ms(date(2020, 3, 8)), midnight_ms(date(2020, 3, 15))),  # of 167 hours
        (BarSize(1, "month"), midnight_ms(date(2020, 2, 1)), midnight_ms(date(2020, 3, 1))),
        (BarSize(1, "quarter"), midnight_ms(date(2020, 1, 1)), midnight_ms(date(2020, 4, 1))),
    ],
    ids=str,
)
def test_the_window_after_a_bar(size: BarSize, last_ms: int, following_ms: int) -> None:
    assert Asked("AAPL", FIRST, LAST, size, adjusted=True).following_ms(last_ms) == following_ms
