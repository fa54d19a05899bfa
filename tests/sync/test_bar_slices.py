"""Calls and flat files of bars are cut: each stands in one slice, a file in a slice of its own."""

import pickle
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kept import BY_NAME, Kept, slices_for

from stockticker_async.marketdata import calendar, session_files
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize
from stockticker_async.marketdata.session_files import OTC_SINCE, FlatFile
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.job import SelectedStream, SyncJob
from stockticker_async.sync.prepare import prepare
from stockticker_async.sync.slices import SyncSlice
from stockticker_async.sync.windows import BarStream, Days, shared_call_plan

TODAY = date(2020, 12, 22)
DAYS = Days(TODAY - timedelta(days=1), TODAY - timedelta(days=1), TODAY)
NAMES = tuple(f"T{number:03}" for number in range(40))
MINUTE = BarSize(1, "minute")


def begun(name: str, job: SyncJob, days: Days = DAYS) -> BarStream:
    found = prepare(Kept, job, SelectedStream(BY_NAME[name], False), None, days)  # noqa: FBT003
    found.begin(days, job.end_date)
    assert isinstance(found, BarStream)
    return found


def cut(name: str, job: SyncJob, most: int, *, days: Days = DAYS, **told: Any) -> list[SyncSlice]:
    return slices_for(begun(name, job, days), job, days, most=most, **told)


def plans(slices: list[SyncSlice]) -> list[CallPlan]:
    return [one.calls for one in slices if isinstance(one.calls, CallPlan)]


def files_of(bar: BarSize, first: date, last: date) -> list[FlatFile]:
    days = [day for day in calendar.weekdays(first, last) if calendar.is_session(day)]
    return [FlatFile(day, session_files.key_of(bar, day), f"etag of {day}", 1000) for day in days]


@given(
    st.integers(1, 40),
    st.integers(0, 400),
    st.sampled_from([BarSize(), BarSize(1, "minute"), BarSize(1, "week")]),
    st.integers(1, 9),
    st.sampled_from([None, 5]),
)
def test_each_planned_call_stands_in_one_slice(
    count: int, back: int, bar: BarSize, most: int, allowance: int | None
) -> None:
    job = SyncJob(NAMES[:count], start_date=TODAY - timedelta(days=back + 1), bar=bar)
    stream = begun("stock_bars", job)
    whole = shared_call_plan(job, bar, [stream], DAYS, allowance=allowance)
    slices = slices_for(stream, job, DAYS, most=most, allowance=allowance)
    assert len(slices) <= most
    assert [call for plan in plans(slices) for call in plan.grouped] == list(whole.grouped)
    assert [call for plan in plans(slices) for call in plan.ranges] == list(whole.ranges)
    for one, plan in zip(slices, plans(slices), strict=True):
        asked = {call.ticker for call in plan.ranges} | (plan.by_session if plan.grouped else set())
        assert set(one.job.tickers) == set(one.firsts) == asked


def test_a_ticker_is_new_only_where_its_first_piece_is_read() -> None:
    job = SyncJob(("TSLA",), start_date=date(2020, 1, 2), bar=BarSize(1, "minute"))
    slices = cut("stock_bars", job, 3)
    assert [one.known for one in slices] == [frozenset(), {"TSLA"}, {"TSLA"}]
    by_session = cut("stock_bars", SyncJob(NAMES * 100, start_date=date(2020, 12, 14)), 2)
    assert [len(plan.grouped) for plan in plans(by_session)] == [3, 3]
    assert [len(one.known) for one in by_session] == [0, 40]


def test_slices_are_balanced_by_rows_or_where_calls_are_rationed_by_calls() -> None:
    job = SyncJob(NAMES[:6], start_date=date(2019, 1, 2), bar=BarSize(1, "minute"))
    counts = [plan.rows for plan in plans(cut("stock_bars", job, 4))]
    assert max(counts) < 1.2 * min(counts)
    rationed = [plan.calls for plan in plans(cut("stock_bars", job, 4, allowance=5))]
    assert max(rationed) - min(rationed) <= 1


def test_sessions_of_the_market_are_cut() -> None:
    slices = cut("stock_prices", SyncJob((), start_date=date(2020, 12, 1)), 4)
    assert [len(plan.grouped) for plan in plans(slices)] == [4, 3, 4, 4]
    assert [one.job.tickers for one in slices] == [()] * 4
    assert all(one.firsts == {"*": date(2020, 12, 1)} for one in slices)


def test_a_file_is_a_slice_and_calls_are_cut_beside_it() -> None:
    job = SyncJob((), start_date=date(2020, 12, 1), bar=MINUTE, adjusted=False, flat_files=True)
    files = files_of(MINUTE, date(2020, 12, 1), DAYS.last)
    slices = cut("stock_bars", job, 3, files=files)
    assert [one.files for one in slices] == [(file,) for file in files]
    assert all(not one.makes_calls for one in slices), "before files had OTC stocks"
    assert all(one.firsts == {"*": date(2020, 12, 1)} for one in slices)
    prices = SyncJob((), start_date=date(2020, 12, 1), adjusted=False, flat_files=True)
    days = files_of(ONE_DAY, date(2020, 12, 1), DAYS.last)
    some = cut("stock_prices", prices, 3, allowance=5, files=days[:-2], most_calling=5)
    assert [one.files for one in some] == [(file,) for file in days[:-2]] + [()] * 2
    assert [plan.calls for plan in plans(some)] == [0] * len(days[:-2]) + [1, 1]


def test_sessions_without_a_file_are_cut_as_calls() -> None:
    class Closes(Kept):
        closes_only = True

    job = SyncJob((), start_date=date(2020, 12, 1), adjusted=False, flat_files=True)
    stream = prepare(Closes, job, SelectedStream(BY_NAME["stock_prices"], False), None, DAYS)  # noqa: FBT003
    stream.begin(DAYS, None)
    files = files_of(ONE_DAY, date(2020, 12, 1), DAYS.last)
    slices = slices_for(stream, job, DAYS, most=2, files=files[:-5])
    assert [len(one.files) for one in slices] == [1] * len(files[:-5]) + [0, 0]
    assert [len(plan.grouped) for plan in plans(slices)[-2:]] == [2, 3]
    assert [one.makes_calls for one in slices] == [False] * len(files[:-5]) + [True, True]


@given(st.integers(1, 30), st.integers(1, 9), st.integers(1, 20), st.booleans())
def test_no_more_slices_make_calls_than_can_have_a_part_of_the_allowance(
    weeks: int,
    most: int,
    most_calling: int,
    whole: bool,  # noqa: FBT001 - a case
) -> None:
    """The sessions are on both sides of the day from which on files have OTC stocks."""
    last = OTC_SINCE + timedelta(weeks=15)
    days = Days(last, last, last + timedelta(days=1))
    first = last - timedelta(weeks=weeks)
    tickers = () if whole else tuple(f"T{number:03}" for number in range(500))
    job = SyncJob(tickers, first, bar=MINUTE, adjusted=False, flat_files=True)
    files = files_of(MINUTE, first, last)
    slices = cut(
        "stock_bars", job, most, days=days, allowance=most_calling, files=files, most_calling=most_calling
    )
    assert sum(one.makes_calls for one in slices) <= most_calling
    planned = shared_call_plan(job, MINUTE, [begun("stock_bars", job, days)], days, allowance=most_calling)
    wanted = {call.session for call in planned.files}
    assert sorted(file.session for one in slices for file in one.files) == [
        file.session for file in files if file.session in wanted
    ]
    free = [one for one in slices if not one.makes_calls]
    assert all(len(one.files) == 1 and one.files[0].session < OTC_SINCE for one in free) or not whole
    calls = [call.ticker for plan in plans(slices) for call in plan.ranges]
    assert calls == [call.ticker for call in planned.ranges]


def test_a_named_ticker_is_new_in_the_first_file_only() -> None:
    names = tuple(f"T{number:03}" for number in range(500))
    job = SyncJob(names, start_date=date(2020, 12, 14), bar=MINUTE, adjusted=False, flat_files=True)
    files = files_of(MINUTE, date(2020, 12, 14), DAYS.last)
    slices = cut("stock_bars", job, 3, files=files)
    assert [len(one.known) for one in slices] == [0] + [500] * (len(files) - 1)
    assert [one.makes_calls for one in slices] == [True] + [False] * (len(files) - 1)
    assert all(set(one.firsts) == set(names) == set(one.job.tickers) for one in slices)


def test_a_slice_with_a_file_is_plain_values() -> None:
    job = SyncJob((), start_date=date(2020, 12, 14), bar=MINUTE, adjusted=False, flat_files=True)
    slices = cut("stock_bars", job, 3, files=files_of(MINUTE, date(2020, 12, 14), DAYS.last))
    assert slices
    assert pickle.loads(pickle.dumps(slices)) == slices  # noqa: S301 - our own
