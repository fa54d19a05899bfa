"""The laws of cursors: what moves them, and what takes them back."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from starts import BASIS, FIRST, start_of

from stockticker_async.streams.table import STOCK_PRICES
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.start import Start
from stockticker_async.sync.state import StreamCursors
from stockticker_async.sync.state_format import Entry, SavedState, read

DAYS = st.integers(0, 400).map(lambda n: FIRST + timedelta(days=n))
MARKS = st.none() | st.text("0123456789abcdef", min_size=8, max_size=8)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    since, other = draw(DAYS), draw(st.none() | DAYS)
    return Entry(since, None if other is None else max(since, other), draw(MARKS))


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


@given(st.dictionaries(st.just("A"), entries(), min_size=1), st.lists(DAYS), DAYS | st.just(date.min), DAYS)
def test_what_was_covered_in_disorder_is_taken_back_to_the_start_of_the_sync_and_no_further(
    held: dict[str, Entry], days: list[date], since: date, again: date
) -> None:
    cursors, entry = StreamCursors(STOCK_PRICES, BASIS, Start(held)), held["A"]
    cursors.see(date(2999, 1, 1))
    for day in days:
        cursors.cover("A", day)
    cursors.doubt("A", since)
    cursor = cursors.entry("A").cursor
    assert cursor is None or cursor < since or cursor == entry.cursor
    assert entry.cursor is None or (cursor is not None and cursor >= entry.cursor)
    cursors.cover("A", again)
    reached = [day for day in (cursor, again) if day is not None and day >= entry.since]
    assert cursors.entry("A").cursor == max(reached, default=None)


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


def test_it_can_be_asked_how_many_tickers_are_answered_up_to_a_day() -> None:
    days = [date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 3)]
    cursors = StreamCursors(STOCK_PRICES, BASIS, Start(dict.fromkeys("ABCD", Entry(days[0]))))
    for name, day in zip("ABC", days, strict=True):
        cursors.cover(name, day)
    assert [cursors.count_covered(day) for day in days] == [3, 2, 1]


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
