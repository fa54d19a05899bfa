"""The endpoints: splits in few URLs, with the old endpoint behind the new one; the reference."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from support import at, made_names, raw_config

from stockticker_async.clock import Clock
from stockticker_async.connector import config
from stockticker_async.errors import BadPageError, ConfigError
from stockticker_async.marketdata import bar_size, grouped, ranges, reference, split_list
from stockticker_async.marketdata.bars import Asked
from stockticker_async.marketdata.client import Answer, Client, open_client
from stockticker_async.marketdata.responses import Refusal, RefusalReason
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

SINCE, UNTIL = date(2020, 1, 1), date(2022, 12, 31)
FORBIDDEN = (
    b'{"status":"NOT_AUTHORIZED","request_id":"1",'
    b'"message":"You are not entitled to this data. Please upgrade."}'
)


@asynccontextmanager
async def talking(**options: Any) -> AsyncIterator[tuple[Sandbox, Client]]:
    async with serve(Options(now=at("2026-11-20"), universe=100, speed=0.0, **options)) as sandbox:
        parsed = config.parse(raw_config(sandbox, "TSLA"), today=date(2026, 11, 20))
        async with open_client(parsed.settings, Clock(start=sandbox.clock.now())) as client:
            yield sandbox, client


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


async def test_pages_of_splits_that_go_round_in_a_circle_are_refused() -> None:
    async with talking() as (sandbox, client):
        sandbox.faults.add(Fault(kind="edit", edit="next_url", next_url="self", match="/splits", times=None))
        with pytest.raises(BadPageError, match="round in a circle"):
            await split_list.splits(client, ["TSLA"], after=SINCE, until=UNTIL)


async def test_the_reference_knows_the_listed_and_not_the_made_up() -> None:
    async with talking() as (sandbox, client):
        assert await reference.is_known(client, "TSLA", None)
        assert not await reference.is_known(client, "NOPE", None)
        assert not await reference.is_known(client, "tsla", date(2020, 1, 2))
        sandbox.faults.add(Fault(kind="status", match="/tickers/", status=404, body=b"404 page not found"))
        assert await reference.is_known(client, "NOPE", None), "without a reference there is no telling"
        sandbox.faults.add(Fault(kind="body", match="/tickers/", body=b"[]", times=None))
        with pytest.raises(BadPageError, match="unknown form"):
            await reference.is_known(client, "TSLA", None)


async def test_bars_answered_with_404_are_told_by_its_kind() -> None:
    async with talking() as (sandbox, client):
        asked = Asked("TSLA", SINCE, UNTIL, bar_size.ONE_DAY, adjusted=True)
        sandbox.faults.add(
            Fault(kind="status", match="/v2/", status=404, body=b"404 page not found", times=4)
        )
        with pytest.raises(ConfigError, match="base_url"):
            await anext(ranges.range_pages(client, asked))
        with pytest.raises(ConfigError, match="base_url"):
            await grouped.grouped_bars(client, UNTIL, adjusted=True, otc=True, wanted=None)
        gone = b'{"status":"NOT_FOUND","request_id":"1","message":"Data not found."}'
        sandbox.faults.add(Fault(kind="status", match="/v2/", status=404, body=gone, times=None))
        with pytest.raises(BadPageError, match="404"):
            await anext(ranges.range_pages(client, asked))
