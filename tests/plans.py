"""Windows to plan calls for, and the price of a plan."""

from datetime import date, timedelta

from hypothesis import strategies as st

from stockticker_async.sync.call_plan import Window

MONDAY = date(2024, 6, 3)


def tickers(count: int, first: date, last: date, *, name: str = "T") -> list[Window]:
    return [Window(f"{name}{number}", first, last) for number in range(count)]


def weekdays(first: date, last: date) -> list[date]:
    days = (first + timedelta(number) for number in range((last - first).days + 1))
    return [day for day in days if day.isoweekday() < 6]


def price(calls: int, rows: int, allowance: int | None) -> tuple[int, int]:
    """The documented cost: what decides, and what breaks its ties."""
    return (calls * 5_000 + rows, 0) if allowance is None else (calls, rows)


@st.composite
def window_lists(draw: st.DrawFn, *, most: int, span_days: int) -> list[Window]:
    """Windows over few days, often in step, from any day of the week."""
    origin = MONDAY + timedelta(draw(st.integers(0, 6)))
    days = st.tuples(st.integers(0, span_days - 1), st.integers(0, span_days - 1)).map(sorted)
    spans = draw(st.lists(days, max_size=most))
    return [
        Window(f"T{number}", origin + timedelta(first), origin + timedelta(last))
        for number, (first, last) in enumerate(spans)
    ]


allowances = st.sampled_from([None, 5])
