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
- What is under way is bounded in bytes, for all calls together: `room`.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from stockticker_async.errors import ConfigError, ConnectorError, OutputError
from stockticker_async.marketdata import bar_size, calendar, endpoints, grouped, ranges, reference
from stockticker_async.marketdata.bar_pages import Wanted
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize
from stockticker_async.marketdata.bars import Asked, GroupedBar
from stockticker_async.marketdata.client import Answer, Client
from stockticker_async.marketdata.confirmation import Doubt
from stockticker_async.marketdata.grouped import Grouped
from stockticker_async.marketdata.responses import Barred, Refusal
from stockticker_async.sync.completeness import Completeness
from stockticker_async.sync.coverage import Tiles
from stockticker_async.sync.failures import Failure, named
from stockticker_async.sync.history import Floor
from stockticker_async.sync.job import MARKET, SyncJob
from stockticker_async.sync.plan import Plan, RangeCall, weekdays_in
from stockticker_async.sync.session_sizes import Neighbours
from stockticker_async.sync.sink import BarChunk
from stockticker_async.sync.windows import Days, Feed, family_plan, first_days
from stockticker_async.sync.workers import carry_out

_log = logging.getLogger(__name__)

_CHUNK = 1500
"""Rows that are turned into lines at once: half a megabyte at most, and some 2 ms."""
_MOST_ROWS = {
    "minute": 1000,
    "hour": 1000,
    "second": endpoints.PAGE_ROWS,
}  # of a session, where it has more than one
_LOOK_UPS = 10  # tickers without any bar that are looked up in the reference, two calls each


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

    @property
    def first(self) -> date:
        return self.call.first

    @property
    def last(self) -> date:
        return self.call.last


@dataclass(frozen=True, slots=True)
class _SessionJob:
    first: date
    """The session."""
    last: date
    """The last day that its answer covers: closed days after the session belong to it."""
    part: _Part


_Job = _RangeJob | _SessionJob


@dataclass(frozen=True, slots=True)
class _Answered:
    """A session whose bars are put, and which is not covered yet."""

    job: _SessionJob
    size: tuple[int, int, int]
    lacks: int
    through: date


class BarsSync:
    """Reads bars of one size for its feeds."""

    def __init__(self, client: Client, job: SyncJob, bar: BarSize, feeds: Sequence[Feed], days: Days) -> None:
        self.failures: list[Failure] = []
        self._unproven: set[str] = set()
        """New tickers of which no bar was seen yet, so that they may not exist at all."""
        self._held_back: dict[str, date] = {}
        """How far the answers for an unproven ticker reach; they cover nothing until it is proven."""
        self._client = client
        self._job = job
        self._bar = bar
        self._feeds = feeds
        self._days = days
        self._completeness = Completeness()
        self._neighbours = Neighbours([])
        self._answered: dict[int, _Answered] = {}
        """By their places: those that wait for the session beside them."""
        self._doubts: dict[int, Doubt] = {}
        """Of the places whose answers seemed short beside the others."""
        self._unpublished = False
        self._floor = Floor()

    def plan(self, allowance: int | None) -> Plan:
        """The calls to make for what the feeds still have to read."""
        return family_plan(self._job, self._bar, self._feeds, self._days, allowance=allowance)

    async def run(self, plan: Plan) -> None:
        """Make the calls. Raises the `ConnectorError` that ends the whole sync, if one does."""
        jobs = self._jobs(plan)
        self._neighbours = Neighbours(
            [place for place, call in enumerate(plan.grouped) if calendar.is_session(call.session)]
        )
        self._unproven = {name for name in first_days(self._feeds) if name != MARKET and self._is_new(name)}
        await carry_out(
            jobs,
            self._ask,
            at_once=self._client.at_once,
            answers=lambda: self._client.answers,
            failed=lambda job, error: self.failures.append(Failure(job.part.names, error)),
        )
        for place in self._neighbours.left():
            await self._judge_session(place)
        await self._look_up_unproven()
        self._tell_what_is_missing()

    def _jobs(self, plan: Plan) -> Iterator[_Job]:
        """What the workers take from, in order: sessions first, since they serve the most tickers."""
        sessions = [call.session for call in plan.grouped]
        # a session's answer covers the closed days up to the next one, too
        ends = [session - calendar.DAY for session in sessions[1:]] + [self._days.last]
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
        return (MARKET,) if self._job.whole_market else tuple(sorted(plan.by_session))

    async def _ask(self, job: _Job) -> None:
        match job:
            case _SessionJob():
                await self._ask_session(job)
            case _RangeJob():
                await self._ask_range(job)

    async def _ask_range(self, job: _RangeJob) -> None:
        call = job.call
        if self._floor.hides(call.last):
            await self._pass_over(job)
            return
        asked = Asked(call.ticker, call.first, call.last, self._bar, self._job.adjusted)
        await self._read_range(job, asked)

    async def _read_range(self, job: _RangeJob, asked: Asked) -> None:
        wanted, feeds = self._wanted(asked)
        pages = ranges.range_pages(
            self._client,
            asked,
            wanted,
            # of the whole market, OTC stocks are left out unless the option includes them
            otc=not self._job.whole_market or self._job.include_otc,
            rows=weekdays_in(asked.first, asked.last) * _MOST_ROWS.get(self._bar.timespan, 1),
            settled=self._days.settled,
            since=self._traded_since(job),
        )
        async with aclosing(pages):
            async for answer in pages:
                if isinstance(answer, Refusal):
                    await self._refused(job, answer)
                    return
                page = answer.page
                if page.count:
                    self._prove(asked.ticker)
                    for feed, converted in zip(feeds, page.converted, strict=True):
                        if page.last_kept_ms is not None:
                            feed.progress.see(self._proven(asked, page.last_kept_ms))
                        for chunk in converted.take():
                            await chunk.put()
                    if self._bar == ONE_DAY:
                        self._completeness.add_bars(asked.ticker, page.moments)
                if answer.lacking is not None:
                    lacking = answer.lacking
                    self._completeness.lack(asked.ticker, lacking.sessions, bars=lacking.bars)
                await self._cover_page(job, answer)

    def _traded_since(self, job: _RangeJob) -> date | None:
        """The day from which each session should have a bar. None: the ticker may be younger than asked."""
        call = job.call
        if job.part.place == 0 and not self._job.whole_market and self._is_new(call.ticker):
            return None
        return max(call.first, self._floor.day or call.first)

    async def _cover_page(self, job: _RangeJob, answer: ranges.BarsPage[BarChunk]) -> None:
        settled, last_ms = self._settled(answer.moment), answer.page.last_ms
        if answer.last:
            through = min(job.call.last, settled)
        elif last_ms is not None:
            # the last day of a page may go on on the next one, unless its bars are days
            through = min(calendar.session_of(last_ms) - calendar.DAY * self._bar.intraday, settled)
        else:
            return
        if not self._job.whole_market:
            await self._cover(job.part, through)
        elif answer.last:
            await self._cover_again(job.call.ticker)

    async def _cover_again(self, ticker: str) -> None:
        for feed in self._feeds:
            if ticker in feed.rereads:
                feed.progress.reread(ticker)
            await feed.sink.state_due()

    def _prove(self, ticker: str) -> None:
        """The ticker exists: what was answered for it covers its days."""
        self._unproven.discard(ticker)
        reached = self._held_back.pop(ticker, None)
        if reached is not None:
            self._cover_name(ticker, reached)

    def _settled(self, moment: datetime) -> date:
        """The last day that has passed by both clocks: this machine's, and the API's when it answered."""
        return min(self._days.settled, calendar.last_settled(moment))

    def _wanted(self, asked: Asked) -> tuple[list[Wanted[BarChunk]], list[Feed]]:
        """What of a ticker's bars is to be written, and for which feeds."""
        wanted, feeds = [], []
        for feed in self._feeds:
            first = feed.floors.get(asked.ticker, feed.rereads.get(asked.ticker))
            if first is not None:
                wanted.append(Wanted(first, partial(feed.sink.chunk, asked=asked)))
                feeds.append(feed)
        return wanted, feeds

    def _proven(self, asked: Asked, timestamp_ms: int) -> date:
        """The last session that the bar of that time shows to be published.

        One of several days shows it of all that are over for a session more than is settled: that
        of the session before last may still miss the last one.
        """
        start = calendar.session_of(timestamp_ms)
        over = calendar.sessions_back(self._days.settled, 1)
        return max(start, min(bar_size.last_day(asked.bar, start), asked.last, over))

    async def _ask_session(self, job: _SessionJob) -> None:
        place = job.part.place
        if self._floor.hides(job.last):
            await self._pass_over(job)
            await self._judge_beside_of(place, None)
            return
        wanted = None if self._job.whole_market else frozenset(job.part.names)
        async with self._market(job.first, wanted, place) as found:
            if isinstance(found, Answer):
                page = found.value
                await self._write_session(job.first, page.bars)
                for bar in page.bars if wanted is not None else ():
                    self._prove(bar.T)
                    self._completeness.add(bar.T, (job.first,))
                through = min(job.last, self._settled(found.moment))
                self._answered[place] = _Answered(job, page.size, page.lacks, through)
        if isinstance(found, Refusal):
            await self._refused(job, found)
        await self._judge_beside_of(place, found.value.count if isinstance(found, Answer) else None)

    async def _judge_beside_of(self, place: int, count: int | None) -> None:
        """Judge the answers for which that of the session at this place was missing, its own perhaps."""
        for ready in self._neighbours.answered(place, count):
            await self._judge_session(ready)

    async def _judge_session(self, place: int) -> None:
        """Cover what was answered, once it stands beside another session, or ask for it once more."""
        answered = self._answered.pop(place, None)
        if answered is None:
            return
        job = answered.job
        if self._neighbours.is_half(place, answered.size[0]):
            if place not in self._doubts:
                # the session beside it came later
                self._doubts[place] = Doubt()
                self._doubts[place].settles(answered.size)
                await self._ask_session(job)
                return
            self._completeness.lack_half(job.first)
        if answered.lacks:
            self._completeness.lack(str(job.first), bars=answered.lacks)
        await self._cover(job.part, answered.through)

    def _is_few(self, place: int, found: Grouped, wanted: frozenset[str] | None) -> bool:
        """Whether an answer has less than half of the bars that there were to expect."""
        known = () if wanted is None else [name for name in wanted if not self._is_new(name)]
        traded = {bar.T for bar in found.bars} if known else set()
        few = not found.count or 2 * sum(name in traded for name in known) < len(known)
        if self._neighbours.is_half(place, found.count):
            few = True
            self._doubts.setdefault(place, Doubt())
        return few

    def _market(
        self, session: date, wanted: frozenset[str] | None, place: int = -1
    ) -> AbstractAsyncContextManager[Answer[Grouped] | Refusal]:
        # named tickers are read wherever they trade; the option is for the whole market
        otc = self._job.include_otc if wanted is None else True
        adjusted = self._job.adjusted
        return grouped.grouped_answer(
            self._client,
            session,
            adjusted=adjusted,
            otc=otc,
            wanted=wanted,
            few=lambda found: self._is_few(place, found, wanted),
            doubt=self._doubts.get(place),
        )

    async def _write_session(self, session: date, page: list[GroupedBar]) -> None:
        for feed in self._feeds:
            if page:
                feed.progress.see(session)
            for chunk in _chunks(page):
                chosen = [bar for bar in chunk if self._wants(feed, bar.T, session)]
                await feed.sink.session(chosen, session, adjusted=self._job.adjusted)

    def _wants(self, feed: Feed, ticker: str, session: date) -> bool:
        first = feed.floors.get(MARKET if self._job.whole_market else ticker)
        return first is not None and session >= first

    async def _cover(self, part: _Part, through: date) -> None:
        reached = part.tiles.answered(part.place, through)
        if reached is not None:
            for name in part.names:
                if name in self._unproven:
                    self._held_back[name] = reached
                else:
                    self._cover_name(name, reached)
        for feed in self._feeds:
            await feed.sink.state_due()

    def _cover_name(self, name: str, reached: date) -> None:
        for feed in self._feeds:
            if name in feed.floors:
                feed.progress.cover(name, reached)

    async def _refused(self, job: _Job, refusal: Refusal) -> None:
        recent = job.first >= calendar.sessions_back(self._days.settled, 0)
        if refusal.why is Barred.UNPUBLISHED or (refusal.why is Barred.TIMEFRAME and recent):
            if not self._unpublished:
                self._unpublished = True
                _log.info("The day %s is not published yet on this plan: the next sync reads it.", job.first)
        elif refusal.why is Barred.TIMEFRAME:
            await self._find_floor(job)
            await self._pass_over(job)
        else:
            text = "the plan does not include these bars. Change the plan, or leave the stream out."
            self.failures.append(Failure(job.part.names, ConfigError(text, detail=refusal.text)))

    async def _find_floor(self, job: _Job) -> None:
        async def is_given(day: date) -> bool:
            return await self._is_given(job, day)

        # what is asked up to the last day was refused with it
        days = [] if job.last == self._days.last else calendar.weekdays(job.first, self._days.last)
        found = await self._floor.find(days, self._days.last + calendar.DAY, is_given)
        if found and not self._floor.hides(self._days.last):
            _log.warning("The plan's history begins on %s: nothing before it can be read.", self._floor.day)

    async def _is_given(self, job: _Job, day: date) -> bool:
        if isinstance(job, _SessionJob):
            async with self._market(day, frozenset()) as found:
                return not isinstance(found, Refusal)
        asked = Asked(job.call.ticker, day, day, self._bar, self._job.adjusted)
        async with aclosing(ranges.range_pages(self._client, asked, doubted=False)) as pages:
            return not isinstance(await anext(pages), Refusal)

    async def _pass_over(self, job: _Job) -> None:
        """What the plan's history does not reach is as answered as it will ever be, unless that is all."""
        if not self._floor.hides(self._days.last):
            await self._cover(job.part, job.last)
            return
        text = "the plan's history does not reach back to the days asked. Set start_date later, or change it."
        error = ConfigError(text, detail=f"{job.first}: {Barred.TIMEFRAME.value}")
        self.failures.append(Failure(job.part.names, error))

    async def _look_up_unproven(self) -> None:
        """Tell unknown tickers from silent ones: bars cannot, they answer both with nothing."""
        looked_up = list(self._held_back)[:_LOOK_UPS]
        unknown = [name for name in looked_up if not await self._is_known(name)]
        if unknown:
            error = ConfigError("the API knows no such ticker; mind upper and lower case.")
            self.failures.append(Failure(tuple(unknown), error))
        self._completeness.forget(unknown)
        # those beyond are not covered, so that a later sync looks them up
        self._completeness.lack_all([name for name in self._held_back if name not in unknown])
        for name in looked_up:
            if name not in unknown:
                self._prove(name)

    def _tell_what_is_missing(self) -> None:
        firsts = {name: calendar.session_from(first) for name, first in first_days(self._feeds).items()}
        new = [(name, first) for name, first in firsts.items() if name != MARKET and self._is_new(name)]
        again = {
            name: firsts[name] for feed in self._feeds for name in feed.progress.start.again if name in firsts
        }
        again |= {
            name: calendar.session_from(first) for feed in self._feeds for name, first in feed.rereads.items()
        }
        told_of = (
            self._completeness.clipped(new, named),
            self._completeness.old_basis(list(again.items()), named),
            self._completeness.gaps(named),
            self._completeness.lacking(named),
            self._completeness.other_counts(named),
            self._completeness.halves(),
        )
        streams = ", ".join(feed.sink.name for feed in self._feeds)
        for text in told_of:
            if text is not None:
                _log.warning("%s: %s", streams, text)

    def _is_new(self, name: str) -> bool:
        """Whether no bar of the ticker was ever written, so that it may not exist at all."""
        return all(
            feed.progress.start.entries[name].cursor is None for feed in self._feeds if name in feed.floors
        )

    async def _is_known(self, name: str) -> bool:
        """Whether the reference has the ticker, now or on the first day asked. A doubt is a yes."""
        try:
            first = first_days(self._feeds)[name]
            return bool(
                await reference.is_known(self._client, name, None)
                or await reference.is_known(self._client, name, first)
                or await reference.is_known(self._client, name, first)
            )
        except (ConfigError, OutputError):
            raise
        except ConnectorError:
            return True


def _chunks(page: Sequence[Any]) -> Iterator[Any]:
    for begin in range(0, len(page), _CHUNK):
        yield page[begin : begin + _CHUNK]
