"""The start of a sync from an earlier state, on the basis of these tests."""

from datetime import date

from stockticker_async.sync.start import Start, begin
from stockticker_async.sync.state_format import Basis, EarlierState

FIRST = date(2020, 1, 1)
BASIS = Basis(adjusted=True, bar="1 day")


def start_of(
    before: EarlierState, *names: str, start: date | None = None, basis: Basis = BASIS, movable: bool = True
) -> Start:
    return begin(
        before,
        names=names,
        basis=basis,
        start=start,
        default_start=date(2020, 12, 14),
        settled=date(2020, 12, 20),
        movable=movable,
    )
