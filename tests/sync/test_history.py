"""The first day that a plan gives, found in few calls and once."""

from datetime import date, timedelta
from functools import partial
from math import ceil, log2

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.errors import TransientError
from stockticker_async.sync.history import HistoryStart

FIRST = date(2020, 1, 1)
SECOND = date(2020, 1, 2)
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
    find = partial(history.find, FIRST, days, AFTER, is_given, earliest=FIRST)
    assert anyio.run(find) is True
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
        found.append(await history.find(FIRST, [FIRST, SECOND], AFTER, is_given, earliest=FIRST))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(find)
    assert sorted(found) == [False, False, False, False, True]
    assert len(asked) == 1


async def test_where_there_is_no_day_to_ask_for_there_is_nothing_given() -> None:
    async def is_given(_: date) -> bool:
        raise AssertionError

    history = HistoryStart()
    assert await history.find(FIRST, [], AFTER, is_given, earliest=FIRST)
    assert history.hides(AFTER - timedelta(days=1))


async def test_a_history_does_not_begin_after_a_day_that_is_given() -> None:
    """The earliest day is asked first: then nothing is looked for, and nothing is hidden."""
    asked = []

    async def is_given(day: date) -> bool:
        asked.append(day)
        return day != SECOND

    history = HistoryStart()
    with pytest.raises(
        TransientError, match="refuses 2020-01-02 as before the plan's history, and gives 2020-01-01"
    ):
        await history.find(SECOND, [SECOND, date(2020, 1, 3)], AFTER, is_given, earliest=FIRST)
    assert asked == [FIRST]
    assert not history.hides(FIRST)
