"""Which stocks of a session trade over the counter: flat files do not mark them, so the API is asked.

One answer decides about thousands of rows: a row of an OTC stock that it does not mark stands among those of
the market for good. So an answer that cannot be right is requested twice. It cannot be right if it marks all
stocks, or none of a whole market, or lacks more than a few of the file's tickers. What two answers say is
used, with a WARN, unless they mark all stocks.
"""

from collections.abc import Collection
from datetime import date

import msgspec

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata import session_files
from stockticker_async.marketdata.bars import GroupedBar
from stockticker_async.marketdata.grouped import grouped_bars
from stockticker_async.marketdata.responses import Refusal
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.file_calls import day_list

_MARKET = 1_000
"""Stocks from which on some are OTC stocks: of 12,000 of a session, several thousand are."""
_UNKNOWN = 0.01
"""The share of a file's tickers that the API's answer may lack."""


class Marks(msgspec.Struct, frozen=True):
    """What the API says of a session."""

    otc: frozenset[str] = frozenset()
    known: frozenset[str] | None = None
    """The tickers of the answer; None if nobody was asked: the files of the time have no OTC stocks."""

    def lacks(self, tickers: Collection[str]) -> bool:
        """Whether the answer lacks too many of these tickers."""
        return self.known is not None and len({*tickers} - self.known) > _UNKNOWN * len(tickers)


class OtcMarks:
    """The OTC stocks of the sessions of one sync."""

    def __init__(self, family: BarFamily) -> None:
        self._family = family
        self._doubtful: set[date] = set()

    async def of(self, session: date) -> Marks:
        """Return the marks of a session. Raises `BadPageError` and `ConfigError`."""
        if not session_files.needs_otc_call(self._family.bar, session):
            return Marks()
        bars = await self._bars(session)
        if _all_or_none(bars):
            bars = await self._bars(session)
            if all(bar.otc for bar in bars):
                raise BadPageError(f"the API, asked twice, marks all stocks of {session} as OTC stocks.")
            if _all_or_none(bars):
                self._doubtful.add(session)
        return _marks(bars)

    async def otc(self, session: date, marks: Marks, tickers: Collection[str]) -> frozenset[str]:
        """Return the OTC stocks, for the tickers of the session's file. Raises as `of`."""
        if marks.lacks(tickers):
            again = _marks(await self._bars(session))
            known = (marks.known or frozenset()) | (again.known or frozenset())
            marks = Marks(marks.otc | again.otc, known)
            if marks.lacks(tickers):
                self._doubtful.add(session)
        return marks.otc

    def warning(self) -> str | None:
        """Return the text about sessions of which the API did not tell all OTC stocks."""
        if not self._doubtful:
            return None
        days = day_list(sorted(self._doubtful))
        return (
            f"the API, asked twice, does not say which stocks of {days} are OTC stocks: the rows of the flat "
            "files may have some of these."
        )

    async def _bars(self, session: date) -> list[GroupedBar]:
        found = await grouped_bars(self._family.client, session, adjusted=False, otc=True, wanted=None)
        if isinstance(found, Refusal):
            raise BadPageError(
                f"the OTC stocks of {session} cannot be told from others: the API refuses the session "
                f"({found.why.value})."
            )
        if not found.value:
            raise BadPageError(f"the API has no bars for {session}, which has a flat file.")
        return found.value


def _marks(bars: Collection[GroupedBar]) -> Marks:
    return Marks(frozenset(bar.T for bar in bars if bar.otc), frozenset(bar.T for bar in bars))


def _all_or_none(bars: Collection[GroupedBar]) -> bool:
    marked = sum(bool(bar.otc) for bar in bars)
    return marked == len(bars) or (not marked and len(bars) >= _MARKET)
