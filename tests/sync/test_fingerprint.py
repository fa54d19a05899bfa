"""The fingerprint of a ticker's splits: another one whenever history changes, and only then."""

from datetime import date, timedelta
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.splits import Split
from stockticker_async.sync.fingerprint import fingerprint

DAY = date(2020, 8, 31)
DAYS = st.integers(-3, 3).map(lambda n: DAY + timedelta(days=n))
SPLITS = st.lists(st.builds(Split, st.just("TSLA"), DAYS, st.sampled_from([Fraction(5), Fraction(1, 4)])))


def mark(*splits: Split, since: date = date(2020, 1, 1), today: date = date(2020, 12, 1)) -> str | None:
    return fingerprint(splits, since=since, today=today, settled=today - timedelta(days=1))


@given(SPLITS, st.randoms())
def test_neither_order_nor_repetition_changes_a_fingerprint(splits: list[Split], random: Random) -> None:
    shuffled = [*splits, *splits[:2]]
    random.shuffle(shuffled)
    assert mark(*shuffled) == mark(*splits)


@given(SPLITS, SPLITS)
def test_other_splits_have_another_fingerprint(some: list[Split], others: list[Split]) -> None:
    assert (mark(*some) == mark(*others)) is (set(some) == set(others))


def test_a_split_counts_from_its_execution_date_on_and_after_since() -> None:
    split = Split("TSLA", DAY, Fraction(5))
    assert mark(split, today=DAY - timedelta(days=1)) is None
    assert mark(split, today=DAY) is not None
    assert mark(split, since=DAY) is None
    assert mark(split, since=DAY - timedelta(days=1)) is not None


def test_a_split_of_today_is_another_one_once_its_session_has_settled() -> None:
    split = Split("TSLA", DAY, Fraction(5))
    marks = [mark(split, today=DAY + timedelta(days=days)) for days in range(3)]
    assert marks[0] != marks[1] == marks[2]


def test_a_fingerprint_is_eight_characters_without_those_that_part_a_state() -> None:
    found = mark(Split("TSLA", DAY, Fraction(5)))
    assert found is not None
    assert len(found) == 8
    assert set(found) <= set("0123456789abcdef")
