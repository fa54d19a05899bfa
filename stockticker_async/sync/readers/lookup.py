"""Reads streams with one call for each ticker: a `Lookup`, or the `Previous` bar.

The previous bars of all tickers are the bars of the last session, which are one grouped call. Only tickers
that did not trade in it take a call each.
"""

from collections.abc import Hashable
from datetime import date
from functools import partial

from stockticker_async.errors import BadPageError, ConfigError, ConnectorError
from stockticker_async.marketdata import bars, calendar
from stockticker_async.marketdata.bars import GroupedBar
from stockticker_async.marketdata.client import Answer, Client, at_once
from stockticker_async.marketdata.confirmation import asked_twice
from stockticker_async.marketdata.endpoints import ticker_path
from stockticker_async.marketdata.grouped import grouped_bars
from stockticker_async.marketdata.responses import Missing, Refusal, RefusalReason
from stockticker_async.marketdata.rows import Row, decode_rows
from stockticker_async.streams import bar_rows
from stockticker_async.streams.table import Lookup, Previous
from stockticker_async.streams.transforms import key_of, stream_rows
from stockticker_async.sync.failures import Failure, name_list
from stockticker_async.sync.job import DEFAULT_DAYS, WHOLE_MARKET, SyncJob
from stockticker_async.sync.row_stream import RowStream, warn
from stockticker_async.sync.windows import Days
from stockticker_async.sync.workers import carry_out

_SESSIONS = 4  # the last session may not be published yet, and the calendar may be wrong


class LookupSync:
    """Reads one stream, ticker by ticker."""

    def __init__(
        self, client: Client, job: SyncJob, row_stream: RowStream, lookup: Lookup, days: Days
    ) -> None:
        self._client = client
        self._job = job
        self._row_stream = row_stream
        self._lookup = lookup
        self._days = days
        self._silent: list[str] = []
        self._unnamed: list[str] = []
        """Tickers whose rows may be of another company."""
        self._refusal: Refusal | None = None

    async def run(self) -> None:
        """Make the calls. Raises a `ConnectorError` that ends the whole sync."""
        await carry_out(
            iter(self._row_stream.firsts),
            self._ask,
            at_once=self._client.at_once,
            answers=lambda: self._client.answers,
            failed=self._failed,
            pace=self._client.pace,
        )
        if self._unnamed:
            warn(
                self._row_stream,
                f"the API, asked twice, gives rows that do not name {name_list(self._unnamed)}: they may be "
                "of another company.",
            )
        if not self._silent:
            return
        if self._lookup.dated:
            text = "the API does not know this ticker; upper and lower case differ."
            self._row_stream.failures.append(Failure(tuple(self._silent), ConfigError(text)))
        else:
            warn(self._row_stream, f"the API has no data for {name_list(self._silent)}.")

    def _failed(self, name: str, error: ConnectorError) -> None:
        self._row_stream.failures.append(Failure((name,), error))

    async def _ask(self, name: str) -> None:
        if self._refusal is not None:  # the plan refuses the endpoint for all tickers
            self._row_stream.refused((name,), self._refusal)
            return
        found = await self._take(name, "")
        if isinstance(found, Missing) and not found.no_route and self._lookup.dated:
            begin = self._job.start_date or self._days.last - DEFAULT_DAYS
            found = await self._take(name, f"?date={begin}")
        match found:
            case Refusal():
                self._refusal = found
                self._row_stream.refused((name,), found)
            case Missing(no_route=True):
                self._row_stream.missing((name,))
            case Missing():
                self._silent.append(name)
        await self._row_stream.sink.state_due()

    async def _take(self, name: str, query: str) -> Refusal | Missing | None:
        """Write the rows. Returns the refusal or the 404 if there is one, else None."""

        def decode(body: bytes) -> list[Row]:
            page = decode_rows(body, self._lookup.form)
            if page.echo not in (None, name):
                raise BadPageError(f"the API answered for another ticker, {page.echo[:40]}.")
            return stream_rows(
                page,
                self._lookup.transform,
                asked=name,
                primary_key=key,
                repeats=self._lookup.repeats,
            )

        def lacks(found: Answer[list[Row]]) -> Hashable | None:
            if found.value and (names is None or names(found.value, name)):
                return None
            return tuple(key_of(row, key) for row in found.value)

        key, names = self._row_stream.stream.primary_key, self._lookup.names
        path = ticker_path(self._lookup.path, name)
        ask = partial(self._client.asked, f"{path}{query}", at_once(decode))
        confirmed = self._row_stream.confirmed_refusals
        async with asked_twice(ask, lacks, confirmed=confirmed) as found:
            if not isinstance(found, Answer):
                return found
            if found.value and lacks(found) is not None:
                self._unnamed.append(name)
            await self._row_stream.rows(found.value)
            # an answer without a row means the same as a 404: no such ticker
            return None if found.value else Missing()


class PreviousSync:
    """Reads the last bar of each ticker."""

    def __init__(
        self, client: Client, job: SyncJob, row_stream: RowStream, previous: Previous, days: Days
    ) -> None:
        self._client = client
        self._job = job
        self._row_stream = row_stream
        self._previous = previous
        self._days = days
        self._silent: list[str] = []

    async def run(self) -> None:
        """Make the calls. Raises a `ConnectorError` that ends the whole sync."""
        names = dict.fromkeys(self._row_stream.firsts)
        if len(names) > 1 or WHOLE_MARKET in names:
            for traded in await self._write_session():
                names.pop(traded, None)
        names.pop(WHOLE_MARKET, None)
        await carry_out(
            iter(names),
            self._ask,
            at_once=self._client.at_once,
            answers=lambda: self._client.answers,
            failed=self._failed,
            pace=self._client.pace,
        )
        if self._silent:
            warn(self._row_stream, f"the API has no bar of {name_list(self._silent)}.")

    def _failed(self, name: str, error: ConnectorError) -> None:
        self._row_stream.failures.append(Failure((name,), error))

    async def _write_session(self) -> set[str]:
        """Write the bars of the last session that the plan includes. Returns their tickers."""
        day = calendar.sessions_back(self._days.settled, 0)
        whole = self._job.whole_market
        wanted = None if whole else frozenset(self._row_stream.firsts)
        otc = self._job.include_otc or not whole
        for _ in range(_SESSIONS):
            found = await grouped_bars(
                self._client,
                day,
                adjusted=self._job.adjusted,
                otc=otc,
                wanted=wanted,
                confirmed=self._row_stream.confirmed_refusals,
            )
            if isinstance(found, Answer) and found.value:
                await self._write(found.value, day)
                return {bar.T for bar in found.value}
            if isinstance(found, Refusal) and found.why is RefusalReason.ENDPOINT:
                self._row_stream.refused(tuple(self._row_stream.firsts), found)
                return set(self._row_stream.firsts)
            if isinstance(found, Answer):
                warn(self._row_stream, f"the API, asked twice, has no bars for the session of {day}.")
            day = calendar.sessions_back(day, 1)
        if whole:
            text = f"the API gives no bars of any stock for the {_SESSIONS} sessions after {day}."
            self._row_stream.failures.append(Failure((), ConnectorError(text)))
        return set()

    async def _ask(self, name: str) -> None:
        path = ticker_path(self._previous.path, name, adjusted=self._job.adjusted)

        def decode(body: bytes) -> list[GroupedBar]:
            page = bars.decode_grouped(body)
            found = bars.judge_grouped(page, adjusted=self._job.adjusted, wanted=None)
            if any(name != bar.T for bar in found):
                raise BadPageError(f"the API answered for another ticker, {found[0].T[:40]}.")
            for bar in found:
                if not self._is_over(bar.t):
                    raise BadPageError(f"the API gave a bar of {calendar.utc_text(bar.t)} as the last one.")
            return found

        ask = partial(self._client.asked, path, at_once(decode))
        confirmed = self._row_stream.confirmed_refusals
        async with asked_twice(ask, lambda found: None if found.value else (), confirmed=confirmed) as answer:
            match answer:
                case Answer([bar, *_]):
                    await self._write([bar], calendar.session_of(bar.t))
                case Answer():
                    self._silent.append(name)
                case Refusal() as refusal:
                    self._row_stream.refused((name,), refusal)
                case Missing(no_route=True):
                    self._row_stream.missing((name,))
                case Missing():
                    self._silent.append(name)

    def _is_over(self, timestamp_ms: int) -> bool:
        """Whether the bar is of a weekday whose trading is over."""
        session = calendar.claimed_weekday(timestamp_ms)
        return session is not None and calendar.may_be_closed(session, self._client.clock.utc_now())

    async def _write(self, found: list[GroupedBar], session: date) -> None:
        await self._row_stream.rows(bar_rows.bar_rows(found, session, adjusted=self._job.adjusted))
        await self._row_stream.sink.state_due()
