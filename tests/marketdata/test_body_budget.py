"""The bound on the bytes that are under way: kept, and shared out fairly."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.marketdata.body_budget import BodyBudget, PendingBody, Reservation

POOL, SMALL = 20, 8
MOST = 5  # of a piece, whose size is known when it was read


@dataclass
class Calls:
    """Calls that read bodies piece by piece, each step when it is let go on; then use them."""

    budget: BodyBudget = field(default_factory=lambda: BodyBudget(POOL, SMALL))
    held: dict[int, int] = field(default_factory=dict)
    used: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    decoding: int = 0
    scopes: dict[int, anyio.CancelScope] = field(default_factory=dict)

    async def call(self, number: int, expected: int, pieces: Sequence[int], *, fails: bool) -> None:
        with anyio.CancelScope() as self.scopes[number]:
            try:
                await self._read(number, expected, pieces, fails=fails)
            finally:
                self.held.pop(number, None)
                self.ended.append(number)

    async def _read(self, number: int, expected: int, pieces: Sequence[int], *, fails: bool) -> None:
        reservation = await self.budget.reserve(expected)
        try:
            for piece in pieces:
                await anyio.lowlevel.checkpoint()
                if not reservation.try_hold(MOST):
                    await reservation.hold(MOST)
                reservation.give_back(MOST - piece)
                self.held[number] = self.held.get(number, 0) + piece
                self._look()
        except BaseException:
            reservation.release()
            raise
        if fails:
            reservation.release()
            return
        async with PendingBody(b"x" * sum(pieces), reservation) as body:
            self.decoding += 1
            assert self.decoding == 1
            try:
                await anyio.lowlevel.checkpoint()
                self.used.append(len(body))
            finally:
                self.decoding -= 1
                self.held.pop(number, None)

    def _look(self) -> None:
        small = [size for size in self.held.values() if size <= SMALL]
        large = [size for size in self.held.values() if size > SMALL]
        assert len(large) <= 1, "two large bodies at once"
        assert sum(small) <= POOL + SMALL


CALL = st.tuples(st.integers(0, 12), st.lists(st.integers(1, MOST), max_size=8), st.booleans())


@settings(max_examples=40)
@given(st.lists(CALL, max_size=9), st.data())
@pytest.mark.fault("many large bodies at once")
async def test_never_above_the_bound_and_all_end_however_they_interleave(
    given_calls: Sequence[tuple[int, Sequence[int], bool]], data: st.DataObject
) -> None:
    calls = Calls()
    cancelled = data.draw(st.sets(st.integers(0, 8), max_size=3))
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for number, (expected, pieces, fails) in enumerate(given_calls):
                group.start_soon(partial(calls.call, number, expected, pieces, fails=fails))
                for _ in range(data.draw(st.integers(0, 3))):
                    await anyio.lowlevel.checkpoint()
            for number in cancelled & calls.scopes.keys():
                calls.scopes[number].cancel()
                await anyio.lowlevel.checkpoint()
    assert sorted(calls.ended) == list(range(len(given_calls)))
    for number, (_, pieces, fails) in enumerate(given_calls):
        if not fails and number not in cancelled:
            assert sum(pieces) in calls.used
    assert calls.budget.used_bytes == 0
    # nothing is left of any of them: there is room for one after another
    for _ in range(3):
        await calls.call(99, SMALL, [SMALL, SMALL], fails=False)


async def test_a_body_of_any_size_goes_on_in_its_turn_while_others_wait() -> None:
    budget = BodyBudget(POOL, SMALL)
    large, small = await budget.reserve(0), await budget.reserve(0)
    await large.hold(SMALL)
    await large.hold(1000)
    assert large.try_hold(10**9)
    await small.hold(SMALL)
    decoding: list[Reservation] = []

    async def decode() -> None:
        await small.take_turn()
        decoding.append(small)
        small.release()

    async with anyio.create_task_group() as group:
        group.start_soon(decode)
        await anyio.wait_all_tasks_blocked()
        assert decoding == []
        large.release()
    assert decoding == [small]


async def test_a_call_begins_only_when_the_pool_has_what_it_expects() -> None:
    budget = BodyBudget(POOL, SMALL)
    reservations = [await budget.reserve(SMALL), await budget.reserve(SMALL)]
    begun: list[Reservation] = []

    async def begin() -> None:
        begun.append(await budget.reserve(SMALL))

    async with anyio.create_task_group() as group:
        group.start_soon(begin)
        await anyio.wait_all_tasks_blocked()
        assert begun == []
        reservations[0].release()
        await anyio.wait_all_tasks_blocked()
        assert len(begun) == 1
