"""Answers that leave something out: believed once two agree."""

import json
from collections.abc import Hashable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from asking import BARS, bars_on, sandbox
from hypothesis import given
from hypothesis import strategies as st
from loopback import client

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.client import BODY_TRIES, Answer, at_once
from stockticker_async.marketdata.confirmation import Doubt, Held, asked_twice
from stockticker_async.marketdata.responses import Missing, Refusal
from stockticker_async.sandbox.service.faults import Fault

REFUSED = b'{"message":"You are not entitled to this data."}'
NOT_FOUND = b'{"status":"NOT_FOUND","request_id":"1","message":"Data not found."}'
MISSING = Fault(kind="status", status=404, body=NOT_FOUND)
EMPTY = b'{"status":"OK","resultsCount":0,"results":[]}'


@given(st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=8))
def test_an_answer_is_used_when_it_lacks_nothing_or_another_lacked_the_same(lacks: list[int | None]) -> None:
    doubt, seen = Doubt(), set[int]()
    with suppress(BadPageError):
        for lacking in lacks:
            assert doubt.settles(lacking) is (lacking is None or lacking in seen)
            if lacking is not None:
                seen.add(lacking)
    assert len(seen) < BODY_TRIES


def test_answers_that_all_lack_something_else_are_a_bad_page() -> None:
    doubt = Doubt()
    assert [doubt.settles(number) for number in range(BODY_TRIES - 1)] == [False] * (BODY_TRIES - 1)
    with pytest.raises(BadPageError, match="left out something different"):
        doubt.settles(BODY_TRIES)


def lacks(found: Answer[Any]) -> Hashable | None:
    return None if found.value["results"] else "all"


@pytest.mark.parametrize(
    ("faults", "calls", "kind"),
    [
        ([], 1, Answer),
        ([Fault(kind="body", body=EMPTY)], 2, Answer),
        ([Fault(kind="body", body=EMPTY, times=2)], 2, Answer),
        ([MISSING], 2, Answer),
        ([Fault(kind="status", status=404, body=NOT_FOUND, times=2)], 2, Missing),
        ([Fault(kind="body", body=EMPTY), MISSING], 3, Answer),
        ([Fault(kind="status", status=403, body=REFUSED)], 1, Refusal),
    ],
    ids=["whole", "empty once", "empty twice", "missing once", "missing twice", "both", "refused"],
)
async def test_a_question_is_asked_until_two_answers_agree(
    faults: list[Fault], calls: int, kind: type[object]
) -> None:
    async with sandbox() as served, client(served.url) as opened:
        for fault in faults:
            served.faults.add(fault)
        async with asked_twice(partial(opened.asked, BARS, at_once(json.loads)), lacks) as found:
            assert isinstance(found, kind)
        assert len(served.calls) == calls


async def test_what_the_caller_has_doubted_before_counts() -> None:
    async with sandbox() as served, client(served.url) as opened:
        doubt = Doubt()
        assert not doubt.settles("all")
        served.faults.add(Fault(kind="body", body=EMPTY))
        async with asked_twice(partial(opened.asked, BARS, at_once(json.loads)), lacks, doubt) as found:
            assert isinstance(found, Answer)
            assert found.value["results"] == []
        assert len(served.calls) == 1
        assert await bars_on(opened) == 6


def _same(held: Held) -> Held:
    return held


answers = st.builds(Held, st.integers(0, 3), st.frozensets(st.integers(0, 3), max_size=3), st.booleans())


@given(st.lists(st.tuples(st.none() | st.integers(0, 2), answers), min_size=1, max_size=8))
def test_an_answer_that_seems_complete_is_used_only_if_it_has_all_rows_of_earlier_ones_or_two_agree(
    given_answers: list[tuple[int | None, Held]],
) -> None:
    doubt, doubted = Doubt(), list[tuple[Hashable, Held]]()
    with suppress(BadPageError):
        for lacking, held in given_answers:
            unknown = not held.every_row and any(earlier.rows for _, earlier in doubted)
            less = unknown or any(held.lacks(earlier) for _, earlier in doubted)
            key: Hashable = held if lacking is None and less else lacking
            settles = doubt.settles(lacking, partial(_same, held))
            assert settles is (key is None or key in [seen for seen, _ in doubted])
            if not settles:
                doubted.append((key, held))


def test_an_answer_lacks_the_rows_that_only_another_has() -> None:
    assert Held(2, frozenset("ab")).lacks(Held(1, frozenset("c")))
    assert Held(2, frozenset("ab")).lacks(Held(3))
    assert not Held(2, frozenset("ab")).lacks(Held(2, frozenset("a")))
