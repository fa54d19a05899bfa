"""Carries out a plan: calls at the same time, records in whole pages, cursors behind them.

Theory of operation
-------------------
A `BarsSync` reads bars of one size for every stream that wants them (its feeds), so that one
answer may serve several. What is always true:

- A page becomes records only after it was judged whole, and a cursor is moved only after the
  page's records were put into the output. Whatever kills the program between two lines, the last
  STATE that was written vouches for nothing that was not.
- A ticker's calls may be answered in any order. `Tiles` tells how far they are answered without a
  gap from the first on, and nothing beyond that is covered.
- A day is covered only when it had settled by this machine's clock when the sync began, and by
  the API's clock when it answered.
- What goes wrong with one ticker or one session is noted in `failures`, and the others go on.
  What would go wrong for all (the key, the network) ends the sync.
- Rows that are asked for and not yet put are bounded: `_Budget`.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import anyio

from stockticker_async import api, bars, market
from stockticker_async.bars import Asked, BadPageError, MarketBar, Row, WireBar
from stockticker_async.client import Answer, Client
from stockticker_async.config import DAY, Bar, Config
from stockticker_async.emitter import Emitter
from stockticker_async.errors import ConfigError, ConnectorError, OutputError, TransientError
from stockticker_async.plan import (
    MARKET_ROWS,
    Plan,
    RangeCall,
    Window,
    plan_days,
    plan_intraday,
    plan_market,
    weekdays_in,
)
from stockticker_async.state import MARKET, Entry, Progress
from stockticker_async.verdict import Barred, Refusal

_log = logging.getLogger(__name__)

_CHUNK = 1500
"""Rows that are turned into lines at once: half a megabyte at most, and some 2 ms."""
_BUDGET_ROWS = 150_000  # three full pages
_SESSION_MINUTES = 600.0
"""Minute bars a session of a well-known stock: 390 in regular hours, the rest before and after."""
_LOOK_UPS = 10  # tickers without any bar that are looked up in the reference, two calls each
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a sync, fixed when it begins (New York)."""

    last: date
    """The last day asked, included."""
    settled: date
    """The last day that has wholly passed."""
    today: date


@dataclass(slots=True)
class Feed:
    """A stream that is served by the calls of a `BarsSync`."""

    emitter: Emitter
    progress: Progress
    kind: Literal["prices", "bars"]
    floors: dict[str, date] = field(default_factory=dict)
    """The first day to write, of each ticker that has any."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that keeps these tickers' cursors where they are."""

    names: tuple[str, ...]
    error: ConnectorError


def first_day(entry: Entry, *, lookback: int, bar: Bar, days: Days, end: date | None) -> date | None:
    """Where reading a ticker begins in this sync. None: there is nothing to read.

    ``lookback`` settled sessions up to the cursor are read again. A cursor at the configured end,
    or ahead of the last settled day, asks for nothing.
    """
    first = entry.floor
    if entry.cursor is not None:
        if entry.cursor > days.settled or (end is not None and entry.cursor >= end):
            return None
        if lookback:
            first = max(entry.since, market.sessions_back(entry.cursor, lookback - 1))
    first = market.grid_day(bar, entry.since, first)
    return first if first <= days.last else None


def plan_bars(
    config: Config, bar: Bar, first_days: Mapping[str, date], last: date, *, allowance: int | None
) -> Plan:
    """The calls for bars of one size, of each ticker from its first day to ``last``, included."""
    if config.whole_market:
        return Plan(grouped=plan_market(first_days[MARKET], last) if first_days else ())
    windows = [Window(name, first, last) for name, first in first_days.items()]
    if bar == DAY:
        return plan_days(windows, allowance=allowance)
    if bar.intraday:
        # whether adjusted=false survives to a second page is unknown: then each fits one
        pieces = plan_intraday(windows, rows_per_session=_SESSION_MINUTES, one_page=not config.adjusted)
        return Plan(ranges=pieces, rows_per_session=_SESSION_MINUTES)
    return Plan(ranges=tuple(RangeCall(window.ticker, window.first, window.last) for window in windows))


class Tiles:
    """How far consecutive spans of days are answered without a gap."""

    def __init__(self, ends: Sequence[date]) -> None:
        self._ends = ends
        self._reached: list[date | None] = [None] * len(ends)
        self._next = 0

    def answered(self, place: int, through: date) -> date | None:
        """The span at ``place`` is answered through that day. Returns the day up to which all are."""
        self._reached[place] = through
        while self._next < len(self._ends) and self._reached[self._next] == self._ends[self._next]:
            self._next += 1
        partial = self._reached[self._next] if self._next < len(self._ends) else None
        if partial is not None:
            return partial
        return self._ends[self._next - 1] if self._next else None


@dataclass(frozen=True, slots=True)
class _Part:
    """What an answer covers: a span of the tiles, for these tickers."""

    tiles: Tiles
    place: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _RangeJob:
    call: RangeCall
    part: _Part


@dataclass(frozen=True, slots=True)
class _SessionJob:
    session: date
    through: date
    """The last day that its answer covers: closed days after the session belong to it."""
    part: _Part


_Job = _RangeJob | _SessionJob


class _Budget:
    """Bounds the rows that are under way; a single call above the bound goes alone."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._used = 0
        self._condition = anyio.Condition()

    @asynccontextmanager
    async def hold(self, rows: int) -> AsyncIterator[None]:
        async with self._condition:
            while self._used and self._used + rows > self._rows:
                await self._condition.wait()
            self._used += rows
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                async with self._condition:
                    self._used -= rows
                    self._condition.notify_all()


class BarsSync:
    """Reads bars of one size for its feeds."""

    def __init__(self, client: Client, config: Config, bar: Bar, feeds: Sequence[Feed], days: Days) -> None:
        self.failures: list[Failure] = []
        self._heard: set[str] = set()
        """Tickers that had a bar in this sync."""
        self._silent: dict[str, list[tuple[_Part, date]]] = {}
        """Answers without a bar, by ticker, that cover nothing until the ticker is known to exist."""
        self._quiet: set[str] = set()
        """Tickers with an answer that has no bar, though it holds a session."""
        self._client = client
        self._config = config
        self._bar = bar
        self._feeds = feeds
        self._days = days
        self._budget = _Budget(_BUDGET_ROWS)
        self._fatal: ConnectorError | None = None
        self._unpublished = False

    def plan(self, allowance: int | None) -> Plan:
        """The calls to make for what the feeds still have to read."""
        return plan_bars(self._config, self._bar, self._first_days(), self._days.last, allowance=allowance)

    async def run(self, plan: Plan) -> None:
        """Make the calls. Raises the `ConnectorError` that ends the whole sync, if one does."""
        jobs = self._jobs(plan)
        async with anyio.create_task_group() as group:
            for _ in range(self._config.max_concurrent_requests):
                group.start_soon(self._work, jobs, group.cancel_scope)
        if self._fatal is not None:
            raise self._fatal
        await self._look_up_silent()

    def _first_days(self) -> dict[str, date]:
        """The union of the feeds' windows, which all end on the same day; in the feeds' order."""
        found: dict[str, date] = {}
        for feed in self._feeds:
            for name, first in feed.floors.items():
                found[name] = min(first, found.get(name, first))
        return found

    def _jobs(self, plan: Plan) -> Iterator[_Job]:
        """What the workers take from, in order: sessions first, since they serve the most tickers."""
        sessions = [call.session for call in plan.grouped]
        # a session's answer covers the closed days up to the next one, too
        ends = [session - market.DAY for session in sessions[1:]] + [self._days.last]
        tiles, names = Tiles(ends), self._names_by_session(plan)
        for place, session in enumerate(sessions):
            yield _SessionJob(session, ends[place], _Part(tiles, place, names))
        pieces: dict[str, list[RangeCall]] = {}
        for piece in plan.ranges:
            pieces.setdefault(piece.ticker, []).append(piece)
        for ticker, calls in pieces.items():
            tiles = Tiles([call.last for call in calls])
            for place, call in enumerate(calls):
                yield _RangeJob(call, _Part(tiles, place, (ticker,)))

    def _names_by_session(self, plan: Plan) -> tuple[str, ...]:
        return (MARKET,) if self._config.whole_market else tuple(plan.by_session)

    async def _work(self, jobs: Iterator[_Job], scope: anyio.CancelScope) -> None:
        for job in jobs:
            try:
                match job:
                    case _SessionJob():
                        await self._ask_session(job)
                    case _RangeJob():
                        await self._ask_range(job)
            except BadPageError as error:
                self.failures.append(Failure(job.part.names, error))
            except (ConfigError, TransientError, OutputError) as error:
                self._fatal = self._fatal or error
                scope.cancel()
            except ConnectorError as error:
                self.failures.append(Failure(job.part.names, error))

    async def _ask_range(self, job: _RangeJob) -> None:
        call = job.call
        asked = Asked(call.ticker, call.first, call.last, self._bar, self._config.adjusted)
        rows = weekdays_in(call.first, call.last) * (1000 if self._bar.intraday else 1)
        async with self._budget.hold(min(rows, api.PAGE_ROWS)):
            found = await self._read_range(job, asked)
            if found == 0 and market.holds_session(call.first, call.last):
                # a transient empty answer was reported for tickers that have data: asked once more
                self._quiet.add(call.ticker)
                found = await self._read_range(job, asked)

    async def _read_range(self, job: _RangeJob, asked: Asked) -> int | None:
        """The number of bars; None where the API did not answer but refused."""
        count = 0
        async with aclosing(api.range_pages(self._client, asked)) as pages:
            async for page in pages:
                if isinstance(page, Refusal):
                    self._refused(job.part.names, job.call.first, page)
                    return None
                count += len(page.bars)
                if page.bars:
                    await self._hear(asked.ticker)
                    await self._write_range(asked, page.bars)
                await self._cover_page(job, page)
        return count

    async def _cover_page(self, job: _RangeJob, page: api.BarsPage) -> None:
        settled = self._settled(page.moment)
        if page.last:
            through = min(job.call.last, settled)
        elif page.bars:
            # the last day of a page may go on on the next one, unless its bars are days
            through = min(market.session_of(page.bars[-1].t) - market.DAY * self._bar.intraday, settled)
        else:
            return
        ticker = job.call.ticker
        if ticker in self._heard or not self._is_new(ticker):
            await self._cover(job.part, through)
        else:
            self._silent.setdefault(ticker, []).append((job.part, through))

    async def _hear(self, ticker: str) -> None:
        self._heard.add(ticker)
        for part, through in self._silent.pop(ticker, ()):
            await self._cover(part, through)

    def _settled(self, moment: datetime) -> date:
        """The last day that has passed by both clocks: this machine's, and the API's when it answered."""
        return min(self._days.settled, market.last_settled(moment))

    async def _write_range(self, asked: Asked, page: list[WireBar]) -> None:
        for feed in self._feeds:
            first = feed.floors.get(asked.ticker)
            if first is None:
                continue
            feed.progress.see(market.session_of(page[-1].t))
            for chunk in _chunks(page):
                if feed.kind == "prices":
                    rows = bars.price_rows(asked.ticker, chunk, first)
                else:
                    rows = bars.bar_rows(asked.ticker, chunk, first, asked=asked)
                await feed.emitter.rows(rows)

    async def _ask_session(self, job: _SessionJob) -> None:
        wanted = None if self._config.whole_market else frozenset(job.part.names)
        async with self._budget.hold(MARKET_ROWS):
            found = await self._market(job.session, wanted)
            if isinstance(found, Answer) and not found.value and market.is_session(job.session):
                found = await self._market(job.session, wanted)
            if isinstance(found, Refusal):
                self._refused(job.part.names, job.session, found)
                return
            await self._write_session(job.session, found.value)
            await self._cover(job.part, min(job.through, self._settled(found.moment)))

    async def _market(
        self, session: date, wanted: frozenset[str] | None
    ) -> Answer[list[MarketBar]] | Refusal:
        # named tickers are read wherever they trade; the option is for the whole market
        otc = self._config.include_otc if wanted is None else True
        return await api.market(self._client, session, adjusted=self._config.adjusted, otc=otc, wanted=wanted)

    async def _write_session(self, session: date, page: list[MarketBar]) -> None:
        for feed in self._feeds:
            if page:
                feed.progress.see(session)
            for chunk in _chunks(page):
                chosen = [bar for bar in chunk if self._wants(feed, bar.T, session)]
                if feed.kind == "prices":
                    rows: list[Row] = bars.market_price_rows(chosen, session)
                else:
                    rows = bars.market_bar_rows(chosen, session, adjusted=self._config.adjusted)
                await feed.emitter.rows(rows)

    def _wants(self, feed: Feed, ticker: str, session: date) -> bool:
        first = feed.floors.get(MARKET if self._config.whole_market else ticker)
        return first is not None and session >= first

    async def _cover(self, part: _Part, through: date) -> None:
        reached = part.tiles.answered(part.place, through)
        for feed in self._feeds:
            if reached is not None:
                for name in part.names:
                    if name in feed.floors:
                        feed.progress.cover(name, reached)
            await feed.emitter.checkpoint()

    def _refused(self, names: tuple[str, ...], first: date, refusal: Refusal) -> None:
        recent = first >= market.sessions_back(self._days.settled, 0)
        if refusal.why is Barred.UNPUBLISHED or (refusal.why is Barred.TIMEFRAME and recent):
            if not self._unpublished:
                self._unpublished = True
                _log.info("The day %s is not published yet on this plan: the next sync reads it.", first)
            return
        if refusal.why is Barred.TIMEFRAME:
            text = (
                f"the plan's history does not reach back to {first}. Set start_date later, or change the plan"
            )
        else:
            text = "the plan does not include these bars. Change the plan, or leave the stream out"
        self.failures.append(Failure(names, ConfigError(f"{text}.", detail=refusal.text)))

    async def _look_up_silent(self) -> None:
        """Tell unknown tickers from silent ones: bars cannot, they answer both with nothing."""
        looked_up = list(self._silent)[:_LOOK_UPS]
        unknown = [name for name in looked_up if not await self._is_known(name)]
        if unknown:
            error = ConfigError("the API knows no such ticker; mind upper and lower case.")
            self.failures.append(Failure(tuple(unknown), error))
        for name in [name for name in self._silent if name not in unknown]:
            await self._hear(name)
        quiet = [name for name in self._first_days() if name in self._quiet and name not in unknown]
        if quiet:
            _log.warning("The API has no bars of some of the days asked for %s.", named(quiet))

    def _is_new(self, name: str) -> bool:
        """Whether no bar of the ticker was ever written, so that it may not exist at all."""
        return all(feed.progress.entries[name].cursor is None for feed in self._feeds if name in feed.floors)

    async def _is_known(self, name: str) -> bool:
        first = self._first_days()[name]
        known = await api.is_known(self._client, name, None)
        return known is not False or await api.is_known(self._client, name, first) is not False


def named(names: Sequence[str]) -> str:
    """``A, B and 7 more``: at most ten names."""
    more = len(names) - _NAMED
    listed = ", ".join("the whole market" if name == MARKET else name for name in names[:_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed


def told(failures: Sequence[Failure]) -> list[ConnectorError]:
    """One error for each cause, which names the tickers."""
    causes: dict[tuple[type[ConnectorError], str], list[str]] = {}
    details: dict[tuple[type[ConnectorError], str], str | None] = {}
    for failure in failures:
        cause = (type(failure.error), failure.error.message)
        causes.setdefault(cause, []).extend(failure.names)
        details.setdefault(cause, failure.error.detail)
    return [
        kind(f"{named(list(dict.fromkeys(names)))}: {message}", detail=details[kind, message])
        for (kind, message), names in causes.items()
    ]


def _chunks(page: Sequence[Any]) -> Iterator[Any]:
    for begin in range(0, len(page), _CHUNK):
        yield page[begin : begin + _CHUNK]
