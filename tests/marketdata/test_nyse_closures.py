"""The exchange's calendar: what the package has of it, beside two sources."""

import hashlib
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from holidays.financial.ny_stock_exchange import NewYorkStockExchange

from stockticker_async.marketdata.calendar import CALENDAR_ENDS, is_session, is_weekday, weekdays
from stockticker_async.marketdata.nyse_closures import CLOSED

ROOT = Path(__file__).parents[2]
BEGINS = date(1970, 1, 1)


def test_the_days_are_those_that_would_be_made_today() -> None:
    script = ROOT / "integration_tests" / "nyse_closures.py"
    made = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", ""), "make fixtures"


def test_every_day_is_as_the_library_says_but_one() -> None:
    library = NewYorkStockExchange()  # type: ignore[no-untyped-call]  # theirs has no hints
    days = (BEGINS + timedelta(days=n) for n in range((CALENDAR_ENDS - BEGINS).days + 1))
    others = [day for day in days if is_session(day) != (is_weekday(day) and day not in library)]
    assert others == [date(1970, 5, 29)]


def test_every_day_is_as_two_other_libraries_say() -> None:
    # What `exchange_calendars` 4.13.2 (XNYS) and `pandas_market_calendars` 5.5.0 (NYSE) gave in November
    # 2026, when they also had the days of this package for all years up to 2100. They are not installed for
    # it: with pandas they are 190 MB. What is kept is the past, since days to come may be told otherwise.
    closed = [str(day) for day in weekdays(BEGINS, date(2025, 12, 31)) if not is_session(day)]
    assert len(closed) == 489
    assert hashlib.sha256("\n".join(closed).encode()).hexdigest() == (
        "a6c4b8d0426ca013047646b8bfcffe9965c3b0f83c13f8c71fa8b67e128e6aa8"
    )


def test_every_day_of_the_calendar_is_a_weekday_and_stands_there_once() -> None:
    assert list(CLOSED) == list(range(1970, 2101))
    for year, text in CLOSED.items():
        days = [date(year, int(day[:2]), int(day[2:])) for day in text.split(" ")]
        assert days == sorted(set(days))
        assert all(is_weekday(day) for day in days)


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1969, 12, 25), date(2101, 12, 26), date(9999, 12, 31)])
def test_a_weekday_outside_of_the_calendar_counts_as_a_session(day: date) -> None:
    assert is_session(day)
