"""What the API may answer: each a sync of three tickers over real sockets."""

import re
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from faults.answers import HTML, NOT_ENTITLED, OUTAGE, TIMEFRAME, TOO_EARLY, page, status, struck
from faults.ending import (
    FIRST,
    HASTY,
    LAST,
    NAMES,
    SICK,
    Case,
    Healed,
    Postponed,
    Told,
    delivered,
    ends,
    leaks,
    market,
    params,
    whole,
)
from support import BARS, BOTH, PRICES, Run, made_names, rows_of, sync, truth

from stockticker_async.sandbox.service.faults import Fault

OURS, THEIRS, USERS = "system_error", "transient_error", "config_error"
DEEP = b'{"status":"OK","deep":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
BEYOND = 10**30
HUGE = 200 * 2**20


def told(message: str, how: dict[str, Any], *, kind: str = THEIRS, **market: Any) -> Case:
    return Case(faults=struck(None, how), ends=Told(message=message, kind=kind), market=market)


def both(name: str, message: str, how: dict[str, Any]) -> dict[str, Case]:
    """The fault twice, which heals, and for ever, which is told."""
    return {
        f"{name}, twice": Case(faults=struck(2, how), ends=Healed()),
        f"{name}, for ever": told(message, how),
    }


def healed(how: dict[str, Any], times: int | None = None, **market: Any) -> Case:
    return Case(faults=struck(times, how), ends=Healed(), market=market)


def bar(**fields: Any) -> dict[str, Any]:
    """The same, with these fields in the third bar; None leaves one out."""

    def change(found: dict[str, Any]) -> bytes:
        row = found["results"][2] | fields
        found["results"][2] = {name: value for name, value in row.items() if value is not None}
        # the marks become what no encoder would write
        text = orjson.dumps(found, option=orjson.OPT_PASSTHROUGH_DATETIME)
        return re.sub(rb'"raw:([^"]*)"', rb"\1", text)

    return page(change)


def scientific(found: dict[str, Any]) -> bytes:
    """Every time, price, volume and count with an exponent."""
    return re.sub(
        rb'"([tohlcvn]|vw)":([0-9.]+)',
        lambda one: b'"%b":%.17e' % (one[1], float(one[2])),
        orjson.dumps(found),
    )


def further(change: Callable[[str], str]) -> dict[str, Any]:
    """Another address of the next page, wherever there is one."""
    return page(lambda found: found.update({k: change(v) for k, v in found.items() if k == "next_url"}))


@cache
def bomb(_: bytes) -> bytes:
    """200 MB of zeros, packed a thousandfold."""
    packer, piece = zlib.compressobj(1, wbits=31), bytes(2**20)
    return b"".join(packer.compress(piece) for _ in range(HUGE // len(piece))) + packer.flush()


STATUSES = {
    "400 for a ticker": told(
        r"The API refused our request \(400\): no", status(400, {"error": "no"}), kind=OURS
    ),
    "401 during a sync": Case(
        faults=struck(None, status(401, {"status": "ERROR", "error": "Unknown API Key"})),
        ends=Told(message="The API key is wrong", kind=USERS, alone=False),
        options={"max_concurrent_requests": 1},
    ),
    "403 not entitled": told("the plan does not include these bars", status(403, NOT_ENTITLED), kind=USERS),
    "403 timeframe": told("the plan's history does not reach", status(403, TIMEFRAME), kind=USERS),
    "403 not entitled, once": healed(status(403, NOT_ENTITLED), 1),
    "403 timeframe, once": healed(status(403, TIMEFRAME), 1),
    "403 before the end of the day, twice": Case(
        faults=struck(2, status(403, TOO_EARLY)), ends=Postponed(info="2020-12-21 is not published yet")
    ),
    "403 before the end of a day long past": told(
        "the API says of days from 2020-12-14 on: Attempted to request today's data before end of day",
        status(403, TOO_EARLY),
    ),
    "403 without a known reason": Case(
        faults=struck(None, status(403, "<html>Forbidden</html>")),
        ends=Told(message=r"The API forbids this \(403\): without a reason", kind=USERS, alone=False),
    ),
    "404 in JSON": told("the API answered 404", status(404, {"message": "Data not found."})),
    "404 in plain text": told("the API answered 404", status(404, "404 page not found")),
    "404 for every call": Case(
        faults=struck(None, status(404, "404 page not found", match="")),
        ends=Told(message=r"There is no such API at this address \(404\)", kind=USERS, alone=False),
    ),
    "429: Retry-After absent": healed({"kind": "429"}, 2),
    "429: Retry-After in seconds": healed({"kind": "429", "retry_after": "30"}, 2),
    "429: Retry-After as a date": healed({"kind": "429", "retry_after": "date:30"}, 2),
    "429: Retry-After empty": healed({"kind": "429", "retry_after": ""}, 2),
    "429: Retry-After negative": healed({"kind": "429", "retry_after": "-1"}, 2),
    "429: Retry-After of a year": Case(
        faults=struck(1, {"kind": "429", "retry_after": str(365 * 86_400)}), ends=Healed(), speed=HASTY
    ),
    "429: no body": healed({"kind": "429", "body": ""}, 2),
    "429: every call, six times": healed({"kind": "429", "match": ""}, 6),
    "HTML error page: 501": told(f"{OUTAGE} 501", status(501, HTML)),
    **both("HTML error page: 500", f"{OUTAGE} 500", status(500, HTML)),
    **both("HTML error page: 502", f"{OUTAGE} 502", status(502, HTML)),
    **both("HTML error page: 503", f"{OUTAGE} 503", status(503, HTML)),
    **both("HTML error page: 504", f"{OUTAGE} 504", status(504, HTML)),
    "503 with one call at a time": Case(
        faults=struck(None, status(503, HTML)),
        ends=Told(message=f"{OUTAGE} 503"),
        options={"max_concurrent_requests": 1},
    ),
    "503 for every call": Case(
        faults=struck(None, status(503, HTML, match="")),
        ends=Told(message=rf"[ABC, ]+: {OUTAGE} 503", alone=False),
    ),
}
BODIES = {
    **both("200 with HTML", "the API answered 200 with an HTML page", {"kind": "body", "transform": "html"}),
    **both(
        "200 with status ERROR",
        "the API answered 200 with status ERROR",
        {"kind": "body", "transform": "error"},
    ),
    **both(
        "200 with an array",
        "the API answered 200 with JSON that is no object",
        {"kind": "body", "transform": "array"},
    ),
    **both(
        "200 with truncated JSON",
        "the API answered 200 with no whole JSON",
        {"kind": "body", "transform": "half"},
    ),
    **both("200 with an empty body", "the API answered 200 with no whole JSON", {"kind": "body", "body": ""}),
    **both(
        "200 with deep nesting", "the API answered 200 with no whole JSON", {"kind": "body", "body": DEEP}
    ),
    "body of 200 MB": told(
        "The API sent more than 64 MiB",
        {
            "kind": "status",
            "status": 200,
            "body": lambda _: bytes(HUGE),
            "headers": {"Content-Encoding": "identity"},
        },
        kind=OURS,
    ),
    "200 MB in 200 KB of gzip": told(
        "The API sent more than 64 MiB",
        {"kind": "status", "status": 200, "body": bomb, "headers": {"Content-Encoding": "gzip"}},
        kind=OURS,
    ),
    "results missing once: absent": healed({"kind": "body", "transform": "empty"}, 1),
    "results missing once: null": healed(page(lambda found: found.update(results=None)), 1),
    "unknown field: of a page": healed(page(lambda found: found.update(new={"a": [1]}))),
    "unknown field: of a bar": healed(bar(x="new")),
    "scientific notation": healed(page(scientific)),
}
ROW = r"bar 3 \(2020-12-16T05:00:00Z\) is not usable: "
BARS_WRONG = {
    **both("trade count beyond 64 bits", ROW, bar(n=f"raw:{BEYOND}")),
    **both("price of null", ROW, bar(c="raw:null")),
    **both("price of NaN", ROW, bar(c="raw:NaN")),
    **both("price beyond a double", "the answer is not of the published form|bar 3", bar(c="raw:1e999")),
    **both("price below zero", r"bar 3 \(2020-12-16T05:00:00Z\) is not usable", bar(c=-5)),
    **both("price in quotes", ROW, bar(c="1.5")),
    **both("missing field: price", ROW, bar(c=None)),
    **both("missing field: time", "bar 3 is not usable", bar(t=None)),
    **both("timestamp beyond 64 bits", "the API gave a bar with an impossible time", bar(t=f"raw:{BEYOND}")),
    **both(
        "wrong ticker", "the API answered for another ticker, bbb", {"kind": "edit", "edit": "wrong_ticker"}
    ),
    **both("adjusted flipped", "asked with adjusted=True", {"kind": "edit", "edit": "flip_adjusted"}),
    **both("bars out of order", "the API gave a bar out of order", {"kind": "edit", "edit": "unordered"}),
    **both("duplicate bar", "the API gave a bar twice", {"kind": "edit", "edit": "duplicate"}),
    **both(
        "bar outside the range",
        "the API gave a bar outside the range asked",
        {"kind": "edit", "edit": "out_of_range"},
    ),
}
CIRCLE = "the API's pages repeat without end"
ASTRAY = "The API named a further page at another address, where the key must not go"
PAGES = {
    "next_url in a cycle: to itself": told(
        CIRCLE, {"kind": "edit", "edit": "next_url", "next_url": "self"}, page_rows=2
    ),
    "next_url in a cycle: of two": told(
        CIRCLE, {"kind": "edit", "edit": "next_url", "next_url": "cycle"}, page_rows=2
    ),
    "next_url in a cycle: of three": told(
        CIRCLE, {"kind": "edit", "edit": "next_url", "next_url": "cycle:3"}, page_rows=2
    ),
    "next_url elsewhere: another origin": told(
        ASTRAY, {"kind": "edit", "edit": "next_url", "next_url": "foreign"}, page_rows=2
    ),
    "next_url elsewhere: with :443:443": told(
        ASTRAY, further(lambda url: url.replace("http://127.0.0.1", "https://127.0.0.1:443:443")), page_rows=2
    ),
    "next_url elsewhere: with userinfo": told(
        ASTRAY, further(lambda url: url.replace("//", "//someone:secret@")), page_rows=2
    ),
    "next_url elsewhere: with a line end": told(ASTRAY, further(lambda url: url + "\r\nX: y"), page_rows=2),
    "next_url as a path or empty: a path": healed(
        further(lambda url: urlsplit(url)._replace(scheme="", netloc="").geturl()), page_rows=2
    ),
    "next_url as a path or empty: empty": healed(
        page(lambda found: found.setdefault("next_url", "")), page_rows=2
    ),
}
NO_SPLITS = Healed(warns=r"The splits cannot be read \(.*\): adjusted history is not compared in this sync")
SPLITS = {
    "splits unavailable: 400": Case(
        faults=struck(None, status(400, {"error": "no"}, match="/splits")), ends=NO_SPLITS
    ),
    "splits unavailable: 404 in plain text": Case(
        faults=struck(None, status(404, "404 page not found", match="/splits")), ends=NO_SPLITS
    ),
    "splits unavailable: not entitled": Case(
        faults=struck(None, status(403, NOT_ENTITLED, match="/splits")), ends=NO_SPLITS
    ),
    "splits unavailable: 503": Case(faults=struck(None, status(503, HTML, match="/splits")), ends=NO_SPLITS),
    "splits unavailable: 429": Case(faults=struck(None, {"kind": "429", "match": "/splits"}), ends=NO_SPLITS),
    "splits unavailable: 429 that names a minute": Case(
        faults=struck(None, {"kind": "429", "match": "/splits", "retry_after": "60"}), ends=NO_SPLITS
    ),
    "splits unavailable: HTML": Case(faults=struck(None, status(200, HTML, match="/splits")), ends=NO_SPLITS),
}
CASES = {**STATUSES, **BODIES, **BARS_WRONG, **PAGES, **SPLITS}


@pytest.mark.parametrize("case", params(CASES))
@pytest.mark.fault("key in output and logs")
async def test_answers(case: Case) -> None:
    await ends(case)


LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "HTML": ("the API answered 200 with an HTML page", {"kind": "body", "transform": "html"}),
    "half a JSON": ("the API answered 200 with no whole JSON", {"kind": "body", "transform": "half"}),
    "an empty list": (
        "the API answered 200 with an empty JSON value",
        {"kind": "body", "body": "[]"},
    ),
    "an empty object": (
        "the API answered 200 with an empty JSON value",
        {"kind": "body", "body": "{}"},
    ),
    "status ERROR": ("the API answered 200 with status ERROR", {"kind": "body", "transform": "error"}),
    "what nests deeply": ("the API answered 200 with no whole JSON", {"kind": "body", "body": DEEP}),
    "another origin": (ASTRAY, {"kind": "edit", "edit": "next_url", "next_url": "foreign"}),
    "a circle": (CIRCLE, {"kind": "edit", "edit": "next_url", "next_url": "self"}),
    "503": (f"{OUTAGE} 503", status(503, HTML)),
}


@pytest.mark.parametrize(("said", "how"), LISTS.values(), ids=LISTS.keys())
@pytest.mark.fault("fault in forwarded rows")
async def test_lists(said: str, how: dict[str, Any]) -> None:
    """The same for rows that are forwarded as they are."""
    asked: dict[str, Any] = {"streams": ["short_interest"], "start_date": "2020-09-01"}

    def rows(*runs: Run) -> set[bytes]:
        return {orjson.dumps(row) for run in runs for row in run.records("short_interest")}

    async with market() as sandbox:
        wanted = rows(await sync(sandbox, NAMES, **asked))
        assert wanted
        sandbox.faults.add(Fault(**{"match": "/short-interest", "times": None, **how}))
        run = await sync(sandbox, NAMES, speed=HASTY, **asked)
        assert run.code == 1
        [error] = run.errors("short_interest")
        assert re.match(f"AAA, BBB, CCC: {said}", error["message"])
        assert error["failure_type"] == THEIRS
        assert rows(run) <= wanted
        sandbox.faults.clear()
        following = await sync(sandbox, NAMES, before=run, **asked)
        assert following.code == 0
        assert rows(run, following) == wanted


@pytest.mark.fault("503 of one endpoint")
async def test_an_endpoint_that_fails_leaves_the_other_streams() -> None:
    names = made_names(30)
    async with market(tickers=tuple(names)) as sandbox:
        sandbox.faults.add(Fault(match="/range/1/day/", times=None, **status(503, HTML)))
        run = await sync(sandbox, names, start_date="2020-11-02", timespan="week", speed=HASTY)
        assert (run.statuses(PRICES)[-1], run.statuses(BARS)[-1]) == ("INCOMPLETE", "COMPLETE")
        [error] = run.errors()
        assert re.match(f"{OUTAGE} 503", error["message"])
        weeks = truth(sandbox, BARS, names, "2020-11-02", LAST, bar=(1, "week"))
        assert rows_of(BARS, run).keys() == weeks.keys()


@pytest.mark.fault("503 for every call")
async def test_an_outage_is_told_once_and_waited_for_once() -> None:
    names = made_names(30)
    async with market(tickers=tuple(names)) as sandbox:
        sandbox.faults.add(Fault(match="", times=None, **status(503, HTML)))
        run = await sync(sandbox, names, start_date="2020-11-02", timespan="week", speed=HASTY)
        for stream in BOTH:
            [error] = run.errors(stream)
            assert re.match(f"{OUTAGE} 503", error["message"])
        # the second stream's calls try three times each: sixteen, and those that take their place meanwhile
        assert len(run.paths("/week/")) <= 2 * 16 * 3


@pytest.mark.fault("volume beyond 64 bits")
async def test_a_volume_beyond_64_bits() -> None:
    """A double, as every number is."""
    async with market() as sandbox:
        sandbox.faults.add(struck(None, bar(v="raw:12345678901234567890123"))[0])
        run = await sync(sandbox, NAMES, start_date=FIRST)
        assert run.code == 0
        wanted = whole(sandbox)
        key = (BARS, SICK, "2020-12-16T05:00:00Z")
        wanted[key] = wanted[key] | {"volume": 1.2345678901234568e22}
        assert delivered(run) == wanted


@pytest.mark.parametrize("results", ["absent", "null"])
@pytest.mark.fault("results missing in every response")
async def test_no_results_for_ever_are_believed_and_told(results: str) -> None:
    """The API answers so for tickers that did not trade: asked twice, it is the truth that can be had."""
    how = (
        {"kind": "body", "transform": "empty"}
        if results == "absent"
        else page(lambda found: found.update(results=None))
    )
    async with market() as sandbox:
        sandbox.faults.add(struck(None, how)[0])
        run = await sync(sandbox, NAMES, start_date=FIRST)
        assert run.code == 0
        [warning] = run.told("WARN")
        said = f"The API has no bars of some of the days asked for {SICK} (sessions: 6, asked for twice)."
        assert warning == f"{', '.join(BOTH)}: {said}"
        assert delivered(run) == {key: row for key, row in whole(sandbox).items() if key[1] != SICK}


@pytest.mark.fault("session missing in a range")
async def test_a_session_left_out_is_told() -> None:
    async with market() as sandbox:
        sandbox.faults.add(struck(None, {"kind": "edit", "edit": "missing"})[0])
        run = await sync(sandbox, NAMES, start_date=FIRST)
        assert run.code == 0
        [warning] = run.told("WARN")
        assert warning.startswith(
            f"{', '.join(BOTH)}: The API has no bars of some of the days asked for {SICK} (sessions: 1,"
        )
        assert len(whole(sandbox)) - len(delivered(run)) == 2
        assert leaks(run.stdout.decode()) == []
