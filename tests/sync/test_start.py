"""Where a sync begins: what an earlier state vouches for, and what is read anew."""

from datetime import date

import pytest
from msgspec.structs import replace
from starts import BASIS, FIRST, start_of

from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.rereads import after_splits
from stockticker_async.sync.state_format import BareDateState, Basis, Entry, NoState, SavedState


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
    later = after_splits(start_of(raw, "A", start=date(2020, 7, 1)), None, today=FIRST, settled=FIRST)
    assert later.entries == {"A": Entry(date(2020, 7, 1), date(2020, 12, 18))}
    assert not later.replaced


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


def test_a_foreign_state_of_the_future_is_told() -> None:
    start = start_of(BareDateState(date(2099, 1, 1)), "A")
    [note] = start.notes
    assert note.warn
    assert "The state is of 2099-01-01, ahead of the last finished day" in note.text
    assert not start_of(BareDateState(date(2020, 12, 15)), "A").notes
