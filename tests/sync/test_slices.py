"""A sync is cut into slices: each planned call stands in exactly one, and the slices are balanced."""

import pickle
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept import BY_NAME, Kept, slices_for

from stockticker_async.errors import ConfigError
from stockticker_async.streams.table import STREAMS, Stream
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.job import SelectedStream, SyncJob
from stockticker_async.sync.prepare import PreparedStream, prepare
from stockticker_async.sync.readers.listing import first_calls
from stockticker_async.sync.row_stream import RowStream
from stockticker_async.sync.slices import SyncSlice, balanced
from stockticker_async.sync.windows import Days

TODAY = date(2020, 12, 22)
DAYS = Days(TODAY - timedelta(days=1), TODAY - timedelta(days=1), TODAY)
NAMES = tuple(f"T{number:03}" for number in range(40))


def begun(name: str, job: SyncJob, days: Days = DAYS) -> PreparedStream:
    stream = BY_NAME[name]
    found = prepare(Kept, job, SelectedStream(stream, False), None, days)  # noqa: FBT003
    found.begin(days, job.end_date)
    return found


def cut(name: str, job: SyncJob, most: int, *, allowance: int | None = None) -> list[SyncSlice]:
    return slices_for(begun(name, job), job, DAYS, most=most, allowance=allowance)


def plans(slices: list[SyncSlice]) -> list[CallPlan]:
    return [one.calls for one in slices if isinstance(one.calls, CallPlan)]


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=40), st.integers(1, 12))
def test_parts_are_in_order_and_none_is_much_heavier_than_its_share(weights: list[float], most: int) -> None:
    parts = balanced(list(enumerate(weights)), lambda item: item[1], most)
    assert [item for part in parts for item in part] == list(enumerate(weights))
    assert 1 <= len(parts) <= most
    assert all(parts)
    fair = sum(weights) / most
    for part in parts:
        assert sum(weight for _, weight in part) <= fair + max(weights) + 1e-6


def test_equal_items_give_as_many_parts_as_are_wanted() -> None:
    for count in range(1, 20):
        for most in range(1, count + 1):
            sizes = [len(part) for part in balanced(range(count), lambda _: 1, most)]
            assert len(sizes) == most
            assert max(sizes) - min(sizes) <= 1
    assert balanced([], lambda _: 1, 3) == []


@pytest.mark.parametrize("stream", STREAMS, ids=lambda one: one.name)
@pytest.mark.parametrize("names", [("TSLA",), NAMES], ids=len)
def test_a_slice_is_plain_values_that_another_process_can_read(
    stream: Stream, names: tuple[str, ...]
) -> None:
    slices = cut(stream.name, SyncJob(names, start_date=date(2020, 12, 1)), 4)
    assert slices
    copies: list[SyncSlice] = pickle.loads(pickle.dumps(slices))  # noqa: S301 - our own
    assert copies == slices
    assert b"connector" not in pickle.dumps(slices)


@pytest.mark.parametrize("names", [("TSLA",), NAMES[:3], NAMES], ids=len)
def test_each_ticker_and_session_of_a_daily_stream_stands_in_one_slice(names: tuple[str, ...]) -> None:
    slices = cut("open_close", SyncJob(names, start_date=date(2020, 11, 2)), 8)
    assert len(slices) in (6, 8)
    for name in names:
        spans: list[Any] = [(one.firsts[name], one.days.last) for one in slices if name in one.firsts]
        assert spans[0][0] == date(2020, 11, 2)
        assert spans[-1][1] == DAYS.last
        assert all(end + timedelta(days=1) == first for (_, end), (first, _) in pairwise(spans))


def test_the_calls_of_a_list_are_those_of_one_process() -> None:
    job = SyncJob(NAMES, start_date=date(2020, 12, 1))
    rows = begun("news", job)
    assert isinstance(rows, RowStream)
    whole = first_calls(rows, rows.stream.source.listing, job, DAYS)  # type: ignore[union-attr] # a listing
    slices = cut("news", job, 4)
    assert len(slices) == min(4, len(whole))
    assert [call for one in slices for call in one.calls] == whole  # type: ignore[union-attr] # calls of lists


def test_nothing_to_read_is_no_slice() -> None:
    job = SyncJob(("TSLA",), start_date=TODAY)
    assert cut("stock_bars", job, 4) == cut("open_close", job, 4) == []


@pytest.mark.parametrize("name", ["ticker_details", "open_close"])
def test_a_stream_with_a_call_for_each_ticker_needs_names(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: .* name them in stock_ticker"):
        cut(name, SyncJob((), start_date=date(2020, 12, 1)), 4)
