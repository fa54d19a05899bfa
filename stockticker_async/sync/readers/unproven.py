"""Covers answered days, but holds back tickers without any bar: they may not exist.

The API answers a range without bars and an unknown ticker alike. So a new ticker is covered only after its
first bar, or if the reference knows it. Days without a settled session (a holiday, today) prove nothing about
a ticker: the ticker stays new, and is looked up only if no other day follows.
"""

from collections.abc import Iterable
from datetime import date

from stockticker_async.errors import ConfigError, ConnectorError, OutputError
from stockticker_async.marketdata import calendar, reference
from stockticker_async.sync.failures import Failure
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.slices import CoveredSpan
from stockticker_async.sync.windows import first_days

_LOOK_UPS = 10  # tickers without any bar that are looked up in the reference, two calls each


class UnprovenTickers:
    """New tickers without a bar so far, and the days that their answers reach."""

    def __init__(self, family: BarFamily, names: Iterable[str]) -> None:
        self._family = family
        self._unproven = set(names)
        self._held_back: dict[str, date] = {}
        """The day that the answers for an unproven ticker reach, covered once the ticker is proven."""

    def prove(self, ticker: str) -> None:
        """Note that the ticker exists: its answers cover its days."""
        self._unproven.discard(ticker)
        reached = self._held_back.pop(ticker, None)
        if reached is not None:
            self._family.cover(ticker, reached)

    async def cover(self, span: CoveredSpan, through: date) -> None:
        """Note that the span is answered up to ``through``, included, and its bars are put."""
        reached = span.coverage.answered(span.place, through)
        if reached is not None:
            for name in span.names:
                if name in self._unproven:
                    self._held_back[name] = reached
                else:
                    self._family.cover(name, reached)
        for stream in self._family.streams:
            await stream.sink.state_due()

    async def look_up(self) -> None:
        """Look up tickers without bars in the reference, and fail the unknown ones."""
        firsts, end = first_days(self._family.streams), self._family.job.end_date
        expected = [
            name for name, reached in self._held_back.items() if calendar.holds_session(firsts[name], reached)
        ]
        ended = [name for name, reached in self._held_back.items() if reached == end and name not in expected]
        looked_up = (expected + ended)[:_LOOK_UPS]
        unknown = [name for name in looked_up if not await self._is_known(name, firsts[name])]
        if unknown:
            error = ConfigError("the API does not know this ticker; upper and lower case differ.")
            self._family.failures.append(Failure(tuple(unknown), error))
        completeness = self._family.completeness
        completeness.forget(unknown)
        # further tickers are not covered, so that a later sync looks them up
        completeness.lack_all([name for name in expected if name not in unknown])
        for name in looked_up:
            if name not in unknown:
                self.prove(name)

    async def _is_known(self, name: str, first: date) -> bool:
        """Whether the reference has the ticker now or on its first day. True if the look-up fails."""
        client = self._family.client
        try:
            return bool(
                await reference.is_known(client, name, None)
                or await reference.is_known(client, name, first)
                or await reference.is_known(client, name, first)
            )
        except (ConfigError, OutputError):
            raise
        except ConnectorError:
            return True
