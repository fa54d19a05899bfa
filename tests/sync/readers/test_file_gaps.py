"""Tickers that files lack: counted in any order of two files at once, and told in one warning."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.sync.readers.file_gaps import FileGaps

FIRST = date(2020, 12, 14)


def told(known: set[str], files: list[tuple[int, set[str]]], wanted: set[str]) -> str | None:
    gaps = FileGaps(known)
    for day, traded in files:
        gaps.add(FIRST + timedelta(days=day), wanted, traded)
    return gaps.warning()


def test_a_ticker_counts_from_its_first_file_on() -> None:
    files = [(0, set[str]()), (1, {"A"}), (2, set[str]()), (3, {"A"}), (4, set[str]())]
    assert told(set(), files[:2], {"A"}) is None, "a young listing"
    text = told(set(), files, {"A"})
    assert text is not None
    assert "in some sessions: 2, of A." in text


def test_a_ticker_that_was_read_before_counts_from_the_first_session_on() -> None:
    text = told({"A", "B"}, [(0, {"B"}), (1, {"A", "B"})], {"A", "B"})
    assert text is not None
    assert "in some sessions: 1, of A." in text


def test_a_ticker_that_no_file_has_is_told() -> None:
    text = told(set(), [(0, {"B"}), (1, {"B"})], {"A", "B"})
    assert text is not None
    assert "in some sessions: 2, of A." in text


@given(st.lists(st.booleans(), min_size=2, max_size=6), st.data())
def test_two_files_may_come_in_either_order(has: list[bool], data: st.DataObject) -> None:
    files = [(day, {"A"} if is_there else set[str]()) for day, is_there in enumerate(has)]
    place = data.draw(st.integers(0, len(files) - 2))
    swapped = [*files[:place], files[place + 1], files[place], *files[place + 2 :]]
    assert told(set(), swapped, {"A"}) == told(set(), files, {"A"})
