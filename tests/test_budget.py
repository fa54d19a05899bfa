"""The bound on the rows that are under way: kept, fair, and given back whatever happens."""

from collections.abc import Sequence

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.budget import Budget

BOUND = 10


class Calls:
    """Calls that hold rows of one budget, each until it is let go."""

    def __init__(self) -> None:
        self.held: dict[int, int] = {}
        self.order: list[int] = []
        """The calls by their turn."""
        self.together: list[int] = []
        """The rows held by several calls at once, whenever a call had its turn."""
        self._budget = Budget(BOUND)
        self._leave: dict[int, anyio.Event] = {}

    async def hold(self, number: int, rows: int) -> None:
        self._leave[number] = anyio.Event()
        async with self._budget.hold(rows):
            self.held[number] = rows
            self.order.append(number)
            if len(self.held) > 1:
                self.together.append(sum(self.held.values()))
            try:
                await self._leave[number].wait()
            finally:
                del self.held[number]

    def let_go(self, number: int) -> None:
        self._leave[number].set()


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await anyio.lowlevel.checkpoint()


@settings(max_examples=40)  # each runs tasks, under asyncio's debug mode
@given(st.lists(st.integers(1, 14), max_size=7), st.data())
async def test_rows_stay_within_the_bound_and_each_call_has_its_turn(
    sizes: Sequence[int], data: st.DataObject
) -> None:
    calls = Calls()
    async with anyio.create_task_group() as group:
        for number, rows in enumerate(sizes):
            group.start_soon(calls.hold, number, rows)
        await settle()
        while calls.held:
            calls.let_go(data.draw(st.sampled_from(sorted(calls.held))))
            await settle()
    assert all(rows <= BOUND for rows in calls.together)
    assert calls.order == list(range(len(sizes)))


async def test_a_call_above_the_bound_goes_alone() -> None:
    calls = Calls()
    async with anyio.create_task_group() as group:
        group.start_soon(calls.hold, 0, BOUND * 5)
        group.start_soon(calls.hold, 1, 1)
        await settle()
        assert calls.held == {0: BOUND * 5}
        calls.let_go(0)
        await settle()
        assert calls.held == {1: 1}
        calls.let_go(1)


async def test_small_calls_do_not_overtake_a_large_one_for_ever() -> None:
    calls = Calls()
    async with anyio.create_task_group() as group:
        for number, rows in enumerate((4, 4, BOUND, 2, 2)):
            group.start_soon(calls.hold, number, rows)
        await settle()
        assert calls.order == [0, 1]
        for number in range(5):
            calls.let_go(number)
            await settle()
    assert calls.order == [0, 1, 2, 3, 4]


async def test_what_was_held_is_free_again_after_an_error() -> None:
    budget = Budget(BOUND)
    with pytest.raises(ValueError, match="of the body"):
        async with budget.hold(BOUND):
            raise ValueError("of the body")
    async with budget.hold(BOUND):
        pass


async def test_what_was_held_is_free_again_after_a_cancellation() -> None:
    calls = Calls()
    async with anyio.create_task_group() as group:
        group.start_soon(calls.hold, 0, BOUND)
        await settle()
        group.cancel_scope.cancel()
    async with anyio.create_task_group() as group:
        group.start_soon(calls.hold, 1, BOUND)
        await settle()
        assert calls.held == {1: BOUND}
        calls.let_go(1)


async def test_a_call_that_is_cancelled_while_it_waits_holds_nothing_and_blocks_nobody() -> None:
    calls = Calls()
    scope = anyio.CancelScope()

    async def given_up() -> None:
        with scope:
            await calls.hold(1, BOUND)

    async with anyio.create_task_group() as group:
        group.start_soon(calls.hold, 0, 6)
        group.start_soon(given_up)
        group.start_soon(calls.hold, 2, 4)
        await settle()
        assert calls.held == {0: 6}
        scope.cancel()
        await settle()
        assert calls.held == {0: 6, 2: 4}
        calls.let_go(0)
        calls.let_go(2)
