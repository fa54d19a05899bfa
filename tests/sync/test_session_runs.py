"""Runs of sessions: examples. That none is cheaper is proven where calls are planned."""

from stockticker_async.sync.session_runs import best_runs, inside


def test_a_run_pays_where_its_windows_save_more_than_its_days_cost() -> None:
    assert best_runs({(3, 5): 21}, lambda day: 10 * day) == [(3, 5)]
    assert best_runs({(3, 5): 20}, lambda day: 10 * day) == []


def test_days_may_have_different_prices() -> None:
    def price(day: int) -> int:
        return day + max(0, day - 4) * 100

    assert best_runs({(2, 4): 5, (4, 6): 50}, price) == [(2, 4)]


def test_windows_are_inside_a_run_as_a_whole() -> None:
    assert inside([(2, 5), (8, 9)], [(2, 5), (3, 4), (4, 6), (8, 9), (0, 1)]) == {(2, 5), (3, 4), (8, 9)}
