"""Which answers about OTC stocks are believed; whole syncs are in whole/faults/test_flat_files.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.sync.readers.otc_marks import Marks

NAMES = [f"T{number}" for number in range(300)]


def test_where_nobody_was_asked_nothing_is_lacking() -> None:
    assert not Marks().lacks(NAMES)


@pytest.mark.parametrize(("unknown", "lacks"), [(0, False), (3, False), (4, True), (300, True)])
def test_an_answer_may_lack_one_ticker_in_a_hundred(unknown: int, lacks: bool) -> None:  # noqa: FBT001 - a case
    assert Marks(known=frozenset(NAMES[unknown:])).lacks(NAMES) is lacks


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_tickers_that_the_file_does_not_have_change_nothing(known: set[str], wanted: set[str]) -> None:
    alone = Marks(known=frozenset(known & wanted)).lacks(wanted)
    assert Marks(known=frozenset(known)).lacks(wanted) is alone
