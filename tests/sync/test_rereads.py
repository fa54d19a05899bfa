"""Changed splits: which rows are read again, against a model of what every row is adjusted for."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starts import BASIS, FIRST, start_of

from stockticker_async.marketdata.calendar import sessions_back
from stockticker_async.marketdata.splits import Split
from stockticker_async.streams.table import STOCK_PRICES
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.rereads import after_splits
from stockticker_async.sync.start import Start, begin
from stockticker_async.sync.state import StreamCursors
from stockticker_async.sync.state_format import BareDateState, EarlierState, Entry, NoState, SavedState, read


def test_a_later_start_date_takes_effect_only_with_the_fingerprints_that_belong_to_it() -> None:
    """Else the next sync would take the old ones for splits that have gone."""
    splits = [Split("A", date(2020, 2, 3), Fraction(2)), Split("A", date(2020, 8, 3), Fraction(2))]
    days: dict[str, Any] = {"today": date(2020, 12, 21), "settled": date(2020, 12, 20)}
    later = date(2020, 7, 1)

    def follow(start: Start, known: list[Split] | None) -> Start:
        return after_splits(start, known, **days)

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
    days: dict[str, Any] = {"today": date(2020, 12, 21), "settled": date(2020, 12, 20)}
    found = after_splits(start_of(saved, WHOLE_MARKET, start=date(2020, 7, 1)), [split], **days)
    assert found.rereads.keys() == {"A", "B", "C"}
    assert dict(found.market_splits) == dict.fromkeys("ABC", "0")
    assert found.rereads["A"] is not None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["sync", "add", "withdraw", "repeat"]), st.sampled_from("AB"), st.integers(1, 60)
        ),
        max_size=40,
    ),
    st.booleans(),
)
def test_after_every_sync_all_rows_are_on_the_basis_of_its_day(  # noqa: C901, PLR0912, PLR0915 - the model is one loop
    steps: list[tuple[str, str, int]],
    whole_market: bool,  # noqa: FBT001 - drawn
) -> None:
    """Rows carry the splits that were in force when they were read; a sync reads no more than it must."""
    today = FIRST + timedelta(days=20)
    known: list[Split] = []
    rows: dict[str, dict[date, frozenset[date]]] = {"A": {}, "B": {}}
    before: EarlierState = NoState()
    read_on: dict[str, date] = {}
    unconfirmed: dict[str, date] = {}
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
            is_later = unconfirmed.get(ticker, today) < today
            assert again or not is_later
            if again:
                was = next(iter(rows[ticker].values()))
                # only for a reason: another basis, a split's own day that has settled since, or a later day
                changed = was != basis or (read_on[ticker] in basis and settled >= read_on[ticker])
                assert changed or is_later
            elif first == FIRST:
                latest = sessions_back(settled, 0)
                changed = any(latest <= one <= today for one in basis)
            if first == FIRST and changed:
                unconfirmed[ticker] = today
            elif first == FIRST:
                unconfirmed.pop(ticker, None)
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
    first = after_splits(
        start_of(saved, WHOLE_MARKET), [split], today=date(2020, 12, 21), settled=date(2020, 12, 20)
    )
    assert set(first.rereads) == {"A", "B"}
    cursors = StreamCursors(STOCK_PRICES, BASIS, start_of(saved, WHOLE_MARKET))
    cursors.follow([split], today=date(2020, 12, 21), settled=date(2020, 12, 20))
    cursors.reread("B")  # its splits have vanished
    cut = read(STOCK_PRICES, cursors.blob())
    # the split is withdrawn before the next sync: what was half read must be read again all the same
    again = after_splits(
        start_of(cut, WHOLE_MARKET), [], today=date(2020, 12, 22), settled=date(2020, 12, 21)
    )
    assert again.changed == ("A",)
    assert set(again.rereads) == {"A", "B"}, "B was read for new splits on an earlier day"


def test_a_history_that_was_read_for_new_splits_is_read_once_more_on_a_later_day() -> None:
    split = Split("A", date(2020, 12, 17), Fraction(2))
    read_on = date(2020, 12, 21)
    saved = SavedState(BASIS, {"A": Entry(FIRST, date(2020, 12, 18))})

    def sync(before: EarlierState, today: date, *, confirm: bool = True) -> tuple[EarlierState, Start]:
        settled = today - timedelta(days=1)
        start = begin(before, names=["A"], basis=BASIS, start=FIRST, default_start=FIRST, settled=settled)
        start = after_splits(start, [split], today=today, settled=settled, confirm=confirm)
        cursors = StreamCursors(STOCK_PRICES, BASIS, start)
        cursors.see(settled)
        cursors.cover("A", settled)
        return read(STOCK_PRICES, cursors.blob()), start

    after, first = sync(saved, read_on)
    assert (first.changed, first.again) == (("A",), ("A",))
    same, start = sync(after, read_on)
    assert start.again == ()
    after, start = sync(same, read_on + timedelta(days=1))
    assert (start.changed, start.again) == ((), ("A",))
    assert [(note.warn, "once more" in note.text) for note in start.notes] == [(False, True)]
    for days in (2, 9):
        after, start = sync(after, read_on + timedelta(days=days))
        assert start.again == ()
    after, start = sync(saved, read_on, confirm=False)
    assert start.again == ("A",)
    assert sync(after, read_on + timedelta(days=1), confirm=False)[1].again == ()


def test_a_new_ticker_whose_split_is_of_the_last_session_is_read_once_more() -> None:
    old, late = Split("A", date(2020, 12, 17), Fraction(2)), Split("B", date(2020, 12, 18), Fraction(2))
    found = start_of(NoState(), "A", "B", start=FIRST)
    start = after_splits(found, [old, late], today=date(2020, 12, 21), settled=date(2020, 12, 20))
    assert [(start.entries[name].splits or "").partition("@")[2] for name in "AB"] == ["", "20201221"]


def test_a_foreign_state_is_read_again_only_for_splits_after_its_date() -> None:
    old, late = Split("A", date(2020, 2, 3), Fraction(2)), Split("B", date(2020, 12, 18), Fraction(2))
    found = start_of(BareDateState(date(2020, 12, 15)), "A", "B", start=FIRST)
    followed = after_splits(found, [old, late], today=date(2020, 12, 21), settled=date(2020, 12, 20))
    assert followed.again == ("B",)
    assert followed.entries["A"].cursor == date(2020, 12, 15)
    market = start_of(BareDateState(date(2020, 12, 15)), WHOLE_MARKET, start=FIRST)
    followed = after_splits(market, [old, late], today=date(2020, 12, 21), settled=date(2020, 12, 20))
    assert set(followed.rereads) == {"B"}
