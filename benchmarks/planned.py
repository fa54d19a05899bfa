"""The calls that typical syncs are planned to take, beside a call for each ticker."""

from collections.abc import Iterator
from datetime import date, timedelta

from benchmarks.report import Table
from benchmarks.size import Size
from stockticker_async.sync.call_plan import Window, minutes_under, plan_days, plan_market

_LAST = date(2025, 2, 28)
_DAY, _YEAR = timedelta(days=0), timedelta(days=365)
_FREE = 5  # calls a minute on the free plan
_SYNCS = (
    (6, _DAY, "a new day"),
    (500, _DAY, "a new day"),
    (500, timedelta(days=6), "a new week"),
    (500, 2 * _YEAR, "two years"),
    (2000, 20 * _YEAR, "twenty years"),
)


def run(_: Size) -> Iterator[Table]:
    rows = []
    for count, span, what in _SYNCS:
        windows = [Window(f"TK{number}", _LAST - span, _LAST) for number in range(count)]
        plan = plan_days(windows, allowance=_FREE)
        rows.append((f"{count} tickers, {what}", *_told(plan.calls), str(count)))
    for span, what in ((_DAY, "a new day"), (_YEAR, "a year")):
        rows.append((f"`*`, {what}", *_told(len(plan_market(_LAST - span, _LAST))), "12000"))
    yield Table(
        "Calls for day bars",
        "As planned with the free allowance of 5 calls a minute; one or two calls for splits come on top.",
        ("sync", "calls", "minutes", "a call a ticker would be"),
        rows,
    )


def _told(calls: int) -> tuple[str, str]:
    return str(calls), str(minutes_under(calls, _FREE))
