"""Reads flat files: a whole file is fetched and judged, then its rows go to the sinks, then the cursor moves.

A file has over-the-counter stocks without a mark. For minute bars, a grouped call of the session tells them:
the whole market is read without them unless the option includes them, and rows have the field ``otc``.
"""

import logging
from collections.abc import Generator
from datetime import date

from stockticker_async.errors import BadPageError, ConfigError, TransientError
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.bucket import Bucket
from stockticker_async.marketdata.bucket_faults import Absent, Refused
from stockticker_async.marketdata.client import BODY_TRIES, taken
from stockticker_async.marketdata.file_rows import JudgedFile, judge
from stockticker_async.marketdata.session_files import FlatFile
from stockticker_async.sync.failures import Failure
from stockticker_async.sync.history import HistoryStart
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.file_calls import day_list, halves
from stockticker_async.sync.readers.file_gaps import FileGaps
from stockticker_async.sync.readers.file_puts import FileRows, Names, Wanted
from stockticker_async.sync.readers.otc_marks import OtcMarks
from stockticker_async.sync.readers.slices import FileSlice
from stockticker_async.sync.readers.unproven import UnprovenTickers
from stockticker_async.sync.sink import TakesFiles, WholeFile
from stockticker_async.sync.windows import BarStream, first_days

_log = logging.getLogger(__name__)


class FileReader:
    """Reads flat files for a family of streams."""

    def __init__(
        self, family: BarFamily, unproven: UnprovenTickers, bucket: Bucket, *, earliest: date
    ) -> None:
        """``earliest`` is the session of the earliest file that is read."""
        self._earliest = earliest
        self._family = family
        self._unproven = unproven
        self._bucket = bucket
        self._history = HistoryStart()
        self._rows_of = FileRows(family)
        self._otc_marks = OtcMarks(family)
        self._refusal_repeated = False
        self._rows: dict[date, int] = {}
        """The number of usable rows of each file that was read."""
        self._earlier_rows = max((stream.cursors.market_rows or 0 for stream in family.streams), default=0)
        self._strangers: dict[date, int] = {}
        self._gaps = FileGaps([name for name in first_days(family.streams) if not family.is_new(name)])

    @property
    def answers(self) -> int:
        """The answers of the bucket so far, including refusals."""
        return self._bucket.answers

    async def read(self, file_slice: FileSlice) -> None:
        """Read the file, unless it is before the plan's history, or no stream wants it."""
        wanted = [(stream, self._names(stream, file_slice)) for stream in self._family.streams]
        wanted = [(stream, names) for stream, names in wanted if names]
        if not wanted:
            await self._cover(file_slice)
        elif self._history.hides(file_slice.first):
            await self._pass_over(file_slice)
        else:
            await self._ask(file_slice, wanted)

    def tell(self) -> None:
        """Log what was read, and warn of rows that were left out. Called once, at the end."""
        if self._rows:
            _log.info("Flat files read: %d. Their rows have no vwap.", len(self._rows))
        names = ", ".join(stream.sink.name for stream in self._family.streams)
        if self._strangers:
            _log.warning(
                "%s: %d rows of other days or hours were left out of the flat files of %s.",
                names,
                sum(self._strangers.values()),
                day_list(sorted(self._strangers)),
            )
        if doubtful := self._otc_marks.warning():
            _log.warning("%s: %s", names, doubtful)
        if gaps := self._gaps.warning():
            _log.warning("%s: %s", names, gaps)
            self._family.completeness.tell_of(self._gaps.counts())
        if halves := self._halves():
            _log.warning(
                "%s: the flat file of %s has less than half of the rows of the file beside it.",
                names,
                day_list(halves),
            )

    def _halves(self) -> list[date]:
        """Return the sessions of the whole market with few rows. A file that is replaced is read again."""
        if not self._family.job.whole_market:
            return []
        return halves(self._rows, self._earlier_rows)

    async def _ask(self, file_slice: FileSlice, wanted: Wanted) -> None:
        session = file_slice.first
        marks = await self._otc_marks.of(session)
        async with self._bucket.turn:
            found = await self._judged(file_slice.file, wanted)
            if isinstance(found, Refused) and not self._refusal_repeated:
                self._refusal_repeated = True  # as for the API: a single refusal would hide the day for good
                found = await self._judged(file_slice.file, wanted)
            if isinstance(found, Refused):
                await self._refused(file_slice, found)
                return
            judged, etag = found
            otc = await self._otc_marks.otc(session, marks, judged.tickers)
            await self._rows_of.put(judged, wanted, otc)
            if judged.strangers:
                self._strangers[session] = judged.strangers.total()
            self._rows[session], tickers = judged.rows, judged.tickers
            del judged, found  # before the next file is fetched
        if not self._family.job.whole_market:
            self._gaps.add(session, _all_names(wanted) or (), tickers)
            for name in tickers:
                self._unproven.prove(name)
                if self._family.bar == ONE_DAY:
                    self._family.completeness.add(name, (session,))
        for stream, _ in wanted:
            stream.cursors.see(session)
            stream.cursors.files.read(session, etag)
            if self._family.job.whole_market:
                stream.cursors.market_rows = self._rows[max(self._rows)]
        await self._cover(file_slice)

    async def _judged(self, file: FlatFile, wanted: Wanted) -> tuple[JudgedFile | WholeFile, str] | Refused:
        """Fetch and judge a file. What is damaged is fetched again: a transfer may have done it."""
        for tries_left in reversed(range(BODY_TRIES)):
            found = await self._bucket.fetch(file)
            match found:
                case Refused():
                    return found
                case Absent():
                    raise TransientError(f"the flat file {file.key} is listed, but it is not there.")
                case packed, etag:
                    try:
                        return await taken(self._steps(packed, file.session, wanted)), etag
                    except BadPageError as error:
                        if not tries_left:
                            text = f"the flat file of {file.session} is not usable: {error.message}"
                            raise BadPageError(text, detail=error.detail) from None
                        del packed, found
        raise AssertionError  # the last try returns or raises

    def _steps(
        self, packed: bytes, session: date, wanted: Wanted
    ) -> Generator[None, None, JudgedFile | WholeFile]:
        """Return the steps that judge a file: by the only sink, if it decodes minutes itself."""
        names = _all_names(wanted)
        sink = wanted[0][0].sink
        if names is None and self._family.bar != ONE_DAY and isinstance(sink, TakesFiles):
            return sink.whole_file(packed, session)
        return judge(packed, session, self._family.bar, names)

    def _names(self, stream: BarStream, file_slice: FileSlice) -> Names:
        """Return the tickers that the stream wants of a file."""
        session, ledger = file_slice.first, stream.cursors.files
        again = session in ledger.missing
        same = ledger.is_unchanged(session, file_slice.file.etag)
        entries, firsts = stream.cursors.start.entries, stream.first_days
        names = set()
        for name in file_slice.span.names:
            entry = entries[name]
            passed = entry.cursor is not None and entry.since <= session <= entry.cursor
            if (passed and again) or (session >= firsts.get(name, date.max) and not (passed and same)):
                names.add(name)
        return frozenset(names)

    async def _refused(self, file_slice: FileSlice, refusal: Refused) -> None:
        """Handle a file that the plan does not include: find where its history begins."""
        family = self._family

        async def is_given(day: date) -> bool:
            return await self._bucket.may_read(family.bar, day)

        last = calendar.sessions_back(family.days.settled, 1)  # the last one may not be published yet
        days = [day for day in calendar.weekdays(file_slice.first, last) if calendar.is_session(day)]
        after = family.days.last + calendar.DAY
        found = await self._history.find(file_slice.first, days, after, is_given, earliest=self._earliest)
        if found and not self._history.hides(family.days.last):
            _log.warning(
                "The plan's history of flat files begins on %s: nothing before it can be read.",
                self._history.day,
            )
        if self._history.hides(file_slice.first):
            await self._pass_over(file_slice)
        else:
            text = (
                f"the bucket refuses the flat file of {file_slice.first}, and gives others ({refusal.text})."
            )
            family.failures.append(Failure(file_slice.span.names, TransientError(text)))

    async def _pass_over(self, file_slice: FileSlice) -> None:
        """Cover a file before the plan's history. Fails if all days are before it."""
        if not self._history.hides(self._family.days.last):
            await self._cover(file_slice)
            return
        text = (
            f"the plan does not include the flat files of bars of {self._family.bar} for these days. Set "
            "start_date later, change the plan, or remove flat_files."
        )
        self._family.failures.append(
            Failure(file_slice.span.names, ConfigError(text, detail=f"{file_slice.first}: AccessDenied"))
        )

    async def _cover(self, file_slice: FileSlice) -> None:
        if file_slice.late:  # the cursors have passed it
            for stream in self._family.streams:
                await stream.sink.state_due()
            return
        through = min(file_slice.last, self._family.days.settled)
        await self._unproven.cover(file_slice.span, through)


def _all_names(wanted: Wanted) -> Names | None:
    names = frozenset[str]().union(*(names for _, names in wanted))
    return None if WHOLE_MARKET in names else names
