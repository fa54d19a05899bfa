"""The API's endpoints that the program uses: each a coroutine that gives judged values.

Facts about paths and parameters: the API's documentation and OpenAPI file (read 2026-11).
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from stockticker_async.bars import (
    Asked,
    BadPageError,
    MarketBar,
    WireBar,
    decode_market,
    decode_range,
    judge_market,
    judge_range,
)
from stockticker_async.client import Answer, Client
from stockticker_async.errors import ConfigError, ConnectorError
from stockticker_async.splits import Split, ratio
from stockticker_async.verdict import Barred, Missing, Refusal

PAGE_ROWS = 50_000
"""The documented maximum of ``limit``, which counts base bars: minutes, or days."""
_URL_CHARS = 3500
"""Of tickers in one URL: with the rest it stays below 4 KB, which servers and proxies take."""
_SPLITS_A_DAY = 6  # of all US stocks, reverse splits and OTC ones included: some 1,500 a year
_PAGES = 10_000  # 20 years of minute bars are 100 pages: an end that never comes is a fault


@dataclass(frozen=True, slots=True)
class BarsPage:
    """A judged page of one ticker's bars, ascending."""

    bars: list[WireBar]
    last: bool
    moment: datetime
    """The API's clock when it answered."""


async def range_pages(client: Client, asked: Asked) -> AsyncGenerator[BarsPage | Refusal, None]:
    """The pages of a range, oldest bars first, or the plan's refusal. Both ends are included.

    Raises `BadPageError` for a page that cannot be used; the pages before it stand.
    """
    url, after_ms, seen = client.url_of(_range_path(asked)), None, set[str]()
    while True:
        if url in seen or len(seen) == _PAGES:
            raise BadPageError("the API's pages go round in a circle.")
        seen.add(url)

        def decode(body: bytes, after_ms: int | None = after_ms) -> tuple[list[WireBar], str | None]:
            page = decode_range(body)
            return judge_range(page, asked, after_ms=after_ms), page.next_url or None

        match await client.get(url, decode):
            case Answer((bars, next_url), moment):
                yield BarsPage(bars, next_url is None, moment)
            case Refusal() as refusal:
                yield refusal
                return
            case Missing() as missing:
                raise _no_answer(missing)
        if next_url is None:
            return
        after_ms = bars[-1].t if bars else after_ms
        url = client.next_target(next_url)


async def market(
    client: Client, session: date, *, adjusted: bool, otc: bool, wanted: frozenset[str] | None
) -> Answer[list[MarketBar]] | Refusal:
    """The session's bars of the tickers wanted (None: of all). Raises `BadPageError`."""
    query = urlencode({"adjusted": _flag(adjusted), "include_otc": _flag(otc)})

    def decode(body: bytes) -> list[MarketBar]:
        page = decode_market(body)
        return judge_market(page, adjusted=adjusted, wanted=wanted)

    found = await client.get(f"/v2/aggs/grouped/locale/us/market/stocks/{session}?{query}", decode)
    if isinstance(found, Missing):
        raise _no_answer(found)
    return found


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

    match await client.get(f"/v3/reference/tickers/{quote(ticker, safe='')}{query}", decode):
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


async def splits(client: Client, names: Sequence[str], *, after: date, until: date) -> list[Split] | Refusal:
    """The splits of these tickers (of all, where none is named) with ``after`` < day <= ``until``.

    Rows may be repeated, and of tickers that were not asked for. Raises `BadPageError`.
    """
    query = {"execution_date.gt": after.isoformat(), "execution_date.lte": until.isoformat()}
    found: list[Split] = []
    for some in _split_names(names, (until - after).days):
        named = {"ticker.any_of": ",".join(some)} if some else {}
        newest = {**query, **named, "sort": "execution_date.asc", "limit": 5000}
        part = await _split_pages(client, f"/stocks/v1/splits?{urlencode(newest)}")
        if isinstance(part, Missing) or (isinstance(part, Refusal) and part.why is Barred.ENDPOINT):
            # the deprecated endpoint is served on: for plans and proxies without the new one
            older = {**query, "sort": "execution_date", "order": "asc", "limit": 1000}
            part = await _split_pages(client, f"/v3/reference/splits?{urlencode(older)}")
        if isinstance(part, Missing):
            raise _no_answer(part)
        if isinstance(part, Refusal):
            return part
        found += part
    return found


def _split_names(names: Sequence[str], days: int) -> list[Sequence[str]]:
    """The names in portions for one URL each; one empty portion where all splits are fewer pages."""
    portions: list[list[str]] = [[]]
    room = _URL_CHARS
    for name in names:
        chars = len(quote(name)) + 3  # the comma is quoted, too
        if chars > room and portions[-1]:
            portions.append([])
            room = _URL_CHARS
        portions[-1].append(name)
        room -= chars
    unfiltered_pages = 1 + days * _SPLITS_A_DAY // 5000
    return list(portions) if len(portions) <= unfiltered_pages else [()]


async def _split_pages(client: Client, path: str) -> list[Split] | Refusal | Missing:
    found: list[Split] = []
    seen: set[str] = set()
    url = client.url_of(path)
    while url not in seen and len(seen) < _PAGES:
        seen.add(url)
        match await client.get(url, _decode_splits):
            case Answer((page, next_url)):
                found += page
                if next_url is None:
                    return found
                url = client.next_target(next_url)
            case refusal:
                return refusal
    raise BadPageError("the API's pages of splits go round in a circle.")


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


def _no_answer(missing: Missing) -> ConnectorError:
    if missing.no_route:
        return ConfigError("The address has no such API (404). Check base_url, which is seldom needed.")
    return BadPageError("the API answered 404 where it always has an answer.")
