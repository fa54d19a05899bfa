"""Rows of the API's lists and look-ups that are not what was asked: asked for again, never written.

Each lie is told once, which must heal, and for ever, which must be told. Whole syncs over real sockets.
"""

from collections.abc import Callable, Iterator
from itertools import chain, count, repeat
from typing import Any

import orjson
import pytest
from faults.ending import market
from support import BARS, PRICES, Run, advance_days, sync

from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault

NAMES = ("AAPL", "MSFT")
SINCE = "2020-08-03"
A_CALL_A_SESSION = "2020-12-07"
"""Where each session is a call: few sessions, before and after the one of the lie."""
Page = dict[str, Any]
Lie = Callable[[Page], object]
PATHS = {
    "splits": "/stocks/v1/splits",
    "dividends": "/stocks/v1/dividends",
    "short_interest": "/stocks/v1/short-interest",
    "short_volume": "/stocks/v1/short-volume",
    "float": "/stocks/vX/float",
    "news": "/v2/reference/news",
    "tickers": "/v3/reference/tickers$",
    "ticker_details": "/v3/reference/tickers/AAPL",
    "ticker_events": "/vX/reference/tickers/AAPL/events",
    "related_companies": "/v1/related-companies/AAPL",
    "conditions": "/v3/reference/conditions",
    "market_holidays": "/v1/marketstatus/upcoming",
    "open_close": "/v1/open-close/AAPL/2020-12-17",
}
DAYS = {
    "splits": "execution_date",
    "dividends": "ex_dividend_date",
    "short_interest": "settlement_date",
    "short_volume": "date",
    "news": "published_utc",
}


def lying(sandbox: Sandbox, stream: str, change: Lie, times: int | None) -> None:
    def spoil(body: bytes) -> bytes:
        page = orjson.loads(body)
        made = change(page)
        return made if isinstance(made, bytes) else orjson.dumps(page)

    sandbox.faults.add(Fault(kind="body", match=PATHS[stream], body=spoil, times=times))


def rows(stream: str, *runs: Run) -> list[bytes]:
    return sorted(orjson.dumps(row) for run in runs for row in run.records(stream))


async def read(sandbox: Sandbox, stream: str, **how: Any) -> Run:
    # one ticker where each has a call of its own to the same path
    names = "AAPL" if stream in ("news", "tickers") else NAMES
    since = A_CALL_A_SESSION if stream == "open_close" else SINCE
    asked: dict[str, Any] = {"streams": [stream], "start_date": since, "adjusted": False, **how}
    return await sync(sandbox, names, **asked)


async def judge(stream: str, change: Lie, said: str) -> None:
    """Told once, the lie heals; told for ever, it is an error, and what is written is true."""
    async with market(tickers=NAMES, universe=300) as sandbox:
        good = rows(stream, await read(sandbox, stream))
        assert good
        lying(sandbox, stream, change, 1)
        run = await read(sandbox, stream)
        assert (run.code, rows(stream, run), run.told("WARN")) == (0, good, [])
        sandbox.faults.clear()
        lying(sandbox, stream, change, None)
        run = await read(sandbox, stream)
        [error] = run.errors(stream)
        assert said in error["message"]
        assert error["failure_type"] == "transient_error"
        assert {*rows(stream, run)} < {*good}
        sandbox.faults.clear()
        following = await read(sandbox, stream, before=run)
        assert {*rows(stream, run, following)} == {*good}


def last(**fields: Any) -> Lie:
    """The last row with other values."""
    return lambda page: page["results"][-1].update(fields)


FORMS: dict[str, tuple[str, Lie, str]] = {
    **{
        f"{stream}, an object": (stream, lambda page: page.update(results={}), "an array")
        for stream in ("splits", "dividends", "short_volume", "tickers", "conditions", "related_companies")
    },
    **{
        f"{stream}, a row without anything": (
            stream,
            lambda page: page["results"].append({}),
            "an empty object",
        )
        for stream in ("dividends", "tickers", "conditions")
    },
    "details, an empty object": ("ticker_details", lambda page: page.update(results={}), "an empty object"),
    "details, an array": (
        "ticker_details",
        lambda page: page.update(results=[page["results"]]),
        "one object",
    ),
    "details, a ticker alone": (
        "ticker_details",
        lambda page: page.update(results={"ticker": "AAPL"}),
        "details are without a name",
    ),
    "details, no ticker": (
        "ticker_details",
        lambda page: page["results"].pop("ticker") and None,
        "the API answered for another ticker, None",
    ),
    "events, an empty object": ("ticker_events", lambda page: page.update(results={}), "an empty object"),
    "events, a name of 5": ("ticker_events", lambda page: page["results"].update(name=5), "is not a string"),
    "a session in results": ("open_close", lambda page: orjson.dumps({"results": page}), "the answer itself"),
}


@pytest.mark.parametrize(("stream", "change", "said"), FORMS.values(), ids=FORMS)
@pytest.mark.fault("answer of another form")
async def test_an_answer_of_another_form_is_no_answer(stream: str, change: Lie, said: str) -> None:
    await judge(stream, change, said)


@pytest.mark.parametrize(
    "value", ["1999-01-04", "2099-01-05", "junk", "20201216", None, 20201216], ids=lambda value: f"{value!r}"
)
@pytest.mark.parametrize("stream", DAYS)
@pytest.mark.fault("row of another day")
async def test_a_row_of_no_day_that_was_asked_for(stream: str, value: object) -> None:
    if value == "2099-01-05" and stream in ("splits", "dividends"):
        return  # announced: there is no last day
    if stream == "news" and isinstance(value, str):
        value += "T12:00:00Z"
    await judge(stream, last(**{DAYS[stream]: value}), DAYS[stream].replace("date", "").strip("_"))


@pytest.mark.parametrize("stream", ["splits", "dividends"])
@pytest.mark.fault("row of another day")
async def test_a_row_after_the_end(stream: str) -> None:
    async with market(tickers=NAMES, universe=300) as sandbox:
        lying(sandbox, stream, last(**{DAYS[stream]: "2099-01-05"}), None)
        run = await read(sandbox, stream, end_date="2020-12-18")
        assert "outside the days asked for" in run.errors(stream)[0]["message"]
        assert rows(stream, run) == []


@pytest.mark.parametrize("ticker", ["aapl", "AAPL ", "QQQQ", None, 5, ["AAPL"], ...], ids=str)
@pytest.mark.parametrize(
    "stream", ["splits", "dividends", "short_interest", "short_volume", "float", "tickers"]
)
@pytest.mark.fault("row of another ticker")
async def test_a_row_of_no_ticker_that_was_asked_for(stream: str, ticker: object) -> None:
    def change(page: Page) -> None:
        for row in page["results"]:
            if row["ticker"] == "AAPL":
                row["ticker"] = ticker
                if ticker is ...:
                    del row["ticker"]

    await judge(stream, change, "ticker")


@pytest.mark.parametrize("tickers", [["aapl"], ["MSFT"], [], [None], "AAPL", None], ids=str)
@pytest.mark.fault("row of another ticker")
async def test_an_article_that_does_not_name_the_ticker(tickers: object) -> None:
    await judge("news", last(tickers=tickers), "ticker")


@pytest.mark.parametrize("stream", ["dividends", "short_volume", "news", "float", "conditions"])
@pytest.mark.fault("two rows with one key")
async def test_two_rows_with_one_key(stream: str) -> None:
    def differ(page: Page) -> None:
        page["results"].append(page["results"][-1] | {"description": "other"})
        page["count"] = len(page["results"])

    await judge(stream, differ, "the same key as another row")


@pytest.mark.parametrize("stream", ["splits", "dividends", "short_volume", "news", "tickers", "conditions"])
@pytest.mark.fault("two rows with one key")
async def test_a_row_given_twice_is_written_once(stream: str) -> None:
    def double(page: Page) -> None:
        page["results"] += page["results"][-1:]
        page["count"] = len(page["results"])

    async with market(tickers=NAMES, universe=300) as sandbox:
        good = rows(stream, await read(sandbox, stream))
        lying(sandbox, stream, double, None)
        run = await read(sandbox, stream)
        assert (run.code, rows(stream, run), run.told("WARN")) == (0, good, [])


@pytest.mark.parametrize("stream", ["dividends", "short_interest", "short_volume", "news"])
@pytest.mark.fault("list out of order")
async def test_a_list_out_of_order(stream: str) -> None:
    await judge(stream, lambda page: page["results"].reverse(), "out of order")


DATES = [f"2020-12-{day:02}" for day in (9, 10, 11, 14, 15, 16, 17, 18, 21)]
PAGED: dict[str, tuple[str, list[Page]]] = {
    "short_volume": ("out of order", [{"ticker": "AAPL", "date": day} for day in DATES]),
    "news": (
        "out of order",
        [{"id": day, "tickers": ["AAPL"], "published_utc": f"{day}T12:00:00Z"} for day in DATES],
    ),
    "conditions": ("a page again", [{"id": number, "type": "sale"} for number in range(len(DATES))]),
}


def serving(sandbox: Sandbox, stream: str, pages: Iterator[list[Page]], count: int) -> None:
    """Answers of the rows of one page after the other; each but the last names a further one."""
    begun = enumerate(pages, 1)

    def body(_: bytes) -> bytes:
        number, results = next(begun)
        further = {"next_url": f"{sandbox.url}{PATHS[stream]}?cursor={number}"} if number < count else {}
        return orjson.dumps({"status": "OK", "results": results, **further})

    sandbox.faults.add(
        Fault(
            kind="status",
            status=200,
            match=PATHS[stream],
            body=body,
            content_type="application/json",
            times=None,
        )
    )


@pytest.mark.parametrize("stream", PAGED)
@pytest.mark.parametrize("wrong", [0, 1], ids=["the first", "the one before"])
@pytest.mark.fault("page of a list given again")
async def test_a_page_that_is_given_in_place_of_the_next_one(stream: str, wrong: int) -> None:
    """Each answer names another further page: they do not repeat without end."""
    said, all_rows = PAGED[stream]
    pages = [all_rows[begin : begin + 3] for begin in (0, 3, 6)]
    how: dict[str, Any] = {"start_date": "2020-12-01", "max_concurrent_requests": 1}
    async with market(tickers=NAMES, universe=300) as sandbox:
        serving(sandbox, stream, iter([*pages[:2], pages[wrong], pages[2]]), 4)
        run = await sync(sandbox, "AAPL", streams=[stream], adjusted=False, **how)
        assert (run.code, run.told("WARN")) == (0, [])
        assert len(run.records(stream)) == len(all_rows)
        sandbox.faults.clear()
        serving(sandbox, stream, chain(pages[:2], repeat(pages[wrong])), 99)
        run = await sync(sandbox, "AAPL", streams=[stream], adjusted=False, **how)
        assert said in run.errors(stream)[0]["message"]
        assert len(run.records(stream)) == 6
        assert all(cursor <= "2020-12-15" for cursor in run.cursors(stream).values())


@pytest.mark.parametrize("stream", PAGED)
@pytest.mark.fault("incomplete list")
async def test_a_further_page_without_rows_is_told(stream: str) -> None:
    _, all_rows = PAGED[stream]
    how: dict[str, Any] = {"start_date": "2020-12-01", "max_concurrent_requests": 1, "adjusted": False}
    async with market(tickers=NAMES, universe=300) as sandbox:
        serving(sandbox, stream, iter([all_rows[:5], [], all_rows[5:]]), 2)
        run = await sync(sandbox, "AAPL", streams=[stream], **how)
        assert (run.code, len(run.records(stream)), run.told("WARN")) == (0, len(all_rows), [])
        sandbox.faults.clear()
        serving(sandbox, stream, iter([all_rows[:5], [], []]), 2)
        run = await sync(sandbox, "AAPL", streams=[stream], **how)
        assert (run.code, len(run.records(stream))) == (0, 5)
        [warning] = run.told("WARN")
        assert "the API, asked twice, announces a further page and has no rows on it" in warning


def without_next_url(place: int) -> Lie:
    """The answer at this place among those with a further page, from 1 on, ends the list."""
    places = count(1)

    def change(page: Page) -> None:
        if "next_url" in page and next(places) == place:
            del page["next_url"]

    return change


@pytest.mark.parametrize("place", [1, 2], ids=["first page", "further page"])
@pytest.mark.fault("list without its further page")
async def test_a_full_page_that_ends_a_list_is_requested_again(place: int) -> None:
    async with market(tickers=NAMES, universe=2_900) as sandbox:
        good = await sync(sandbox, "*", streams=["tickers"], max_concurrent_requests=1)
        lying(sandbox, "tickers", without_next_url(place), None)
        run = await sync(sandbox, "*", streams=["tickers"], max_concurrent_requests=1)
        assert rows("tickers", run) == rows("tickers", good)
        assert len(run.records("tickers")) > 2_000
        assert len(run.paths("/tickers")) == len(good.paths("/tickers")) + 1
        assert (run.code, run.told("WARN")) == (0, [])


def without_late_rows(page: Page) -> None:
    """All rows but those of the first month, of all tickers."""
    (field,) = {"settlement_date", "date"} & page["results"][0].keys()
    page["results"] = [row for row in page["results"] if row[field] < "2020-07-01"]


def without_a_ticker(page: Page) -> None:
    page["results"] = [row for row in page["results"] if row["ticker"] != "MSFT"]


@pytest.mark.parametrize(
    ("stream", "change", "said"),
    [
        ("short_interest", without_late_rows, "has no rows since 2020-10-23 for AAPL, MSFT"),
        ("short_volume", without_late_rows, "has no rows since 2020-12-15 for AAPL, MSFT"),
        ("short_interest", without_a_ticker, "has no rows for MSFT"),
        ("short_volume", without_a_ticker, "has no rows for MSFT"),
        ("float", without_a_ticker, "has no rows for MSFT"),
    ],
)
@pytest.mark.fault("list without late rows")
async def test_a_list_without_the_rows_that_each_sync_has(stream: str, change: Lie, said: str) -> None:
    """Its own count is right. What it left out is older than what the next sync reads again."""
    how: dict[str, Any] = {"start_date": "2020-06-01"}
    async with market(tickers=NAMES, universe=300) as sandbox:
        good = await read(sandbox, stream, **how)
        assert good.told("WARN") == []
        lying(sandbox, stream, change, 1)
        run = await read(sandbox, stream, **how)
        assert (run.code, rows(stream, run), run.told("WARN")) == (0, rows(stream, good), [])
        assert len(run.calls) == len(good.calls) + 1
        lying(sandbox, stream, change, None)
        run = await read(sandbox, stream, **how)
        assert run.code == 0
        assert set(rows(stream, run)) < set(rows(stream, good))
        assert any(f"{stream}: the API, asked twice, {said}." in text for text in run.told("WARN"))


@pytest.mark.parametrize(
    ("stream", "level", "said"),
    [
        ("dividends", "INFO", "dividends: the API has no rows for XQZZ."),
        ("short_volume", "WARN", "short_volume: the API, asked twice, has no rows for XQZZ."),
        ("float", "WARN", "float: the API, asked twice, has no rows for XQZZ."),
    ],
)
@pytest.mark.fault("list without late rows")
async def test_an_unknown_ticker_among_others_is_named(stream: str, level: str, said: str) -> None:
    async with market(tickers=NAMES, universe=300) as sandbox:
        run = await sync(sandbox, (*NAMES, "XQZZ"), streams=[stream], start_date=SINCE, adjusted=False)
        assert run.code == 0
        assert said in run.told(level)


@pytest.mark.parametrize("stream", ["short_interest", "short_volume"])
@pytest.mark.fault("list without late rows")
async def test_a_list_of_the_market_without_its_late_rows(stream: str) -> None:
    how: dict[str, Any] = {"streams": [stream], "start_date": "2020-06-01", "adjusted": False}
    async with market(tickers=NAMES, universe=30) as sandbox:
        good = await sync(sandbox, "*", **how)
        lying(sandbox, stream, without_late_rows, 1)
        run = await sync(sandbox, "*", **how)
        assert (run.code, {*rows(stream, run)}, run.told("WARN")) == (0, {*rows(stream, good)}, [])


@pytest.mark.fault("list without late rows")
async def test_a_ticker_whose_second_call_fails_stays_behind() -> None:
    async with market(tickers=NAMES, universe=300) as sandbox:
        good = await read(sandbox, "short_volume")
        path = PATHS["short_volume"]
        sandbox.faults.add(Fault(kind="status", match=path, status=400, after=1, times=None))
        lying(sandbox, "short_volume", without_a_ticker, None)
        run = await read(sandbox, "short_volume")
        assert run.code == 1
        assert run.cursors("short_volume").get("MSFT") is None
        sandbox.faults.clear()
        later = await read(sandbox, "short_volume", before=run)
        assert {*rows("short_volume", run, later)} == {*rows("short_volume", good)}


@pytest.mark.parametrize("status", [404, 403])
@pytest.mark.fault("further page of a list refused")
async def test_a_list_that_ends_in_a_refusal_is_not_replaced_by_the_deprecated_one(status: int) -> None:
    page = {"status": "OK", "results": [{"ticker": "AAPL", "id": "one", "ex_dividend_date": "2020-12-04"}]}
    not_entitled = b'{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}'
    async with market(tickers=NAMES, universe=300) as sandbox:
        page["next_url"] = f"{sandbox.url}{PATHS['dividends']}?cursor=1"
        sandbox.faults.add(
            Fault(
                kind="status",
                status=200,
                match=PATHS["dividends"],
                body=orjson.dumps(page),
                content_type="application/json",
            )
        )
        body = not_entitled if status == 403 else b""
        sandbox.faults.add(
            Fault(kind="status", status=status, match=PATHS["dividends"], body=body, times=None)
        )
        run = await sync(sandbox, "AAPL", streams=["dividends"], start_date=SINCE)
        assert [row["id"] for row in run.records("dividends")] == ["one"]
        assert "does not give a further page of a list" in run.errors("dividends")[0]["message"]
        assert all("/v3/reference/dividends" not in call.path for call in run.calls)


NO_PRICES: dict[str, Lie] = {
    "nothing but its name": lambda _: b'{"status": "OK", "symbol": "AAPL", "from": "2020-12-17"}',
    "a close of null": lambda page: page.update(close=None),
    "no volume": lambda page: page.pop("volume") and None,
    "an open in quotes": lambda page: page.update(open="1.5"),
}


@pytest.mark.parametrize("change", NO_PRICES.values(), ids=NO_PRICES)
@pytest.mark.fault("session without prices")
async def test_a_session_without_prices(change: Lie) -> None:
    await judge("open_close", change, "is not a number")


@pytest.mark.parametrize("results", [[], None], ids=str)
@pytest.mark.parametrize("times", [1, None])
@pytest.mark.fault("404 for an opening price")
async def test_a_session_of_which_nothing_is_answered(results: object, times: int | None) -> None:
    nothing = orjson.dumps({"status": "OK", "results": results})
    async with market(tickers=NAMES, universe=300) as sandbox:
        good = rows("open_close", await read(sandbox, "open_close", start_date="2020-12-14"))
        lying(sandbox, "open_close", lambda _: nothing, times)
        run = await read(sandbox, "open_close", start_date="2020-12-14")
        assert run.code == 0
        assert len(run.paths("AAPL/2020-12-17")) == 2
        if times == 1:
            assert (rows("open_close", run), run.told("WARN")) == (good, [])
        else:
            assert len(good) - len(rows("open_close", run)) == 1
            assert any("no data for some sessions: 1, of AAPL" in text for text in run.told("WARN"))


@pytest.mark.fault("404 for an opening price")
async def test_a_session_beside_a_list_is_a_session() -> None:
    async with market(tickers=NAMES, universe=300) as sandbox:
        good = rows("open_close", await read(sandbox, "open_close"))
        envelope = {"results": [], "count": 0, "next_url": "https://elsewhere.example/"}
        lying(sandbox, "open_close", lambda page: page.update(envelope), None)
        assert rows("open_close", await read(sandbox, "open_close")) == good


@pytest.mark.parametrize("stream", ["dividends", "splits"])
@pytest.mark.fault("list that the plan lacks")
async def test_the_plans_refusal_is_told_where_the_deprecated_list_is_gone(stream: str) -> None:
    refusal = b'{"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."}'
    async with market(tickers=NAMES, universe=300) as sandbox:
        sandbox.faults.add(Fault(kind="status", match=PATHS[stream], status=403, body=refusal, times=None))
        gone = Fault(kind="status", match=f"/v3/reference/{stream}", status=404, body="404", times=None)
        sandbox.faults.add(gone)
        run = await read(sandbox, stream)
        [error] = run.errors(stream)
        assert error["message"].startswith("AAPL, MSFT: the plan of this key does not include this endpoint")
        assert error["failure_type"] == "config_error"
        run = await read(sandbox, PRICES, adjusted=True)
        if stream == "splits":
            assert any("The splits cannot be read (the plan does not" in text for text in run.told("WARN"))


SPLIT_LIES: dict[str, Lie] = {
    "null": lambda page: page.update(results=None),
    "of another ticker": lambda page: [row.update(ticker="aapl") for row in page["results"]] and None,
    "before the days asked for": lambda page: page["results"][0].update(execution_date="1999-01-04"),
    "out of order": lambda page: page["results"].append(
        page["results"][0] | {"execution_date": "2020-08-10", "split_to": 9}
    ),
}


@pytest.mark.parametrize("change", SPLIT_LIES.values(), ids=SPLIT_LIES)
@pytest.mark.fault("splits that are not what was asked")
async def test_history_is_not_rewritten_for_splits_that_were_not_asked_for(change: Lie) -> None:
    async with market(tickers=NAMES, universe=300) as sandbox:
        how: dict[str, Any] = {"streams": [PRICES, BARS], "adjusted": True}
        first = await read(sandbox, PRICES, **how)
        advance_days(sandbox)
        lying(sandbox, "splits", change, 1)
        second = await read(sandbox, PRICES, before=first, **how)
        assert second.told("WARN") == []
        assert len(second.records(PRICES)) < 20
        lying(sandbox, "splits", change, None)
        third = await read(sandbox, PRICES, before=first, **how)
        assert any("The splits cannot be read" in text for text in third.told("WARN"))
        assert len(third.records(PRICES)) < 20
        assert third.code == 0
