"""What is told of failures: one error a cause, and no list of ten thousand names."""

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.errors import BadPageError, ConfigError, ConnectorError, TransientError
from stockticker_async.sync.failures import Failure, errors_by_cause, name_list
from stockticker_async.sync.job import WHOLE_MARKET

TICKERS = [f"T{number}" for number in range(30)]
KINDS: tuple[type[ConnectorError], ...] = (ConfigError, TransientError, BadPageError, ConnectorError)


@st.composite
def failures(draw: st.DrawFn) -> list[Failure]:
    kind, text = st.sampled_from(KINDS), st.sampled_from(["gone.", "late."])
    names = st.lists(st.sampled_from(TICKERS), min_size=1, max_size=15).map(tuple)
    return [Failure(draw(names), draw(kind)(draw(text))) for _ in range(draw(st.integers(0, 6)))]


@given(failures())
def test_each_cause_is_told_once_as_the_error_that_it_is(some: list[Failure]) -> None:
    errors = errors_by_cause(some)
    causes = {(type(one.error), one.error.message) for one in some}
    said = [(type(error), error.message.rpartition(": ")[2]) for error in errors]
    assert set(said) == causes
    assert len(said) == len(causes)


@given(failures())
def test_a_ticker_that_failed_twice_is_named_once(some: list[Failure]) -> None:
    for error in errors_by_cause(some):
        names = error.message.partition(":")[0].partition(" and ")[0].split(", ")
        assert len(set(names)) == len(names) <= 10


@given(failures())
def test_an_error_carries_all_of_its_tickers(some: list[Failure]) -> None:
    carried = {(type(error), name) for error in errors_by_cause(some) for name in error.tickers}
    assert carried == {(type(one.error), name) for one in some for name in one.names}


def test_up_to_ten_tickers_are_named_and_the_rest_is_counted() -> None:
    assert name_list(["A"]) == "A"
    assert name_list(TICKERS[:10]) == "T0, T1, T2, T3, T4, T5, T6, T7, T8, T9"
    assert name_list(TICKERS) == "T0, T1, T2, T3, T4, T5, T6, T7, T8, T9 and 20 more"


def test_the_whole_market_is_told_in_words() -> None:
    assert name_list([WHOLE_MARKET]) == "the whole market"


def test_the_detail_of_the_first_failure_is_kept() -> None:
    errors = errors_by_cause(
        [
            Failure(("A",), TransientError("late.", detail="at 9")),
            Failure(("B",), TransientError("late.", detail="at 10")),
        ]
    )
    assert [(error.message, error.detail) for error in errors] == [("A, B: late.", "at 9")]


def test_nothing_is_told_where_nothing_failed() -> None:
    assert errors_by_cause([]) == []


def test_a_thousand_causes_do_not_make_a_thousand_errors() -> None:
    # a bar that cannot be used is told with its time, which differs from ticker to ticker
    errors = errors_by_cause(
        [Failure((f"T{number}",), BadPageError(f"bar {number} has no close.")) for number in range(1000)]
    )
    assert len(errors) == 10
    assert errors[0].message == "T0: bar 0 has no close."
    assert errors[-1].message == (
        "T9, T10, T11, T12, T13, T14, T15, T16, T17, T18 and 981 more: "
        "bar 9 has no close. 990 more errors of this kind are not listed."
    )
