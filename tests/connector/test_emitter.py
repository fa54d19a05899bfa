"""One stream's messages: their order, their counts, and when a STATE is due."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import anyio
import anyio.lowlevel
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.clock import Clock
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.emitter import Emitter
from stockticker_async.connector.log import Mask
from stockticker_async.errors import ConfigError, TransientError
from stockticker_async.streams.table import STOCK_PRICES

ROW = {"date": "2020-12-15", "stock_ticker": "TSLA", "price": 633.25}


class Still(Clock):
    """Time that passes when it is told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Lines:
    """Keeps what is put; ``full`` makes putting wait, as a reader does that has stopped reading."""

    def __init__(self) -> None:
        self.stdout = b""
        self.full = False

    async def put(self, piece: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        if self.full:
            await anyio.sleep_forever()
        self.stdout += piece

    async def drain(self) -> None:
        await anyio.lowlevel.checkpoint()


class Vouched:
    """A state that counts up when it is told to."""

    cursor = 0
    weight = 0

    def blob(self) -> dict[str, Any]:
        return {"date": f"day {self.cursor}", **({"names": "A" * self.weight} if self.weight else {})}


class Stage:
    """An emitter and all that it touches."""

    def __init__(self) -> None:
        self.clock, self.lines, self.vouched = Still(), Lines(), Vouched()
        self.mask = Mask()
        self.emitter = Emitter(STOCK_PRICES, self.vouched, CommandContext(self.clock, self.lines, self.mask))

    @property
    def messages(self) -> list[dict[str, Any]]:
        return oracle.messages(self.lines.stdout)

    @property
    def kinds(self) -> list[str]:
        return [_kind(message) for message in self.messages]

    @property
    def states(self) -> list[dict[str, Any]]:
        return [message["state"] for message in self.messages if message["type"] == "STATE"]

    @property
    def counts(self) -> list[float]:
        return [state["sourceStats"]["recordCount"] for state in self.states]


def _kind(message: dict[str, Any]) -> str:
    if message["type"] != "TRACE":
        return str(message["type"])
    trace = message["trace"]
    return str(trace["stream_status"]["status"] if "stream_status" in trace else trace["type"])


async def test_a_stream_tells_its_whole_life_in_the_protocol_s_order() -> None:
    stage = Stage()
    await stage.emitter.start()
    await stage.emitter.estimate(rows=2)
    await stage.emitter.rows([ROW])
    await stage.emitter.rows([])
    await stage.emitter.rows([ROW])
    await stage.emitter.complete()
    assert stage.kinds == ["STARTED", "ESTIMATE", "RUNNING", "RECORD", "RECORD", "STATE", "COMPLETE"]
    assert stage.counts == [2.0]
    assert not stage.emitter.failed


@pytest.mark.fault("echoed key")
async def test_a_key_that_the_api_has_made_a_part_of_the_state_is_masked() -> None:
    stage = Stage()
    stage.vouched.weight = 20
    stage.mask.add("A" * 20)
    await stage.emitter.start()
    await stage.emitter.complete()
    (state,) = stage.states
    assert state["stream"]["stream_state"] == {"date": "day 0", "names": "****"}


async def test_an_empty_stream_runs_too_and_has_a_state() -> None:
    stage = Stage()
    await stage.emitter.start()
    await stage.emitter.complete()
    await stage.emitter.complete()
    assert stage.kinds == ["STARTED", "RUNNING", "STATE", "COMPLETE"]


async def test_a_failed_stream_tells_each_cause_then_its_state_and_nothing_after() -> None:
    stage = Stage()
    await stage.emitter.start()
    await stage.emitter.rows([ROW])
    await stage.emitter.fail([ConfigError("one"), TransientError("two")])
    await stage.emitter.fail([ConfigError("three")])
    await stage.emitter.complete()
    await stage.emitter.waits(datetime.now(UTC))
    stage.clock.now = 10_000
    stage.vouched.cursor = 1
    await stage.emitter.state_due()
    assert stage.kinds == ["STARTED", "RUNNING", "RECORD", "ERROR", "ERROR", "STATE", "INCOMPLETE"]
    assert stage.emitter.failed


async def test_what_is_read_again_is_said_by_a_state_before_the_first_record() -> None:
    stage = Stage()
    await stage.emitter.start()
    await stage.emitter.replaced()
    await stage.emitter.rows([ROW])
    assert stage.kinds == ["STARTED", "STATE", "RUNNING", "RECORD"]


async def test_a_wait_for_the_allowance_is_told_once_and_ended_by_the_next_record() -> None:
    stage = Stage()
    until = datetime(2026, 1, 1, tzinfo=UTC)
    await stage.emitter.start()
    for seconds in (0, 0.5, 30):
        await stage.emitter.waits(until + timedelta(seconds=seconds))
    await stage.emitter.rows([ROW])
    await stage.emitter.rows([ROW])
    assert stage.kinds == ["STARTED", "RUNNING", "RUNNING", "RUNNING", "RECORD", "RECORD"]
    reasons = [message["trace"]["stream_status"].get("reasons") for message in stage.messages[1:4]]
    assert [len(reason) if reason else 0 for reason in reasons] == [1, 1, 0]
    assert reasons[0][0]["rate_limited"]["quota_reset"] == int(until.timestamp() * 1000)


async def test_the_first_state_is_due_at_once_and_the_next_after_five_seconds_when_it_is_light() -> None:
    stage = Stage()
    await stage.emitter.start()
    for now, cursor, rows, states in (
        (0.4, 1, 100, 0),
        (0.5, 1, 0, 1),
        (5.4, 2, 9, 1),
        (5.5, 2, 0, 2),
        (15, 2, 0, 2),
    ):
        stage.clock.now, stage.vouched.cursor = now, cursor
        await stage.emitter.rows([ROW] * rows)
        await stage.emitter.state_due()
        assert len(stage.states) == states, now


async def test_a_heavy_state_waits_for_ten_minutes() -> None:
    stage = Stage()
    await stage.emitter.start()
    await stage.emitter.rows([ROW])
    stage.vouched.cursor = 1
    for now, states in ((599, 0), (600, 1)):
        stage.clock.now = now
        await stage.emitter.state_due()
        assert len(stage.states) == states


async def test_after_half_an_hour_of_silence_a_state_shows_that_the_sync_lives() -> None:
    stage = Stage()
    await stage.emitter.start()
    for hour in range(4):
        stage.clock.now = hour * 3600
        await stage.emitter.state_due()
    await stage.emitter.complete()
    blobs = [state["stream"]["stream_state"] for state in stage.states]
    assert blobs == [
        {"date": "day 0"},
        {"date": "day 0", "repetition": 1},
        {"date": "day 0", "repetition": 2},
    ]


async def test_a_state_that_a_signal_kept_from_being_put_is_not_counted_as_told() -> None:
    stage = Stage()
    await stage.emitter.start()
    await stage.emitter.rows([ROW] * 100)
    stage.clock.now, stage.vouched.cursor = 5, 1
    async with anyio.create_task_group() as group:
        stage.lines.full = True
        group.start_soon(stage.emitter.state_due)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    stage.lines.full = False
    await stage.emitter.fail([])
    assert stage.counts == [100.0]
    assert stage.kinds[-2:] == ["STATE", "INCOMPLETE"]


async def test_nothing_follows_the_end_though_it_was_due_before() -> None:
    stage = Stage()
    await stage.emitter.start()
    stage.clock.now, stage.vouched.cursor = 600, 1
    async with anyio.create_task_group() as group:
        group.start_soon(stage.emitter.rows, [ROW])
        group.start_soon(stage.emitter.fail, [])
        group.start_soon(stage.emitter.state_due)
        group.start_soon(stage.emitter.complete)
        stage.vouched.cursor = 2
    assert stage.kinds == ["STARTED", "RUNNING", "RECORD", "STATE", "INCOMPLETE"]


async def test_two_states_at_the_same_time_are_two_different_ones() -> None:
    stage = Stage()
    await stage.emitter.start()
    stage.clock.now = 3600
    async with anyio.create_task_group() as group:
        group.start_soon(stage.emitter.replaced)
        group.start_soon(stage.emitter.state_due)
    blobs = [state["stream"]["stream_state"] for state in stage.states]
    assert len(blobs) == 1 or blobs[0] != blobs[1]


async def test_a_state_that_is_due_is_told_once_though_several_find_it_so() -> None:
    stage = Stage()
    await stage.emitter.start()
    await stage.emitter.rows([ROW] * 100)
    stage.clock.now = 5

    async def cover() -> None:
        for _ in range(10):
            stage.vouched.cursor += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(cover)
        for _ in range(3):
            group.start_soon(stage.emitter.state_due)
    assert len(stage.states) == 1


async def test_a_state_that_has_grown_heavy_waits_though_the_last_one_was_light() -> None:
    stage = Stage()
    await stage.emitter.start()
    await stage.emitter.rows([ROW] * 100)
    for now, weight, states in ((5, 0, 1), (10, 10_000, 1), (15, 10_000, 1), (20, 0, 1), (605, 10_000, 2)):
        stage.clock.now, stage.vouched.cursor, stage.vouched.weight = now, now, weight
        await stage.emitter.state_due()
        assert len(stage.states) == states, now


async def test_states_are_at_most_a_twentieth_of_the_bytes_but_for_the_last_one() -> None:
    stage = Stage()
    await stage.emitter.start()
    for second in range(0, 595, 5):
        stage.clock.now, stage.vouched.cursor, stage.vouched.weight = second, second, second * 5
        await stage.emitter.rows([ROW] * (second % 40))
        await stage.emitter.state_due()
    await stage.emitter.complete()
    lines = stage.lines.stdout.splitlines(keepends=True)
    states = [len(line) for line in lines if line.startswith(b'{"type":"STATE"')]
    assert len(states) > 5
    assert sum(states[:-1]) <= 0.05 * sum(map(len, lines))


async def test_rows_that_come_after_the_end_are_not_written() -> None:
    stage = Stage()
    await stage.emitter.start()
    await stage.emitter.fail([])
    await stage.emitter.rows([ROW])
    assert stage.kinds == ["STARTED", "STATE", "INCOMPLETE"]


async def test_a_wait_that_is_told_while_rows_wait_for_room_is_ended_by_rows_that_follow() -> None:
    stage = Stage()
    await stage.emitter.start()
    async with anyio.create_task_group() as group:
        group.start_soon(stage.emitter.rows, [ROW])
        group.start_soon(stage.emitter.waits, datetime(2026, 1, 1, tzinfo=UTC))
    await stage.emitter.rows([ROW])
    assert stage.kinds == ["STARTED", "RUNNING", "RECORD", "RUNNING", "RUNNING", "RECORD"]


STEPS = st.lists(st.sampled_from(["rows", "cover", "checkpoint", "time", "wait"]), max_size=30)


@given(STEPS)
def test_counts_are_exact_and_no_two_states_are_equal_whatever_happens(steps: list[str]) -> None:
    stage = Stage()
    anyio.run(_play, stage, steps)
    count = 0.0
    for message in stage.messages:
        if message["type"] == "RECORD":
            count += 1
        elif message["type"] == "STATE":
            assert message["state"]["sourceStats"]["recordCount"] == count
            count = 0
    assert count == 0
    blobs = [state["stream"]["stream_state"] for state in stage.states]
    assert all(one != following for one, following in pairwise(blobs))


async def _play(stage: Stage, steps: list[str]) -> None:
    await stage.emitter.start()
    for step in steps:
        await _actions(stage)[step]()
    await stage.emitter.complete()


def _actions(stage: Stage) -> dict[str, Callable[[], Any]]:
    async def rows() -> None:
        await stage.emitter.rows([ROW] * 3)

    async def cover() -> None:
        stage.vouched.cursor += 1
        await stage.emitter.state_due()

    async def time() -> None:
        stage.clock.now += 300
        await stage.emitter.state_due()

    async def wait() -> None:
        await stage.emitter.waits(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=stage.clock.now))

    return {"rows": rows, "cover": cover, "checkpoint": stage.emitter.state_due, "time": time, "wait": wait}
