"""Generate the module of the package with the weekdays on which the exchange is closed.

`python integration_tests/nyse_closures.py` (or `make fixtures`) writes it; with `--check` nothing is
written, and the exit code is 1 when it is not what would be made. The source is the package `holidays`:
past days as they were, future days by the rules of today. Its import takes 80 ms, a quarter of a short
read, so the program has the days instead.
"""

import argparse
from datetime import date, timedelta
from pathlib import Path

from holidays.financial.ny_stock_exchange import NewYorkStockExchange

ROOT = Path(__file__).parent.parent
MADE = ROOT / "stockticker_async" / "marketdata" / "nyse_closures.py"
FIRST = 1970
"""The first start_date that the configuration allows."""
LAST = NewYorkStockExchange.end_year
OPEN = frozenset({date(1970, 5, 29)})
"""Closed by `holidays` 0.109, the day before a Memorial Day on a Saturday, but open by `exchange_calendars`
4.13.2 and `pandas_market_calendars` 5.5.0. From 1970 to 2100 the three differ nowhere else."""


def closed() -> dict[int, list[date]]:
    """The weekdays without a session, ascending, by year."""
    holidays = NewYorkStockExchange()  # type: ignore[no-untyped-call]  # theirs has no hints
    found: dict[int, list[date]] = {}
    for year in range(FIRST, LAST + 1):
        begin, end = date(year, 1, 1), date(year, 12, 31)
        days = (begin + timedelta(days=n) for n in range((end - begin).days + 1))
        found[year] = [day for day in days if day.weekday() < 5 and day in holidays and day not in OPEN]  # noqa: PLR2004 - Monday is 0
    return found


def made() -> str:
    """The module's text."""
    lines = [
        f'"""The weekdays from {FIRST} to {LAST} on which the New York Stock Exchange is closed.',
        "",
        "The exchange announces some three years ahead; later days are what the rules of today give.",
        "Storms and days of mourning to come are not among them.",
        "",
        "Made by `make fixtures` from the package `holidays`: what is written here by hand is lost.",
        '"""',
        "",
        "CLOSED = {",
    ]
    for year, days in closed().items():
        lines.append(f'    {year}: "{" ".join(f"{day:%m%d}" for day in days)}",')
    lines += ["}", '"""Months and days, by year."""', ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    check = parser.parse_args().check
    text = made()
    stale = not MADE.exists() or MADE.read_text() != text
    if stale:
        print("out of date:" if check else "made anew:", MADE.relative_to(ROOT))
        if not check:
            MADE.write_text(text)
    raise SystemExit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
