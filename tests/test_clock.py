"""The clock: wall time, elapsed time and sleep in step with one another."""

from datetime import UTC, datetime, timedelta

import anyio

from stockticker_async.clock import Clock

START = datetime(2020, 12, 22, 17, tzinfo=UTC)
YEARS = 1e9
"""So fast that an hour is less than a breath, and years pass within a test."""


def test_by_default_it_is_the_machines_time() -> None:
    before = datetime.now(UTC)
    moment = Clock().utc_now()
    assert before <= moment <= datetime.now(UTC)
    assert moment.tzinfo is UTC


def test_a_clock_that_stands_is_where_it_was_put() -> None:
    clock = Clock(start=START, speed=0.0)
    assert clock.utc_now() == START
    assert clock.monotonic() == 0
    assert clock.emitted_at_ms() == 1_608_656_400_000


def test_a_clock_goes_on_from_its_start_and_never_back() -> None:
    clock = Clock(start=START, speed=YEARS)
    moments = [clock.utc_now() for _ in range(100)]
    assert moments[0] > START
    assert moments == sorted(moments)
    elapsed = [clock.monotonic() for _ in range(100)]
    assert elapsed == sorted(elapsed)


def test_wall_time_and_elapsed_time_are_in_step() -> None:
    clock = Clock(start=START, speed=60.0)
    before = clock.monotonic()
    wall = (clock.utc_now() - START).total_seconds()
    assert before <= wall + 1e-6
    assert wall <= clock.monotonic() + 1e-6


def test_a_line_is_dated_in_milliseconds() -> None:
    clock = Clock()
    before = datetime.now(UTC)
    emitted = clock.emitted_at_ms()
    after = datetime.now(UTC)
    assert int(before.timestamp() * 1000) <= emitted <= int(after.timestamp() * 1000)


async def test_sleep_lasts_as_long_by_the_clock_itself() -> None:
    clock = Clock(start=START, speed=1e6)
    before = clock.monotonic()
    await clock.sleep(3600.0)
    assert clock.monotonic() - before >= 3600.0
    assert clock.utc_now() >= START + timedelta(hours=1)


async def test_an_event_that_has_come_needs_no_wait() -> None:
    event = anyio.Event()
    event.set()
    assert await Clock(speed=1.0).wait(event, 3600.0) is True


async def test_an_event_ends_the_wait() -> None:
    clock, event = Clock(), anyio.Event()

    async with anyio.create_task_group() as group:

        async def come() -> None:
            await anyio.wait_all_tasks_blocked()
            event.set()

        group.start_soon(come)
        assert await clock.wait(event, 3600.0) is True


async def test_an_event_that_does_not_come_in_time_is_not_awaited() -> None:
    assert await Clock(speed=1e6).wait(anyio.Event(), 3600.0) is False
