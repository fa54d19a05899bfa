"""Answers that leave something out: asked again, and believed once two agree.

An answer may be empty, or shorter than the one before it, and be the truth: a ticker that did not trade, a
year without a split. It may as well be a moment's fault of the API, after which a cursor would pass what
was never read. Nobody can tell the two from one answer. So whatever would let a cursor pass, end a list, or
make a ticker unknown, and lacks what could be expected, is no answer until another one says the same.
"""

from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.client import BODY_TRIES, Answer
from stockticker_async.marketdata.responses import Missing, Refusal

T = TypeVar("T")


class Doubt:
    """The answers to one question so far."""

    def __init__(self) -> None:
        self._seen: set[Hashable] = set()

    def settles(self, lacking: Hashable | None) -> bool:
        """Whether an answer may be used; if not, it is asked for again.

        ``lacking`` is None for an answer that lacks nothing, else what two answers must have in common.
        Raises `BadPageError` when every answer lacked something else.
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
    """What is asked for, once it lacks nothing, or two answers agree; a 404 is an answer that lacks all.

    It is counted for the body of the statement, as in `Client.asked`. ``lacks`` is as in `Doubt.settles`;
    ``doubt`` holds the answers that the caller has doubted before. Raises `BadPageError` where no two agree.
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
