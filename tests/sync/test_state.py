"""The laws of cursors: where a sync begins, what moves them, and what takes them back."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.splits import Split
from stockticker_async.streams.table import STOCK_PRICES
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.state import Start, StreamCursors, begin, follow_splits
from stockticker_async.sync.state_format import (
    BareDateState,
    Basis,
    EarlierState,
    Entry,
    NoState,
    SavedState,
    read,
)

FIRST = date(2020, 1, 1)
BASIS = Basis(adjusted=True, bar="1 day")
DAYS = st.integers(0, 400).map(lambda n: FIRST + timedelta(days=n))
MARKS = st.none() | st.text("0123456789abcdef", min_size=8, max_size=8)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    since, other = draw(DAYS), draw(st.none() | DAYS)
    return Entry(since, None if other is None else max(since, other), draw(MARKS))


# cursors


@given(
    st.dictionaries(st.sampled_from("ABC"), entries(), min_size=1),
    st.lists(st.tuples(st.sampled_from("ABC"), DAYS, st.booleans())),
)
def test_a_cursor_never_goes_back_nor_beyond_what_was_answered_and_seen(
    held: dict[str, Entry], steps: list[tuple[str, date, bool]]
) -> None:
    cursors = StreamCursors(STOCK_PRICES, BASIS, Start(dict(held)))
    covered: dict[str, date] = {}
    seen = date.min
    for name, day, sees in steps:
        before = {one: cursors.entry(one).cursor for one in held}
        if sees:
            cursors.see(day)
            seen = max(seen, day)
        elif name in held:
            cursors.cover(name, day)
            covered[name] = max(day, covered.get(name, day))
        for one, old in before.items():
            cursor = cursors.entry(one).cursor
            assert old is None or (cursor is not None and cursor >= old)
            if cursor is not None and cursor != held[one].cursor:
                assert cursor <= min(covered[one], seen)
        assert read(STOCK_PRICES, cursors.blob()) == SavedState(
            BASIS, {one: cursors.entry(one) for one in held}, {}
        )


def test_what_another_ticker_s_cursor_was_moved_by_counts_as_seen() -> None:
    """Else a new ticker that is seldom traded would stay behind, and be asked for in every sync."""
    behind, ahead = date(2020, 12, 18), date(2999, 1, 1)
    for start, seen in (
        (Start({"A": Entry(FIRST), "B": Entry(FIRST, behind), "C": Entry(FIRST, ahead)}), behind),
        (Start({"A": Entry(FIRST), "B": Entry(FIRST, behind)}, foreign=True), None),
    ):
        cursors = StreamCursors(STOCK_PRICES, BASIS, start)
        cursors.follow(None, today=date(2020, 12, 21), settled=date(2020, 12, 20))
        cursors.cover("A", date(2020, 12, 20))
        assert cursors.entry("A").cursor == seen


# where a sync begins


def test_it_can_be_asked_how_many_tickers_are_answered_up_to_a_day() -> None:
    days = [date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 3)]
    cursors = StreamCursors(STOCK_PRICES, BASIS, Start(dict.fromkeys("ABCD", Entry(days[0]))))
    for name, day in zip("ABC", days, strict=True):
        cursors.cover(name, day)
    assert [cursors.count_covered(day) for day in days] == [3, 2, 1]


def start_of(
    before: EarlierState, *names: str, start: date | None = None, basis: Basis = BASIS, movable: bool = True
) -> Start:
    return begin(
        before,
        names=names,
        basis=basis,
        start=start,
        default_start=date(2020, 12, 14),
        settled=date(2020, 12, 20),
        movable=movable,
    )


def test_a_ticker_without_a_state_begins_at_the_start_date() -> None:
    assert start_of(NoState(), "A").entries == {"A": Entry(date(2020, 12, 14))}
    assert start_of(NoState(), "A", start=FIRST).entries == {"A": Entry(FIRST)}


def test_a_new_ticker_begins_alone_and_a_removed_one_leaves() -> None:
    old = Entry(FIRST, date(2020, 12, 18), "aaaaaaaa")
    found = start_of(SavedState(BASIS, {"A": old, "B": old}), "B", "C", start=FIRST)
    assert found.entries == {"B": old, "C": Entry(FIRST)}
    assert not found.replaced


def test_an_earlier_start_date_replaces_the_entry_and_a_later_one_moves_it() -> None:
    saved = SavedState(BASIS, {"A": Entry(date(2020, 6, 1), date(2020, 12, 18), "aaaaaaaa")})
    earlier = start_of(saved, "A", start=FIRST)
    assert earlier.entries == {"A": Entry(FIRST)}
    assert earlier.replaced
    raw = SavedState(BASIS, {"A": Entry(date(2020, 6, 1), date(2020, 12, 18))})
    later = follow_splits(start_of(raw, "A", start=date(2020, 7, 1)), None, today=FIRST, settled=FIRST)
    assert later.entries == {"A": Entry(date(2020, 7, 1), date(2020, 12, 18))}
    assert not later.replaced


def test_a_later_start_date_takes_effect_only_with_the_fingerprints_that_belong_to_it() -> None:
    """Else the next sync would take the old ones for splits that have gone."""
    splits = [Split("A", date(2020, 2, 3), Fraction(2)), Split("A", date(2020, 8, 3), Fraction(2))]
    days = {"today": date(2020, 12, 21), "settled": date(2020, 12, 20)}
    later = date(2020, 7, 1)

    def follow(start: Start, known: list[Split] | None) -> Start:
        return follow_splits(start, known, **days)

    for name in ("A", WHOLE_MARKET):
        cursors = StreamCursors(STOCK_PRICES, BASIS, start_of(NoState(), name, start=FIRST))
        cursors.follow(splits, **days)
        cursors.see(date(2020, 12, 18))
        cursors.cover(name, date(2020, 12, 18))
        saved = read(STOCK_PRICES, cursors.blob())
        # the splits cannot be read: nothing moves yet
        unknown = follow(start_of(saved, name, start=later), None)
        assert unknown.entries[name].since == FIRST
        moved = follow(start_of(saved, name, start=later), splits)
        assert moved.entries[name].since == later
        assert not moved.replaced
        cursors = StreamCursors(STOCK_PRICES, BASIS, start_of(saved, name, start=later))
        cursors.follow(splits, **days)
        again = follow(start_of(read(STOCK_PRICES, cursors.blob()), name, start=later), splits)
        assert not again.replaced
        assert not again.rereads


def test_what_is_read_again_of_the_market_stays_so_over_a_later_start_date() -> None:
    saved = SavedState(BASIS, {WHOLE_MARKET: Entry(FIRST, date(2020, 12, 18))}, {"B": "bbbbbbbb", "C": "0"})
    split = Split("A", date(2020, 8, 3), Fraction(2))
    days = {"today": date(2020, 12, 21), "settled": date(2020, 12, 20)}
    found = follow_splits(start_of(saved, WHOLE_MARKET, start=date(2020, 7, 1)), [split], **days)
    assert found.rereads.keys() == {"A", "B", "C"}
    assert dict(found.market_splits) == dict.fromkeys("ABC", "0")
    assert found.rereads["A"] is not None


def test_bars_that_are_counted_from_the_first_day_keep_it() -> None:
    saved = SavedState(BASIS, {"A": Entry(date(2020, 6, 1), date(2020, 12, 18))})
    assert start_of(saved, "A", start=date(2020, 7, 1), movable=False).moves == {}
    assert start_of(saved, "A", start=date(2020, 5, 1), movable=False).entries == {
        "A": Entry(date(2020, 5, 1))
    }


@pytest.mark.parametrize("basis", [Basis(adjusted=False, bar="1 day"), Basis(adjusted=True, bar="5 minute")])
def test_another_basis_replaces_every_entry_and_says_so(basis: Basis) -> None:
    saved = SavedState(BASIS, {"A": Entry(FIRST, date(2020, 12, 18))})
    found = start_of(saved, "A", "B", basis=basis)
    assert found.entries == {"A": Entry(FIRST), "B": Entry(date(2020, 12, 14))}
    assert found.replaced
    assert [note.warn for note in found.notes] == [True]


def test_a_cursor_far_ahead_stays_and_is_told() -> None:
    saved = SavedState(BASIS, {"A": Entry(FIRST, date(2999, 12, 31))})
    found = start_of(saved, "A")
    assert found.entries["A"].cursor == date(2999, 12, 31)
    assert "ahead of the last finished day" in found.notes[0].text


def test_a_first_day_in_the_future_is_told_and_not_read() -> None:
    for entry in (Entry(date(2999, 1, 1)), Entry(date.max, date.max), Entry(date(2020, 12, 22))):
        found = start_of(SavedState(BASIS, {"A": entry}), "A")
        assert found.entries["A"] == entry
        assert "ahead of the last finished day" in found.notes[0].text
    today = Entry(date(2020, 12, 21))
    assert start_of(SavedState(BASIS, {"A": today}), "A").notes == ()


def test_with_otc_stocks_there_is_more_to_the_market_and_without_them_or_in_a_list_there_is_not() -> None:
    entry, otc = Entry(FIRST, date(2020, 12, 18)), replace(BASIS, otc=True)
    more = start_of(SavedState(BASIS, {WHOLE_MARKET: entry}), WHOLE_MARKET, basis=otc)
    assert more.entries == {WHOLE_MARKET: Entry(FIRST)}
    assert more.replaced
    less = start_of(SavedState(otc, {WHOLE_MARKET: entry}, {"A": "aaaaaaaa"}), WHOLE_MARKET)
    assert less.entries == {WHOLE_MARKET: entry}
    assert less.market_splits == {"A": "aaaaaaaa"}
    assert not less.replaced
    listed = start_of(SavedState(otc, {WHOLE_MARKET: entry}, {"A": "aaaaaaaa"}), "A")
    assert listed.entries == {"A": replace(entry, splits="aaaaaaaa")}
    assert not listed.from_whole_market


def test_what_the_market_left_out_is_no_longer_covered() -> None:
    market = SavedState(BASIS, {WHOLE_MARKET: Entry(FIRST, date(2020, 12, 18))}, {"B": "bbbbbbbb"})
    start = start_of(market, "A", "B")
    assert start.from_whole_market == dict.fromkeys("AB", date(2020, 12, 18))
    cursors = StreamCursors(STOCK_PRICES, BASIS, start)
    cursors.uncover([])
    assert cursors.start == start
    cursors.uncover(["B"])
    assert cursors.start.entries == {"A": Entry(FIRST, date(2020, 12, 18)), "B": Entry(FIRST)}
    assert cursors.start.replaced
    assert "OTC" in cursors.start.notes[0].text


def test_from_the_market_to_a_list_what_is_listed_counts_as_covered_and_not_the_other_way() -> None:
    market = SavedState(BASIS, {WHOLE_MARKET: Entry(FIRST, date(2020, 12, 18))}, {"A": "aaaaaaaa"})
    assert start_of(market, "A", "B").entries == {
        "A": Entry(FIRST, date(2020, 12, 18), "aaaaaaaa"),
        "B": Entry(FIRST, date(2020, 12, 18)),
    }
    assert start_of(market, WHOLE_MARKET).market_splits == {"A": "aaaaaaaa"}
    listed = SavedState(BASIS, {"A": Entry(FIRST, date(2020, 12, 18))})
    assert start_of(listed, WHOLE_MARKET, start=FIRST).entries == {WHOLE_MARKET: Entry(FIRST)}


def test_a_foreign_date_is_taken_up_to_the_last_finished_day() -> None:
    for through, cursor in ((date(2020, 12, 18), date(2020, 12, 18)), (date(2999, 1, 1), date(2020, 12, 20))):
        assert start_of(BareDateState(through), "A").entries == {"A": Entry(cursor, cursor)}
        assert start_of(BareDateState(through), "A", start=FIRST).entries == {"A": Entry(FIRST, cursor)}


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
    before: EarlierState = NoState()
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
        names = (WHOLE_MARKET,) if whole_market else ("A", "B")
        start = begin(before, names=names, basis=BASIS, start=FIRST, default_start=FIRST, settled=settled)
        cursors = StreamCursors(STOCK_PRICES, BASIS, start)
        cursors.follow(known, today=today, settled=settled)
        cursors.see(settled)
        for ticker in "AB":
            entry = cursors.start.entries[WHOLE_MARKET if whole_market else ticker]
            first = FIRST if ticker in cursors.start.rereads else entry.first_uncovered
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
            if ticker in cursors.start.rereads:
                cursors.reread(ticker)
            cursors.cover(WHOLE_MARKET if whole_market else ticker, settled)
            assert set(rows[ticker].values()) <= {basis}
        before = read(STOCK_PRICES, cursors.blob())


def test_a_market_ticker_whose_rereading_was_cut_short_is_read_again() -> None:
    split = Split("A", date(2020, 2, 3), Fraction(2))
    saved = SavedState(BASIS, {WHOLE_MARKET: Entry(FIRST, date(2020, 12, 18))}, {"B": "bbbbbbbb"})
    first = follow_splits(
        start_of(saved, WHOLE_MARKET), [split], today=date(2020, 12, 21), settled=date(2020, 12, 20)
    )
    assert set(first.rereads) == {"A", "B"}
    cursors = StreamCursors(STOCK_PRICES, BASIS, start_of(saved, WHOLE_MARKET))
    cursors.follow([split], today=date(2020, 12, 21), settled=date(2020, 12, 20))
    cursors.reread("B")  # its splits have vanished
    cut = read(STOCK_PRICES, cursors.blob())
    # the split is withdrawn before the next sync: what was half read must be read again all the same
    again = follow_splits(
        start_of(cut, WHOLE_MARKET), [], today=date(2020, 12, 22), settled=date(2020, 12, 21)
    )
    assert set(again.rereads) == {"A"}


def test_a_foreign_state_is_read_again_only_for_splits_after_its_date() -> None:
    old, late = Split("A", date(2020, 2, 3), Fraction(2)), Split("B", date(2020, 12, 18), Fraction(2))
    found = start_of(BareDateState(date(2020, 12, 15)), "A", "B", start=FIRST)
    followed = follow_splits(found, [old, late], today=date(2020, 12, 21), settled=date(2020, 12, 20))
    assert followed.again == ("B",)
    assert followed.entries["A"].cursor == date(2020, 12, 15)
    market = start_of(BareDateState(date(2020, 12, 15)), WHOLE_MARKET, start=FIRST)
    followed = follow_splits(market, [old, late], today=date(2020, 12, 21), settled=date(2020, 12, 20))
    assert set(followed.rereads) == {"B"}


def test_a_foreign_state_of_the_future_is_told() -> None:
    start = start_of(BareDateState(date(2099, 1, 1)), "A")
    [note] = start.notes
    assert note.warn
    assert "The state is of 2099-01-01, ahead of the last finished day" in note.text
    assert not start_of(BareDateState(date(2020, 12, 15)), "A").notes
