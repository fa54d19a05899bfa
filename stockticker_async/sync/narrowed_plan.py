"""Narrows a call plan to some tickers and days: what is left is answered in the same way as before.

A plan of its own for a part might answer it in another way: by ranges, whose bars have a vwap, in place of
files, whose bars have none. So where rows depend on the way, the whole is planned, and then narrowed.
"""

from collections.abc import Iterator
from datetime import date

from msgspec.structs import replace

from stockticker_async.marketdata.session_files import OTC_SINCE
from stockticker_async.sync.call_plan import CallPlan, RangeCall, weekdays_in


def narrowed_plan(plan: CallPlan, names: frozenset[str] | None, first: date, last: date) -> CallPlan:
    """Return the calls and files for these tickers and days, both ends included.

    ``names`` are some tickers of the plan; None: all of them, or the whole market.
    """
    by_session = plan.by_session if names is None else plan.by_session & names
    asked = names is None or bool(by_session)
    files = tuple(call for call in plan.files if asked and first <= call.session <= last)
    return replace(
        plan,
        ranges=tuple(_ranges(plan, names, first, last)),
        grouped=tuple(call for call in plan.grouped if asked and first <= call.session <= last),
        files=files,
        listed_files=sum(call.session >= OTC_SINCE for call in files) if plan.listed_files else 0,
        by_session=by_session,
    )


def _ranges(plan: CallPlan, names: frozenset[str] | None, first: date, last: date) -> Iterator[RangeCall]:
    for call in plan.ranges:
        begin, end = max(first, call.first), min(last, call.last)
        if (names is None or call.ticker in names) and begin <= end and weekdays_in(begin, end):
            yield RangeCall(call.ticker, begin, end)
