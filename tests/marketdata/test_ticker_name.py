"""What may be a ticker, one by one and many at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.ticker_name import is_ticker, strange_name


@pytest.mark.parametrize(
    "name", ["A", "BRK.B", "AMpB", "BRK/B", "F-PD", "O:SPY251219C00650000", "日本", "A."]
)
def test_what_a_ticker_may_be(name: str) -> None:
    assert is_ticker(name)
    assert strange_name(["A", name]) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", " A", "A B", "A\n", "A\t", "A,B", "A=1", "A?", "A#", "*", "A" * 25]
)
def test_what_no_ticker_is(name: str) -> None:
    assert not is_ticker(name)
    assert strange_name(["A", name, "B"]) == name


@given(st.lists(st.text(st.sampled_from("A.b =,*\n日\u3000"), max_size=4)))
def test_many_names_are_judged_as_one_by_one(names: list[str]) -> None:
    strange = strange_name(names)
    assert (strange is None) == all(map(is_ticker, names))
    assert strange is None or not is_ticker(strange)
