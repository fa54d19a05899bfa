"""Reads the pages of a list of the API."""

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from stockticker_async.errors import BadPageError, ConfigError, ConnectorError
from stockticker_async.marketdata.call_limits import EMPTY_PAGES, PAGES
from stockticker_async.marketdata.client import Answer, Client
from stockticker_async.marketdata.confirmation import Held, asked_twice
from stockticker_async.marketdata.responses import Missing, Refusal, RefusalReason

T = TypeVar("T")


class ListPage(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list."""

    rows: Sequence[T]
    next_url: str | None
    count: int
    """The number of the API's rows: a row may become several of ours, or none."""
    stated: int | None
    """The number of rows that the page states; None if it states none."""

    @property
    def lacks(self) -> bool:
        """Whether rows may be missing: the page is empty, or has another number of rows than it states."""
        return not self.count or self.stated not in (None, self.count)


async def list_pages(
    client: Client,
    path: str,
    read: Callable[[bytes], Awaitable[ListPage[T]]],
    *,
    expected_bytes: int = 65_536,
    patience: float = math.inf,
    may_be_empty: bool = False,
    confirmed: set[RefusalReason] | None = None,
    full_rows: int | None = None,
) -> AsyncGenerator[Answer[ListPage[T]] | Refusal | Missing, None]:
    """Yield the pages of a list from a path on, read with ``read``. A refusal or a 404 ends them.

    An incomplete page and a 404 are requested again: see `Doubt`. With ``may_be_empty`` an empty first page
    is complete, and the caller may doubt it. ``confirmed`` is as in `asked_twice`. A last page with
    ``full_rows``, the limit of the call, is requested again, too: it looks like a page that lost its
    ``next_url``. A page is in the budget until the next page is requested, and has the turn: the caller must
    not make a call before that. Raises `BadPageError` for an unusable page; earlier pages stay valid.
    """
    url, walk = client.url_of(path), PageWalk()
    while True:
        walk.turn_to(url)
        ask = partial(client.asked, url, read, expected_bytes=expected_bytes, patience=patience)
        may_be_empty = may_be_empty and walk.pages == 1
        lacks = partial(_list_lacks, may_be_empty=may_be_empty, full_rows=full_rows)
        async with asked_twice(ask, lacks, held=_held, confirmed=confirmed) as found:
            yield found
            next_url = None
            if isinstance(found, Answer):
                next_url = found.value.next_url
                walk.had(found.value.count)
        del found
        if next_url is None:
            return
        url = client.next_target(next_url)


def _list_lacks(
    answer: Answer[ListPage[Any]], *, may_be_empty: bool, full_rows: int | None
) -> Hashable | None:
    page = answer.value
    is_cut = page.next_url is None and page.count == full_rows
    is_empty = may_be_empty and not page.count and not page.stated
    if is_empty or not (page.lacks or is_cut):
        return None
    return page.count, page.stated, page.next_url is None


def _held(answer: Answer[ListPage[Any]]) -> Held:
    return Held(answer.value.count)


class PageWalk:
    """The pages of one request, from ``next_url`` to ``next_url``: they have an end."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        """A hash of each URL: 10,000 URLs may take 160 MB."""
        self._empty = 0

    @property
    def pages(self) -> int:
        """The number of pages that were requested."""
        return len(self._seen)

    def turn_to(self, url: str) -> None:
        """Note that a page is requested. Raises `BadPageError` for a repeated one and after `PAGES` pages."""
        if hash(url) in self._seen or len(self._seen) == PAGES:
            raise BadPageError("the API's pages repeat without end.")
        self._seen.add(hash(url))

    def had(self, rows: int) -> None:
        """Note the rows of the page. Raises `BadPageError` after `EMPTY_PAGES` pages in a row without any."""
        self._empty = 0 if rows else self._empty + 1
        if self._empty == EMPTY_PAGES:
            raise BadPageError(f"the API gave {EMPTY_PAGES} pages in a row without rows.")


def no_answer(client: Client, missing: Missing) -> ConnectorError:
    """Return the error for a 404 to a request that always has an answer."""
    if missing.no_route and not client.found_any:
        return ConfigError(
            "There is no such API at this address (404). Check base_url, which is rarely needed."
        )
    return BadPageError("the API answered 404 where it always has an answer.")
