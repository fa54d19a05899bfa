"""Reads a `Listing`: pages of rows of many tickers.

A question's pages come in the order of the cursor's field, so each page covers the days before its last
row's; what comes in another order covers nothing before the last page. A page is written only after all
of it was judged. Where the plan or a proxy does not have a listing, its deprecated form is asked.
"""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from datetime import date, datetime, timedelta

from stockticker_async import shapes
from stockticker_async.client import Answer, Client
from stockticker_async.errors import ConnectorError
from stockticker_async.failures import Failure
from stockticker_async.feeds import Days
from stockticker_async.forwarded import Forward, settled
from stockticker_async.job import MARKET, SyncJob
from stockticker_async.market import new_york_date
from stockticker_async.pages import ListPage, list_pages
from stockticker_async.questions import Question, questions
from stockticker_async.shapes import Row
from stockticker_async.streams import Listing
from stockticker_async.verdict import Barred, Missing, Refusal
from stockticker_async.workers import carry_out

_ROW_BYTES = 500  # as JSON, about


def asked_of(forward: Forward, listing: Listing, job: SyncJob, days: Days) -> list[Question]:
    """The first call of each run of pages."""
    return questions(
        listing,
        forward.firsts,
        last=days.last,
        end=job.end_date,
        times=forward.stream.times,
        otc=job.include_otc or not job.whole_market,
    )


class ListingSync:
    """Reads one stream from its listing."""

    def __init__(self, client: Client, job: SyncJob, forward: Forward, listing: Listing, days: Days) -> None:
        self._client = client
        self._job = job
        self._forward = forward
        self._listing = listing
        self._days = days

    async def run(self) -> None:
        """Make the calls. Raises the `ConnectorError` that ends the whole sync, if one does."""
        await carry_out(
            iter(asked_of(self._forward, self._listing, self._job, self._days)),
            self._ask,
            at_once=self._client.at_once,
            answers=lambda: self._client.answers,
            failed=self._failed,
        )

    def _failed(self, question: Question, error: ConnectorError) -> None:
        self._forward.failures.append(Failure(question.names, error))

    async def _ask(self, question: Question) -> None:
        barred = await self._read(question)
        if barred is None:
            return
        older = self._listing.older
        if older is not None and not (isinstance(barred, Refusal) and barred.why is not Barred.ENDPOINT):
            await self._ask_older(older, question)
        elif isinstance(barred, Refusal):
            self._forward.refused(question.names, barred)
        else:
            self._forward.missing(question.names)

    async def _ask_older(self, older: Listing, question: Question) -> None:
        sync = ListingSync(self._client, self._job, self._forward, older, self._days)
        for one in questions(
            older,
            dict.fromkeys(question.names, question.first),
            last=self._days.last,
            end=self._job.end_date,
            times=self._forward.stream.times,
        ):
            await sync._ask(one)

    async def _read(self, question: Question) -> Refusal | Missing | None:
        """Write the question's rows; or return why there are none."""

        def decode(body: bytes) -> ListPage[Row]:
            page = shapes.decode(body)
            found = shapes.rows(
                page,
                self._listing.shape,
                asked=question.asked,
                primary_key=self._forward.stream.primary_key,
                identity=self._listing.identity,
            )
            return ListPage(found, page.next_url, len(page.rows), page.stated)

        order = _Order(self._forward.stream.cursor)
        expected_bytes = (self._listing.page_rows or 1000) * _ROW_BYTES
        answers = list_pages(self._client, question.path, decode, expected_bytes=expected_bytes)
        async with aclosing(answers) as pages:
            async for answer in pages:
                if not isinstance(answer, Answer):
                    return answer
                page = answer.value
                if page.lacks:
                    self._forward.lack(question.names, page.count)
                await self._forward.rows(list(self._wanted(question, page.rows)))
                reached = order.through(page.rows)
                if page.next_url is None:
                    reached = self._days.last
                if reached is not None and question.first is not None:
                    await self._cover(question, answer.moment, reached)
        return None

    async def _cover(self, question: Question, moment: datetime, reached: date) -> None:
        through = min(reached, settled(self._days, moment, self._job.end_date))
        if self._forward.progress is not None:
            self._forward.progress.see(through)  # no row of a day is an answer, too
        await self._forward.cover(question.names, through)

    def _wanted(self, question: Question, rows: Sequence[Row]) -> Iterator[Row]:
        """Of a list that is asked whole, the rows of the tickers wanted."""
        if not question.names or MARKET in question.names:
            yield from rows
            return
        names = frozenset(question.names)
        for row in rows:
            if row.get("stock_ticker") in names:  # an offering may have no ticker yet
                yield row


class _Order:
    """How far the pages of a question reach, as long as they come in order."""

    def __init__(self, cursor: str) -> None:
        self._cursor = cursor
        self._first = ""
        self._last: str | None = ""

    def through(self, rows: Sequence[Row]) -> date | None:
        """The last day of which all rows were seen, since a further page may have more of the next.

        None before the second day: rows of one day are in every order, also the newest first.
        """
        for row in rows:
            value = row.get(self._cursor) if self._cursor else None
            if self._last is None or not isinstance(value, str) or value < self._last:
                self._last = None
                return None
            self._first = self._first or value
            self._last = value
        day = _day(self._last) if self._last and self._last > self._first else None
        return None if day is None else day - timedelta(days=1)


def _day(text: str) -> date | None:
    """The New York date of a day or a moment; None for neither."""
    try:
        if len(text) <= len("2020-12-21"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return new_york_date(moment) if moment.tzinfo else None
