"""The laws of cursors and states, and every form of a state that is given back to us."""

import json
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async import protocol
from stockticker_async.config import MARKET
from stockticker_async.errors import ConfigError
from stockticker_async.splits import Split
from stockticker_async.state import (
    Basis,
    Before,
    Entry,
    Foreign,
    Nothing,
    Progress,
    Saved,
    Start,
    begin,
    find_blobs,
    follow_splits,
    read,
    write,
)
from stockticker_async.streams import STOCK_BARS, STOCK_PRICES, STREAMS, Stream

FIRST = date(2020, 1, 1)
BASIS = Basis(adjusted=True, bar="1 day")
DAYS = st.integers(0, 400).map(lambda n: FIRST + timedelta(days=n))
TICKERS = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters=",=*?#"), min_size=1, max_size=8
).filter(lambda name: name.strip(".") != "")
MARKS = st.none() | st.text("0123456789abcdef", min_size=8, max_size=8)
STREAM = st.sampled_from(STREAMS)


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
    basis = Basis(adjusted, "5 minute", otc)
    blob = json.loads(json.dumps(write(stream, basis, wanted, {})))
    assert read(stream, blob) == Saved(basis, wanted, {})


@given(STREAM, entries(), st.dictionaries(TICKERS, MARKS.filter(bool)))
def test_the_whole_market_s_state_keeps_its_fingerprints(
    stream: Stream, entry: Entry, marks: dict[str, str]
) -> None:
    blob = write(stream, BASIS, {MARKET: Entry(entry.since, entry.cursor)}, marks)
    found = read(stream, json.loads(json.dumps(blob)))
    assert isinstance(found, Saved)
    assert found.market_splits == marks
    assert found.entries == {MARKET: Entry(entry.since, entry.cursor)}


@given(STREAM, st.dictionaries(TICKERS, entries(), min_size=1))
def test_a_state_has_a_scalar_under_its_cursor_s_name_from_the_first_on(
    stream: Stream, wanted: dict[str, Entry]
) -> None:
    cursor = write(stream, BASIS, wanted, {})[stream.cursor]
    assert isinstance(cursor, str)
    assert isinstance(read(stream, {stream.cursor: cursor}), Foreign)


def test_ten_thousand_tickers_in_step_fit_128_kilobytes() -> None:
    names = [f"T{number:04d}"[:5] for number in range(10_000)]
    marks = [f"{number:08x}" if number % 10 < 3 else None for number in range(10_000)]
    held = {name: Entry(FIRST, FIRST, mark) for name, mark in zip(names, marks, strict=True)}
    line = protocol.state("stock_prices", write(STOCK_PRICES, BASIS, held, {}), records=0)
    assert len(line) <= 128 * 1024  # measured: 87,276 bytes, of tickers of five letters


# cursors


@given(
    st.dictionaries(st.sampled_from("ABC"), entries(), min_size=1),
    st.lists(st.tuples(st.sampled_from("ABC"), DAYS, st.booleans())),
)
def test_a_cursor_never_goes_back_nor_beyond_what_was_answered_and_seen(
    held: dict[str, Entry], steps: list[tuple[str, date, bool]]
) -> None:
    progress = Progress(STOCK_PRICES, BASIS, Start(dict(held)))
    covered: dict[str, date] = {}
    seen = date.min
    for name, day, sees in steps:
        before = {one: progress.entry(one).cursor for one in held}
        if sees:
            progress.see(day)
            seen = max(seen, day)
        elif name in held:
            progress.cover(name, day)
            covered[name] = max(day, covered.get(name, day))
        for one, old in before.items():
            cursor = progress.entry(one).cursor
            assert old is None or (cursor is not None and cursor >= old)
            if cursor is not None and cursor != held[one].cursor:
                assert cursor <= min(covered[one], seen)
        assert read(STOCK_PRICES, progress.blob()) == Saved(
            BASIS, {one: progress.entry(one) for one in held}, {}
        )


# where a sync begins


def start_of(before: Before, *names: str, start: date | None = None, basis: Basis = BASIS) -> Start:
    return begin(
        before,
        names=names,
        basis=basis,
        start=start,
        default_start=date(2020, 12, 14),
        settled=date(2020, 12, 20),
    )


def test_a_ticker_without_a_state_begins_at_the_start_date() -> None:
    assert start_of(Nothing(), "A").entries == {"A": Entry(date(2020, 12, 14))}
    assert start_of(Nothing(), "A", start=FIRST).entries == {"A": Entry(FIRST)}


def test_a_new_ticker_begins_alone_and_a_removed_one_leaves() -> None:
    old = Entry(FIRST, date(2020, 12, 18), "aaaaaaaa")
    found = start_of(Saved(BASIS, {"A": old, "B": old}), "B", "C", start=FIRST)
    assert found.entries == {"B": old, "C": Entry(FIRST)}
    assert not found.replaced


def test_an_earlier_start_date_replaces_the_entry_and_a_later_one_moves_it() -> None:
    saved = Saved(BASIS, {"A": Entry(date(2020, 6, 1), date(2020, 12, 18), "aaaaaaaa")})
    earlier = start_of(saved, "A", start=FIRST)
    assert earlier.entries == {"A": Entry(FIRST)}
    assert earlier.replaced
    later = follow_splits(start_of(saved, "A", start=date(2020, 7, 1)), None, today=FIRST, settled=FIRST)
    assert later.entries == {"A": Entry(date(2020, 7, 1), date(2020, 12, 18), "aaaaaaaa")}
    assert not later.replaced


@pytest.mark.parametrize(
    "basis",
    [
        Basis(adjusted=False, bar="1 day"),
        Basis(adjusted=True, bar="5 minute"),
        Basis(adjusted=True, bar="1 day", otc=True),
    ],
)
def test_another_basis_replaces_every_entry_and_says_so(basis: Basis) -> None:
    saved = Saved(BASIS, {"A": Entry(FIRST, date(2020, 12, 18))})
    found = start_of(saved, "A", "B", basis=basis)
    assert found.entries == {"A": Entry(FIRST), "B": Entry(date(2020, 12, 14))}
    assert found.replaced
    assert [note.warn for note in found.notes] == [True]


def test_a_cursor_far_ahead_stays_and_is_told() -> None:
    saved = Saved(BASIS, {"A": Entry(FIRST, date(2999, 12, 31))})
    found = start_of(saved, "A")
    assert found.entries["A"].cursor == date(2999, 12, 31)
    assert "ahead of the last finished day" in found.notes[0].text


def test_from_the_market_to_a_list_what_is_listed_counts_as_covered_and_not_the_other_way() -> None:
    market = Saved(BASIS, {MARKET: Entry(FIRST, date(2020, 12, 18))}, {"A": "aaaaaaaa"})
    assert start_of(market, "A", "B").entries == {
        "A": Entry(FIRST, date(2020, 12, 18), "aaaaaaaa"),
        "B": Entry(FIRST, date(2020, 12, 18)),
    }
    assert start_of(market, MARKET).market_splits == {"A": "aaaaaaaa"}
    listed = Saved(BASIS, {"A": Entry(FIRST, date(2020, 12, 18))})
    assert start_of(listed, MARKET, start=FIRST).entries == {MARKET: Entry(FIRST)}


def test_a_foreign_date_is_taken_up_to_the_last_finished_day() -> None:
    for through, cursor in ((date(2020, 12, 18), date(2020, 12, 18)), (date(2999, 1, 1), date(2020, 12, 20))):
        assert start_of(Foreign(through), "A").entries == {"A": Entry(cursor, cursor)}
        assert start_of(Foreign(through), "A", start=FIRST).entries == {"A": Entry(FIRST, cursor)}


# splits: a model of what every row is adjusted for


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["sync", "add", "withdraw", "repeat"]), st.sampled_from("AB"), st.integers(1, 60)
        ),
        max_size=40,
    ),
    st.booleans(),
)
def test_after_every_sync_all_rows_are_on_the_basis_of_its_day(  # noqa: C901 - the model is one loop
    steps: list[tuple[str, str, int]],
    whole_market: bool,  # noqa: FBT001 - drawn
) -> None:
    """Rows carry the splits that were in force when they were read; a sync reads no more than it must."""
    today = FIRST + timedelta(days=20)
    known: list[Split] = []
    rows: dict[str, dict[date, frozenset[date]]] = {"A": {}, "B": {}}
    before: Before = Nothing()
    read_on: dict[str, date] = {}
    for what, name, days in steps:
        split = Split(name, FIRST + timedelta(days=days), Fraction(2))
        if what == "add" and split not in known:
            known.append(split)
        elif what == "repeat":
            known += [one for one in known if one.ticker == name][:1]
        elif what == "withdraw":
            known = [one for one in known if one.ticker != name or one.day != split.day]
        if what != "sync":
            continue
        today += timedelta(days=days % 3)
        settled = today - timedelta(days=1)
        names = (MARKET,) if whole_market else ("A", "B")
        start = begin(before, names=names, basis=BASIS, start=FIRST, default_start=FIRST, settled=settled)
        progress = Progress(STOCK_PRICES, BASIS, start)
        progress.follow(known, today=today, settled=settled)
        progress.see(settled)
        for ticker in "AB":
            entry = progress.start.entries[MARKET if whole_market else ticker]
            first = FIRST if ticker in progress.start.rereads else entry.floor
            basis = frozenset(one.day for one in known if one.ticker == ticker and FIRST < one.day <= today)
            again = first == FIRST and bool(rows[ticker])
            if again:
                was = next(iter(rows[ticker].values()))
                # only for a reason: another basis, or a split's own day that has settled since
                assert was != basis or (read_on[ticker] in basis and settled >= read_on[ticker])
            day = first
            while day <= settled:
                rows[ticker][day] = basis
                day += timedelta(days=1)
            if first == FIRST:
                read_on[ticker] = today
            if ticker in progress.start.rereads:
                progress.reread(ticker)
            progress.cover(MARKET if whole_market else ticker, settled)
            assert set(rows[ticker].values()) <= {basis}
        before = read(STOCK_PRICES, progress.blob())


def test_a_market_ticker_whose_rereading_was_cut_short_is_read_again() -> None:
    split = Split("A", date(2020, 2, 3), Fraction(2))
    saved = Saved(BASIS, {MARKET: Entry(FIRST, date(2020, 12, 18))}, {"B": "bbbbbbbb"})
    first = follow_splits(
        start_of(saved, MARKET), [split], today=date(2020, 12, 21), settled=date(2020, 12, 20)
    )
    assert set(first.rereads) == {"A", "B"}
    progress = Progress(STOCK_PRICES, BASIS, start_of(saved, MARKET))
    progress.follow([split], today=date(2020, 12, 21), settled=date(2020, 12, 20))
    progress.reread("B")  # its splits have vanished
    cut = read(STOCK_PRICES, progress.blob())
    # the split is withdrawn before the next sync: what was half read must be read again all the same
    again = follow_splits(start_of(cut, MARKET), [], today=date(2020, 12, 22), settled=date(2020, 12, 21))
    assert set(again.rereads) == {"A"}


def test_a_foreign_state_is_read_again_only_for_splits_after_its_date() -> None:
    old, late = Split("A", date(2020, 2, 3), Fraction(2)), Split("B", date(2020, 12, 18), Fraction(2))
    found = start_of(Foreign(date(2020, 12, 15)), "A", "B", start=FIRST)
    followed = follow_splits(found, [old, late], today=date(2020, 12, 21), settled=date(2020, 12, 20))
    assert followed.again == ("B",)
    assert followed.entries["A"].cursor == date(2020, 12, 15)
    market = start_of(Foreign(date(2020, 12, 15)), MARKET, start=FIRST)
    followed = follow_splits(market, [old, late], today=date(2020, 12, 21), settled=date(2020, 12, 20))
    assert set(followed.rereads) == {"B"}


# what is given back to us

OWN = {"version": 1, "adjusted": True, "bar": "1 day", "date": "2020-01-02", "tickers": []}


@pytest.mark.parametrize("blob", [None, {}])
def test_no_state_is_no_state(blob: Any) -> None:
    assert read(STOCK_PRICES, blob) == Nothing()


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
    assert read(stream, blob) == Foreign(date(2020, 12, 21))


@pytest.mark.parametrize(
    ("blob", "fault"),
    [
        ("x", "no JSON object"),
        ({"version": 2, "tickers": []}, "version 2"),
        ({"tickers": []}, "version None"),
        ({"cursor": 1}, "has no date"),
        ({"date": "yesterday"}, "which is no day"),
        ({"date": 20201221}, "which is no day"),
        ({**OWN, "adjusted": "yes"}, "adjusted"),
        ({**OWN, "tickers": {}}, "tickers is no list"),
        ({**OWN, "tickers": ["A"]}, "no object"),
        ({**OWN, "tickers": [{"since": "2020-01-02", "date": "2020-01-02", "names": 1}]}, "names is no text"),
        ({**OWN, "tickers": [{"since": "2020-01-02", "date": "2020-01-02", "names": "A,A"}]}, "A twice"),
        ({**OWN, "tickers": [{"since": "2020-01-02", "names": "A"}]}, "date is 'None'"),
    ],
)
def test_a_state_that_cannot_be_read_is_refused_by_name(blob: Any, fault: str) -> None:
    with pytest.raises(ConfigError, match="The state of stock_prices cannot be read") as caught:
        read(STOCK_PRICES, blob)
    assert fault in str(caught.value)


STREAM_STATE = {
    "type": "STREAM",
    "stream": {"stream_descriptor": {"name": "stock_prices"}, "stream_state": OWN},
}


@pytest.mark.parametrize(
    "whole",
    [
        [STREAM_STATE],
        STREAM_STATE,
        {"type": "STATE", "state": STREAM_STATE},
        [{"type": "STATE", "state": STREAM_STATE}, None],
        [{**STREAM_STATE, "global_": None, "unknown": 1}],
        {"type": "GLOBAL", "global": {"stream_states": [STREAM_STATE["stream"]]}},
        {"stock_prices": OWN},
        {"type": "LEGACY", "data": {"stock_prices": OWN}},
        OWN,
    ],
)
def test_every_form_of_a_state_file_is_understood(whole: Any) -> None:
    assert find_blobs(json.dumps(whole).encode()) == {"stock_prices": OWN}


@pytest.mark.parametrize(
    "text", [b"[]", b"null", b"{}", b'{"type":"LOG","log":{"level":"INFO","message":""}}']
)
def test_an_empty_state_file_has_no_states(text: bytes) -> None:
    assert find_blobs(text) == {}


def test_of_a_whole_output_the_last_state_of_each_stream_counts() -> None:
    first = protocol.state("stock_prices", {"date": "2020-01-02"}, records=1)
    other = protocol.state("stock_bars", {"date": "2020-01-03"}, records=1)
    last = protocol.state("stock_prices", {"date": "2020-01-06"}, records=1)
    text = protocol.log("INFO", "x") + first + other + last + b'{"type":"STATE","state":{"ty'
    assert find_blobs(text) == {"stock_prices": {"date": "2020-01-06"}, "stock_bars": {"date": "2020-01-03"}}


@pytest.mark.parametrize("text", [b"x", b'"x"', b"[1]", b'[{"type":"STREAM"}]', b'{"foo": 1}', b"{}{}"])
def test_a_file_that_is_no_state_is_refused(text: bytes) -> None:
    with pytest.raises(ConfigError, match="Reset the stream"):
        find_blobs(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["type", "stream", "state", "date"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_state_or_a_clear_error(value: Any) -> None:
    try:
        for name, blob in find_blobs(json.dumps(value).encode()).items():
            assert isinstance(name, str)
            read(STOCK_PRICES, blob)
    except ConfigError as error:
        told = error.message
    else:
        told = "Reset the stream"
    assert "Reset the stream" in told


@given(st.binary())
def test_any_bytes_are_a_state_or_a_clear_error(text: bytes) -> None:
    try:
        find_blobs(text)
    except ConfigError as error:
        told = error.message
    else:
        told = "Reset the stream"
    assert "Reset the stream" in told
