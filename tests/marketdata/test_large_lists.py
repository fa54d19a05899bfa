"""Lists that are decoded a piece at a time are judged as those that are decoded at once."""

from collections.abc import Generator
from typing import Any

import anyio
import anyio.lowlevel
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.client import in_steps
from stockticker_async.marketdata.large_lists import PIECE_ROWS, WHOLE_BYTES, decode_list
from stockticker_async.marketdata.rows import RowPage, decode_rows

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), JSON, min_size=1, max_size=3), max_size=5)
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["OK", "DELAYED", "ERROR", None]),
        "count": st.integers(0, 5),
        "next_url": st.none() | st.just("https://api.example/more") | st.integers(-9, 9),
        "results": ROWS | JSON,
    },
)


def result_of(steps: Generator[None, None, RowPage]) -> tuple[RowPage, int]:
    """The page, and how often the decoder gave way."""
    turns = 0
    while True:
        try:
            next(steps)
        except StopIteration as done:
            page: RowPage = done.value
            return page, turns
        turns += 1


def outcome(body: bytes, *, pieces: bool) -> Any:
    try:
        return result_of(decode_list(body, whole_bytes=0))[0] if pieces else decode_rows(body)
    except BadPageError as refused:
        return refused.message, refused.detail


@given(ANSWERS | JSON)
def test_an_answer_is_the_same_in_pieces(raw: Any) -> None:
    body = orjson.dumps(raw)
    assert outcome(body, pieces=True) == outcome(body, pieces=False)


@given(ROWS, st.data())
@example([{"a": 1}], None)
def test_a_damaged_answer_is_refused_alike(rows: list[dict[str, Any]], data: st.DataObject | None) -> None:
    body = orjson.dumps({"status": "OK", "results": rows})
    place = len(body) // 2 if data is None else data.draw(st.integers(0, len(body) - 1))
    for damaged in (
        body[:place],
        body[:place] + b"\xff" + body[place + 1 :],
        body[:place] + b"NaN" + body[place:],
    ):
        assert outcome(damaged, pieces=True) == outcome(damaged, pieces=False)


def test_what_one_decoder_reads_and_the_other_refuses_is_refused() -> None:
    body = b'{"results":[{"a":"\\ud800"}]}'
    assert outcome(body, pieces=True) == outcome(body, pieces=False)
    assert "no whole JSON" in outcome(body, pieces=True)[0]


def test_a_large_list_gives_way_before_it_is_cut_and_before_each_piece() -> None:
    rows = [{"ticker": f"T{number:0300}"} for number in range(2 * PIECE_ROWS + 1)]
    body = orjson.dumps({"status": "OK", "count": len(rows), "results": rows})
    page, turns = result_of(decode_list(body))
    assert (page.rows, page.stated, turns) == (rows, len(rows), 1 + 3)
    small = orjson.dumps({"results": rows[:3]})
    assert len(small) < WHOLE_BYTES
    assert result_of(decode_list(small)) == (RowPage(rows[:3]), 0)


async def test_others_have_their_turns_between_the_pieces() -> None:
    seen: list[int] = []
    turns = 0

    def steps(body: bytes) -> Generator[None, None, int]:
        for _ in body:
            seen.append(turns)
            yield
        return len(body)

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(other)
        assert await in_steps(steps)(b"abc") == 3
        group.cancel_scope.cancel()
    assert len(set(seen)) == 3


async def test_a_body_too_large_to_be_decoded_is_refused_before_the_first_step() -> None:
    with pytest.raises(BadPageError, match="too large to be decoded"):
        await in_steps(decode_list)(b"[" + b"{}," * 3_000_000 + b"{}]")
