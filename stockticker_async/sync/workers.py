"""Carries out calls at the same time: what goes wrong with one is noted, what would with all ends them."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, TypeVar

import anyio

from stockticker_async.errors import BadPageError, ConfigError, ConnectorError, OutputError, TransientError
from stockticker_async.marketdata.pace import AT_ONCE, Pace

J = TypeVar("J")
Failed = Callable[[J, ConnectorError], None]


async def carry_out(
    jobs: Iterator[J],
    work: Callable[[J], Awaitable[None]],
    *,
    at_once: int,
    answers: Callable[[], int],
    failed: Failed[J],
    pace: Pace = AT_ONCE,
) -> None:
    """Do the jobs in their order, ``at_once`` at a time; ``failed`` hears of those that fail alone.

    ``answers`` counts what the API answers: it tells a job without an answer from an outage. Raises the
    first `ConnectorError` that would meet every other job, too (a wrong key, an outage, a closed output),
    after the others were cancelled.
    """
    ends = _Ends(at_once, answers, failed)

    async def worker() -> None:
        for job in jobs:
            async with pace.job():
                try:
                    await work(job)
                except ConnectorError as error:
                    _let_go(error)
                    if ends.judge(job, error):
                        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for _ in range(at_once):
            group.start_soon(worker)
    ends.tell()


def _let_go(error: BaseException | None) -> None:
    """Drop the tracebacks: errors are kept until a stream ends, and these would keep whole bodies."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


class _Ends(Generic[J]):
    """How jobs ended that failed, and whether that ends the others."""

    def __init__(self, at_once: int, answers: Callable[[], int], failed: Failed[J]) -> None:
        self._at_once = at_once
        self._answers = answers
        self._failed = failed
        self._fatal: ConnectorError | None = None
        self._answered = -1
        self._unanswered: list[tuple[J, TransientError]] = []
        """Jobs that were given up without an answer, since the last answer to another one."""

    def judge(self, job: J, error: ConnectorError) -> bool:
        """Whether the error would meet every other job, too."""
        match error:
            case ConfigError() | OutputError():
                self._fatal = self._fatal or error
            case TransientError() if not isinstance(error, BadPageError):
                self._give_up(job, error)
            case _:
                self._failed(job, error)
        return self._fatal is not None

    def _give_up(self, job: J, error: TransientError) -> None:
        """Every worker may be held up by its own job: it is an outage once one has tried another in vain."""
        if self._answers() != self._answered:
            self._answered = self._answers()
            self._tell_unanswered()
        self._unanswered.append((job, error))
        if len(self._unanswered) > self._at_once:
            self._fatal = self._fatal or error

    def _tell_unanswered(self) -> None:
        for job, error in self._unanswered:
            self._failed(job, error)
        self._unanswered.clear()

    def tell(self) -> None:
        """Note the jobs without an answer, unless an outage says so of all. Raises what is fatal."""
        if not isinstance(self._fatal, TransientError):
            self._tell_unanswered()
        if self._fatal is not None:
            raise self._fatal
