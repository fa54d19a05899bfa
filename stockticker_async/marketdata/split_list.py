"""Reads the splits of all tickers together, from the new list, or else from the deprecated list."""

from collections.abc import Sequence
from contextlib import aclosing
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.call_limits import SIDE_PATIENCE
from stockticker_async.marketdata.client import Answer, Client, at_once
from stockticker_async.marketdata.list_calls import Everything, ListCall, list_calls
from stockticker_async.marketdata.list_judge import ListJudge, RowCriteria
from stockticker_async.marketdata.list_pages import ListPage, list_pages
from stockticker_async.marketdata.listings import OLDER_SPLITS, SPLITS, Listing
from stockticker_async.marketdata.responses import Missing, Refusal, RefusalReason
from stockticker_async.marketdata.rows import judge_tickers, stated
from stockticker_async.marketdata.splits import Split, ratio

MOST_SPLITS = 100_000
"""Of all tickers: the API has fewer than 50,000 since 1978. More would fill the memory, and every state."""


class _WireSplit(msgspec.Struct):
    ticker: str
    execution_date: str
    split_from: float
    split_to: float
    id: Any = None


class _SplitsPage(msgspec.Struct):
    results: list[_WireSplit] | msgspec.UnsetType | None = msgspec.UNSET
    next_url: str | None = None
    count: Any = None


async def splits(
    client: Client, names: Sequence[str], *, after: date, until: date
) -> Answer[list[Split]] | Refusal:
    """Return the splits of these tickers (none: of all) with ``after`` < day <= ``until``.

    An empty list is accepted at once: a caller that expects splits repeats the call. The moment is that of
    the first answer. Splits may be repeated; if the whole list is read, they are of any ticker. Raises
    `BadPageError`.
    """
    found: list[Split] = []
    moments: list[datetime] = []
    first = after + timedelta(days=1)
    firsts = dict.fromkeys(names, first) if names else Everything(first)
    for call in list_calls(SPLITS, firsts, last=until, end=until):
        part = await _split_pages(client, SPLITS, call)
        if isinstance(part, Missing) or (isinstance(part, Refusal) and part.why is RefusalReason.ENDPOINT):
            older = await _older_splits(client, call, until)
            # if both lists are missing, the reason is the plan, not the address
            part = part if isinstance(older, Missing) else older
        if isinstance(part, Missing):
            raise BadPageError("the API answered 404, as if it had no splits.")
        if isinstance(part, Refusal):
            return part
        found += part.value
        moments.append(part.moment)
    return Answer(found, moments[0])


async def _older_splits(
    client: Client, call: ListCall, until: date
) -> Answer[list[Split]] | Refusal | Missing:
    """Return the splits from the deprecated list, for plans and proxies without the new list."""
    parts = []
    names = call.names
    firsts = dict.fromkeys(names, call.first) if names else Everything(call.first)
    for older in list_calls(OLDER_SPLITS, firsts, last=until, end=until):
        part = await _split_pages(client, OLDER_SPLITS, older)
        if not isinstance(part, Answer):
            return part
        parts.append(part)
    return Answer([split for part in parts for split in part.value], parts[0].moment)


async def _split_pages(
    client: Client, listing: Listing, call: ListCall
) -> Answer[list[Split]] | Refusal | Missing:
    found: list[Split] = []
    moments: list[datetime] = []
    judge = ListJudge(call.criteria)
    decode = partial(_decode_splits, call.criteria, judge)
    found_pages = list_pages(
        client,
        call.path,
        at_once(decode),
        patience=SIDE_PATIENCE,
        may_be_empty=True,
        full_rows=listing.page_rows,
    )
    async with aclosing(found_pages) as answers:
        async for one in answers:
            if not isinstance(one, Answer):
                return one
            found += one.value.rows
            if len(found) > MOST_SPLITS:
                raise BadPageError(f"the API named more than {MOST_SPLITS:,} splits.")
            moments.append(one.moment)
            judge.accept()
    return Answer(found, moments[0])


def _decode_splits(criteria: RowCriteria, judge: ListJudge, body: bytes) -> ListPage[Split]:
    try:
        page = msgspec.json.decode(body, type=_SplitsPage)
        wire = page.results or []
        rows = [
            Split(row.ticker, date.fromisoformat(row.execution_date), ratio(row.split_to, row.split_from))
            for row in wire
        ]
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as fault:
        raise BadPageError("the splits are not of the published form.", detail=str(fault)) from fault
    # null would be taken for an empty list, that is, for withdrawn splits
    if not isinstance(page.results, list) and stated(page.count) != 0:
        raise BadPageError("the splits are not of the published form: without results.")
    for row in wire:
        judge_tickers([row.ticker], criteria.tickers)
    judge.judge(
        (row.execution_date for row in wire),
        ((str(one.id), split) for one, split in zip(wire, rows, strict=True)),
    )
    return ListPage(rows, page.next_url or None, len(rows), stated(page.count))
