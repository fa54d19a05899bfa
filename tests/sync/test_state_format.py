"""The written form of cursors, and every form of one stream's state that is given back to us."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.connector import protocol
from stockticker_async.errors import ConfigError
from stockticker_async.streams.table import STOCK_BARS, STOCK_PRICES, STREAMS, Listed, Stream
from stockticker_async.sync.file_marks import FileMarks
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.state_format import BareDateState, Basis, Entry, NoState, SavedState, read, write

FIRST = date(2020, 1, 1)
BASIS = Basis(adjusted=True, bar="1 day")
DAYS = st.integers(0, 400).map(lambda n: FIRST + timedelta(days=n))
TICKERS = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters=",=*?#"), min_size=1, max_size=8
).filter(lambda name: name.strip(".") != "")


MARKS = st.none() | st.text("0123456789abcdef", min_size=8, max_size=8)
STREAM = st.sampled_from([stream for stream in STREAMS if stream.cursor])


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    since, other = draw(DAYS), draw(st.none() | DAYS)
    return Entry(since, None if other is None else max(since, other), draw(MARKS))


# what is written can be read


@given(STREAM, st.dictionaries(TICKERS, entries(), min_size=1), st.booleans(), st.booleans())
def test_a_state_that_was_written_is_read_as_it_was(
    stream: Stream,
    wanted: dict[str, Entry],
    adjusted: bool,  # noqa: FBT001 - drawn
    otc: bool,  # noqa: FBT001 - drawn
) -> None:
    of_bars = not isinstance(stream.source, Listed)
    basis = Basis(adjusted, "5 minute", otc) if of_bars else Basis(otc=otc)
    blob = json.loads(json.dumps(write(stream, basis, wanted, {})))
    assert read(stream, blob) == SavedState(basis, wanted, {})


@given(STREAM, entries(), st.dictionaries(TICKERS, MARKS.filter(bool)))
def test_the_whole_market_s_state_keeps_its_fingerprints(
    stream: Stream, entry: Entry, marks: dict[str, str]
) -> None:
    blob = write(stream, BASIS, {WHOLE_MARKET: Entry(entry.since, entry.cursor)}, marks)
    found = read(stream, json.loads(json.dumps(blob)))
    assert isinstance(found, SavedState)
    assert found.market_splits == marks
    assert found.entries == {WHOLE_MARKET: Entry(entry.since, entry.cursor)}


@given(STREAM, st.dictionaries(TICKERS, entries(), min_size=1))
def test_a_state_has_a_scalar_under_its_cursor_s_name_from_the_first_on(
    stream: Stream, wanted: dict[str, Entry]
) -> None:
    cursor = write(stream, BASIS, wanted, {})[stream.cursor]
    assert isinstance(cursor, str)
    assert isinstance(read(stream, {stream.cursor: cursor}), BareDateState)


def test_ten_thousand_tickers_in_step_fit_128_kilobytes() -> None:
    names = [f"T{number:04d}"[:5] for number in range(10_000)]
    marks = [f"{number:08x}" if number % 10 < 3 else None for number in range(10_000)]
    held = {name: Entry(FIRST, FIRST, mark) for name, mark in zip(names, marks, strict=True)}
    line = protocol.state("stock_prices", write(STOCK_PRICES, BASIS, held, {}), records=0)
    assert len(line) <= 128 * 1024  # measured: 87,276 bytes, of tickers of five letters


# what is given back to us
OWN = {"version": 1, "adjusted": True, "bar": "1 day", "date": "2020-01-02", "tickers": []}


@pytest.mark.parametrize("blob", [None, {}])
def test_no_state_is_no_state(blob: Any) -> None:
    assert read(STOCK_PRICES, blob) == NoState()


@pytest.mark.parametrize(
    ("stream", "blob"),
    [
        (STOCK_PRICES, {"date": "2020-12-21"}),
        (STOCK_PRICES, {"date": "2020-12-21T05:00:00Z", "other": None}),
        (STOCK_BARS, {"timestamp": "2020-12-21T05:00:00Z"}),
        (STOCK_BARS, {"date": "2020-12-21"}),
        (STOCK_BARS, {"timestamp": "2020-12-21T05:00:00"}),
    ],
)
def test_a_bare_date_is_understood(stream: Stream, blob: Any) -> None:
    assert read(stream, blob) == BareDateState(date(2020, 12, 21))


@pytest.mark.parametrize(
    ("blob", "fault"),
    [
        ("x", "not a JSON object"),
        ({"version": 2, "tickers": []}, "version is 2"),
        ({"tickers": []}, "version is unknown"),
        ({"cursor": 1}, "has no date"),
        ({"date": "yesterday"}, "which is not a date"),
        ({"date": 20201221}, "date is not a string"),
        ({"date": "9999-12-31T23:59:59-12:00"}, "which is not a date"),
        ({**OWN, "adjusted": "yes"}, "adjusted"),
        ({**OWN, "tickers": {}}, "tickers is not a list"),
        ({**OWN, "tickers": ["A"]}, "not an object"),
        (
            {**OWN, "tickers": [{"since": "2020-01-02", "date": "2020-01-02", "names": 1}]},
            "names is not a string",
        ),
        ({**OWN, "tickers": [{"since": "2020-01-02", "date": "2020-01-02", "names": "A,A"}]}, "A twice"),
        ({**OWN, "tickers": [{"since": "2020-01-02", "names": "A"}]}, "date is missing"),
    ],
)
def test_a_state_that_cannot_be_read_is_refused_by_name(blob: Any, fault: str) -> None:
    with pytest.raises(ConfigError, match="The state of stock_prices cannot be read") as caught:
        read(STOCK_PRICES, blob)
    assert fault in str(caught.value)


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "1970-01-01"])
def test_days_before_the_first_timestamp_are_that_of_the_first(day: str) -> None:
    epoch = date(1970, 1, 1)
    assert read(STOCK_PRICES, {"date": day}) == BareDateState(epoch)
    saved = {**OWN, "tickers": [{"since": day, "date": day, "names": "A"}]}
    cursor = epoch if day == "1970-01-01" else None
    assert read(STOCK_PRICES, saved) == SavedState(BASIS, {"A": Entry(epoch, cursor)})
    found = read(STOCK_BARS, write(STOCK_BARS, BASIS, {"A": Entry(epoch)}, {}))
    assert found == SavedState(BASIS, {"A": Entry(epoch)})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"version": "1"}, "its version is '1', where the number 1 is understood"),
        ({"version": 2}, "its version is 2, where the number 1 is understood"),
        ({"version": None}, "its version is unknown"),
        ({"tickers": []}, "tickers has no entry"),
        ({"tickers": [{"since": "2020-12-14", "date": "2020-12-18", "names": ""}]}, "has no names"),
        ({"tickers": [{"since": "2020-12-14", "date": "2020-12-18", "names": ","}]}, "has no names"),
    ],
)
def test_a_state_that_vouches_for_nobody_is_no_state(change: dict[str, Any], fault: str) -> None:
    """Taken for an empty one it would be a full read without a word."""
    group = {"since": "2020-12-14", "date": "2020-12-18", "names": "TSLA"}
    blob = {"version": 1, "adjusted": True, "bar": "1 day", "tickers": [group]}
    assert isinstance(read(STOCK_PRICES, blob), SavedState)
    with pytest.raises(ConfigError, match=fault):
        read(STOCK_PRICES, {**blob, **change})


@given(st.dictionaries(DAYS, st.text(max_size=5)), st.sets(DAYS))
def test_the_marks_of_flat_files_are_read_as_they_were(etags: dict[date, str], missing: set[date]) -> None:
    marks = FileMarks(etags, tuple(sorted(missing)))
    blob = write(STOCK_BARS, BASIS, {"*": Entry(FIRST, FIRST)}, {}, marks)
    assert ("files" in blob) == bool(marks)
    found = read(STOCK_BARS, json.loads(json.dumps(blob)))
    assert isinstance(found, SavedState)
    assert found.files == marks


@pytest.mark.parametrize(
    "files",
    [[], "x", {"etags": []}, {"missing": {}}, {"etags": {"x": "e"}}, {"missing": ["x"]}, {"missing": [1]}],
)
def test_marks_that_cannot_be_read_are_refused(files: Any) -> None:
    blob = {**write(STOCK_BARS, BASIS, {"*": Entry(FIRST, FIRST)}, {}), "files": files}
    if files == []:
        assert isinstance(read(STOCK_BARS, blob), SavedState)  # as absent
        return
    with pytest.raises(ConfigError, match="files"):
        read(STOCK_BARS, blob)
