"""Reads the bars of one ticker in a range of days: each page goes to the sinks, then the cursor moves."""

from contextlib import aclosing
from datetime import date
from functools import partial

from stockticker_async.marketdata import bar_size, calendar, endpoints
from stockticker_async.marketdata.bar_pages import Wanted
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.bars import Asked
from stockticker_async.marketdata.list_judge import DisorderError
from stockticker_async.marketdata.ranges import BarsPage, range_pages
from stockticker_async.marketdata.responses import Refusal, RefusalReason
from stockticker_async.sync.call_plan import weekdays_in
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.refusals import PlanRefusals
from stockticker_async.sync.readers.slices import RangeSlice
from stockticker_async.sync.readers.unproven import UnprovenTickers
from stockticker_async.sync.sink import BarChunk
from stockticker_async.sync.windows import BarStream

_MOST_ROWS = {
    "minute": 1000,
    "hour": 1000,
    "second": endpoints.PAGE_ROWS,
}  # bars of a session; one for day bars and longer


class RangeReader:
    """Reads ranges for a family of streams."""

    def __init__(self, family: BarFamily, unproven: UnprovenTickers, refusals: PlanRefusals) -> None:
        self._family = family
        self._unproven = unproven
        self._refusals = refusals

    async def read(self, range_slice: RangeSlice) -> None:
        """Read the range, unless it is before the plan's history.

        If the API refuses the range because its end is not published yet, the range is read without that end.
        """
        if self._refusals.hides(range_slice.last):
            await self._refusals.pass_over(range_slice)
            return
        refusal = await self._ask(range_slice)
        if refusal is not None and self._refusals.is_doubtful(range_slice, refusal):
            refusal = await self._ask(range_slice)
        if refusal is not None and refusal.why is RefusalReason.UNPUBLISHED:
            published = self._refusals.published_part(range_slice)
            if published is not None:
                range_slice, refusal = published, await self._ask(published)
                if refusal is None:
                    self._refusals.report_unpublished(published.last + calendar.DAY)
        if refusal is not None:
            part = await self._refusals.refused(range_slice, refusal)
            if part is not None and await self._ask(part) is not None:
                self._refusals.refused_part(part)

    async def _ask(self, range_slice: RangeSlice) -> Refusal | None:
        call, family = range_slice.call, self._family
        asked = Asked(call.ticker, call.first, call.last, family.bar, family.job.adjusted)
        wanted, streams = self._wanted(asked)
        pages = range_pages(
            family.client,
            asked,
            wanted,
            # of the whole market, OTC stocks are left out unless the option includes them
            otc=not family.job.whole_market or family.job.include_otc,
            rows=weekdays_in(asked.first, asked.last) * _MOST_ROWS.get(family.bar.timespan, 1),
            settled=family.days.settled,
            since=self._traded_since(range_slice),
        )
        try:
            async with aclosing(pages):
                async for answer in pages:
                    if isinstance(answer, Refusal):
                        return answer
                    await self._put(asked, answer, streams)
                    await self._cover(range_slice, answer)
        except DisorderError as error:
            self._doubt(range_slice, error.since)
            raise
        return None

    def _doubt(self, range_slice: RangeSlice, since: date) -> None:
        """Take back what the pages covered from a day on: one of them should have had a bar of that day."""
        if not self._family.job.whole_market:
            range_slice.span.coverage.doubt(range_slice.span.place, since)
            for stream in self._family.streams:
                stream.cursors.doubt(range_slice.call.ticker, since)

    async def _put(self, asked: Asked, answer: BarsPage[BarChunk], streams: list[BarStream]) -> None:
        page, completeness = answer.page, self._family.completeness
        if page.count:
            self._unproven.prove(asked.ticker)
            for stream, converted in zip(streams, page.converted, strict=True):
                if page.last_kept_ms is not None:
                    stream.cursors.see(self._proven(asked, page.last_kept_ms))
                for chunk in converted.take():
                    await chunk.put()
            if self._family.bar == ONE_DAY:
                completeness.add_bars(asked.ticker, page.moments, page.starts)
        if answer.lacking is not None:
            lacking = answer.lacking
            if lacking.sessions or lacking.bars or lacking.ends_empty:
                completeness.lack(asked.ticker, lacking.sessions, bars=lacking.bars)
            completeness.lack_most(asked.ticker, lacking.thin)

    def _wanted(self, asked: Asked) -> tuple[list[Wanted[BarChunk]], list[BarStream]]:
        """Return the bars to write for each stream that wants the ticker, and these streams."""
        wanted, streams = [], []
        for stream in self._family.streams:
            first = stream.first_days.get(asked.ticker, stream.rereads.get(asked.ticker))
            if first is not None:
                wanted.append(Wanted(first, partial(stream.sink.chunk, asked=asked), stream.sink.closes_only))
                streams.append(stream)
        return wanted, streams

    def _traded_since(self, range_slice: RangeSlice) -> date | None:
        """Return the day from which each session should have a bar. None: it may be a young listing."""
        call, family = range_slice.call, self._family
        since: date | None = call.first
        if range_slice.span.place == 0 and not family.job.whole_market and family.is_new(call.ticker):
            # an entry without a cursor may begin again: then an earlier sync has read some of its history
            since = call.first if family.was_read(call.ticker) else None
        return None if since is None else max(since, call.first, self._refusals.first_day or call.first)

    def _proven(self, asked: Asked, timestamp_ms: int) -> date:
        """Return the last session that is published according to a bar of this time.

        A bar of several days shows this only for sessions before the last settled one, which may still be
        missing in the bar.
        """
        start = calendar.session_of(timestamp_ms)
        over = calendar.sessions_back(self._family.days.settled, 1)
        return max(start, min(bar_size.last_day(asked.bar, start), asked.last, over))

    async def _cover(self, range_slice: RangeSlice, answer: BarsPage[BarChunk]) -> None:
        family = self._family
        settled, last_ms = family.settled(answer.moment), answer.page.last_ms
        if answer.last:
            through = min(range_slice.call.last, settled)
        elif last_ms is not None:
            # the last day of a page of intraday bars may continue on the next page
            through = min(calendar.session_of(last_ms) - calendar.DAY * family.bar.intraday, settled)
        else:
            return
        if not family.job.whole_market:
            await self._unproven.cover(range_slice.span, through)
        elif answer.last and range_slice.whole:
            await self._cover_again(range_slice.call.ticker)

    async def _cover_again(self, ticker: str) -> None:
        for stream in self._family.streams:
            if ticker in stream.rereads:
                stream.cursors.reread(ticker)
            await stream.sink.state_due()
