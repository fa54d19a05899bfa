"""The bars of one ticker in a range of days: pages, judged, converted, and asked twice if they lack any."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import date, datetime
from functools import partial
from typing import Any, Generic, overload

import msgspec

from stockticker_async.errors import ConfigError, ConnectorError, TransientError
from stockticker_async.marketdata.bar_pages import BarPage, C, JudgedBars, Wanted, read_page
from stockticker_async.marketdata.bars import Asked, Bar
from stockticker_async.marketdata.calendar import DAY, last_settled, midnight_ms, missing_sessions, session_of
from stockticker_async.marketdata.client import Answer, Client, taken
from stockticker_async.marketdata.confirmation import Held, asked_twice
from stockticker_async.marketdata.endpoints import BAR_BYTES, PAGE_ROWS, range_of, range_path
from stockticker_async.marketdata.list_pages import PageWalk, no_answer
from stockticker_async.marketdata.responses import Missing, Refusal, RefusalReason

_FEW_OF_USUAL, _FEW_OF_MOST = 10, 50
"""A session has few intraday bars with less than a tenth of the usual number, or a fiftieth of the most."""
_USUAL_BARS = 10
"""The least usual number that is compared: a stock that trades little has sessions with one bar."""
_RANGE = re.compile(r"/v2/aggs/ticker/[^?#\s]+/range/\d+/[a-z]+/([\d-]{1,20})/[\w.-]+")


class BarsPage(msgspec.Struct, Generic[C], frozen=True):
    """A judged page of one ticker's bars, converted."""

    page: BarPage[C]
    moment: datetime
    """The API's clock when it answered."""
    lacking: "Lacking | None" = None
    """What was left out of it, twice."""

    @property
    def last(self) -> bool:
        return self.page.next_url is None


class Lacking(msgspec.Struct, frozen=True):
    """What an answer of bars leaves out, as far as can be told."""

    sessions: int
    """Sessions of the calendar without a bar."""
    bars: int
    """By how many the number of bars is another than the page says."""
    ends_empty: bool
    """Whether it is a further page, which the one before it named, without a bar."""
    thin: tuple[date, ...]
    """Sessions with few intraday bars among others with many."""
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
    stand. `DisorderError` is one with a bar that an earlier page should have had: it says from which day on.
    """
    if wanted is None:
        wanted = (Wanted(asked.first, JudgedBars),)
    expected_bytes = min(rows, PAGE_ROWS) * BAR_BYTES
    url, after_ms, walk = client.url_of(range_path(asked)), None, PageWalk()
    while True:
        walk.turn_to(url)
        read = partial(_page, asked=asked, wanted=wanted, after_ms=after_ms, otc=otc)
        lacks = partial(_lacking, asked=asked, after_ms=after_ms, since=since, settled=settled)
        held = partial(_held, asked=asked)
        ask = partial(client.asked, url, read, expected_bytes=expected_bytes)
        async with asked_twice(ask, lacks if doubted else _nothing, held=held) as found:
            match found:
                case Answer(page, moment):
                    yield BarsPage(page, moment, lacks(found))
                case Refusal():
                    yield found
                    return
                case Missing():
                    raise no_answer(client, found)
            next_url, last_ms = page.next_url, page.last_ms
            walk.had(page.count)
            del page, found
        if next_url is None:
            return
        after_ms = after_ms if last_ms is None else last_ms
        url = client.next_target(next_url)
        if last_ms is not None:
            url = _going_on(url, asked, last_ms)


async def judged_bars(client: Client, asked: Asked) -> AsyncGenerator[list[Bar], None]:
    """The bars of a range, oldest first: a list for each page that has any. Both ends are included.

    Raises a `ConnectorError` for what the plan refuses, and `BadPageError` as `range_pages` does.
    """
    async with aclosing(range_pages(client, asked)) as answers:
        async for answer in answers:
            if isinstance(answer, Refusal):
                raise _refused(asked, answer)
            bars = [bar for chunk in answer.page.converted[0].take() for bar in chunk.bars]
            if bars:
                yield bars


def _refused(asked: Asked, refusal: Refusal) -> ConnectorError:
    text = f"No bars of {asked.ticker} from {asked.first} to {asked.last}: {refusal.why.value}"
    if refusal.why is RefusalReason.UNPUBLISHED:
        return TransientError(f"{text}. Ask again when it is.", detail=refusal.text)
    return ConfigError(f"{text}. Ask for other days, or change the plan.", detail=refusal.text)


def _going_on(url: str, asked: Asked, last_ms: int) -> str:
    """The URL of the page after the bar at ``last_ms``, out of the one that the API names.

    The API goes on with the window after the last bar (API reference, `next_url`: ``from`` is rewritten, and
    nothing else). One that names a later ``from`` passes over what the page before it left out, or skips
    some by itself: then the page is asked for from that window on. The rest of the path is our own question.
    """
    found = _RANGE.search(url)
    if found is None:
        return url
    named_ms = _moment_ms(found[1])
    if named_ms is None:
        return url
    following_ms = asked.following_ms(last_ms)
    begin = found[1] if named_ms <= following_ms else str(following_ms)
    return f"{url[: found.start()]}{range_of(asked, begin)}{url[found.end() :]}"


def _moment_ms(text: str) -> int | None:
    """``from`` of a range in epoch milliseconds, which the API writes as such or as a date."""
    try:
        return int(text) if text.isdecimal() else midnight_ms(date.fromisoformat(text))
    except ValueError:
        return None


def _held(answer: Answer[BarPage[Any]], *, asked: Asked) -> Held:
    page = answer.value
    return Held(page.count, frozenset(page.moments or page.starts), every_row=not asked.bar.intraday)


def _nothing(_: object) -> None:
    return None


def _lacking(
    answer: Answer[BarPage[Any]], *, asked: Asked, after_ms: int | None, since: date | None, settled: date
) -> Lacking | None:
    """What the page leaves out of the days that follow the page before it (None: that it begins with)."""
    page = answer.value
    end = min(asked.last, settled, last_settled(answer.moment))
    if page.next_url is not None:
        end = end if page.last_ms is None else session_of(page.last_ms)
    starts = page.starts
    if after_ms is not None:
        begin = session_of(after_ms)
        starts = starts | {begin}
    else:
        begin = asked.first if page.first_ms is None else session_of(page.first_ms)
        if since is not None:
            begin = min(begin, max(asked.first, since)) if page.count else max(asked.first, since)
    sessions = missing_sessions(asked.bar, begin, end, starts)
    bars = 0 if page.stated is None else abs(page.stated - page.count)
    ends_empty = after_ms is not None and page.first_ms is None
    thin = _thin(page, begin if after_ms is not None else date.min, end)
    if not (sessions or bars or ends_empty or thin):
        return None
    return Lacking(sessions, bars, ends_empty, thin, (page.first_ms, page.last_ms))


def _thin(page: BarPage[Any], before: date, end: date) -> tuple[date, ...]:
    """The whole sessions of a page of intraday bars that have few bars, as a halt of trading leaves them.

    The session ``before`` began on the page before this one; the last one of a page that is not the last, or
    that is not over on the day ``end``, goes on.
    """
    over = end if page.next_url is None else end - DAY
    counts = {day: count for day, count in page.counts.items() if before < day <= over}
    if not counts:
        return ()
    ordered = sorted(counts.values())
    usual, most = ordered[len(ordered) // 2], ordered[-1]
    few = max(usual / _FEW_OF_USUAL if usual >= _USUAL_BARS else 0, most / _FEW_OF_MOST)
    return tuple(sorted(day for day, count in counts.items() if count < few))


async def _page(
    body: bytes, asked: Asked, wanted: Sequence[Wanted[C]], *, after_ms: int | None, otc: bool
) -> BarPage[C]:
    """The page, decoded while others have their turns in the loop."""
    return await taken(read_page(body, asked, wanted, after_ms=after_ms, otc=otc))
