"""The lists of splits as they can be asked: the sandbox takes what is said of each, and answers by it."""

import json
from datetime import date
from urllib.parse import urlencode

import pytest
from asking import sandbox
from loopback import client

from stockticker_async.marketdata.client import Answer
from stockticker_async.marketdata.listings import OLDER_SPLITS, SPLITS, Listing

SINCE = date(2014, 1, 1)
BOTH = pytest.mark.parametrize("listing", [SPLITS, OLDER_SPLITS], ids=["new", "older"])


async def answered(listing: Listing, **query: str) -> list[dict[str, object]]:
    told = {"limit": str(listing.page_rows), **listing.query, **query}
    async with sandbox() as served, client(served.url) as opened:
        found = await opened.get(f"{listing.path}?{urlencode(told)}", json.loads)
        assert isinstance(found, Answer)
        rows: list[dict[str, object]] = found.value["results"]
        return rows


@BOTH
async def test_the_list_comes_from_the_day_asked_on_in_the_order_of_that_field(listing: Listing) -> None:
    assert listing.since is not None
    whole = [str(row[listing.since]) for row in await answered(listing)]
    days = [
        str(row[listing.since]) for row in await answered(listing, **{f"{listing.since}.gte": str(SINCE)})
    ]
    assert days == sorted(days) == [day for day in sorted(whole) if day >= str(SINCE)]
    assert 0 < len(days) < len(whole)


async def test_the_new_list_is_filtered_by_many_tickers_and_the_older_one_by_one() -> None:
    many = await answered(SPLITS, **{"ticker.any_of": "TSLA,AAPL"})
    assert {row["ticker"] for row in many} == {"TSLA", "AAPL"}
    (one,) = {str(row["ticker"]) for row in await answered(OLDER_SPLITS, ticker="TSLA")}
    assert one == "TSLA"
    assert (SPLITS.filters, OLDER_SPLITS.filters) == ("any_of", "one")


async def test_both_lists_have_the_same_splits_of_a_ticker() -> None:

    def told(rows: list[dict[str, object]]) -> list[tuple[object, ...]]:
        return [(row["execution_date"], row["split_from"], row["split_to"]) for row in rows]

    new = await answered(SPLITS, **{"ticker.any_of": "AAPL"})
    older = await answered(OLDER_SPLITS, ticker="AAPL")
    assert told(new) == told(older)
    assert new
    assert SPLITS.older is OLDER_SPLITS
