"""Handles refusals of the plan: unpublished days, days before its history, or no bars at all."""

import logging
from contextlib import aclosing
from datetime import date

from msgspec.structs import replace

from stockticker_async.errors import ConfigError, ConnectorError, TransientError
from stockticker_async.marketdata import calendar, grouped, ranges
from stockticker_async.marketdata.bars import Asked
from stockticker_async.marketdata.responses import Refusal, RefusalReason
from stockticker_async.sync.failures import Failure
from stockticker_async.sync.history import HistoryStart, contradiction
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.slices import RangeSlice, SessionSlice
from stockticker_async.sync.readers.unproven import UnprovenTickers

_log = logging.getLogger(__name__)


class PlanRefusals:
    """The refusals in this sync, and their consequences for later calls."""

    def __init__(self, family: BarFamily, unproven: UnprovenTickers) -> None:
        self._family = family
        self._unproven = unproven
        self._unpublished = False
        self._believed: set[RefusalReason] = set()
        self._history = HistoryStart()
        self._first_given: date | None = None

    @property
    def first_day(self) -> date | None:
        """The first day of the plan's history; None if unknown."""
        return self._history.day

    def hides(self, day: date) -> bool:
        """Whether the day is known to be before the plan's history."""
        return self._history.hides(day)

    def is_doubtful(self, slice_: RangeSlice | SessionSlice, refusal: Refusal) -> bool:
        """Whether the call must be repeated before the refusal is accepted: it is the first for this reason.

        A recent day is not repeated: if it is not published yet, the next sync reads it.
        """
        return slice_.first < self._recent and refusal.why not in self._believed

    def given(self, day: date) -> None:
        """The API gave the bars of this day: the history begins on it or before."""
        self._first_given = min(day, self._first_given or day)

    async def refused(self, slice_: RangeSlice | SessionSlice, refusal: Refusal) -> RangeSlice | None:
        """Handle a slice whose call was refused. Returns the part of it that is in the plan's history."""
        self._believed.add(refusal.why)
        recent = slice_.first >= self._recent
        if refusal.why is not RefusalReason.ENDPOINT and recent:
            self.report_unpublished(slice_.first)
        elif refusal.why is RefusalReason.UNPUBLISHED:
            # a day that is long past cannot be unpublished
            text = f"the API says of days from {slice_.first} on: {refusal.text}"
            self._fail(slice_, TransientError(text, detail=f"403: {RefusalReason.UNPUBLISHED.value}"))
        elif refusal.why is RefusalReason.TIMEFRAME and slice_.first > (self._first_given or date.max):
            self._fail(slice_, contradiction(slice_.first, self._first_given or slice_.first))
        elif refusal.why is RefusalReason.TIMEFRAME:
            return await self._refused_by_history(slice_)
        else:
            text = "the plan does not include these bars. Change the plan, or leave the stream out."
            self._fail(slice_, ConfigError(text, detail=refusal.text))
        return None

    async def _refused_by_history(self, slice_: RangeSlice | SessionSlice) -> RangeSlice | None:
        await self._find_history_start(slice_)
        day = self._history.day or slice_.last
        if day <= slice_.first:
            self._fail(slice_, contradiction(slice_.first, day))
        elif day <= slice_.last and isinstance(slice_, RangeSlice):
            return RangeSlice(replace(slice_.call, first=day), slice_.span, whole=slice_.whole)
        else:
            await self.pass_over(slice_)
        return None

    def refused_part(self, part: RangeSlice) -> None:
        """Fail a part that was refused, although its first day was given alone."""
        text = f"the API refuses days from {part.first} to {part.last}, and gives the first of them alone."
        self._fail(part, TransientError(text, detail=f"403: {RefusalReason.TIMEFRAME.value}"))

    @property
    def _recent(self) -> date:
        """The last settled session: it and later days may be unpublished."""
        return calendar.sessions_back(self._family.days.settled, 0)

    def published_part(self, range_slice: RangeSlice) -> RangeSlice | None:
        """Return the range without its unpublished end; None if no day is left."""
        call, last = range_slice.call, self._recent - calendar.DAY
        if not call.first <= last < call.last:
            return None
        return RangeSlice(replace(call, last=last), range_slice.span, whole=False)

    def report_unpublished(self, day: date) -> None:
        """Log once that this day has to wait for the next sync."""
        self._believed.add(RefusalReason.UNPUBLISHED)
        if not self._unpublished:
            self._unpublished = True
            _log.info("The day %s is not published yet on this plan: the next sync reads it.", day)

    async def pass_over(self, slice_: RangeSlice | SessionSlice) -> None:
        """Cover a slice before the plan's history: no answer will come. Fails if all days are before it."""
        if not self._history.hides(self._family.days.last):
            await self._unproven.cover(slice_.span, slice_.last)
            return
        text = (
            "the plan's history does not reach back to the days requested. Set start_date later, or change "
            "the plan."
        )
        self._fail(slice_, ConfigError(text, detail=f"{slice_.first}: {RefusalReason.TIMEFRAME.value}"))

    def _fail(self, slice_: RangeSlice | SessionSlice, error: ConnectorError) -> None:
        self._family.failures.append(Failure(slice_.span.names, error))

    async def _find_history_start(self, slice_: RangeSlice | SessionSlice) -> None:
        async def is_given(day: date) -> bool:
            return await self._is_given(slice_, day)

        last = self._family.days.last
        # a slice up to the last day was refused as a whole
        days = [] if slice_.last == last else calendar.weekdays(slice_.first, last)
        earliest = calendar.session_from(self._family.earliest)
        found = await self._history.find(slice_.first, days, last + calendar.DAY, is_given, earliest=earliest)
        if found and not self._history.hides(last):
            _log.warning("The plan's history begins on %s: nothing before it can be read.", self._history.day)

    async def _is_given(self, slice_: RangeSlice | SessionSlice, day: date) -> bool:
        family = self._family
        adjusted = family.job.adjusted
        if isinstance(slice_, SessionSlice):
            whole_market = family.job.whole_market
            otc = family.job.include_otc or not whole_market
            wanted = frozenset[str]()
            found = await grouped.grouped_bars(family.client, day, adjusted=adjusted, otc=otc, wanted=wanted)
            return not isinstance(found, Refusal)
        asked = Asked(slice_.call.ticker, day, day, family.bar, adjusted)
        async with aclosing(ranges.range_pages(family.client, asked, doubted=False)) as pages:
            return not isinstance(await anext(pages), Refusal)
