"""The list of splits: few URLs, and the deprecated list behind the new one."""

from datetime import date
from fractions import Fraction

import pytest
from support import made_names
from talking import talking

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata import split_list
from stockticker_async.marketdata.client import Answer
from stockticker_async.marketdata.responses import Refusal, RefusalReason
from stockticker_async.sandbox.service.faults import Fault

SINCE, UNTIL = date(2020, 1, 1), date(2022, 12, 31)
FORBIDDEN = (
    b'{"status":"NOT_AUTHORIZED","request_id":"1",'
    b'"message":"You are not entitled to this data. Please upgrade."}'
)


async def test_splits_come_with_their_reduced_ratio() -> None:
    async with talking() as (_, client):
        found = await split_list.splits(client, ["TSLA", "AAPL"], after=SINCE, until=UNTIL)
        assert isinstance(found, Answer)
        assert {(split.ticker, split.day, split.ratio) for split in found.value} == {
            ("TSLA", date(2020, 8, 31), Fraction(5)),
            ("AAPL", date(2020, 8, 31), Fraction(4)),
            ("TSLA", date(2022, 8, 25), Fraction(3)),
        }


async def test_the_first_day_is_left_out_and_the_last_one_is_not() -> None:
    async with talking() as (_, client):
        day = date(2020, 8, 31)
        none = await split_list.splits(client, ["TSLA"], after=day, until=day.replace(year=2021))
        found = await split_list.splits(client, ["TSLA"], after=day.replace(day=30), until=day)
        assert isinstance(none, Answer)
        assert isinstance(found, Answer)
        assert (len(none.value), len(found.value)) == (0, 1)


async def test_two_thousand_tickers_are_asked_in_urls_that_servers_take() -> None:
    names = [f"{name}{letter}" for name in made_names(500) for letter in "ABCD"]
    async with talking() as (sandbox, client):
        await split_list.splits(client, names, after=date(2000, 1, 1), until=UNTIL)
        asked = [name for call in sandbox.calls for name in call.query["ticker.any_of"].split(",")]
        assert asked == names
        assert len(sandbox.calls) == 5
        for call in sandbox.calls:
            assert len(call.query["ticker.any_of"].replace(",", "%2C")) < 3900


async def test_all_splits_are_asked_where_they_are_fewer_pages_than_the_names() -> None:
    names = [f"{name}{letter}" for name in made_names(500) for letter in "ABCD"]
    async with talking() as (sandbox, client):
        await split_list.splits(client, names, after=date(2022, 12, 1), until=UNTIL)
        await split_list.splits(client, [], after=date(2022, 12, 1), until=UNTIL)
        assert [call.query.get("ticker.any_of") for call in sandbox.calls] == [None, None]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", match="/stocks/v1/", status=404, body=b"404 page not found", times=None),
        Fault(kind="status", match="/stocks/v1/", status=403, body=FORBIDDEN, times=None),
    ],
)
async def test_the_deprecated_endpoint_is_asked_where_the_new_one_is_not_to_be_had(fault: Fault) -> None:
    async with talking() as (sandbox, client):
        wanted = await split_list.splits(client, ["TSLA"], after=SINCE, until=UNTIL)
        sandbox.faults.add(fault)
        found = await split_list.splits(client, ["TSLA"], after=SINCE, until=UNTIL)
        assert isinstance(wanted, Answer)
        assert isinstance(found, Answer)
        assert [split for split in found.value if split.ticker == "TSLA"] == wanted.value


async def test_splits_that_no_endpoint_gives_are_a_refusal_or_an_error() -> None:
    async with talking() as (sandbox, client):
        sandbox.faults.add(Fault(kind="status", match="/splits", status=403, body=FORBIDDEN, times=None))
        refusal = await split_list.splits(client, ["TSLA"], after=SINCE, until=UNTIL)
        assert isinstance(refusal, Refusal)
        assert refusal.why is RefusalReason.ENDPOINT
        sandbox.faults.clear()
        sandbox.faults.add(
            Fault(kind="status", match="/splits", status=404, body=b"404 page not found", times=None)
        )
        with pytest.raises(BadPageError, match="404"):
            await split_list.splits(client, ["TSLA"], after=SINCE, until=UNTIL)


BAD_ROWS = [
    b'{"results":[{"ticker":"A","execution_date":"soon","split_from":1,"split_to":2}]}',
    b'{"results":[{"ticker":"A","execution_date":"2020-01-02","split_from":0,"split_to":2}]}',
    b'{"results":[{"ticker":"A","execution_date":"2020-01-02","split_from":"1","split_to":2}]}',
    b'{"results":[{"ticker":"A"}]}',
    b'{"results":null}',
    b"[]",
    b"<html>",
]


@pytest.mark.parametrize("body", BAD_ROWS)
async def test_splits_of_another_form_are_refused(body: bytes) -> None:
    async with talking() as (sandbox, client):
        sandbox.faults.add(Fault(kind="body", match="/splits", body=body, times=None))
        with pytest.raises(BadPageError, match="not of the published form"):
            await split_list.splits(client, ["TSLA"], after=SINCE, until=UNTIL)


async def test_more_splits_than_there_are_would_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking() as (_, client):
        found = await split_list.splits(client, [], after=SINCE, until=UNTIL)
        assert isinstance(found, Answer)
        monkeypatch.setattr(split_list, "MOST_SPLITS", len(found.value))
        assert isinstance(await split_list.splits(client, [], after=SINCE, until=UNTIL), Answer)
        monkeypatch.setattr(split_list, "MOST_SPLITS", len(found.value) - 1)
        with pytest.raises(BadPageError, match=f"more than {len(found.value) - 1} splits"):
            await split_list.splits(client, [], after=SINCE, until=UNTIL)


async def test_pages_of_splits_that_go_round_in_a_circle_are_refused() -> None:
    async with talking() as (sandbox, client):
        sandbox.faults.add(Fault(kind="edit", edit="next_url", next_url="self", match="/splits", times=None))
        with pytest.raises(BadPageError, match="repeat without end"):
            await split_list.splits(client, ["TSLA"], after=SINCE, until=UNTIL)
