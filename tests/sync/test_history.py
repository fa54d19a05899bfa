"""The first day that a plan gives, found in few calls and once."""

from datetime import date, timedelta
from math import ceil, log2

import anyio
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.sync.history import HistoryStart

FIRST = date(2020, 1, 1)
AFTER = date(2030, 1, 1)


@given(st.integers(1, 3000), st.data())
def test_the_floor_is_the_first_day_given_and_found_by_bisection(count: int, data: st.DataObject) -> None:
    days = [FIRST + timedelta(days=number) for number in range(count)]
    begins = data.draw(st.integers(1, count))
    asked = []

    async def is_given(day: date) -> bool:
        asked.append(day)
        return day >= FIRST + timedelta(days=begins)

    history = HistoryStart()
    assert not history.hides(FIRST)
    assert anyio.run(history.find, days, AFTER, is_given) is True
    wanted = AFTER if begins == count else days[begins]
    assert history.day == wanted
    assert history.hides(FIRST)
    assert not history.hides(wanted)
    assert len(asked) <= 1 + ceil(log2(count + 1))


async def test_it_is_looked_for_once_however_many_are_refused_at_the_same_time() -> None:
    history, asked, found = HistoryStart(), [], []

    async def is_given(day: date) -> bool:
        await anyio.lowlevel.checkpoint()
        asked.append(day)
        return day > FIRST

    async def find() -> None:
        found.append(await history.find([FIRST, FIRST + timedelta(days=1)], AFTER, is_given))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(find)
    assert sorted(found) == [False, False, False, False, True]
    assert len(asked) == 1


async def test_where_there_is_no_day_to_ask_for_there_is_nothing_given() -> None:
    async def is_given(_: date) -> bool:
        raise AssertionError

    history = HistoryStart()
    assert await history.find([], AFTER, is_given)
    assert history.hides(AFTER - timedelta(days=1))
