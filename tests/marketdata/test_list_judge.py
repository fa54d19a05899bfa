"""The pages of a list: of the days asked for, in their order, and none in place of another."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.list_calls import Everything, list_calls
from stockticker_async.marketdata.list_judge import ListJudge, RowCriteria
from stockticker_async.streams.table import STREAMS, Listed

FIRST, LAST = date(2020, 12, 1), date(2020, 12, 21)
DAYS = RowCriteria(field="date", first=FIRST, last=LAST)
MOMENTS = RowCriteria(field="published_utc", first=FIRST, last=LAST, times=True)
LISTINGS = {stream.name: stream.source.listing for stream in STREAMS if isinstance(stream.source, Listed)}


@pytest.mark.parametrize(
    ("criteria", "value", "day"),
    [
        (DAYS, "2020-12-01", FIRST),
        (DAYS, "2020-12-21", LAST),
        (MOMENTS, "2020-12-01T05:00:00Z", FIRST),
        (MOMENTS, "2020-12-22T04:59:59.9Z", LAST),
        (MOMENTS, "2020-12-01T00:00:00-05:00", FIRST),
    ],
)
def test_a_row_of_the_days_asked_for_has_its_place(criteria: RowCriteria, value: str, day: date) -> None:
    assert criteria.place(value)[0] == day


@pytest.mark.parametrize(
    ("criteria", "value", "said"),
    [
        (DAYS, "2020-11-30", "outside the days asked for: date 2020-11-30"),
        (DAYS, "2020-12-22", "outside the days asked for"),
        *(
            (DAYS, value, "date is not a day")
            for value in (None, 20201221, "", "junk", "20201221", "2020-W52-1")
        ),
        (DAYS, "2020-12-21T12:00:00Z", "date is not a day"),
        (MOMENTS, "2020-12-01T04:59:59Z", "outside the days asked for: published_utc 2020-11-30"),
        (MOMENTS, "2020-12-22T05:00:00Z", "outside the days asked for"),
        *(
            (MOMENTS, value, "published_utc is not a moment")
            for value in (None, 5, "junk", "2020-12-21", "2020-12-21T12:00:00", "0001-01-01T00:00:00Z")
        ),
    ],
)
def test_a_row_of_no_day_asked_for_is_refused(criteria: RowCriteria, value: object, said: str) -> None:
    with pytest.raises(BadPageError, match=said):
        criteria.place(value)


@pytest.mark.parametrize("name", ["short_volume", "short_interest"])
def test_a_row_of_a_weekend_is_refused_where_all_days_are_weekdays(name: str) -> None:
    (call,) = list_calls(LISTINGS[name], {"A": FIRST}, last=LAST)
    assert call.criteria.place("2020-12-18")[0] == date(2020, 12, 18)
    for day in ("2020-12-19", "2020-12-20"):
        with pytest.raises(BadPageError, match=f"a row of a weekend: {call.criteria.field} {day}"):
            call.criteria.place(day)


@given(pages=st.lists(st.lists(st.dates(FIRST, LAST), max_size=4), max_size=6), sort=st.booleans())
def test_pages_in_order_are_taken_and_cover_the_days_before_the_last_row_of_the_page_before(
    *, pages: list[list[date]], sort: bool
) -> None:
    flat = [day for page in pages for day in page]
    ordered = iter(sorted(flat) if sort else flat)
    pages = [[next(ordered) for _ in page] for page in pages]
    judge, seen, number, complete = ListJudge(DAYS), list[date](), 0, None
    for page in pages:
        keys = range(number, number := number + len(page))
        seen += page
        if seen != sorted(seen):
            with pytest.raises(BadPageError, match="out of order"):
                judge.judge([day.isoformat() for day in page], keys)
            return
        judge.judge([day.isoformat() for day in page], keys)
        assert judge.accept() == complete
        complete = seen[-1] - timedelta(days=1) if seen and seen[-1] > seen[0] else None


def test_a_page_given_too_early_covers_nothing_that_it_passes_over() -> None:
    """The third page in place of the second: the fourth request gets the second page, and the list fails."""
    judge, pages = ListJudge(DAYS), [FIRST + timedelta(days=n) for n in (0, 2, 9, 4)]
    covered = []
    for number, day in enumerate(pages[:3]):
        judge.judge([day.isoformat()], [number])
        covered.append(judge.accept())
    with pytest.raises(BadPageError, match="out of order"):
        judge.judge([pages[3].isoformat()], [3])
    assert covered == [None, None, FIRST + timedelta(days=1)]


def test_moments_are_in_order_by_their_time_and_not_by_their_text() -> None:
    judge = ListJudge(MOMENTS)
    judge.judge(["2020-12-02T12:00:00Z", "2020-12-02T12:00:00.5Z", "2020-12-02T08:00:00-05:00"], [1, 2, 3])
    with pytest.raises(BadPageError, match="out of order: published_utc 2020-12-02"):
        judge.judge(["2020-12-02T12:00:00.5Z", "2020-12-02T12:00:00Z"], [1, 2])


def test_a_page_given_again_is_refused_whichever_it_was() -> None:
    judge = ListJudge(RowCriteria())
    for keys in ([1, 2], [3, 4], [], [5, 6]):
        judge.judge([], keys)
        judge.judge([], keys)  # asked for again
        assert judge.accept() is None
    for keys in ([1, 2], [3, 4], [6, 5], [6]):
        with pytest.raises(BadPageError, match="a page again"):
            judge.judge([], keys)
    judge.judge([], [6, 7])  # a row that moved to the next page while they were read


@pytest.mark.parametrize("name", LISTINGS)
def test_a_path_asks_for_what_its_question_says(name: str) -> None:
    listing = LISTINGS[name]
    [call, *_] = list_calls(listing, {"A": FIRST}, last=LAST, end=LAST)
    assert call.criteria.tickers == (frozenset("A") if listing.filters != "nothing" else frozenset())
    assert call.criteria.field == (listing.since or "")
    assert ("sort" in call.path) or listing.since is None
    if listing.since is not None:
        assert (call.criteria.first, call.criteria.last) == (FIRST, LAST)
    for call in list_calls(listing, Everything(FIRST), last=LAST):
        assert call.criteria.tickers == frozenset()
        ahead = date.max if listing.announced or listing.since is None else LAST + timedelta(days=7)
        assert call.criteria.last == ahead
