"""The asynchronous library against the sandbox: the truth, at the reader's pace, and nothing left running."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import anyio
import orjson
import pyarrow as pa
import pytest
from loopback import until
from support import ALL, BARS, BOTH, CURSORS, PRICES, Rows, at, made_names, rows_of, sync, truth

import stockticker_async as st
from stockticker_async.clock import Clock
from stockticker_async.connector import config
from stockticker_async.errors import BadPageError, ConfigError, TransientError, causes
from stockticker_async.library import question
from stockticker_async.library.channel import MOST_BYTES
from stockticker_async.library.market import Batches, Market, open_market
from stockticker_async.marketdata.calendar import new_york_date
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

FIRST, LAST = "2020-12-07", "2020-12-21"
THREE = ("TSLA", "AAA", "BBB")


@asynccontextmanager
async def sandbox_at(day: str = "2020-12-22", **options: Any) -> AsyncIterator[Sandbox]:
    told: dict[str, Any] = {"universe": 60, "tickers": ("AAA", "BBB"), "speed": 0.0, **options}
    async with serve(Options(now=at(day), **told)) as sandbox:
        yield sandbox


@asynccontextmanager
async def market_of(
    sandbox: Sandbox, *, key: str | None = None, most_bytes: int = MOST_BYTES, at_once: int | None = None
) -> AsyncIterator[Market]:
    how = question.access(key or sandbox.options.key, sandbox.url, None, at_once)
    async with open_market(how, Clock(start=sandbox.clock.now()), most_bytes=most_bytes) as market:
        yield market


async def rows_in(batches: Batches) -> list[dict[str, Any]]:
    return [row async for batch in batches for row in as_written(batch)]


def as_written(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The rows of bars as `read` writes them."""
    rows: list[dict[str, Any]] = batch.to_pylist()
    for row in rows:
        row["date"] = row["date"].isoformat()
        if "timestamp" in row:
            row["timestamp"] = row["timestamp"].strftime("%Y-%m-%dT%H:%M:%SZ")
    return rows


def errors_of(group: BaseException) -> list[st.ConnectorError]:
    return [error for error in causes(group) if isinstance(error, st.ConnectorError)]


def by_key(stream: str, rows: Iterable[dict[str, Any]]) -> Rows:
    """By primary key, each once, and ascending for each ticker."""
    found: Rows = {}
    for row in rows:
        key = row["stock_ticker"], row[CURSORS[stream]]
        assert key not in found
        found[key] = row
    for ticker in {name for name, _ in found}:
        assert all(one < other for one, other in pairwise(at for name, at in found if name == ticker))
    return found


# The truth


@pytest.mark.parametrize("bar", [(1, "minute"), (7, "minute"), (1, "hour"), (1, "day"), (1, "week")])
async def test_bars_are_exactly_those_of_the_api(bar: tuple[int, str]) -> None:
    async with sandbox_at(page_rows=700) as sandbox, market_of(sandbox) as market:
        last = (
            LAST if bar[1] != "week" else "2020-12-18"
        )  # a week of which days are to come is another one then
        batches = market.bars(THREE, start=FIRST, end=last, multiplier=bar[0], timespan=bar[1])
        found = by_key(BARS, await rows_in(batches))
        assert found == truth(sandbox, BARS, THREE, FIRST, last, bar=bar)
        assert batches.failures == ()


@pytest.mark.parametrize("adjusted", [True, False])
async def test_prices_are_exactly_those_of_the_api(adjusted: bool) -> None:  # noqa: FBT001 - a case
    async with sandbox_at("2022-12-22") as sandbox, market_of(sandbox) as market:
        rows = await rows_in(market.read(PRICES, "TSLA, AAPL", start="2021-06-01", adjusted=adjusted))
        wanted = truth(sandbox, PRICES, ("TSLA", "AAPL"), "2021-06-01", "2022-12-21", adjusted=adjusted)
        assert by_key(PRICES, rows) == wanted


@pytest.mark.parametrize("names", ["*", made_names(40)], ids=["market", "named"])
@pytest.mark.parametrize("stream", BOTH)
async def test_sessions_of_the_market_are_what_read_writes(names: Any, stream: str) -> None:
    async with (
        sandbox_at(universe=200, tickers=tuple(made_names(40))) as sandbox,
        market_of(sandbox) as market,
    ):
        wanted = rows_of(stream, await sync(sandbox, names, streams=[stream], start_date=FIRST))
        first = len(sandbox.calls)
        found = by_key(stream, await rows_in(market.read(stream, names, start=FIRST)))
        assert found == wanted
        assert any("grouped" in call.path for call in sandbox.calls[first:])


@pytest.mark.parametrize("session", ["2020-12-17", "2020-12-18", "2020-12-21"])
async def test_a_session_that_lacks_half_is_asked_again_and_each_bar_is_there_once(session: str) -> None:
    def third(body: bytes) -> bytes:
        page = orjson.loads(body)
        page["results"] = page["results"][::3]
        page["resultsCount"] = page["count"] = len(page["results"])
        return orjson.dumps(page)

    async with sandbox_at(universe=200) as sandbox, market_of(sandbox) as market:
        wanted = rows_of(PRICES, await sync(sandbox, "*", streams=[PRICES], start_date="2020-12-17"))
        sandbox.faults.add(Fault(kind="body", body=third, match=f"/grouped/.*/{session}"))
        found = by_key(PRICES, await rows_in(market.read(PRICES, start="2020-12-17")))
        assert found == wanted


@pytest.mark.parametrize("stream", ALL)
async def test_every_stream_has_the_rows_that_read_writes(stream: str) -> None:
    async with sandbox_at() as sandbox, market_of(sandbox) as market:
        run = await sync(sandbox, "TSLA,AAPL", streams=[stream], start_date="2020-12-01")
        batches = market.read(stream, ["TSLA", "AAPL"], start="2020-12-01")
        found = [batch async for batch in batches]
        assert all(batch.schema == batches.schema for batch in found)
        assert sum(batch.num_rows for batch in found) == len(run.records(stream))


# The reader's pace


async def test_a_slow_reader_is_waited_for() -> None:
    """Nothing piles up: of all calls only those that fill the channel are made."""
    async with (
        sandbox_at(page_rows=250) as sandbox,
        market_of(sandbox, most_bytes=50_000, at_once=4) as market,
    ):
        batches = market.bars(THREE, start="2020-11-02", end=LAST, timespan="minute")
        rows = as_written(await anext(batches))
        await anyio.wait_all_tasks_blocked()
        early = len(sandbox.calls)
        await anyio.wait_all_tasks_blocked()
        rows += await rows_in(batches)
        assert early < len(sandbox.calls) / 10
        assert by_key(BARS, rows) == truth(sandbox, BARS, THREE, "2020-11-02", LAST, bar=(1, "minute"))


async def test_questions_within_questions_do_not_wait_for_each_other() -> None:
    async with (
        sandbox_at(page_rows=700) as sandbox,
        market_of(sandbox, most_bytes=1, at_once=2) as market,
    ):
        outer, inner = list[dict[str, Any]](), list[dict[str, Any]]()
        async for batch in market.bars("AAA", start="2020-12-14", timespan="minute"):
            outer += as_written(batch)
            inner += await rows_in(market.bars("BBB", start="2020-12-21", timespan="minute"))
            if len(outer) > 2000:
                break
        assert by_key(BARS, outer)
        assert len(inner) % len(truth(sandbox, BARS, ["BBB"], LAST, LAST, bar=(1, "minute"))) == 0


async def test_questions_at_once_share_one_allowance() -> None:
    async with sandbox_at(calls_per_minute=1000) as sandbox, market_of(sandbox) as market:
        found: dict[str, list[dict[str, Any]]] = {}

        async def ask(name: str) -> None:
            found[name] = await rows_in(market.bars(name, start=FIRST, end=LAST))

        async with anyio.create_task_group() as group:
            for name in THREE:
                group.start_soon(ask, name)
        rows = [row for one in found.values() for row in one]
        assert by_key(BARS, rows) == truth(sandbox, BARS, THREE, FIRST, LAST)


# Its end


def tasks() -> set[Any]:
    """All but those of the sandbox's server."""
    return {task for task in asyncio.all_tasks() if "RequestHandler" not in repr(task)}


async def test_after_a_break_nothing_is_left_running() -> None:
    async with sandbox_at(page_rows=700) as sandbox, market_of(sandbox, most_bytes=1) as market:
        before = tasks()
        async for _ in market.bars(THREE, start="2020-06-01", timespan="minute"):
            break
        await until(lambda: tasks() <= before)
        made = len(sandbox.calls)
        await anyio.wait_all_tasks_blocked()
        assert len(sandbox.calls) == made


async def test_a_reader_that_is_cancelled_leaves_nothing_running() -> None:
    async with sandbox_at() as sandbox, market_of(sandbox) as market:
        before = tasks()
        sandbox.faults.add(Fault(kind="hang", seconds=None, match="/range/", times=None))
        async with anyio.create_task_group() as group:
            group.start_soon(rows_in, market.bars("AAA", start=FIRST))
            await until(lambda: any("/range/" in call.path for call in sandbox.calls))
            group.cancel_scope.cancel()
        assert tasks() <= before


async def test_what_is_closed_has_ended_and_says_so() -> None:
    async with sandbox_at(page_rows=700) as sandbox:
        async with market_of(sandbox, most_bytes=1) as market:
            before = tasks()
            async with market.bars("AAA", start="2020-06-01", timespan="minute") as batches:
                assert (await anext(batches)).num_rows
            assert tasks() <= before
            assert await rows_in(batches) == []
            never = market.bars("AAA")
            await never.aclose()
            assert await rows_in(never) == []
            left = market.bars("AAA", start="2020-06-01", timespan="minute")
            await anext(left)
        with pytest.raises(RuntimeError, match="closed before"):
            await rows_in(left)


async def test_an_error_of_the_body_is_raised_as_it_is() -> None:
    async with sandbox_at() as sandbox:
        with pytest.raises(KeyError):  # noqa: PT012 - the body is what is tested
            async with market_of(sandbox) as market:
                await anext(market.bars("AAA", start=FIRST))
                raise KeyError


# Failures


async def test_a_ticker_that_fails_is_told_after_all_that_could_be_read() -> None:
    async with sandbox_at() as sandbox, market_of(sandbox) as market:
        sandbox.faults.add(Fault(kind="body", transform="html", match="/BBB/", times=None))
        rows = []
        with pytest.raises(st.IncompleteError) as caught:  # noqa: PT012 - so is the loop
            async for batch in market.bars([*THREE, "NOPE"], start=FIRST, end=LAST, timespan="minute"):
                rows += as_written(batch)
        assert by_key(BARS, rows) == truth(sandbox, BARS, ("TSLA", "AAA"), FIRST, LAST, bar=(1, "minute"))
        assert {(type(one), one.tickers) for one in errors_of(caught.value)} == {
            (BadPageError, ("BBB",)),
            (ConfigError, ("NOPE",)),
        }
        transient, rest = caught.value.split(st.TransientError)
        assert isinstance(transient, st.IncompleteError)
        assert isinstance(rest, st.IncompleteError)
        assert "BBB: the API answered 200 with an HTML page" in str(transient.exceptions[0])


async def test_failures_may_be_skipped_and_are_kept_beside_the_rows() -> None:
    async with sandbox_at() as sandbox, market_of(sandbox) as market:
        sandbox.faults.add(Fault(kind="body", transform="html", match="/BBB/", times=None))
        batches = market.bars(THREE, start=FIRST, end=LAST, timespan="minute", on_error="skip")
        rows = await rows_in(batches)
        assert by_key(BARS, rows) == truth(sandbox, BARS, ("TSLA", "AAA"), FIRST, LAST, bar=(1, "minute"))
        assert [(type(one), one.tickers) for one in batches.failures] == [(BadPageError, ("BBB",))]


async def test_a_wrong_key_fails_everything_and_is_not_shown() -> None:
    async with sandbox_at() as sandbox, market_of(sandbox, key="a-wrong-key") as market:
        with pytest.raises(st.IncompleteError) as caught:
            await rows_in(market.bars(THREE, start=FIRST))
        assert [type(one) for one in caught.value.exceptions] == [ConfigError]
        assert "a-wrong-key" not in repr((caught.value, caught.value.exceptions, market, vars(market)))


async def test_a_row_of_another_type_fails_its_ticker() -> None:
    def spoiled(body: bytes) -> bytes:
        page = orjson.loads(body)
        page["results"]["list_date"] = "long ago"
        return orjson.dumps(page)

    async with sandbox_at() as sandbox, market_of(sandbox) as market:
        sandbox.faults.add(Fault(kind="body", body=spoiled, match="/tickers/TSLA", times=None))
        batches = market.read("ticker_details", ["TSLA", "AAPL"], on_error="skip")
        assert [
            row["stock_ticker"] for batch in [one async for one in batches] for row in batch.to_pylist()
        ] == ["AAPL"]
        (failure,) = batches.failures
        assert isinstance(failure, TransientError)
        assert failure.tickers == ("TSLA",)
        assert "list_date" in failure.message


# What cannot be asked


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"tickers": ""}, {"stock_ticker": ""}),
        ({"tickers": []}, {"stock_ticker": ""}),
        ({"tickers": ["A", 5]}, {"stock_ticker": 5}),
        ({"tickers": None}, {"stock_ticker": None}),
        ({"tickers": "*, A"}, {"stock_ticker": "*, A"}),
        ({"tickers": ["*", "A"]}, {"stock_ticker": "*,A"}),
        ({"tickers": "*", "timespan": "minute"}, {"stock_ticker": "*", "timespan": "minute"}),
        ({"start": "2024-1-2"}, {"start_date": "2024-1-2"}),
        ({"start": 20240102}, {"start_date": 20240102}),
        ({"start": "2030-01-01"}, {"start_date": "2030-01-01"}),
        (
            {"start": "2020-12-02", "end": "2020-12-01"},
            {"start_date": "2020-12-02", "end_date": "2020-12-01"},
        ),
        ({"timespan": "fortnight"}, {"timespan": "fortnight"}),
        ({"multiplier": 0}, {"multiplier": 0}),
        ({"multiplier": True}, {"multiplier": True}),
        ({"adjusted": "yes"}, {"adjusted": "yes"}),
        ({"include_otc": 1}, {"include_otc": 1}),
    ],
)
async def test_what_cannot_be_asked_is_refused_in_the_connectors_words(
    asked: dict[str, Any], field: dict[str, Any]
) -> None:
    clock = Clock(start=at("2020-12-22"))
    raw = {"stock_ticker": "TSLA", "api_key": "a key".replace(" ", "-"), **field}
    with pytest.raises(ConfigError) as wanted:
        config.parse(raw, today=new_york_date(clock.utc_now()))
    async with open_market(question.access("a-key", None, None, None), clock) as market:
        with pytest.raises(ConfigError) as caught:
            market.bars(**{"tickers": "TSLA", **asked})
    assert str(caught.value) == str(wanted.value)


@pytest.mark.parametrize(
    "field",
    [
        {"api_key": ""},
        {"api_key": "of two words"},
        {"base_url": "ftp://example.com"},
        {"requests_per_minute": 0},
        {"max_concurrent_requests": 65},
    ],
)
async def test_a_market_is_refused_in_the_connectors_words(field: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as wanted:
        config.parse({"stock_ticker": "*", "api_key": "a-key", **field}, today=at("2020-12-22").date())
    with pytest.raises(ConfigError) as caught:
        async with st.open(**{"api_key": "a-key", **field}):
            pass
    assert str(caught.value) == str(wanted.value)


async def test_a_stream_that_there_is_not_and_a_way_that_there_is_not_are_named() -> None:
    async with st.open(api_key="a-key") as market:
        with pytest.raises(ConfigError, match="There is no stream 'dividend': the streams are stock_prices"):
            market.read("dividend")
        with pytest.raises(ConfigError, match="on_error must be one of raise, skip, not 'ignore'"):
            market.bars("A", on_error="ignore")  # type: ignore[arg-type] # as somebody may
