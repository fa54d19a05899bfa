"""The API's endpoints that the program uses: each a coroutine that gives judged values.

Facts about paths and parameters: the API's documentation and OpenAPI file (read 2026-11).
"""

import math
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Generic, TypeVar, overload
from urllib.parse import quote, urlencode

import anyio.lowlevel
import msgspec

from stockticker_async.bar_pages import BarPage, C, JudgedBars, Wanted, read_page
from stockticker_async.bars import Asked, GroupedBar, GroupedPage, decode_grouped, judge_grouped, judge_names
from stockticker_async.client import BODY_TRIES, Answer, Client
from stockticker_async.doubt import Doubt
from stockticker_async.errors import BadPageError, ConfigError, ConnectorError
from stockticker_async.job import MARKET
from stockticker_async.limits import PAGES, SIDE_PATIENCE
from stockticker_async.market import DAY, is_session, last_settled, missing_sessions, session_of
from stockticker_async.plan import MARKET_ROWS
from stockticker_async.questions import Question, questions
from stockticker_async.shapes import stated
from stockticker_async.splits import Split, ratio
from stockticker_async.streams import OLDER_SPLITS, SPLITS
from stockticker_async.verdict import Barred, Missing, Refusal

T = TypeVar("T")
PAGE_ROWS = 50_000
"""The documented maximum of ``limit``, which counts base bars: minutes, or days."""
_MOST_STOCKS = 100_000  # some 35,000 were ever listed; a session without an end would fill the memory
_BAR_BYTES = 110  # of a bar as JSON, on the low side: no call shall wait in vain


@dataclass(frozen=True, slots=True)
class ListPage(Generic[T]):
    """A page of a list."""

    rows: Sequence[T]
    next_url: str | None
    count: int
    """The rows as the API counts them: one of them may have become several, or none."""
    stated: int | None
    """How many rows the page says that it has; None where it does not say."""

    @property
    def lacks(self) -> bool:
        """Whether rows may have been left out: there is none, or another number than the page says."""
        return not self.count or self.stated not in (None, self.count)


async def pages(
    client: Client,
    path: str,
    decode: Callable[[bytes], ListPage[T]],
    *,
    expected_bytes: int = 65_536,
    patience: float = math.inf,
    may_be_empty: bool = False,
) -> AsyncGenerator[Answer[ListPage[T]] | Refusal | Missing, None]:
    """The pages from a path of the API on, as ``decode`` gives them.

    A page that lacks something is asked for again, and a 404: see `Doubt`. The first page lacks nothing by
    being empty where it ``may_be_empty``: then the caller doubts that. What is no answer ends them. A page
    is counted until the next one is asked for, and has the turn: nothing may be asked before. Raises
    `BadPageError` for a page that cannot be used; the pages before it stand.
    """
    url, seen = client.url_of(path), set[str]()
    while True:
        _turn_to(url, seen)
        ask = partial(client.asked, url, decode, expected_bytes=expected_bytes, patience=patience)
        may_be_empty = may_be_empty and len(seen) == 1
        async with asked_twice(ask, partial(_list_lacks, may_be_empty=may_be_empty)) as found:
            yield found
            next_url = found.value.next_url if isinstance(found, Answer) else None
        del found
        if next_url is None:
            return
        url = client.next_target(next_url)


def _list_lacks(page: ListPage[Any], *, may_be_empty: bool) -> Hashable | None:
    if not page.lacks or (may_be_empty and not page.count and not page.stated):
        return None
    return page.count, page.stated, page.next_url is None


@asynccontextmanager
async def asked_twice(
    ask: Callable[[], AbstractAsyncContextManager[Answer[T] | Refusal | Missing]],
    lacks: Callable[[T], Hashable | None],
) -> AsyncGenerator[Answer[T] | Refusal | Missing]:
    """What is asked for, once it lacks nothing, or two answers agree; a 404 is an answer that lacks all.

    It is counted for the body of the statement, as in `Client.asked`. ``lacks`` is as in `Doubt.settles`.
    Raises `BadPageError` where no two agree.
    """
    doubt = Doubt()
    while True:
        async with ask() as found:
            match found:
                case Answer(value):
                    settled = doubt.settles(lacks(value))
                case Missing(no_route):
                    settled = doubt.settles((Missing, no_route))
                case Refusal():
                    settled = True
            if settled:
                yield found
                return


def _turn_to(url: str, seen: set[str]) -> None:
    if url in seen or len(seen) == PAGES:
        raise BadPageError("the API's pages go round in a circle.")
    seen.add(url)


@dataclass(frozen=True, slots=True)
class BarsPage(Generic[C]):
    """A judged page of one ticker's bars, converted."""

    page: BarPage[C]
    moment: datetime
    """The API's clock when it answered."""
    lacking: "Lacking | None" = None
    """What was left out of it, twice."""

    @property
    def last(self) -> bool:
        return self.page.next_url is None


@dataclass(frozen=True, slots=True)
class Lacking:
    """What an answer of bars leaves out, as far as can be told."""

    sessions: int
    """Sessions of the calendar without a bar."""
    bars: int
    """By how many the number of bars is another than the page says."""
    ends_empty: bool
    """Whether it is a further page, which the one before it named, without a bar."""
    between: tuple[int | None, int | None]
    """The times of the first and last bar: what two answers have to have in common."""


@overload
def range_pages(
    client: Client, asked: Asked, *, doubted: bool = ...
) -> AsyncGenerator[BarsPage[JudgedBars] | Refusal, None]: ...


@overload
def range_pages(
    client: Client,
    asked: Asked,
    wanted: Sequence[Wanted[C]],
    *,
    otc: bool = ...,
    rows: int = ...,
    settled: date = ...,
    since: date | None = ...,
    doubted: bool = ...,
) -> AsyncGenerator[BarsPage[C] | Refusal, None]: ...


async def range_pages(
    client: Client,
    asked: Asked,
    wanted: Sequence[Wanted[Any]] | None = None,
    *,
    otc: bool = True,
    rows: int = 1,
    settled: date = date.max,
    since: date | None = None,
    doubted: bool = True,
) -> AsyncGenerator[BarsPage[Any] | Refusal, None]:
    """The pages of a range, oldest bars first, or the plan's refusal. Both ends are included.

    A page that lacks something is asked for again (see `Doubt`), unless it is not to be ``doubted``. Bars
    are expected of each session of the calendar: up to ``settled``, or what has by the API's clock; from
    ``since`` on, or where that is None from the first bar on, since nobody knows when a ticker began.
    ``rows`` is about how many. A page is decoded only when the one before it, of whatever range, has been
    consumed: so only one is in memory in its converted form. Where nothing is said to be ``wanted``, a page
    gives its bars as they are. Raises `BadPageError` for a page that cannot be used; the pages before it
    stand.
    """
    if wanted is None:
        wanted = (Wanted(asked.first, JudgedBars),)
    expected_bytes = min(rows, PAGE_ROWS) * _BAR_BYTES
    url, after_ms, seen = client.url_of(_range_path(asked)), None, set[str]()
    while True:
        _turn_to(url, seen)
        doubt, bad = Doubt(), 0
        while True:
            match await client.fetch(url, expected_bytes=expected_bytes):
                case Answer(held, moment):
                    pass
                case Refusal() as refusal:
                    yield refusal
                    return
                case Missing() as missing:
                    raise _no_answer(client, missing)
            async with held as body:
                try:
                    page = await _page(body, asked, wanted, after_ms=after_ms, otc=otc)
                except BadPageError:
                    bad += 1
                    if bad == BODY_TRIES:
                        raise
                    del body  # before others are read
                    continue
                del body  # the page keeps it where it needs it
                end = min(asked.last, settled, last_settled(moment))
                lacking = _lacking(page, asked, after_ms, since=since, end=end)
                if doubted and not doubt.settles(lacking):
                    continue
                yield BarsPage(page, moment, lacking)
            break
        if page.next_url is None:
            return
        after_ms = after_ms if page.last_ms is None else page.last_ms
        url = client.next_target(page.next_url)


def _lacking(
    page: BarPage[C], asked: Asked, after_ms: int | None, *, since: date | None, end: date
) -> Lacking | None:
    """What the page leaves out of the days that follow the page before it (None: that it begins with)."""
    if page.next_url is not None:
        end = end if page.last_ms is None else session_of(page.last_ms)
    starts = page.starts
    if after_ms is not None:
        begin = session_of(after_ms)
        starts = starts | {begin}
    elif since is not None:
        begin = max(asked.first, since)
    else:
        begin = asked.first if page.first_ms is None else session_of(page.first_ms)
    sessions = missing_sessions(asked.bar, begin, end, starts)
    bars = 0 if page.stated is None else abs(page.stated - page.count)
    ends_empty = after_ms is not None and page.first_ms is None
    if not (sessions or bars or ends_empty):
        return None
    return Lacking(sessions, bars, ends_empty, (page.first_ms, page.last_ms))


async def _page(
    body: bytes, asked: Asked, wanted: Sequence[Wanted[C]], *, after_ms: int | None, otc: bool
) -> BarPage[C]:
    """The page, decoded while others have their turns in the loop."""
    steps = read_page(body, asked, wanted, after_ms=after_ms, otc=otc)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            page: BarPage[C] = done.value
            return page
        await anyio.lowlevel.checkpoint()


@dataclass(frozen=True, slots=True)
class Market:
    """The bars of one session."""

    bars: list[GroupedBar]
    """Of the tickers wanted."""
    count: int
    """Of all bars in the answer."""
    lacks: int = 0
    """By how many that is another number than the answer says."""

    @property
    def size(self) -> tuple[int, int, int]:
        """What two answers have to have in common."""
        return self.count, len(self.bars), self.lacks


async def market(
    client: Client,
    session: date,
    *,
    adjusted: bool,
    otc: bool,
    wanted: frozenset[str] | None,
    may_be_empty: bool = False,
) -> Answer[list[GroupedBar]] | Refusal:
    """The session's bars of the tickers wanted (None: of all). Raises `BadPageError`.

    None at all is asked for twice, but where it ``may_be_empty``.
    """
    async with market_page(
        client,
        session,
        adjusted=adjusted,
        otc=otc,
        wanted=wanted,
        few=lambda found: not (found.count or may_be_empty),
    ) as found:
        return found if isinstance(found, Refusal) else Answer(found.value.bars, found.moment)


@asynccontextmanager
async def market_page(
    client: Client,
    session: date,
    *,
    adjusted: bool,
    otc: bool,
    wanted: frozenset[str] | None,
    few: Callable[[Market], bool],
    doubt: Doubt | None = None,
) -> AsyncGenerator[Answer[Market] | Refusal]:
    """As `market`, for the body of the statement: one answer at a time is decoded.

    Twelve sessions, waiting for a slow reader, are 15 MB of JSON and 60 of bars. An answer of a session with
    too ``few`` bars, or another number than it says, is asked for again (see `Doubt`). The API answers
    with one page; where it names a further one, that is a part of the answer. ``doubt`` holds the answers
    that the caller has doubted before.
    """
    doubt, bad = doubt or Doubt(), 0
    while True:
        try:
            async with _market_answer(client, session, adjusted=adjusted, otc=otc, wanted=wanted) as answer:
                if isinstance(answer, Refusal):
                    yield answer
                    return
                found = answer.value
                lacks = found.lacks or (is_session(session) and few(found))
                settled = doubt.settles(found.size if lacks else None)
                if settled:
                    yield answer
                    return
        except _UnusablePageError as unusable:
            bad += 1
            if bad == BODY_TRIES:
                raise unusable.fault from None


class _UnusablePageError(Exception):
    """A page of a session that has to be asked for again, with all before it."""

    def __init__(self, fault: BadPageError) -> None:
        self.fault = fault


@asynccontextmanager
async def _market_answer(
    client: Client, session: date, *, adjusted: bool, otc: bool, wanted: frozenset[str] | None
) -> AsyncGenerator[Answer[Market] | Refusal]:
    """One answer for a session, whose last page has the turn for the body of the statement."""
    query = urlencode({"adjusted": _flag(adjusted), "include_otc": _flag(otc)})
    url = client.url_of(f"/v2/aggs/grouped/locale/us/market/stocks/{session}?{query}")
    seen, market = set[str](), Market([], 0)
    while True:
        _turn_to(url, seen)
        match await client.fetch(url, expected_bytes=MARKET_ROWS * _BAR_BYTES):
            case Answer(held, moment):
                pass
            case Refusal() as refusal:
                yield refusal
                return
            case Missing() as missing:
                raise _no_answer(client, missing)
        async with held as body:
            try:
                page = decode_grouped(body)
                market = _with_page(market, page, session, adjusted=adjusted, wanted=wanted)
            except BadPageError as fault:
                del body  # before others are read
                raise _UnusablePageError(fault) from None
            next_url = page.next_url or None
            del body, page
            if next_url is None:
                yield Answer(market, moment)
                return
        url = client.next_target(next_url)


def _with_page(
    before: Market, page: GroupedPage, session: date, *, adjusted: bool, wanted: frozenset[str] | None
) -> Market:
    """The session with one more page. Raises `BadPageError`, also for more bars than there are stocks."""
    count = before.count + len(page.results or ())
    if count > _MOST_STOCKS:
        raise BadPageError(f"a session of more than {_MOST_STOCKS:,} bars.")
    bars = before.bars + judge_grouped(page, adjusted=adjusted, wanted=wanted, session=session)
    judge_names(bars)
    off = 0 if page.stated is None else abs(page.stated - len(page.results or ()))
    return Market(bars, count, before.lacks + off)


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
    results: list[_WireSplit] | msgspec.UnsetType | None = msgspec.UNSET
    next_url: str | None = None
    count: Any = None


async def splits(
    client: Client, names: Sequence[str], *, after: date, until: date
) -> Answer[list[Split]] | Refusal:
    """The splits of these tickers (of all, where none is named) with ``after`` < day <= ``until``.

    That there is none is believed at once: whoever knows what was there before may ask again. The moment is
    the first answer's. Rows may be repeated, and of tickers that were not asked for.
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
    found_pages = pages(client, path, _decode_splits, patience=SIDE_PATIENCE, may_be_empty=True)
    async with aclosing(found_pages) as answers:
        async for one in answers:
            if not isinstance(one, Answer):
                return one
            found += one.value.rows
            moments.append(one.moment)
    return Answer(found, moments[0])


def _decode_splits(body: bytes) -> ListPage[Split]:
    try:
        page = msgspec.json.decode(body, type=_SplitsPage)
        rows = [
            Split(row.ticker, date.fromisoformat(row.execution_date), ratio(row.split_to, row.split_from))
            for row in page.results or ()
        ]
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as fault:
        raise BadPageError("the splits are not of the published form.", detail=str(fault)) from fault
    if page.results is msgspec.UNSET and stated(page.count) != 0:
        raise BadPageError("the splits are not of the published form: without results.")
    return ListPage(rows, page.next_url or None, len(rows), stated(page.count))


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
