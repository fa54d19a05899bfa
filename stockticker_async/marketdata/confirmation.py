"""Repeats calls whose answers lack expected data, and accepts an answer when two agree.

An empty or short answer may be true: a ticker did not trade, or a year has no split. It may also be a passing
fault of the API, and then a cursor would pass days that were never read. One answer cannot show the
difference. So an answer without expected data that would move a cursor, end a list or make a ticker unknown
is accepted only after a second answer agrees.
"""

from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.client import BODY_TRIES, Answer
from stockticker_async.marketdata.responses import Missing, Refusal

T = TypeVar("T")


class Doubt:
    """The incomplete answers to one request so far."""

    def __init__(self) -> None:
        self._seen: set[Hashable] = set()

    def settles(self, lacking: Hashable | None) -> bool:
        """Whether an answer is accepted; if not, the call is repeated.

        ``lacking`` is None for a complete answer, else the value in which two answers must agree. Raises
        `BadPageError` when all of `BODY_TRIES` answers differ.
        """
        if lacking is None or lacking in self._seen:
            return True
        self._seen.add(lacking)
        if len(self._seen) == BODY_TRIES:
            raise BadPageError("each repeated answer of the API left out something different.")
        return False


@asynccontextmanager
async def asked_twice(
    ask: Callable[[], AbstractAsyncContextManager[Answer[T] | Refusal | Missing]],
    lacks: Callable[[Answer[T]], Hashable | None],
    doubt: Doubt | None = None,
) -> AsyncGenerator[Answer[T] | Refusal | Missing]:
    """Yield the first complete answer, or an answer that two calls agree on. A 404 lacks everything.

    The answer counts in the budget during the body, as in `Client.asked`. ``lacks`` returns the argument of
    `Doubt.settles`; ``doubt`` has the earlier doubtful answers. Raises `BadPageError` if no two answers
    agree.
    """
    doubt = doubt or Doubt()
    while True:
        async with ask() as found:
            match found:
                case Answer():
                    settled = doubt.settles(lacks(found))
                case Missing(no_route):
                    settled = doubt.settles((Missing, no_route))
                case Refusal():
                    settled = True
            if settled:
                yield found
                return
