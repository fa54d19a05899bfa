"""The queue of waiting calls: first come, first served, and refused calls first for a few times only."""

from contextlib import AsyncExitStack

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.call_queue import CallQueue, rank

REFUSALS = st.lists(st.integers(0, 6), min_size=1, max_size=8)


def test_a_call_goes_before_those_refused_less_often_up_to_three_times() -> None:
    assert sorted(range(7), key=rank) == [3, 2, 1, 0, 4, 5, 6]
    assert {rank(refusals) for refusals in range(4, 50)} == {rank(0)}


@given(REFUSALS)
async def test_calls_are_served_by_rank_and_then_in_the_order_in_which_they_came(refusals: list[int]) -> None:
    queue, stacks = CallQueue(), []
    for count in refusals:
        stack = AsyncExitStack()
        stacks.append((stack, await stack.enter_async_context(queue.place(count))))
    due = sorted(range(len(refusals)), key=lambda number: (rank(refusals[number]), number))
    for place, number in enumerate(due):
        first = [other for other in due[place:] if stacks[other][1]() is None]
        assert first == [number]
        await stacks[number][0].aclose()


@given(REFUSALS, st.data())
async def test_whoever_becomes_the_first_is_woken_whoever_leaves(
    refusals: list[int], data: st.DataObject
) -> None:
    """Also when the one that leaves was cancelled far behind."""
    queue, stacks = CallQueue(), {}
    for number, count in enumerate(refusals):
        stack = AsyncExitStack()
        stacks[number] = (stack, await stack.enter_async_context(queue.place(count)))
    while len(stacks) > 1:
        events = {number: waits_for() for number, (_, waits_for) in stacks.items()}
        leaving = data.draw(st.sampled_from(sorted(stacks)))
        await stacks.pop(leaving)[0].aclose()
        woken = events[next(number for number, (_, waits_for) in stacks.items() if waits_for() is None)]
        assert woken is None or woken.is_set()
    for stack, _ in stacks.values():
        await stack.aclose()


async def test_a_refused_call_that_comes_later_takes_the_first_place() -> None:
    queue = CallQueue()
    async with queue.place(0) as waits_for:
        changed = queue.changed()
        async with queue.place(2) as refused_waits_for:
            assert changed.is_set()
            assert refused_waits_for() is None
            moved = waits_for()
            assert moved is not None
        assert moved.is_set()
        assert waits_for() is None


async def test_only_the_first_call_hears_of_a_change() -> None:
    queue = CallQueue()
    queue.notify()
    async with queue.place(0), queue.place(0) as waits_for:
        changed, waiting = queue.changed(), waits_for()
        assert waiting is not None
        queue.notify()
        assert changed.is_set()
        assert not waiting.is_set()
        assert not queue.changed().is_set()
