"""One split as a value: its ratio, reduced and exact."""

from fractions import Fraction

import pytest

from stockticker_async.marketdata.splits import ratio


@pytest.mark.parametrize(
    ("split_to", "split_from", "wanted"),
    [
        (5, 1, Fraction(5)),
        (10, 2, Fraction(5)),
        (1.1, 1, Fraction(11, 10)),
        (2e6, 1e6, Fraction(2)),
        (1, 8, Fraction(1, 8)),
    ],
)
def test_a_ratio_is_reduced_and_exact(split_to: float, split_from: float, wanted: Fraction) -> None:
    assert ratio(split_to, split_from) == wanted


@pytest.mark.parametrize(("split_to", "split_from"), [(0, 1), (1, 0), (-1, 1), (float("nan"), 1)])
def test_an_impossible_ratio_is_refused(split_to: float, split_from: float) -> None:
    with pytest.raises(ValueError, match="a split of"):
        ratio(split_to, split_from)
