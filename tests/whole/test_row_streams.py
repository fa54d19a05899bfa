"""The row streams against the sandbox: whole, few calls, resumed, and alone in their failures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
import oracle
import orjson
import pytest
from jsonschema import Draft7Validator
from row_world import DAY, NAMES, NOW, SINCE, world
from support import PRICES, Interrupted, Recorder, Row, Run, advance_days, raw_config, sync

from stockticker_async.clock import Clock
from stockticker_async.connector import catalog, config, resources
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.log import LinesHandler, Mask, to_lines
from stockticker_async.connector.read import preview
from stockticker_async.marketdata.rows import decode_rows
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.streams.table import STREAMS, Bars, Daily, Listed, Lookup, Stream
from stockticker_async.streams.transforms import stream_rows
from stockticker_async.sync.readers.listing import ListingSync

BY_NAME = {stream.name: stream for stream in STREAMS}
LISTINGS = [stream.name for stream in STREAMS if isinstance(stream.source, Listed)]
FORWARDED = [stream.name for stream in STREAMS if not isinstance(stream.source, Bars)]
A_CALL_EACH = [stream.name for stream in STREAMS if isinstance(stream.source, Lookup | Daily)]
SCHEMAS = {name: resources.load(f"schemas/{name}.json") for name in FORWARDED}
SELECTED = catalog.parse(catalog.configured([stream.name for stream in STREAMS], incremental=True))


async def asked(sandbox: Sandbox, stream: Stream, listed: Listed, **query: str) -> list[Row]:
    """All rows that the API has, page by page, shaped as the stream's."""
    rows: list[Row] = []
    headers = {"Authorization": "Bearer demo-key"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url: str | None = sandbox.url + listed.listing.path
        params: Mapping[str, str] | None = {"limit": "1000", **listed.listing.query, **query}
        while url is not None:
            async with session.get(url, params=params) as response:
                page = decode_rows(await response.read())
            rows += stream_rows(
                page, listed.transform, asked="", primary_key=stream.primary_key, identity=listed.identity
            )
            url, params = page.next_url, None
    return rows


async def truth(sandbox: Sandbox, name: str, tickers: tuple[str, ...] = NAMES) -> dict[Any, Row]:
    """The rows that the API has of the tickers since the first day, by their primary key."""
    stream = BY_NAME[name]
    listed = stream.source
    assert isinstance(listed, Listed)
    listing = listed.listing
    since = {f"{listing.since}.gte": SINCE + "T04:00:00Z" * stream.times} if listing.since else {}
    found: list[Row] = []
    for variant in listing.variants:
        found += await asked(sandbox, stream, listed, **since, **variant)
    wanted = [row for row in found if listing.filters == "nothing" or row["stock_ticker"] in tickers]
    return by_key(name, wanted)


def by_key(name: str, rows: list[Row]) -> dict[Any, Row]:
    return {tuple(row[field] for field in BY_NAME[name].primary_key): row for row in rows}


async def planned(sandbox: Sandbox, tickers: Sequence[str], **options: Any) -> list[str]:
    """What ``read --plan`` tells of all streams."""
    clock, lines = Clock(start=sandbox.clock.now()), Recorder()
    to_lines(LinesHandler(lines.offer, Mask()), debug=False)
    parsed = config.parse(raw_config(sandbox, tickers, **options), today=NOW.date())
    assert await preview(CommandContext(clock, lines, Mask()), parsed, SELECTED, {}) == 0
    return [message["log"]["message"] for message in oracle.messages(lines.stdout)]


@pytest.mark.parametrize("name", FORWARDED)
async def test_the_rows_are_what_the_schema_says_and_none_share_a_primary_key(name: str) -> None:
    async with world() as sandbox:
        run = await sync(sandbox, NAMES, streams=(name,), start_date=SINCE)
        assert run.code == 0
        assert run.records(name) or name in ("ipos", "splits")
        assert len(by_key(name, run.records(name))) == len(run.records(name))
        judge = Draft7Validator(SCHEMAS[name])
        for row in run.records(name):
            judge.validate(row)
            assert row.keys() <= SCHEMAS[name]["properties"].keys()


@pytest.mark.parametrize("name", LISTINGS)
async def test_a_list_is_whole(name: str) -> None:
    async with world() as sandbox:
        run = await sync(sandbox, NAMES, streams=(name,), start_date=SINCE)
        assert run.code == 0
        wanted = await truth(sandbox, name)
        assert by_key(name, run.records(name)) == wanted
        assert wanted or name == "ipos"


@pytest.mark.parametrize("name", [name for name in LISTINGS if BY_NAME[name].cursor])
async def test_the_next_sync_goes_on_and_misses_nothing(name: str) -> None:
    async with world() as sandbox:
        first = await sync(sandbox, NAMES, streams=(name,), start_date=SINCE)
        assert set(first.cursors(name).values()) == {DAY}
        advance_days(sandbox, 20)
        second = await sync(sandbox, NAMES, streams=(name,), before=first, start_date=SINCE)
        held = by_key(name, first.records(name)) | by_key(name, second.records(name))
        wanted = await truth(sandbox, name)
        assert held.keys() == wanted.keys()
        assert set(second.cursors(name).values()) == {"2021-01-10"}
        assert len(second.calls) <= len(NAMES)
        # a full refresh goes on from its state too, without a look-back
        third = await sync(sandbox, NAMES, streams=(name,), before=first, incremental=False, start_date=SINCE)
        after = "2020-12-22" + "T05" * BY_NAME[name].times
        later = [row for row in second.records(name) if str(row[BY_NAME[name].cursor]) >= after]
        assert by_key(name, third.records(name)) == by_key(name, later)


async def test_a_sync_killed_between_pages_goes_on_where_it_was() -> None:
    async with world(universe=3000) as sandbox:
        since = "2012-01-01"
        whole = await sync(sandbox, "*", streams=("dividends",), start_date=since)
        assert len(whole.calls) > 3, "several pages"
        runs: list[Run] = []
        for lines in (3000, 5000, 7000, None):
            last = await sync(
                sandbox,
                "*",
                streams=("dividends",),
                start_date=since,
                before=runs[-1] if runs else None,
                lines=Interrupted(lines) if lines else None,
                incremental=False,
            )
            runs.append(last)
        rows = [row for run in runs for row in run.records("dividends")]
        assert by_key("dividends", rows) == by_key("dividends", whole.records("dividends"))
        assert len(rows) < 2 * len(whole.records("dividends")), "what was covered is not read again"


@pytest.mark.parametrize(
    ("pages", "cursors"),
    [
        ([["2020-12-10", "2020-12-15", "2020-12-15"], ["2020-12-16"]], {"TSLA": "2020-12-14"}),
        ([["2020-12-10", "2020-12-15", "2020-12-15"]], {}),
        ([["2020-12-15", "2020-12-15"], ["2020-12-16"]], {}),
    ],
    ids=["two pages", "no page after it", "one day"],
)
async def test_a_page_covers_the_days_before_its_last_row_once_the_next_one_is_there(
    pages: list[list[str]], cursors: dict[str, str]
) -> None:
    rows = [
        [{"ticker": "TSLA", "ex_dividend_date": day, "id": f"E{n}{place}"} for place, day in enumerate(days)]
        for n, days in enumerate(pages)
    ]
    async with world() as sandbox:
        nexts = [f"{sandbox.url}/stocks/v1/dividends?limit={n}" for n in range(1, len(pages))]
        bodies = [
            orjson.dumps({"results": found, "next_url": following})
            for found, following in zip(rows, [*nexts, "https://elsewhere.example/page"], strict=True)
        ]
        for body in bodies:
            sandbox.faults.add(Fault(kind="body", body=body, match="dividends"))
        run = await sync(sandbox, "TSLA", streams=("dividends",), start_date="2020-12-01")
        assert len(run.records("dividends")) == sum(map(len, pages))
        assert "another address" in run.errors("dividends")[0]["message"]
        assert run.cursors("dividends") == cursors


@pytest.mark.parametrize("order", [(0, 2, 1), (0, 2, 3, 1), (0, 2, 3, 0)], ids=str)
async def test_days_that_a_page_passed_over_are_read_by_the_next_sync(order: tuple[int, ...]) -> None:
    """The pages of a walk in this order: the list fails, and loses no row."""
    async with world(universe=3000) as sandbox:
        options: dict[str, Any] = {"streams": ("short_interest",), "start_date": "2019-01-01"}
        bodies: list[bytes] = []

        def keep(body: bytes) -> bytes:
            bodies.append(body)
            return body

        sandbox.faults.add(Fault(kind="body", body=keep, match="short-interest", times=None))
        whole = await sync(sandbox, "*", **options)
        sandbox.faults.clear()
        assert len(bodies) > 4
        pages = [orjson.loads(body) for body in bodies]
        for place, number in enumerate(order):
            body = orjson.dumps({**pages[place], "results": pages[number]["results"]})
            times = 3 if place == len(order) - 1 else 1
            sandbox.faults.add(Fault(kind="body", body=body, match="short-interest", times=times))
        first = await sync(sandbox, "*", **options)
        assert "out of order" in first.errors("short_interest")[0]["message"]
        second = await sync(sandbox, "*", before=first, **options)
        assert second.code == 0
        rows = [*first.records("short_interest"), *second.records("short_interest")]
        assert by_key("short_interest", rows) == by_key("short_interest", whole.records("short_interest"))


@pytest.mark.parametrize("name", ["splits", "dividends"])
async def test_the_deprecated_list_stands_in_where_the_plan_lacks_the_new_one(name: str) -> None:
    async with world() as sandbox:
        wanted = await truth(sandbox, name)
    async with world(without=("/stocks/v1/",)) as sandbox:
        run = await sync(sandbox, NAMES, streams=(name,), start_date=SINCE)
        assert run.code == 0
        day = BY_NAME[name].cursor
        found = {(row["stock_ticker"], row[day]) for row in run.records(name)}
        assert found == {(row["stock_ticker"], row[day]) for row in wanted.values()}
        assert set(run.cursors(name).values()) == {DAY}


@pytest.mark.parametrize("name", FORWARDED)
async def test_what_the_plan_lacks_fails_alone_and_in_plain_words(name: str) -> None:
    async with world(
        without=("/v3/reference", "/vX", "/stocks", "/v1", "/v2/reference", "/v2/aggs/t")
    ) as sandbox:
        run = await sync(sandbox, "TSLA", streams=("market_holidays", name), start_date="2020-12-01")
        assert run.code == 1
        assert not run.records(name)
        for error in run.errors(name):
            assert error["failure_type"] == "config_error"
            assert "the plan of this key does not include this endpoint" in error["message"]


async def test_the_other_streams_are_read_though_one_fails() -> None:
    async with world(without=("/stocks/v1/short",)) as sandbox:
        streams = (PRICES, "short_interest", "short_volume", "exchanges")
        run = await sync(sandbox, NAMES, streams=streams, start_date="2020-12-01")
        ends = {stream: run.statuses(stream)[-1] for stream in streams}
        assert ends == {
            PRICES: "COMPLETE",
            "short_interest": "INCOMPLETE",
            "short_volume": "INCOMPLETE",
            "exchanges": "COMPLETE",
        }
        assert run.records(PRICES)
        assert run.records("exchanges")


@pytest.mark.parametrize("name", FORWARDED)
async def test_an_address_without_the_endpoint_fails_the_stream_alone(name: str) -> None:
    async with world() as sandbox:
        sandbox.faults.add(
            Fault(kind="status", status=404, body="404 page not found", content_type="text/plain", times=None)
        )
        run = await sync(sandbox, "TSLA", streams=(name,), start_date="2020-12-01", adjusted=False)
        (error,) = run.errors(name)
        text = "the address has no such endpoint (404): leave the stream out, or check base_url."
        source = BY_NAME[name].source
        of_tickers = not isinstance(source, Listed) or source.listing.filters != "nothing"
        assert error["message"] == ("TSLA: " if of_tickers else "") + text


@pytest.mark.parametrize("name", LISTINGS)
async def test_the_whole_market_is_asked_at_once(name: str) -> None:
    async with world() as sandbox:
        run = await sync(sandbox, "*", streams=(name,), start_date=SINCE)
        assert run.code == 0
        assert len(run.calls) <= (10 if name == "news" else 4), "pages, not tickers"
        assert run.records(name) or name == "ipos"


@pytest.mark.parametrize("name", A_CALL_EACH)
async def test_a_call_a_ticker_is_refused_for_the_whole_market(name: str) -> None:
    async with world() as sandbox:
        run = await sync(sandbox, "*", streams=(name, "exchanges"), start_date="2020-12-01", adjusted=False)
        assert run.statuses("exchanges")[-1] == "COMPLETE"
        (error,) = run.errors(name)
        assert error["message"].startswith("the whole market: a call for each ticker is needed")


async def test_a_bad_page_fails_its_tickers_and_no_others() -> None:
    async with world() as sandbox:
        sandbox.faults.add(Fault(kind="body", transform="half", match="news", times=3))
        run = await sync(
            sandbox, NAMES, streams=("news",), start_date="2020-12-01", max_concurrent_requests=1
        )
        (error,) = run.errors("news")
        assert error["message"] == "TSLA: the API answered 200 with no whole JSON."
        assert {row["stock_ticker"] for row in run.records("news")} == {*NAMES} - {"TSLA"}
        assert run.cursors("news").keys() == {*NAMES} - {"TSLA"}


async def test_an_offering_without_a_ticker_is_nobodys() -> None:
    names = tuple(f"N{number}" for number in range(12))  # so many that the list is asked whole
    rows = orjson.dumps({"results": [{"issuer_name": "A"}, {"ticker": "N7", "issuer_name": "B"}]})
    async with world() as sandbox:
        sandbox.faults.add(Fault(kind="body", body=lambda _: rows, match="ipos", times=None))
        run = await sync(sandbox, names, streams=("ipos", "exchanges"))
        assert [row["stock_ticker"] for row in run.records("ipos")] == ["N7"]
        assert run.code == 0


async def test_a_row_that_is_nested_too_deeply_fails_its_tickers_and_no_other_stream() -> None:
    row = b'{"results": [{"id": 1, "name": "N", "more": ' + b"[" * 300 + b"]" * 300 + b"}]}"
    async with world() as sandbox:
        sandbox.faults.add(Fault(kind="body", body=lambda _: row, match="exchanges", times=None))
        run = await sync(sandbox, NAMES, streams=("exchanges", "ticker_types"))
        (error,) = run.errors("exchanges")
        assert error["message"] == "a row is nested too deeply."
        assert run.statuses("ticker_types")[-1] == "COMPLETE"


# what would be asked


async def test_the_plan_tells_the_calls_of_each_stream_and_asks_nothing() -> None:
    async with world() as sandbox:
        told = await planned(sandbox, NAMES, start_date="2020-12-10", requests_per_minute=5)
        assert {
            "splits: 1 call, and further pages.",
            "ticker_details: 4 calls.",
            "open_close: 32 calls, 6 min under the allowance.",
            "previous_close: 1 call.",
            "market_holidays: 1 call.",
        } <= {*told}, told
        assert sandbox.calls == []


async def test_the_plan_tells_which_streams_the_whole_market_does_not_have() -> None:
    async with world() as sandbox:
        told = await planned(sandbox, "*")
        for name in A_CALL_EACH:
            (line,) = [text for text in told if text.startswith(name)]
            assert line == (
                f"{name} would fail: a call for each ticker is needed: name them in stock_ticker, "
                "or leave the stream out."
            )


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("You are not entitled to this data.", "endpoint: leave the stream out, or change the plan."),
        (
            "Your plan doesn't include this data timeframe.",
            "history: leave the stream out, set start_date later, or change the plan.",
        ),
        ("Attempted to request today's data before end of day.", "day yet: sync again when it is over."),
    ],
)
async def test_each_refusal_of_the_plan_is_told_with_its_own_remedy(phrase: str, said: str) -> None:
    body = orjson.dumps({"status": "NOT_AUTHORIZED", "message": phrase}).decode()
    async with world() as sandbox:
        refusal = Fault(kind="status", status=403, body=body, match="short-volume", times=None)
        sandbox.faults.add(refusal)
        run = await sync(sandbox, "TSLA", streams=("short_volume",))
        (error,) = run.errors("short_volume")
        assert error["message"] == f"TSLA: the plan of this key does not include this {said}"


# rows that are large


def enlarged(change: Callable[[list[dict[str, Any]]], object], match: str = "/reference/news") -> Fault:
    """A list with other rows."""

    def spoil(body: bytes) -> bytes:
        page = orjson.loads(body)
        change(page["results"])
        page["count"] = len(page["results"])
        return orjson.dumps(page)

    return Fault(kind="body", match=match, body=spoil, times=None)


@pytest.mark.fault("page of several MiB")
async def test_a_page_of_long_articles_is_written_in_as_many_pieces_as_it_takes() -> None:
    """Each has 2,100 characters more than usual: 2.7 MB a page, where a piece of the output is one."""

    def change(rows: list[dict[str, Any]]) -> None:
        one = rows[-1] | {"description": "x" * 2_100, "tickers": ["TSLA"]}
        rows[:] = [one | {"id": str(number)} for number in range(1_000)]

    async with world() as sandbox:
        sandbox.faults.add(enlarged(change))
        run = await sync(sandbox, "TSLA", streams=("news", "dividends"), start_date=SINCE)
        assert run.code == 0
        assert {row["id"] for row in run.records("news")} == {str(number) for number in range(1_000)}
        assert run.records("dividends") == (
            await sync(sandbox, "TSLA", streams=("dividends",), start_date=SINCE)
        ).records("dividends")


@pytest.mark.fault("row of more than 1 MiB")
async def test_a_row_that_is_too_large_fails_its_own_ticker() -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if "TSLA" in row["tickers"]:
                row["description"] = "x" * 1_100_000
                row["tickers"] = ["TSLA"]
                row["id"] = "huge"
                break

    async with world() as sandbox:
        good = await sync(sandbox, ("AAPL", "TSLA"), streams=("news",), start_date=SINCE)
        sandbox.faults.add(enlarged(change))
        run = await sync(sandbox, ("AAPL", "TSLA"), streams=("news", "exchanges"), start_date=SINCE)
        (error,) = run.errors()
        assert error["message"].startswith("TSLA: a row from the API is too large to write: 1,10")
        assert "(stock_ticker TSLA, id huge). The other rows were written." in error["message"]
        assert run.cursors("news") == {"AAPL": DAY}
        assert run.records("exchanges")
        wanted = {(row["stock_ticker"], row["id"]) for row in good.records("news")}
        found = {(row["stock_ticker"], row["id"]) for row in run.records("news")}
        assert found < wanted
        assert len(wanted - found) == 1
        sandbox.faults.clear()
        following = await sync(sandbox, ("AAPL", "TSLA"), streams=("news",), before=run, start_date=SINCE)
        assert found | {(row["stock_ticker"], row["id"]) for row in following.records("news")} == wanted


async def test_a_row_that_is_too_large_of_a_list_without_tickers_names_none() -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["name"] = "x" * 1_100_000

    async with world() as sandbox:
        sandbox.faults.add(enlarged(change, "/exchanges"))
        run = await sync(sandbox, ("AAPL", "TSLA"), streams=("exchanges",), start_date=SINCE)
        (error,) = run.errors()
        assert error["message"].startswith("a row from the API is too large to write: 1,10")
        assert run.records("exchanges")


@pytest.mark.fault("bug in one stream")
async def test_a_bug_in_one_stream_ends_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(ListingSync, "run", broken)
    async with world() as sandbox:
        run = await sync(
            sandbox, "TSLA", streams=("news", "ticker_details", "stock_prices"), start_date=SINCE
        )
        (error,) = run.errors()
        assert error["stream_descriptor"] == {"name": "news"}
        assert "An unexpected error" in error["message"]
        assert "ZeroDivisionError: a bug" in error["stack_trace"]
        assert run.records("ticker_details")
        assert run.records("stock_prices")
