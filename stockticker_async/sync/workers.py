"""Works on items concurrently: an error of one item is noted, an error that concerns all items ends them."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, TypeVar

import anyio

from stockticker_async.errors import BadPageError, ConfigError, ConnectorError, OutputError, TransientError
from stockticker_async.marketdata.pace import AT_ONCE, Pace

T = TypeVar("T")
Failed = Callable[[T, ConnectorError], None]


async def carry_out(
    items: Iterator[T],
    work: Callable[[T], Awaitable[None]],
    *,
    at_once: int,
    answers: Callable[[], int],
    failed: Failed[T],
    pace: Pace = AT_ONCE,
) -> None:
    """Work on the items in order, ``at_once`` at a time; ``failed`` gets the error of a single item.

    ``answers`` returns the number of answers of the API so far, to distinguish an unanswered item from an
    outage. Raises the first `ConnectorError` that concerns all items (a wrong key, an outage, a closed
    output), after the other workers were cancelled.
    """
    failures = _FailureJudge(at_once, answers, failed)

    async def worker() -> None:
        for item in items:
            async with pace.job():
                try:
                    await work(item)
                except ConnectorError as error:
                    _drop_history(error)
                    if failures.judge(item, error):
                        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for _ in range(at_once):
            group.start_soon(worker)
    failures.finish()


def _drop_history(error: ConnectorError) -> None:
    """Remove the traceback and the causes: kept until the stream ends, they would keep whole bodies.

    A traceback has the variables of its frames, and an error of a JSON decoder has the text.
    """
    error.__traceback__ = error.__cause__ = error.__context__ = None


class _FailureJudge(Generic[T]):
    """Decides whether an error concerns a single item or all items."""

    def __init__(self, at_once: int, answers: Callable[[], int], failed: Failed[T]) -> None:
        self._at_once = at_once
        self._answers = answers
        self._failed = failed
        self._fatal: ConnectorError | None = None
        self._answered = -1
        self._unanswered: list[tuple[T, TransientError]] = []
        """Items that were given up without an answer, since the last answer of the API."""

    def judge(self, item: T, error: ConnectorError) -> bool:
        """Note an error. Returns whether it ends all items."""
        match error:
            case ConfigError() | OutputError():
                self._fatal = self._fatal or error
            case TransientError() if not isinstance(error, BadPageError):
                self._give_up(item, error)
            case _:
                self._failed(item, error)
        return self._fatal is not None

    def _give_up(self, item: T, error: TransientError) -> None:
        """More unanswered items than workers are an outage: some worker failed with two items."""
        if self._answers() != self._answered:
            self._answered = self._answers()
            self._note_unanswered()
        self._unanswered.append((item, error))
        if len(self._unanswered) > self._at_once:
            self._fatal = self._fatal or error

    def _note_unanswered(self) -> None:
        for item, error in self._unanswered:
            self._failed(item, error)
        self._unanswered.clear()

    def finish(self) -> None:
        """Note the unanswered items, unless there is an outage. Raises the error that ended all items."""
        if not isinstance(self._fatal, TransientError):
            self._note_unanswered()
        if self._fatal is not None:
            raise self._fatal
