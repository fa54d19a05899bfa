"""The API's endpoints that the program uses: each a coroutine that gives judged values.

Facts about paths and parameters: the API's documentation and OpenAPI file (read 2026-11).
"""

from collections.abc import AsyncGenerator
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
from stockticker_async.verdict import Missing, Refusal

PAGE_ROWS = 50_000
"""The documented maximum of ``limit``, which counts base bars: minutes, or days."""
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
    url, after_ms, seen = _range_url(asked), None, set[str]()
    while True:
        if url in seen or len(seen) == _PAGES:
            raise BadPageError("the API's pages go round in a circle.")
        seen.add(url)

        def decode(body: bytes, after_ms: int | None = after_ms) -> tuple[list[WireBar], str | None]:
            page = decode_range(body)
            return judge_range(page, asked, after_ms=after_ms), page.next_url

        match await client.get(url, decode):
            case Answer((bars, next_url), moment):
                yield BarsPage(bars, next_url is None, moment)
            case Refusal() as refusal:
                yield refusal
                return
            case Missing():
                raise _no_such_page()
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
        raise _no_such_page()
    return found


class _Details(msgspec.Struct):
    results: dict[str, Any]


async def is_known(client: Client, ticker: str, on: date | None) -> bool | Refusal:
    """Whether the reference has the ticker: listed now, or on a day (then delisted ones, too)."""
    query = f"?{urlencode({'date': on.isoformat()})}" if on else ""

    def decode(body: bytes) -> _Details:
        try:
            return msgspec.json.decode(body, type=_Details)
        except msgspec.MsgspecError as fault:
            raise BadPageError("the reference answered in an unknown form.", detail=str(fault)) from fault

    match await client.get(f"/v3/reference/tickers/{quote(ticker, safe='')}{query}", decode):
        case Answer():
            return True
        case Missing():
            return False
        case refusal:
            return refusal


def _range_url(asked: Asked) -> str:
    # always ascending: descending paging once ended in a 400
    query = urlencode({"adjusted": _flag(asked.adjusted), "sort": "asc", "limit": PAGE_ROWS})
    bar = f"{asked.bar.multiplier}/{asked.bar.timespan}"
    return f"/v2/aggs/ticker/{quote(asked.ticker, safe='')}/range/{bar}/{asked.first}/{asked.last}?{query}"


def _flag(value: bool) -> str:  # noqa: FBT001 - its one use is obvious
    return "true" if value else "false"


def _no_such_page() -> BadPageError:
    return BadPageError("the API answered 404 where it always has an answer.")
