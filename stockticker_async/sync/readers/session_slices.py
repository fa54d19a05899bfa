"""Reads the bars of many tickers in one session, which is covered once it was judged beside its neighbour."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date

from stockticker_async.marketdata.bars import GroupedBar
from stockticker_async.marketdata.client import Answer
from stockticker_async.marketdata.confirmation import Doubt
from stockticker_async.marketdata.grouped import Grouped, grouped_answer
from stockticker_async.marketdata.responses import Refusal
from stockticker_async.sync.job import MARKET
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.refusals import PlanRefusals
from stockticker_async.sync.readers.slices import SessionSlice
from stockticker_async.sync.readers.unproven import UnprovenTickers
from stockticker_async.sync.session_sizes import SessionSizes
from stockticker_async.sync.windows import BarStream

_CHUNK = 1500
"""Rows that are turned into lines at once: half a megabyte at most, and some 2 ms."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """A session whose bars are put, and which is not covered yet."""

    session_slice: SessionSlice
    size: tuple[int, int, int]
    lacks: int
    through: date


class SessionReader:
    """Reads sessions for a family of streams."""

    def __init__(
        self,
        family: BarFamily,
        unproven: UnprovenTickers,
        refusals: PlanRefusals,
        sizes: SessionSizes,
    ) -> None:
        self._family = family
        self._unproven = unproven
        self._refusals = refusals
        self._sizes = sizes
        self._answered: dict[int, _Answered] = {}
        """By their places: those that wait for the session beside them."""
        self._doubts: dict[int, Doubt] = {}
        """Of the places whose answers seemed short beside the others."""

    async def read(self, session_slice: SessionSlice) -> None:
        """Ask for the session, unless the plan's history does not reach it."""
        place = session_slice.span.place
        if self._refusals.hides(session_slice.last):
            await self._refusals.pass_over(session_slice)
            await self._judge_beside_of(place, None)
            return
        wanted = None if self._family.job.whole_market else frozenset(session_slice.span.names)
        async with self._market(session_slice.first, wanted, place) as found:
            if isinstance(found, Answer):
                page = found.value
                await self._write(session_slice.first, page.bars)
                for bar in page.bars if wanted is not None else ():
                    self._unproven.prove(bar.T)
                    self._family.completeness.add(bar.T, (session_slice.first,))
                through = min(session_slice.last, self._family.settled(found.moment))
                self._answered[place] = _Answered(session_slice, page.size, page.lacks, through)
        if isinstance(found, Refusal):
            await self._refusals.refused(session_slice, found)
        await self._judge_beside_of(place, found.value.count if isinstance(found, Answer) else None)

    async def finish(self) -> None:
        """Judge the sessions whose neighbour never came."""
        for place in self._sizes.left():
            await self._judge(place)

    async def _judge_beside_of(self, place: int, count: int | None) -> None:
        """Judge the answers for which that of the session at this place was missing, its own perhaps."""
        for ready in self._sizes.answered(place, count):
            await self._judge(ready)

    async def _judge(self, place: int) -> None:
        """Cover what was answered, once it stands beside another session, or ask for it once more."""
        answered = self._answered.pop(place, None)
        if answered is None:
            return
        session_slice, completeness = answered.session_slice, self._family.completeness
        if self._sizes.is_half(place, answered.size[0]):
            if place not in self._doubts:
                # the session beside it came later
                self._doubts[place] = Doubt()
                self._doubts[place].settles(answered.size)
                await self.read(session_slice)
                return
            completeness.lack_half(session_slice.first)
        if answered.lacks:
            completeness.lack(str(session_slice.first), bars=answered.lacks)
        await self._unproven.cover(session_slice.span, answered.through)

    def _is_few(self, place: int, found: Grouped, wanted: frozenset[str] | None) -> bool:
        """Whether an answer has less than half of the bars that there were to expect."""
        known = () if wanted is None else [name for name in wanted if not self._family.is_new(name)]
        traded = {bar.T for bar in found.bars} if known else set()
        few = not found.count or 2 * sum(name in traded for name in known) < len(known)
        if self._sizes.is_half(place, found.count):
            few = True
            self._doubts.setdefault(place, Doubt())
        return few

    def _market(
        self, session: date, wanted: frozenset[str] | None, place: int
    ) -> AbstractAsyncContextManager[Answer[Grouped] | Refusal]:
        job = self._family.job
        return grouped_answer(
            self._family.client,
            session,
            adjusted=job.adjusted,
            # named tickers are read wherever they trade; the option is for the whole market
            otc=job.include_otc if wanted is None else True,
            wanted=wanted,
            few=lambda found: self._is_few(place, found, wanted),
            doubt=self._doubts.get(place),
        )

    async def _write(self, session: date, page: list[GroupedBar]) -> None:
        job = self._family.job
        for stream in self._family.streams:
            if page:
                stream.progress.see(session)
            for chunk in _chunks(page):
                chosen = [bar for bar in chunk if self._wants(stream, bar.T, session)]
                await stream.sink.session(chosen, session, adjusted=job.adjusted)

    def _wants(self, stream: BarStream, ticker: str, session: date) -> bool:
        first = stream.first_days.get(MARKET if self._family.job.whole_market else ticker)
        return first is not None and session >= first


def _chunks(page: Sequence[GroupedBar]) -> Iterator[Sequence[GroupedBar]]:
    for begin in range(0, len(page), _CHUNK):
        yield page[begin : begin + _CHUNK]
