"""Covers what was answered, and holds back tickers of which no bar was seen: these may not exist at all.

A range without bars and an unknown ticker look alike. So a new ticker is covered only once a bar of it came,
or the reference knows it.
"""

from collections.abc import Iterable
from datetime import date

from stockticker_async.errors import ConfigError, ConnectorError, OutputError
from stockticker_async.marketdata import reference
from stockticker_async.sync.failures import Failure
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.slices import CoveredSpan
from stockticker_async.sync.windows import first_days

_LOOK_UPS = 10  # tickers without any bar that are looked up in the reference, two calls each


class UnprovenTickers:
    """New tickers of which no bar was seen yet, and how far all are covered."""

    def __init__(self, family: BarFamily, names: Iterable[str]) -> None:
        self._family = family
        self._unproven = set(names)
        self._held_back: dict[str, date] = {}
        """How far the answers for an unproven ticker reach; they cover nothing until it is proven."""

    def prove(self, ticker: str) -> None:
        """The ticker exists: what was answered for it covers its days."""
        self._unproven.discard(ticker)
        reached = self._held_back.pop(ticker, None)
        if reached is not None:
            self._family.cover(ticker, reached)

    async def cover(self, span: CoveredSpan, through: date) -> None:
        """The span is answered up to that day, included, and its bars are put."""
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
        """Tell unknown tickers from silent ones: bars cannot, they answer both with nothing."""
        looked_up = list(self._held_back)[:_LOOK_UPS]
        unknown = [name for name in looked_up if not await self._is_known(name)]
        if unknown:
            error = ConfigError("the API does not know this ticker; upper and lower case differ.")
            self._family.failures.append(Failure(tuple(unknown), error))
        completeness = self._family.completeness
        completeness.forget(unknown)
        # those beyond are not covered, so that a later sync looks them up
        completeness.lack_all([name for name in self._held_back if name not in unknown])
        for name in looked_up:
            if name not in unknown:
                self.prove(name)

    async def _is_known(self, name: str) -> bool:
        """Whether the reference has the ticker, now or on the first day asked. A doubt is a yes."""
        client = self._family.client
        try:
            first = first_days(self._family.streams)[name]
            return bool(
                await reference.is_known(client, name, None)
                or await reference.is_known(client, name, first)
                or await reference.is_known(client, name, first)
            )
        except (ConfigError, OutputError):
            raise
        except ConnectorError:
            return True
