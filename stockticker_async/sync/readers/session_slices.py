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
from stockticker_async.sync.readers.slices import SessionJob
from stockticker_async.sync.readers.unproven import UnprovenTickers
from stockticker_async.sync.session_sizes import Neighbours
from stockticker_async.sync.windows import Feed

_CHUNK = 1500
"""Rows that are turned into lines at once: half a megabyte at most, and some 2 ms."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """A session whose bars are put, and which is not covered yet."""

    job: SessionJob
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
        neighbours: Neighbours,
    ) -> None:
        self._family = family
        self._unproven = unproven
        self._refusals = refusals
        self._neighbours = neighbours
        self._answered: dict[int, _Answered] = {}
        """By their places: those that wait for the session beside them."""
        self._doubts: dict[int, Doubt] = {}
        """Of the places whose answers seemed short beside the others."""

    async def read(self, job: SessionJob) -> None:
        """Ask for the session, unless the plan's history does not reach it."""
        place = job.part.place
        if self._refusals.hides(job.last):
            await self._refusals.pass_over(job)
            await self._judge_beside_of(place, None)
            return
        wanted = None if self._family.job.whole_market else frozenset(job.part.names)
        async with self._market(job.first, wanted, place) as found:
            if isinstance(found, Answer):
                page = found.value
                await self._write(job.first, page.bars)
                for bar in page.bars if wanted is not None else ():
                    self._unproven.prove(bar.T)
                    self._family.completeness.add(bar.T, (job.first,))
                through = min(job.last, self._family.settled(found.moment))
                self._answered[place] = _Answered(job, page.size, page.lacks, through)
        if isinstance(found, Refusal):
            await self._refusals.refused(job, found)
        await self._judge_beside_of(place, found.value.count if isinstance(found, Answer) else None)

    async def finish(self) -> None:
        """Judge the sessions whose neighbour never came."""
        for place in self._neighbours.left():
            await self._judge(place)

    async def _judge_beside_of(self, place: int, count: int | None) -> None:
        """Judge the answers for which that of the session at this place was missing, its own perhaps."""
        for ready in self._neighbours.answered(place, count):
            await self._judge(ready)

    async def _judge(self, place: int) -> None:
        """Cover what was answered, once it stands beside another session, or ask for it once more."""
        answered = self._answered.pop(place, None)
        if answered is None:
            return
        job, completeness = answered.job, self._family.completeness
        if self._neighbours.is_half(place, answered.size[0]):
            if place not in self._doubts:
                # the session beside it came later
                self._doubts[place] = Doubt()
                self._doubts[place].settles(answered.size)
                await self.read(job)
                return
            completeness.lack_half(job.first)
        if answered.lacks:
            completeness.lack(str(job.first), bars=answered.lacks)
        await self._unproven.cover(job.part, answered.through)

    def _is_few(self, place: int, found: Grouped, wanted: frozenset[str] | None) -> bool:
        """Whether an answer has less than half of the bars that there were to expect."""
        known = () if wanted is None else [name for name in wanted if not self._family.is_new(name)]
        traded = {bar.T for bar in found.bars} if known else set()
        few = not found.count or 2 * sum(name in traded for name in known) < len(known)
        if self._neighbours.is_half(place, found.count):
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
        for feed in self._family.feeds:
            if page:
                feed.progress.see(session)
            for chunk in _chunks(page):
                chosen = [bar for bar in chunk if self._wants(feed, bar.T, session)]
                await feed.sink.session(chosen, session, adjusted=job.adjusted)

    def _wants(self, feed: Feed, ticker: str, session: date) -> bool:
        first = feed.floors.get(MARKET if self._family.job.whole_market else ticker)
        return first is not None and session >= first


def _chunks(page: Sequence[GroupedBar]) -> Iterator[Sequence[GroupedBar]]:
    for begin in range(0, len(page), _CHUNK):
        yield page[begin : begin + _CHUNK]
