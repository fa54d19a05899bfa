"""Rows of the API's lists and look-ups that are not what was asked: asked for again, never written.

Each lie is told once, which must heal, and for ever, which must be told. Whole syncs over real sockets.
"""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from faults.ending import market
from support import Run, sync

from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault

NAMES = ("AAPL", "MSFT")
SINCE = "2020-08-03"
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
    asked: dict[str, Any] = {"streams": [stream], "start_date": SINCE, "adjusted": False, **how}
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


FORMS: dict[str, tuple[str, Lie, str]] = {
    **{
        f"{stream}, an object": (stream, lambda page: page.update(results={}), "an array")
        for stream in ("splits", "dividends", "short_volume", "tickers", "conditions", "related_companies")
    },
    **{
        f"{stream}, a row without anything": (stream, lambda page: page["results"].append({}), "is nothing")
        for stream in ("dividends", "tickers", "conditions")
    },
    "details, an empty object": ("ticker_details", lambda page: page.update(results={}), "is nothing"),
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
    "events, an empty object": ("ticker_events", lambda page: page.update(results={}), "is nothing"),
    "events, a name of 5": ("ticker_events", lambda page: page["results"].update(name=5), "is no text"),
    "a session in results": ("open_close", lambda page: orjson.dumps({"results": page}), "the answer itself"),
}


@pytest.mark.parametrize(("stream", "change", "said"), FORMS.values(), ids=FORMS)
@pytest.mark.fault("answer of another form")
async def test_an_answer_of_another_form_is_no_answer(stream: str, change: Lie, said: str) -> None:
    await judge(stream, change, said)


@pytest.mark.parametrize("stream", ["dividends", "short_volume", "news", "float", "conditions"])
@pytest.mark.fault("two rows with one key")
async def test_two_rows_with_one_key(stream: str) -> None:
    def differ(page: Page) -> None:
        page["results"].append(page["results"][-1] | {"description": "other"})
        page["count"] = len(page["results"])

    await judge(stream, differ, "the key of another one")


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


NO_PRICES: dict[str, Lie] = {
    "nothing but its name": lambda _: b'{"status": "OK", "symbol": "AAPL", "from": "2020-12-17"}',
    "a close of null": lambda page: page.update(close=None),
    "no volume": lambda page: page.pop("volume") and None,
    "an open in quotes": lambda page: page.update(open="1.5"),
}


@pytest.mark.parametrize("change", NO_PRICES.values(), ids=NO_PRICES)
@pytest.mark.fault("session without prices")
async def test_a_session_without_prices(change: Lie) -> None:
    await judge("open_close", change, "is no number")


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
            assert any("nothing of some sessions: 1, of AAPL" in text for text in run.told("WARN"))


@pytest.mark.fault("404 for an opening price")
async def test_a_session_beside_a_list_is_a_session() -> None:
    async with market(tickers=NAMES, universe=300) as sandbox:
        good = rows("open_close", await read(sandbox, "open_close"))
        envelope = {"results": [], "count": 0, "next_url": "https://elsewhere.example/"}
        lying(sandbox, "open_close", lambda page: page.update(envelope), None)
        assert rows("open_close", await read(sandbox, "open_close")) == good
