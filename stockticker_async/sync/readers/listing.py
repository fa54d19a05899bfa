"""Reads a `Listing`: pages with rows of many tickers.

The pages of a call are in the order of the cursor field, so each page covers the days before the day of its
last row, as soon as the next page goes on in this order. A page is written only after the whole page was
validated. If the plan or a proxy does not have a listing, its deprecated form is read.
"""

from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from stockticker_async.errors import BadPageError, ConnectorError
from stockticker_async.marketdata.client import Answer, Client, in_steps
from stockticker_async.marketdata.large_lists import decode_list
from stockticker_async.marketdata.list_calls import Everything, ListCall, list_calls
from stockticker_async.marketdata.list_judge import DisorderError, ListJudge, RowCriteria
from stockticker_async.marketdata.list_pages import ListPage, list_pages
from stockticker_async.marketdata.listings import Listing
from stockticker_async.marketdata.responses import Missing, Refusal, RefusalReason
from stockticker_async.marketdata.rows import Row
from stockticker_async.streams.table import Listed
from stockticker_async.streams.transforms import stream_rows_in_steps
from stockticker_async.sync.failures import Failure
from stockticker_async.sync.job import WHOLE_MARKET, SyncJob
from stockticker_async.sync.readers.late_rows import LateRows
from stockticker_async.sync.row_stream import Lack, RowStream, settled
from stockticker_async.sync.windows import Days
from stockticker_async.sync.workers import carry_out

_ROW_BYTES = 500  # as JSON, about


def first_calls(row_stream: RowStream, listing: Listing, job: SyncJob, days: Days) -> list[ListCall]:
    """Return the first call of each sequence of pages."""
    return calls_from(row_stream.firsts, row_stream, listing, job, days)


def calls_from(
    firsts: Mapping[str, date | None], row_stream: RowStream, listing: Listing, job: SyncJob, days: Days
) -> list[ListCall]:
    """Return the first call of each sequence of pages that gives these tickers, each from its first day."""
    return list_calls(
        listing,
        Everything(firsts[WHOLE_MARKET]) if WHOLE_MARKET in firsts else firsts,
        last=days.last,
        end=job.end_date,
        times=row_stream.stream.times,
        otc=job.include_otc or not job.whole_market,
    )


class ListingSync:
    """Reads one stream from its listing."""

    def __init__(
        self, client: Client, job: SyncJob, row_stream: RowStream, listed: Listed, days: Days
    ) -> None:
        self._client = client
        self._job = job
        self._row_stream = row_stream
        self._listed = listed
        self._days = days

    async def run(self, calls: Sequence[ListCall] | None = None) -> None:
        """Make these calls (None: all). Raises a `ConnectorError` that ends the whole sync."""
        if calls is None:
            calls = first_calls(self._row_stream, self._listed.listing, self._job, self._days)
        await carry_out(
            iter(calls),
            self._ask,
            at_once=self._client.at_once,
            answers=lambda: self._client.answers,
            failed=self._failed,
            pace=self._client.pace,
        )

    def _names(self, call: ListCall) -> tuple[str, ...]:
        """Return the tickers of the call; empty if its rows have no tickers."""
        by_ticker = self._listed.listing.filters != "nothing"
        return call.names or ((WHOLE_MARKET,) if by_ticker and self._job.whole_market else ())

    def _failed(self, call: ListCall, error: ConnectorError) -> None:
        self._row_stream.failures.append(Failure(self._names(call), error))

    async def _ask(self, call: ListCall, before: Refusal | None = None) -> None:
        """Read the call. ``before`` is the refusal of the newer listing that this call replaces."""
        barred = await self._read(call)
        if barred is None:
            return
        if isinstance(barred, Missing) and before is not None:
            barred = before  # the reason is the plan, not the address
        older = self._listed.listing.older
        if older is not None and _says_no_list(barred):
            await self._ask_older(older, call, barred if isinstance(barred, Refusal) else None)
        elif isinstance(barred, Refusal):
            self._row_stream.refused(self._names(call), barred)
        else:
            self._row_stream.missing(self._names(call))

    async def _ask_older(self, older: Listing, call: ListCall, before: Refusal | None) -> None:
        listed = replace(self._listed, listing=older)
        sync = ListingSync(self._client, self._job, self._row_stream, listed, self._days)
        for one in list_calls(
            older,
            dict.fromkeys(call.names, call.first) or Everything(call.first),
            last=self._days.last,
            end=self._job.end_date,
            times=self._row_stream.stream.times,
        ):
            await sync._ask(one, before)

    async def _read(self, call: ListCall, *, again: bool = False) -> Refusal | Missing | None:
        """Write the rows of the call. Returns the refusal or the 404 if there is one, else None.

        Tickers without a late row (see `late_rows`) are requested once more, before their cursors move.
        ``again``: this is that call.
        """
        judge, late = ListJudge(call.criteria), self._late_rows(call)
        expected_bytes = (self._listed.listing.page_rows or 1000) * _ROW_BYTES
        decode = partial(self._decode, call.criteria, judge)
        answers = list_pages(
            self._client,
            call.path,
            in_steps(decode),
            expected_bytes=expected_bytes,
            may_be_empty=again,
            confirmed=self._row_stream.confirmed_refusals,
            full_rows=self._listed.listing.page_rows,
        )
        moment = None
        async with self._doubting(call), aclosing(answers) as pages:
            async for answer in pages:
                if not isinstance(answer, Answer):
                    if moment is not None and _says_no_list(answer):
                        raise BadPageError("the API does not give a further page of a list that it gave.")
                    return answer
                page = answer.value
                if page.lacks:
                    what: Lack = "count" if page.count else "rows" if moment is None else "page"
                    self._row_stream.lack(self._names(call), what)
                moment = answer.moment
                rows = list(self._wanted(call, page.rows))
                await self._row_stream.rows(rows)
                late.add(rows)
                reached = judge.accept()
                if page.next_url is not None and reached is not None and call.first is not None:
                    await self._cover(late.found(), moment, reached)
                del answer, page, rows  # another call's body may be as large
        assert moment is not None  # noqa: S101 - a list has a first page
        if again:
            self._row_stream.lack_late(tuple(late.behind()), late.since)
        elif (barred := await self._read_behind(late)) is not None:
            return barred
        if call.first is not None:
            await self._cover(self._names(call), moment, self._days.last)
        return None

    @asynccontextmanager
    async def _doubting(self, call: ListCall) -> AsyncIterator[None]:
        """Take back what the pages covered from a day on, if a later page has rows of that day."""
        try:
            yield
        except DisorderError as error:
            self._row_stream.doubt(self._names(call), error.since)
            raise

    async def _read_behind(self, late: LateRows) -> Refusal | Missing | None:
        """Read what may be missing of a list that is not empty; an empty list was requested twice."""
        behind = late.behind() if late.found() else {}
        for call in calls_from(behind, self._row_stream, self._listed.listing, self._job, self._days):
            if (barred := await self._read(call, again=True)) is not None:
                return barred
        return None

    def _late_rows(self, call: ListCall) -> LateRows:
        end = self._job.end_date
        last = self._days.settled if end is None else min(self._days.settled, end)
        return LateRows(self._listed, call, last, self._names(call))

    def _decode(
        self, criteria: RowCriteria, judge: ListJudge, body: bytes
    ) -> Generator[None, None, ListPage[Row]]:
        page = yield from decode_list(body)
        primary_key = self._row_stream.stream.primary_key
        found, keys = yield from stream_rows_in_steps(
            page,
            self._listed.transform,
            asked="",
            primary_key=primary_key,
            identity=self._listed.identity,
            tickers=criteria.tickers,
        )
        yield
        values = (row.get(criteria.field) for row in page.rows)
        judge.judge(values, keys)
        yield
        return ListPage(found, page.next_url, len(page.rows), page.stated)

    async def _cover(self, names: Sequence[str], moment: datetime, reached: date) -> None:
        through = min(reached, settled(self._days, moment, self._job.end_date))
        if self._row_stream.cursors is not None:
            self._row_stream.cursors.see(through)  # an empty day is an answer, too
        await self._row_stream.cover(names, through)

    def _wanted(self, call: ListCall, rows: Sequence[Row]) -> Iterator[Row]:
        """Yield the rows of the wanted tickers; all rows if the call names none."""
        if not call.names:
            yield from rows
            return
        names = frozenset(call.names)
        for row in rows:
            if row.get("stock_ticker") in names:  # an IPO may have no ticker yet
                yield row


def _says_no_list(barred: Refusal | Missing) -> bool:
    """Whether the answer says that the plan or the address has no such list."""
    return isinstance(barred, Missing) or barred.why is RefusalReason.ENDPOINT
