"""Puts the rows of a judged flat file into the sinks, in the form that each takes: file, text, or bars."""

from collections.abc import Sequence

import anyio.lowlevel

from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.bars import Asked, GroupedBar
from stockticker_async.marketdata.file_rows import JudgedFile, Run
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.sink import TakesFileText, WholeFile
from stockticker_async.sync.windows import BarStream

Names = frozenset[str]
Wanted = Sequence[tuple[BarStream, Names]]
"""The streams that want a file, each with its tickers, or `WHOLE_MARKET` among them."""
_CHUNK = 1500
"""The number of day bars that are encoded at once, as for the sessions of the API."""


class FileRows:
    """The rows of a family's files, on their way to its sinks."""

    def __init__(self, family: BarFamily) -> None:
        self._family = family

    async def put(self, judged: JudgedFile | WholeFile, wanted: Wanted, otc: Names) -> None:
        """Put all rows that are wanted. ``otc`` are the over-the-counter stocks of the session."""
        if not isinstance(judged, JudgedFile):
            await judged.put(otc, keep_otc=self._keeps_otc)
        elif self._takes_text(wanted):
            await self._put_text(judged, wanted, otc)
        else:
            await self._put(judged, wanted, otc)

    def _takes_text(self, wanted: Wanted) -> bool:
        """Whether all rows of the file are wanted, and no row has to be decoded for any sink."""
        return self._family.bar != ONE_DAY and all(
            WHOLE_MARKET in names and isinstance(stream.sink, TakesFileText) for stream, names in wanted
        )

    async def _put_text(self, judged: JudgedFile, wanted: Wanted, otc: Names) -> None:
        for text in judged.texts():
            for stream, names in wanted:
                sink = stream.sink
                taken = isinstance(sink, TakesFileText) and await sink.file_text(
                    text, judged.session, otc=otc, keep_otc=self._keeps_otc
                )
                if not taken:
                    await self._put(judged, [(stream, names)], otc, text)
            await anyio.lowlevel.checkpoint()

    async def _put(
        self,
        judged: JudgedFile,
        wanted: Wanted,
        otc: Names,
        text: bytes | None = None,
    ) -> None:
        """Put the bars of the file, or of some of its lines."""
        family, session = self._family, judged.session
        day: dict[str, list[GroupedBar]] = {}
        for run in judged.runs(otc, text):
            if run is None:
                await anyio.lowlevel.checkpoint()
                continue
            if run.ticker in otc and not self._keeps_otc:
                continue
            asked = Asked(run.ticker, session, session, family.bar, adjusted=False)
            for stream, names in wanted:
                if not (WHOLE_MARKET in names or run.ticker in names):
                    continue
                if family.bar == ONE_DAY:
                    day.setdefault(stream.sink.name, []).append(_grouped_bar(run))
                else:
                    await stream.sink.chunk(run.bars, asked).put()
        for stream, _ in wanted:
            bars = day.pop(stream.sink.name, [])
            for begin in range(0, len(bars), _CHUNK):
                chunk = bars[begin : begin + _CHUNK]
                await stream.sink.session_chunk(chunk, session, adjusted=False).put()

    @property
    def _keeps_otc(self) -> bool:
        return self._family.job.include_otc or not self._family.job.whole_market


def _grouped_bar(run: Run) -> GroupedBar:
    bar = run.bars[0]
    return GroupedBar(bar.t, bar.c, bar.o, bar.h, bar.l, bar.v, None, bar.n, None, run.ticker)
