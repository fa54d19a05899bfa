"""Reads the bars of many tickers in one session, and compares it with its neighbour before covering it."""

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date
from functools import partial

import anyio
import anyio.lowlevel
import msgspec

from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.bars import GroupedBar
from stockticker_async.marketdata.client import Answer
from stockticker_async.marketdata.confirmation import Doubt, Held
from stockticker_async.marketdata.grouped import Grouped, grouped_answer, outline
from stockticker_async.marketdata.responses import Refusal
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.refusals import PlanRefusals
from stockticker_async.sync.readers.slices import SessionSlice
from stockticker_async.sync.readers.unproven import UnprovenTickers
from stockticker_async.sync.session_sizes import SessionSizes, Traded
from stockticker_async.sync.sink import BarChunk
from stockticker_async.sync.windows import BarStream, first_days

_CHUNK = 1500
"""The number of rows that are encoded at once: at most half a megabyte, in about 2 ms."""


class _Answered(msgspec.Struct, frozen=True):
    """A session whose bars are put, but which is not covered yet."""

    session_slice: SessionSlice
    count: int
    lacks: int
    traded: Traded
    """The tickers read by name that have a bar."""
    names: str
    """The wanted tickers that have a bar, separated by commas: one text, because the texts of a whole market,
    if kept, would scatter those of the next session over more memory (a tenth of the time of a read)."""
    through: date

    @property
    def outline(self) -> Hashable:
        return outline(self.count, self.lacks, self.held.names)

    @property
    def held(self) -> Held:
        return Held(self.count, frozenset(self.names.split(",") if self.names else ()))


class SessionReader:
    """Reads sessions for a family of streams."""

    def __init__(
        self, family: BarFamily, unproven: UnprovenTickers, refusals: PlanRefusals, sizes: SessionSizes
    ) -> None:
        self._family = family
        self._unproven = unproven
        self._refusals = refusals
        self._sizes = sizes
        self._first_days = first_days(family.streams)
        self._answered: dict[int, _Answered] = {}
        """The answers that wait for the session beside them, by place."""
        self._gone = Traded()
        """Expected tickers that have no bar since a session that was asked for twice."""
        self._doubts: dict[int, Doubt] = {}
        """The answers so far, by place."""
        self._with_bars = self._without_bars = 0
        """Sessions of the whole market. Without bars: those that are over, and could not be compared."""

    async def read(self, session_slice: SessionSlice) -> None:
        """Read the session, unless it is before the plan's history, and judge all sessions that are ready."""
        await self._ask(session_slice)
        while (place := self._sizes.take_ready()) is not None:
            await self._judge(place)

    async def finish(self) -> None:
        """Cover the sessions that could not be compared, because a session before or beside them failed."""
        for place in self._sizes.take_left():
            answered = self._answered.pop(place, None)
            if answered is not None:
                await self._believe(answered)
        if self._without_bars and not self._with_bars:  # there was no session to compare them with
            self._family.completeness.lack(WHOLE_MARKET, self._without_bars)

    async def _ask(self, session_slice: SessionSlice) -> None:
        place = session_slice.span.place
        if self._refusals.hides(session_slice.last):
            await self._refusals.pass_over(session_slice)
            self._sizes.answered(place, None)
            return
        found = await self._answer(session_slice)
        if isinstance(found, Refusal) and self._refusals.is_doubtful(session_slice, found):
            found = await self._answer(session_slice)
        if isinstance(found, Refusal):
            await self._refusals.refused(session_slice, found)
        self._sizes.answered(place, None if isinstance(found, Refusal) else found)

    async def _answer(self, session_slice: SessionSlice) -> int | Refusal:
        """Put the bars. Returns the number of bars in the answer, or the refusal."""
        async with self._grouped_answer(session_slice) as found:
            if isinstance(found, Refusal):
                return found
            await self._put(session_slice, found)
            return found.value.count

    async def _put(self, session_slice: SessionSlice, found: Answer[Grouped]) -> None:
        session, page = session_slice.first, found.value
        if page.count:
            self._refusals.given(session)
        await self._write(session, page.bars)
        traded = Traded() if self._family.job.whole_market else page.traded
        for name in traded:
            self._unproven.prove(name)
            self._family.completeness.add(name, (session,))
        through = min(session_slice.last, self._family.settled(found.moment))
        self._answered[session_slice.span.place] = _Answered(
            session_slice,
            page.count,
            page.lacks,
            traded,
            ",".join(page.traded),
            through,
        )

    async def _judge(self, place: int) -> None:
        """Compare the session with its neighbour; then cover it, or read it once more."""
        answered = self._answered.pop(place, None)
        if answered is None:
            self._sizes.judged(place, None)
            return
        session_slice, completeness = answered.session_slice, self._family.completeness
        half = self._sizes.is_half(place, answered.count)
        absent = self._absent(session_slice, answered.traded)
        if (half or absent) and not self._doubts[place].settles(answered.outline, lambda: answered.held):
            await self._ask(session_slice)
            return
        if half:
            completeness.lack_half(session_slice.first)
        self._note_absent(session_slice, answered.traded, absent)
        self._sizes.judged(place, answered.traded)
        if self._family.job.whole_market and calendar.is_session(session_slice.first):
            for stream in self._family.streams:
                stream.cursors.market_rows = answered.count
            self._with_bars += bool(answered.count)
            self._without_bars += not answered.count and not half and session_slice.first <= answered.through
        del self._doubts[place]
        await self._believe(answered)

    def _note_absent(self, session_slice: SessionSlice, traded: Traded, absent: Traded) -> None:
        """Note the named tickers without an expected bar."""
        completeness = self._family.completeness
        if calendar.is_session(session_slice.first):
            for name in sorted(self._gone - traded):
                completeness.lack(name, 1, repeated=False)
        if self._sizes.traded_before(session_slice.span.place) is None:
            absent &= self._known(session_slice)  # a new ticker may be listed after the first session
        for name in sorted(absent - self._gone):
            completeness.lack(name, 1)
        self._gone = (self._gone | absent) - traded

    async def _believe(self, answered: _Answered) -> None:
        session_slice = answered.session_slice
        if answered.lacks:
            self._family.completeness.lack(str(session_slice.first), bars=answered.lacks)
        await self._unproven.cover(session_slice.span, answered.through)

    def _is_few(self, session_slice: SessionSlice, found: Grouped) -> bool:
        """Whether the answer lacks expected bars, as far as the other sessions show yet."""
        return (
            not found.count
            or self._sizes.is_half(session_slice.span.place, found.count)
            or bool(self._absent(session_slice, found.traded))
            or self._lacks_most(session_slice, found.traded)
        )

    def _absent(self, session_slice: SessionSlice, traded: Traded) -> Traded:
        """Return the named tickers without a bar that probably should have one.

        These are tickers that traded in the previous session; for the first session of a sync, tickers that
        were ever read, and new ones that traded in the second session. So a delisted ticker and a new listing
        cost one more call for each sync, not for each session.
        """
        place = session_slice.span.place
        if self._family.job.whole_market or not self._sizes.is_next(place):
            return Traded()
        if not calendar.is_session(session_slice.first):
            return Traded()  # a holiday on a weekday
        before = self._sizes.traded_before(place)
        expected = self._known(session_slice) | self._traded_after(place) if before is None else before
        return Traded(name for name in expected - traded if self._first_days[name] <= session_slice.first)

    def _traded_after(self, place: int) -> Traded:
        """Return the tickers that traded in the second session, if ``place`` is the first one."""
        answered = self._answered.get(self._sizes.second(place))
        return Traded() if answered is None else answered.traded

    def _lacks_most(self, session_slice: SessionSlice, traded: Traded) -> bool:
        known = self._known(session_slice)
        return 2 * len(known & traded) < len(known)

    def _known(self, session_slice: SessionSlice) -> Traded:
        if self._family.job.whole_market:
            return Traded()
        return Traded(name for name in session_slice.span.names if not self._family.is_new(name))

    def _grouped_answer(
        self, session_slice: SessionSlice
    ) -> AbstractAsyncContextManager[Answer[Grouped] | Refusal]:
        job = self._family.job
        return grouped_answer(
            self._family.client,
            session_slice.first,
            adjusted=job.adjusted,
            # named tickers are read wherever they trade; the option is for the whole market
            otc=job.include_otc or not job.whole_market,
            wanted=None if job.whole_market else frozenset(session_slice.span.names),
            few=partial(self._is_few, session_slice),
            doubt=self._doubts.setdefault(session_slice.span.place, Doubt()),
            closes_only=all(stream.sink.closes_only for stream in self._family.streams),
        )

    async def _write(self, session: date, page: list[GroupedBar]) -> None:
        """Put the bars; clears the page.

        All are converted before the first is put: so the bars of the next session take the memory of these,
        which is still in the processor's cache.
        """
        adjusted = self._family.job.adjusted
        chunks: deque[BarChunk] = deque()
        for stream in self._family.streams:
            if page:
                stream.cursors.see(session)
            for some in _chunks(self._wanted(stream, page, session)):
                chunks.append(stream.sink.session_chunk(some, session, adjusted=adjusted))
                if not stream.sink.closes_only:
                    await anyio.lowlevel.checkpoint()
                del some
        page.clear()
        while chunks:
            await chunks.popleft().put()

    def _wanted(self, stream: BarStream, page: list[GroupedBar], session: date) -> list[GroupedBar]:
        if self._family.job.whole_market:
            first = stream.first_days.get(WHOLE_MARKET, date.max)
            return page if session >= first else []
        firsts = stream.first_days
        return [bar for bar in page if session >= firsts.get(bar.T, date.max)]


def _chunks(page: Sequence[GroupedBar]) -> Iterator[Sequence[GroupedBar]]:
    for begin in range(0, len(page), _CHUNK):
        yield page[begin : begin + _CHUNK]
