"""The bars of all tickers in one session: validated grouped answers, requested twice if bars are missing."""

from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date
from functools import partial

import msgspec

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.bars import (
    GroupedBar,
    GroupedPage,
    decode_grouped,
    judge_market,
    judge_names,
)
from stockticker_async.marketdata.calendar import is_session
from stockticker_async.marketdata.client import Answer, Client, at_once
from stockticker_async.marketdata.confirmation import Doubt, Held, asked_twice
from stockticker_async.marketdata.endpoints import BAR_BYTES, MARKET_ROWS, grouped_path
from stockticker_async.marketdata.list_pages import PageWalk, no_answer
from stockticker_async.marketdata.responses import Missing, Refusal, RefusalReason

_MOST_STOCKS = 100_000  # some 35,000 were ever listed; a session without an end would fill the memory


class Grouped(msgspec.Struct, frozen=True):
    """The bars of one session."""

    bars: list[GroupedBar]
    """The bars of the wanted tickers. Whoever has converted them may clear the list."""
    count: int
    """The number of all bars in the answer."""
    lacks: int = 0
    """The difference between ``count`` and the count that the answer states."""

    traded: frozenset[str] = frozenset()
    """The tickers wanted that have a bar."""

    @property
    def outline(self) -> Hashable:
        """The value in which two incomplete answers must agree."""
        return outline(self.count, self.lacks, self.traded)


def outline(count: int, lacks: int, traded: frozenset[Hashable]) -> Hashable:
    """Return the `Grouped.outline` of an answer with these values."""
    return count, lacks, hash(traded)


async def grouped_bars(
    client: Client,
    session: date,
    *,
    adjusted: bool,
    otc: bool,
    wanted: frozenset[str] | None,
    may_be_empty: bool = False,
    confirmed: set[RefusalReason] | None = None,
) -> Answer[list[GroupedBar]] | Refusal:
    """Return the bars of the wanted tickers (None: all) in a session. Raises `BadPageError`.

    An empty answer is requested twice, unless it ``may_be_empty``. ``confirmed`` is as in `asked_twice`.
    """
    async with grouped_answer(
        client,
        session,
        adjusted=adjusted,
        otc=otc,
        wanted=wanted,
        few=lambda found: not (found.count or may_be_empty),
        confirmed=confirmed,
    ) as found:
        return found if isinstance(found, Refusal) else Answer(found.value.bars, found.moment)


@asynccontextmanager
async def grouped_answer(
    client: Client,
    session: date,
    *,
    adjusted: bool,
    otc: bool,
    wanted: frozenset[str] | None,
    few: Callable[[Grouped], bool],
    doubt: Doubt | None = None,
    closes_only: bool = False,
    confirmed: set[RefusalReason] | None = None,
) -> AsyncGenerator[Answer[Grouped] | Refusal]:
    """As `grouped_bars`, but yield the answer for the body: one answer at a time is decoded.

    Twelve sessions, waiting for a slow reader, are 15 MB of JSON and 60 of bars. An answer of a session with
    too ``few`` bars, or another number than it says, is asked for again (see `Doubt`). The API answers
    with one page; where it names a further one, that is a part of the answer. ``doubt`` holds the answers
    that the caller has doubted before. With ``closes_only`` no more is read of a bar than its time, close and
    ticker, and no more is decoded. ``confirmed`` is as in `asked_twice`.
    """

    def lacks(answer: Answer[Grouped]) -> Hashable | None:
        found = answer.value
        return found.outline if found.lacks or (is_session(session) and few(found)) else None

    path = grouped_path(session, adjusted=adjusted, otc=otc)
    decode = partial(decode_grouped, closes_only=closes_only)
    judge = partial(_with_page, session=session, adjusted=adjusted, wanted=wanted)
    ask = partial(_answer, client, path, decode, judge)
    async with asked_twice(ask, lacks, doubt, held=_held, confirmed=confirmed) as found:
        if isinstance(found, Missing):
            raise no_answer(client, found)
        yield found


def _held(answer: Answer[Grouped]) -> Held:
    return Held(answer.value.count, answer.value.traded)


@asynccontextmanager
async def _answer(
    client: Client,
    path: str,
    decode: Callable[[bytes], GroupedPage],
    judge: Callable[[Grouped, GroupedPage], Grouped],
) -> AsyncGenerator[Answer[Grouped] | Refusal | Missing]:
    """One answer for a session, whose last page has the turn for the body of the statement."""
    url, walk, before = client.url_of(path), PageWalk(), Grouped([], 0)

    def read(body: bytes) -> tuple[Grouped, str | None]:
        page = decode(body)
        return judge(before, page), page.next_url or None

    while True:
        walk.turn_to(url)
        async with _page(client, url, read) as found:
            if not isinstance(found, Answer):
                yield found
                return
            had, (before, next_url) = before.count, found.value
            if next_url is None:
                yield Answer(before, found.moment)
                return
        walk.had(before.count - had)
        url = client.next_target(next_url)


def _page(
    client: Client, url: str, read: Callable[[bytes], tuple[Grouped, str | None]]
) -> AbstractAsyncContextManager[Answer[tuple[Grouped, str | None]] | Refusal | Missing]:
    return client.asked(url, at_once(read), expected_bytes=MARKET_ROWS * BAR_BYTES)


def _with_page(
    before: Grouped, page: GroupedPage, *, session: date, adjusted: bool, wanted: frozenset[str] | None
) -> Grouped:
    """Return the session with one more page. Raises `BadPageError`, also for more bars than stocks exist."""
    count = before.count + len(page.results or ())
    if count > _MOST_STOCKS:
        raise BadPageError(f"a session of more than {_MOST_STOCKS:,} bars.")
    bars, traded = judge_market(page, adjusted=adjusted, wanted=wanted, session=session)
    if before.bars:
        bars, traded = before.bars + bars, before.traded | traded
        judge_names(bars, traded)
    off = 0 if page.stated is None else abs(page.stated - len(page.results or ()))
    if not page.results and (before.count or page.next_url):
        off += 1  # one page of several has no bars
    return Grouped(bars, count, before.lacks + off, traded)
