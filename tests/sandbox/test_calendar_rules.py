"""Closures by rule, beside a list of them."""

from datetime import date

from holidays.constants import HALF_DAY, PUBLIC
from holidays.financial.ny_stock_exchange import NewYorkStockExchange

from stockticker_async.sandbox.data.calendar_rules import closures

YEARS = range(1999, 2101)


def test_the_rules_give_the_days_and_names_of_the_library() -> None:
    full = NewYorkStockExchange(years=YEARS, categories=(PUBLIC,))  # type: ignore[no-untyped-call]  # theirs
    half = NewYorkStockExchange(years=YEARS, categories=(HALF_DAY,))  # type: ignore[no-untyped-call]  # theirs
    listed = [(day.toordinal(), api_name(name), False) for day, name in full.items()]
    listed += [(day.toordinal(), api_name(name), True) for day, name in half.items()]
    assert [tuple(one) for year in YEARS for one in closures(year).values()] == sorted(listed)


def api_name(name: str) -> str:
    """An early close has the name of the holiday before or after it."""
    plain = name.split(" (", maxsplit=1)[0].removeprefix("Day before ").removeprefix("Day after ")
    return {
        "Thanksgiving Day": "Thanksgiving",
        "Christmas Day": "Christmas",
        "Christmas Eve": "Christmas",
    }.get(plain, plain)


def test_storms_and_days_of_mourning_are_not_scheduled() -> None:
    unscheduled = [
        date.fromordinal(closure.day).isoformat()
        for year in range(2012, 2027)
        for closure in closures(year).values()
        if not closure.scheduled
    ]
    assert unscheduled == ["2012-10-29", "2012-10-30", "2018-12-05", "2025-01-09"]
