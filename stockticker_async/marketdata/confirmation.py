"""Repeats calls whose answers lack expected data, and accepts an answer when two agree.

An empty or short answer may be true: a ticker did not trade, or a year has no split. It may also be a passing
fault of the API, and then a cursor would pass days that were never read. One answer cannot show the
difference. So an answer without expected data that would move a cursor, end a list or make a ticker unknown
is accepted only after a second answer agrees.
"""

from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeVar

import msgspec

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.client import BODY_TRIES, Answer
from stockticker_async.marketdata.responses import Missing, Refusal, RefusalReason

T = TypeVar("T")


class Held(msgspec.Struct, frozen=True):
    """What an answer has, and a later answer to the same request must have, too."""

    rows: int
    names: frozenset[Hashable] = frozenset()
    """Times, days or tickers of the rows, where these are known."""
    every_row: bool = True
    """Whether the names stand for each single row. Intraday bars have only their days."""

    def lacks(self, other: "Held") -> bool:
        """Whether the other answer has rows that this one does not have."""
        return self.rows < other.rows or not other.names <= self.names


class Doubt:
    """The incomplete answers to one request so far."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, Held | None] = {}

    def settles(self, lacking: Hashable | None, held: Callable[[], Held] | None = None) -> bool:
        """Whether an answer is accepted; if not, the call is repeated.

        ``lacking`` is None for a complete answer, else the value in which two answers must agree. An answer
        that seems complete is doubtful, too, if it lacks rows of an earlier one, or if its names cannot show
        that it has them all: ``held`` returns its rows.
        Raises `BadPageError` when all of `BODY_TRIES` answers differ.
        """
        if lacking is None and self._seen and held is not None:
            has = held()
            earlier = [seen for seen in self._seen.values() if seen is not None]
            unknown = not has.every_row and any(seen.rows for seen in earlier)
            if unknown or any(has.lacks(seen) for seen in earlier):
                lacking = has
        if lacking is None or lacking in self._seen:
            return True
        self._seen[lacking] = None if held is None else held()
        if len(self._seen) == BODY_TRIES:
            raise BadPageError("each repeated answer of the API left out something different.")
        return False


@asynccontextmanager
async def asked_twice(
    ask: Callable[[], AbstractAsyncContextManager[Answer[T] | Refusal | Missing]],
    lacks: Callable[[Answer[T]], Hashable | None],
    doubt: Doubt | None = None,
    *,
    held: Callable[[Answer[T]], Held] | None = None,
    confirmed: set[RefusalReason] | None = None,
) -> AsyncGenerator[Answer[T] | Refusal | Missing]:
    """Yield the first complete answer, or an answer that two calls agree on. A 404 lacks everything.

    The answer counts in the budget during the body, as in `Client.asked`. ``lacks`` returns the argument of
    `Doubt.settles`, ``held`` what a later answer must have, too; ``doubt`` has the earlier doubtful answers.
    The first refusal of the plan for a reason that is not among those ``confirmed`` yet is repeated as well.
    Raises `BadPageError` if no two answers agree.
    """
    doubt = doubt or Doubt()
    while True:
        async with ask() as found:
            match found:
                case Answer():
                    settled = doubt.settles(lacks(found), None if held is None else partial(held, found))
                case Missing(no_route):
                    settled = doubt.settles((Missing, no_route))
                case Refusal(why):
                    settled = confirmed is None or why in confirmed
                    if confirmed is not None:
                        confirmed.add(why)
            if settled:
                yield found
                return
        del found  # the repeated answer may be as large
