"""Which sessions have a file; what is told of those that have none is proven with the faults."""

from datetime import date

from stockticker_async.sync.readers.file_calls import covers_up_to, day_list

FRIDAY, MONDAY = date(2020, 12, 18), date(2020, 12, 21)


def test_the_last_file_covers_the_closed_days_after_it_and_no_session() -> None:
    assert covers_up_to([FRIDAY], date(2020, 12, 20)) == date(2020, 12, 20)
    assert covers_up_to([FRIDAY], MONDAY) == date(2020, 12, 20)
    assert covers_up_to([MONDAY], MONDAY) == MONDAY
    assert covers_up_to([date(2020, 12, 24)], date(2020, 12, 31)) == date(2020, 12, 27), "Christmas is closed"
    assert covers_up_to([], MONDAY) == MONDAY


def test_three_days_are_named_and_others_counted() -> None:
    days = [date(2020, 12, day) for day in range(1, 6)]
    assert day_list(days[:1]) == "2020-12-01"
    assert day_list(days) == "2020-12-01, 2020-12-02, 2020-12-03 and 2 more"
