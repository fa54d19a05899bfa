"""How far days are answered, in whatever order the answers come."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.sync.coverage import Coverage

MONDAY = date(2024, 6, 3)
DAY = timedelta(days=1)


def answered_prefix(ends: list[date], answered: set[date]) -> date | None:
    """By brute force: the last day before the first that is not answered."""
    day = MONDAY
    while day in answered and day <= ends[-1]:
        day += DAY
    return day - DAY if day > MONDAY else None


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[date], list[tuple[int, date]]]:
    """Spans that tile some days from MONDAY on, and pages that answer them: in any order, in part, again."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    ends = [MONDAY + DAY * (sum(lengths[: place + 1]) - 1) for place in range(len(lengths))]
    told = []
    for place in draw(st.lists(st.integers(0, len(ends) - 1), max_size=14)):
        # the day before the span: a page that ends within its first day
        first = ends[place] - DAY * (lengths[place] - 1)
        told.append(
            (place, draw(st.sampled_from([first - DAY * 2 + DAY * n for n in range(lengths[place] + 2)])))
        )
    return ends, told


@given(answers())
def test_what_is_reached_is_the_answered_prefix(case: tuple[list[date], list[tuple[int, date]]]) -> None:
    ends, told = case
    coverage, answered = Coverage(ends), set[date]()
    for place, through in told:
        first = ends[place - 1] + DAY if place else MONDAY
        answered |= {first + DAY * n for n in range((through - first).days + 1)}
        reached = coverage.answered(place, through)
        expected = answered_prefix(ends, answered)
        # of a first span of which nothing is answered, a day before it may be told: there is none in it
        assert reached == expected or (expected is None and reached is not None and reached < MONDAY)


@given(answers(), st.data())
def test_what_is_doubted_is_answered_no_more(
    case: tuple[list[date], list[tuple[int, date]]], data: st.DataObject
) -> None:
    ends, told = case
    coverage = Coverage(ends)
    for place, through in told:
        coverage.answered(place, through)
    place = data.draw(st.integers(0, len(ends) - 1))
    first = ends[place - 1] + DAY if place else MONDAY
    since = data.draw(st.dates(first, ends[place]))
    coverage.doubt(place, since)
    reached = coverage.answered(place, first - DAY)
    assert reached is None or reached < since
    for again, end in enumerate(ends):
        reached = coverage.answered(again, end)
    assert reached == ends[-1]


def test_an_answer_that_comes_again_shorter_takes_nothing_back() -> None:
    coverage = Coverage([MONDAY + DAY * 4])
    coverage.answered(0, MONDAY + DAY * 3)
    assert coverage.answered(0, MONDAY) == MONDAY + DAY * 3


def test_a_page_of_the_next_span_that_holds_no_whole_day_of_it_takes_nothing_back() -> None:
    coverage = Coverage([MONDAY, MONDAY + DAY * 9])
    coverage.answered(0, MONDAY)
    # bars of weeks begin before the day that is asked
    assert coverage.answered(1, MONDAY - DAY) == MONDAY


def test_an_answer_beyond_its_span_answers_the_span_only() -> None:
    coverage = Coverage([MONDAY, MONDAY + DAY, MONDAY + DAY * 2])
    assert coverage.answered(0, MONDAY + DAY * 9) == MONDAY


def test_a_span_that_is_answered_first_counts_once_those_before_it_are() -> None:
    coverage = Coverage([MONDAY, MONDAY + DAY, MONDAY + DAY * 2])
    assert coverage.answered(2, MONDAY + DAY * 2) is None
    assert coverage.answered(1, MONDAY + DAY) is None
    assert coverage.answered(0, MONDAY) == MONDAY + DAY * 2
