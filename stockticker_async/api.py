"""The API's endpoints that the program uses: each a coroutine that gives judged values.

Facts about paths and parameters: the API's documentation and OpenAPI file (read 2026-11).
"""

import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import anyio
import anyio.lowlevel
import msgspec

from stockticker_async.bars import Asked, MarketBar, decode_market, judge_market
from stockticker_async.client import BODY_TRIES, Answer, Client
from stockticker_async.config import MARKET
from stockticker_async.errors import BadPageError, ConfigError, ConnectorError
from stockticker_async.limits import PAGES, SIDE_PATIENCE
from stockticker_async.lines import Page, Wanted, page_lines
from stockticker_async.market import DAY
from stockticker_async.questions import Question, questions
from stockticker_async.splits import Split, ratio
from stockticker_async.streams import OLDER_SPLITS, SPLITS
from stockticker_async.verdict import Barred, Missing, Refusal

T = TypeVar("T")
PAGE_ROWS = 50_000
"""The documented maximum of ``limit``, which counts base bars: minutes, or days."""


async def pages(
    client: Client, path: str, decode: Callable[[bytes], tuple[T, str | None]], *, patience: float = math.inf
) -> AsyncGenerator[Answer[tuple[T, str | None]] | Refusal | Missing, None]:
    """The pages from a path of the API on, as ``decode`` gives them, which also finds the next page's URL.

    What is no answer ends them. Raises `BadPageError` for a page that cannot be used; the pages before it
    stand.
    """
    url, seen = client.url_of(path), set[str]()
    while True:
        _turn_to(url, seen)
        found = await client.get(url, decode, patience=patience)
        yield found
        if not isinstance(found, Answer) or found.value[1] is None:
            return
        url = client.next_target(found.value[1])


def _turn_to(url: str, seen: set[str]) -> None:
    if url in seen or len(seen) == PAGES:
        raise BadPageError("the API's pages go round in a circle.")
    seen.add(url)


@dataclass(frozen=True, slots=True)
class BarsPage:
    """A judged page of one ticker's bars, as lines."""

    page: Page
    last: bool
    moment: datetime
    """The API's clock when it answered."""


async def range_pages(
    client: Client, asked: Asked, wanted: Sequence[Wanted] = (), *, turn: anyio.Lock | None = None
) -> AsyncGenerator[BarsPage | Refusal, None]:
    """The pages of a range, oldest bars first, or the plan's refusal. Both ends are included.

    With a ``turn``, a page is decoded only when the one before it, of whatever range, has been
    consumed: so only one is in memory as lines. Raises `BadPageError` for a page that cannot be used;
    the pages before it stand.
    """
    turn = turn or anyio.Lock()
    url, after_ms, seen = client.url_of(_range_path(asked)), None, set[str]()
    while True:
        _turn_to(url, seen)
        doubted = after_ms is None  # an empty first page is for the caller to doubt
        for tries_left in reversed(range(BODY_TRIES)):
            match await client.get(url, bytes):
                case Answer(body, moment):
                    pass
                case Refusal() as refusal:
                    yield refusal
                    return
                case Missing() as missing:
                    raise _no_answer(client, missing)
            async with turn:
                try:
                    page = await _lines(client, body, asked, wanted, after_ms)
                except BadPageError:
                    if not tries_left:
                        raise
                    continue
                del body
                if page.last_ms is None and not doubted and tries_left:
                    # the page before said that there is more: asked once more, and then believed
                    doubted = True
                    continue
                yield BarsPage(page, page.next_url is None, moment)
            break
        if page.next_url is None:
            return
        after_ms = after_ms if page.last_ms is None else page.last_ms
        url = client.next_target(page.next_url)


async def _lines(
    client: Client, body: bytes, asked: Asked, wanted: Sequence[Wanted], after_ms: int | None
) -> Page:
    """The page, decoded while others have their turns in the loop."""
    steps = page_lines(body, asked, wanted, after_ms=after_ms, emitted_at_ms=client.clock.emitted_at_ms())
    while True:
        try:
            next(steps)
        except StopIteration as done:
            page: Page = done.value
            return page
        await anyio.lowlevel.checkpoint()


async def market(
    client: Client, session: date, *, adjusted: bool, otc: bool, wanted: frozenset[str] | None
) -> Answer[list[MarketBar]] | Refusal:
    """The session's bars of the tickers wanted (None: of all). Raises `BadPageError`."""
    async with market_page(
        client, session, adjusted=adjusted, otc=otc, wanted=wanted, turn=anyio.Lock()
    ) as found:
        return found


@asynccontextmanager
async def market_page(
    client: Client,
    session: date,
    *,
    adjusted: bool,
    otc: bool,
    wanted: frozenset[str] | None,
    turn: anyio.Lock,
) -> AsyncGenerator[Answer[list[MarketBar]] | Refusal]:
    """As `market`, for the body of the statement: in ``turn``, so that one answer at a time is decoded.

    Twelve sessions, waiting for a slow reader, are 15 MB of JSON and 60 of bars.
    """
    query = urlencode({"adjusted": _flag(adjusted), "include_otc": _flag(otc)})
    for tries_left in reversed(range(BODY_TRIES)):
        match await client.get(f"/v2/aggs/grouped/locale/us/market/stocks/{session}?{query}", bytes):
            case Answer(body, moment):
                pass
            case Refusal() as refusal:
                yield refusal
                return
            case Missing() as missing:
                raise _no_answer(client, missing)
        async with turn:
            try:
                page = decode_market(body)
                bars = judge_market(page, adjusted=adjusted, wanted=wanted, session=session)
            except BadPageError:
                if not tries_left:
                    raise
                continue
            del body, page
            yield Answer(bars, moment)
            return


class _Details(msgspec.Struct):
    results: dict[str, Any]


async def is_known(client: Client, ticker: str, on: date | None) -> bool:
    """Whether the reference has the ticker: listed now, or on a day (then delisted ones, too).

    A plan or a proxy without the reference cannot tell, which counts as a yes. Raises `BadPageError`.
    """
    query = f"?{urlencode({'date': on.isoformat()})}" if on else ""

    def decode(body: bytes) -> _Details:
        try:
            return msgspec.json.decode(body, type=_Details)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
            raise BadPageError("the reference answered in an unknown form.", detail=str(fault)) from fault

    path = f"/v3/reference/tickers/{quote(ticker, safe='')}{query}"
    match await client.get(path, decode, patience=SIDE_PATIENCE):
        case Missing(no_route):
            return no_route
        case _:
            return True


class _WireSplit(msgspec.Struct):
    ticker: str
    execution_date: str
    split_from: float
    split_to: float


class _SplitsPage(msgspec.Struct):
    results: list[_WireSplit] | None = None
    next_url: str | None = None


async def splits(
    client: Client, names: Sequence[str], *, after: date, until: date
) -> Answer[list[Split]] | Refusal:
    """The splits of these tickers (of all, where none is named) with ``after`` < day <= ``until``.

    The moment is the first answer's. Rows may be repeated, and of tickers that were not asked for.
    Raises `BadPageError`.
    """
    found: list[Split] = []
    moments: list[datetime] = []
    firsts = dict.fromkeys(names or (MARKET,), after + DAY)
    for question in questions(SPLITS, firsts, last=until, end=until):
        part = await _split_pages(client, question.path)
        if isinstance(part, Missing) or (isinstance(part, Refusal) and part.why is Barred.ENDPOINT):
            part = await _older_splits(client, question, until)
        if isinstance(part, Missing):
            raise BadPageError("the API answered 404, as if it had no splits.")
        if isinstance(part, Refusal):
            return part
        found += part.value
        moments.append(part.moment)
    return Answer(found, moments[0])


async def _older_splits(
    client: Client, question: Question, until: date
) -> Answer[list[Split]] | Refusal | Missing:
    """From the deprecated list, which is served on: for plans and proxies without the new one."""
    parts = []
    firsts = dict.fromkeys(question.names, question.first)
    for older in questions(OLDER_SPLITS, firsts, last=until, end=until):
        part = await _split_pages(client, older.path)
        if not isinstance(part, Answer):
            return part
        parts.append(part)
    return Answer([split for part in parts for split in part.value], parts[0].moment)


async def _split_pages(client: Client, path: str) -> Answer[list[Split]] | Refusal | Missing:
    found: list[Split] = []
    moments: list[datetime] = []
    async with aclosing(pages(client, path, _decode_splits, patience=SIDE_PATIENCE)) as answers:
        async for one in answers:
            if not isinstance(one, Answer):
                return one
            found += one.value[0]
            moments.append(one.moment)
    return Answer(found, moments[0])


def _decode_splits(body: bytes) -> tuple[list[Split], str | None]:
    try:
        page = msgspec.json.decode(body, type=_SplitsPage)
        rows = [
            Split(row.ticker, date.fromisoformat(row.execution_date), ratio(row.split_to, row.split_from))
            for row in page.results or ()
        ]
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as fault:
        raise BadPageError("the splits are not of the published form.", detail=str(fault)) from fault
    return rows, page.next_url or None


def _range_path(asked: Asked) -> str:
    # always ascending: descending paging once ended in a 400
    query = urlencode({"adjusted": _flag(asked.adjusted), "sort": "asc", "limit": PAGE_ROWS})
    bar = f"{asked.bar.multiplier}/{asked.bar.timespan}"
    return f"/v2/aggs/ticker/{quote(asked.ticker, safe='')}/range/{bar}/{asked.first}/{asked.last}?{query}"


def _flag(value: bool) -> str:  # noqa: FBT001 - its one use is obvious
    return "true" if value else "false"


def _no_answer(client: Client, missing: Missing) -> ConnectorError:
    """What a 404 means where there always is an answer."""
    if missing.no_route and not client.found_any:
        return ConfigError("The address has no such API (404). Check base_url, which is seldom needed.")
    return BadPageError("the API answered 404 where it always has an answer.")
