"""When the calls of a sync may begin: what a client asks of whoever takes the rows."""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol


class Pace(Protocol):
    """One sync's. Its jobs are begun in the order in which they were planned, and carried out together."""

    def job(self) -> AbstractAsyncContextManager[None]:
        """The statement is one job, whose number is the order of these calls; it never waits."""

    def call(self, expected_bytes: int) -> AbstractAsyncContextManager[None]:
        """The statement is one call, which begins when its answer is wanted.

        It may wait long, so whoever begins it must not have the turn of an answer.
        """


class AtOnce:
    """Every call may begin. Implements `Pace`."""

    def job(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    def call(self, _: int) -> AbstractAsyncContextManager[None]:
        return nullcontext()


AT_ONCE = AtOnce()
