"""The pages of a range: followed to the last one, and to the API's own address only."""

import itertools
from collections import Counter
from datetime import date

import pytest
from aiohttp import web
from asking import BARS, closes, sandbox
from loopback import client, serving

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.bars import Asked
from stockticker_async.sandbox.service.faults import Fault

# pages


async def test_pages_are_followed_to_the_last_one() -> None:
    async with sandbox() as served, client(served.url) as opened:
        whole = await closes(opened)
    async with sandbox(page_rows=2) as served, client(served.url) as opened:
        assert await closes(opened) == whole
        assert len(served.calls) == 3
    assert whole[1:] == [633.25, 622.77, 655.9, 695, 649.86]


async def test_a_next_url_that_is_a_path_belongs_to_the_api() -> None:
    async with sandbox() as served, client(served.url) as opened:
        further = "/v2/aggs/ticker/TSLA/range/1/day/2020-12-22/2020-12-22"
        served.faults.add(Fault(kind="edit", edit="next_url", next_url=further))
        asked = Asked("TSLA", date(2020, 12, 14), date(2020, 12, 22), ONE_DAY, adjusted=True)
        served.faults.add(Fault(kind="edit", edit="next_url", next_url="", after=1))
        with pytest.raises(BadPageError, match=r"twice|out of order"):
            await closes(opened, asked)
    assert served.calls[1].path == further


async def test_a_page_that_names_itself_as_the_next_is_asked_once() -> None:
    async with sandbox() as served, client(served.url) as opened:
        served.faults.add(Fault(kind="edit", edit="next_url", next_url="self", times=None))
        with pytest.raises(BadPageError, match="repeat without end"):
            await closes(opened)
        assert len(served.calls) == 1


@pytest.mark.parametrize("length", [2, 3])
async def test_pages_that_go_round_in_a_circle_end(length: int) -> None:
    """Without bars nothing but the addresses tells that they were seen."""
    order = itertools.cycle(range(1, length + 1))
    places: dict[str, int] = {}

    async def answer(request: web.BaseRequest) -> web.Response:
        base = str(request.url.origin())
        # a page without bars is asked for twice, and says the same
        asked = request.rel_url.raw_path_qs
        if asked not in places:
            places[asked] = next(order) % length
        return web.json_response({"next_url": f"{base}{BARS}?cursor={places[asked]}"})

    async with serving(answer) as site, client(site.url) as opened:
        with pytest.raises(BadPageError, match="repeat without end"):
            await closes(opened)
    asked = [request.rel_url.raw_path_qs for request in site.requests]
    assert len(set(asked)) == length + 1  # the first page was asked without a cursor
    assert set(Counter(asked).values()) <= {1, 2}
