"""The clock: started, stopped, moved."""

from datetime import UTC, date, datetime, timedelta

import pytest

from stockticker_async.sandbox.simulated_clock import Clock


def test_the_clock_can_start_stand_run_and_be_moved() -> None:
    clock = Clock(datetime(2020, 12, 22, 4, 59, tzinfo=UTC), 0.0)
    assert clock.today() == date(2020, 12, 21)
    clock.advance(60)
    assert clock.today() == date(2020, 12, 22)
    assert clock.now() == datetime(2020, 12, 22, 5, tzinfo=UTC)
    with pytest.raises(ValueError, match="time zone"):
        clock.set(datetime(2020, 12, 22))  # noqa: DTZ001 -- that is the point
    fast = Clock(datetime(2020, 12, 22, tzinfo=UTC), 1e9)
    assert fast.epoch() < fast.epoch()
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(hours=1)
