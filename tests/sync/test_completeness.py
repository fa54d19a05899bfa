"""What is said of bars that answers left out, and what is not."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.sync.completeness import Completeness

MONDAY = date(2024, 6, 3)
WEEK = [MONDAY + timedelta(days=n) for n in range(5)]
TUESDAY, WEDNESDAY, THURSDAY = WEEK[1], WEEK[2], WEEK[3]
TICKERS = ["A", "B", "C", "D"]


def names(some: Sequence[str]) -> str:
    return "+".join(some)


def told(days: Mapping[str, Sequence[date]]) -> Completeness:
    completeness = Completeness()
    for name, some in days.items():
        completeness.add(name, some)
    return completeness


market_days = st.dictionaries(
    st.sampled_from(TICKERS), st.sets(st.sampled_from(WEEK), min_size=1).map(sorted), max_size=4
)


@given(market_days)
def test_a_gap_is_a_session_between_first_and_last_bar_in_which_others_traded(
    days: dict[str, list[date]],
) -> None:
    traded = {day for some in days.values() for day in some}
    missing = {
        name: len([day for day in traded if some[0] <= day <= some[-1] and day not in some])
        for name, some in days.items()
    }
    said = told(days).gaps(names)
    if not any(missing.values()):
        assert said is None
    else:
        assert said is not None
        short = sorted((name for name in missing if missing[name]), key=lambda name: -missing[name])
        assert said.startswith("Bars missing on days on which other tickers traded: ")
        assert f": {sum(missing.values())}, of {names(short)}." in said


def test_a_gap_that_another_warning_tells_is_told_once() -> None:
    completeness = told({"A": WEEK, "B": [MONDAY, WEEK[-1]]})
    completeness.tell_of({"B": 1})
    assert "other tickers traded: 2, of B." in str(completeness.gaps(names))
    completeness.tell_of({"B": 3})
    assert completeness.gaps(names) is None


@given(market_days, st.data())
def test_the_order_in_which_sessions_are_told_does_not_matter(
    days: dict[str, list[date]], data: st.DataObject
) -> None:
    single = [(name, day) for name, some in days.items() for day in some]
    # each ticker is first heard of in the same order: ties between gaps are told in it
    completeness = told(dict.fromkeys(days, ()))
    for name, day in [(name, some[0]) for name, some in days.items()]:
        completeness.add(name, (day,))
        single.remove((name, day))
    for name, day in data.draw(st.permutations(single)):
        completeness.add(name, (day,))
    assert completeness.gaps(names) == told(days).gaps(names)


def test_the_first_and_last_bar_of_a_ticker_bound_what_can_be_missing() -> None:
    listed_late = told({"A": WEEK, "YOUNG": WEEK[2:], "DELISTED": WEEK[:2]})
    assert listed_late.gaps(names) is None


def test_several_tickers_that_begin_on_the_same_late_day_are_clipped() -> None:
    said = told({"A": WEEK[2:], "B": WEEK[2:], "C": WEEK[3:]}).clipped(
        [(name, MONDAY) for name in "ABCD"], names
    )
    assert (
        said
        == f"A+B all begin on {WEDNESDAY}, later than requested: the plan's history seems to begin there."
    )


def test_one_ticker_that_begins_late_is_a_young_listing() -> None:
    completeness = told({"A": WEEK[2:], "B": WEEK[1:], "C": WEEK})
    assert completeness.clipped([(name, MONDAY) for name in "ABCD"], names) is None


def test_tickers_that_begin_where_they_were_asked_to_are_not_clipped() -> None:
    assert told({"A": WEEK[2:], "B": WEEK[2:]}).clipped([("A", WEDNESDAY), ("B", WEDNESDAY)], names) is None


def test_a_bar_from_before_shows_that_who_begins_together_was_listed_together() -> None:
    completeness = told({"A": WEEK[2:], "B": WEEK[2:], "C": WEEK})
    assert completeness.clipped([(name, MONDAY) for name in "ABC"], names) is None
    assert told({}).clipped([(name, MONDAY) for name in "ABC"], names) is None


def test_rows_before_the_first_bar_that_could_be_read_again_stay_on_the_old_basis() -> None:
    said = told({"A": WEEK[2:]}).old_basis([("A", MONDAY)], names)
    assert said is not None
    assert f"A: nothing before {WEDNESDAY} was returned this time" in said


def test_the_day_is_told_for_each_ticker_that_begins_elsewhere() -> None:
    # one of them may be a young listing, of which there never were older rows
    completeness = told({"A": WEEK[2:], "B": WEEK[3:], "C": WEEK[2:], "D": WEEK})
    said = completeness.old_basis(((name, MONDAY) for name in TICKERS), names)
    assert said is not None
    assert f"A+C: nothing before {WEDNESDAY} was returned this time; B: nothing before {THURSDAY} was" in said
    assert "D:" not in said


def test_a_ticker_that_was_read_again_whole_is_not_told_of() -> None:
    assert told({"A": WEEK}).old_basis([("A", MONDAY)], names) is None


def test_a_ticker_of_which_nothing_is_given_again_is_told_of() -> None:
    completeness = told({"A": WEEK[2:]})
    completeness.lack("B", 5)
    said = completeness.old_basis([("A", MONDAY), ("B", MONDAY)], names)
    assert said is not None
    assert (
        f"A: nothing before {WEDNESDAY} was returned this time; B: nothing was returned this time. Older rows"
        in said
    )


def test_a_ticker_without_an_answer_is_not_told_of() -> None:
    # it failed, and is read again in the next sync
    assert told({"A": ()}).old_basis([("A", MONDAY), ("B", MONDAY)], names) is None
    assert told({}).gaps(names) is None
