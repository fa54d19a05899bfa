"""Offsets are states: what lies between two of them is read once, and nothing else."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.spark.offset import NOTHING, Offset, advanced, increment, last_session
from stockticker_async.streams.table import STOCK_BARS
from stockticker_async.sync import state_format
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.start import Start
from stockticker_async.sync.state import StreamCursors
from stockticker_async.sync.state_format import Basis, Entry

BASIS = Basis(adjusted=True, bar="1 day")
SINCE, MIDDLE, LAST = date(2024, 12, 2), date(2024, 12, 19), date(2024, 12, 20)
JOB = SyncJob(("A", "B", "C"), SINCE)


def offset(entries: dict[str, Entry], splits: dict[str, str] | None = None, basis: Basis = BASIS) -> Offset:
    return dict(state_format.write(STOCK_BARS, basis, entries, splits or {}))


def firsts(start: Offset, end: Offset) -> dict[str, Entry]:
    found = increment(STOCK_BARS, JOB, start, end)
    return {} if found is None else found.cursors.start.entries


def test_a_first_batch_reads_all_and_a_second_one_goes_on() -> None:
    first = offset({"A": Entry(SINCE, MIDDLE), "B": Entry(SINCE, MIDDLE)})
    second = offset({"A": Entry(SINCE, LAST), "B": Entry(SINCE, LAST)})
    assert {entry.cursor for entry in firsts(NOTHING, first).values()} == {None}
    assert {entry.cursor for entry in firsts(first, second).values()} == {MIDDLE}
    found = increment(STOCK_BARS, JOB, first, second)
    assert found is not None
    assert found.days.last == found.days.settled == LAST
    assert increment(STOCK_BARS, JOB, second, second) is None
    assert increment(STOCK_BARS, JOB, NOTHING, NOTHING) is None


def test_a_ticker_is_read_from_its_first_day_if_anything_but_its_cursor_differs() -> None:
    start = offset({"A": Entry(SINCE, MIDDLE, "s1"), "B": Entry(SINCE, MIDDLE)})
    for other in (Entry(SINCE, LAST, "s2"), Entry(SINCE, LAST), Entry(date(2024, 11, 1), LAST, "s1")):
        found = firsts(start, offset({"A": other, "B": Entry(SINCE, LAST)}))
        assert found["A"].cursor is None
        assert found["A"].since == other.since
        assert found["B"].cursor == MIDDLE
    other_basis = offset({"A": Entry(SINCE, LAST, "s1")}, basis=Basis(adjusted=False, bar="1 day"))
    assert firsts(start, other_basis)["A"].cursor is None


def test_tickers_of_the_market_whose_splits_changed_are_read_again_by_name() -> None:
    start = offset({"*": Entry(SINCE, MIDDLE)}, {"A": "s1", "B": "s2", "C": "s3"})
    end = offset({"*": Entry(SINCE, LAST)}, {"A": "s1", "B": "s4", "D": "s5"})
    found = increment(STOCK_BARS, SyncJob((), SINCE), start, end)
    assert found is not None
    assert set(found.cursors.start.rereads) == {"B", "C", "D"}
    assert found.job.whole_market
    first = increment(STOCK_BARS, SyncJob((), SINCE), NOTHING, start)
    assert first is not None
    assert first.cursors.start.rereads == {}


entries = st.dictionaries(
    st.sampled_from("ABC"),
    st.builds(
        Entry,
        st.just(SINCE),
        st.none() | st.dates(SINCE, LAST),
        st.sampled_from([None, "s1", "s2"]),
    ),
    min_size=1,
)


@given(entries, st.none() | st.dates(SINCE, LAST))
def test_an_offset_only_goes_forward(some: dict[str, Entry], through: date | None) -> None:
    cursors = StreamCursors(STOCK_BARS, BASIS, Start(some))
    before, after = offset(some), advanced(cursors, through)
    ends = [last_session(STOCK_BARS, one) or date.min for one in (before, after)]
    assert ends[0] <= ends[1]
    assert advanced(cursors, None) == before
    read: Any = state_format.read(STOCK_BARS, after)
    for name, entry in read.entries.items():
        assert (entry.since, entry.splits) == (some[name].since, some[name].splits)
        if through is not None:
            assert entry.cursor is not None
            assert entry.cursor >= through


@given(entries, entries, entries)
def test_two_batches_read_the_days_of_one(
    one: dict[str, Entry], two: dict[str, Entry], three: dict[str, Entry]
) -> None:
    """Of a ticker that only goes on, each day is in one of the two batches."""
    start, middle, end = offset(one), offset(two), offset(three)
    for name in set(one) & set(two) & set(three):
        cursors = [some[name].cursor for some in (one, two, three)]
        alike = len({(some[name].since, some[name].splits) for some in (one, two, three)}) == 1
        if not alike or None in cursors or sorted(cursors) != cursors:  # type: ignore[type-var] # none is None
            continue
        if (second := firsts(middle, end)) and middle != end:
            assert second[name].cursor == cursors[1]
        if (first := firsts(start, middle)) and start != middle:
            assert first[name].cursor == cursors[0]
