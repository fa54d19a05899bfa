"""Calls at the same time: what fails alone, and what ends them all."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

import anyio.lowlevel
import pytest

from stockticker_async.errors import BadPageError, ConfigError, ConnectorError, OutputError, TransientError
from stockticker_async.sync.workers import carry_out


class Errand:
    """Ten jobs, of which some fail."""

    def __init__(self, faults: dict[int, ConnectorError], *, answering: bool = True) -> None:
        self.done: list[int] = []
        self.failed: list[tuple[int, ConnectorError]] = []
        self._faults = faults
        self._answers = 0
        self._answering = answering

    async def run(self, at_once: int = 3) -> None:
        def note(job: int, error: ConnectorError) -> None:
            self.failed.append((job, error))

        await carry_out(
            iter(range(10)), self._do, at_once=at_once, answers=lambda: self._answers, failed=note
        )

    async def _do(self, job: int) -> None:
        await anyio.lowlevel.checkpoint()
        if job in self._faults:
            raise self._faults[job]
        self._answers += self._answering
        self.done.append(job)


@pytest.mark.parametrize(
    "error", [BadPageError("no page"), TransientError("no answer"), ConnectorError("ours")]
)
async def test_what_fails_alone_keeps_no_other_from_being_done(error: ConnectorError) -> None:
    errand = Errand({4: error})
    await errand.run()
    assert sorted(errand.done) == [job for job in range(10) if job != 4]
    assert errand.failed == [(4, error)]


async def test_a_failure_that_is_kept_holds_neither_frames_nor_causes() -> None:
    error = BadPageError("no page")
    error.__cause__ = error.__context__ = ValueError("with the whole body")
    errand = Errand({4: error})
    await errand.run()
    ((_, kept),) = errand.failed
    assert (kept.__traceback__, kept.__cause__, kept.__context__) == (None, None, None)


@pytest.mark.parametrize("error", [ConfigError("the key"), OutputError("the disk")])
async def test_what_would_meet_every_job_ends_them(error: ConnectorError) -> None:
    errand = Errand({0: error, 1: error})
    with pytest.raises(type(error)) as caught:
        await errand.run()
    assert caught.value is error
    assert len(errand.done) < 8
    assert errand.failed == []


async def test_when_nothing_is_answered_it_is_an_outage() -> None:
    errand = Errand({job: TransientError(f"{job}") for job in range(10)})
    with pytest.raises(TransientError):
        await errand.run(at_once=3)
    assert errand.failed == [], "an outage is told once"


async def test_jobs_given_up_between_answers_fail_alone() -> None:
    errand = Errand({job: TransientError(f"{job}") for job in (0, 1, 5, 6, 9)})
    await errand.run(at_once=2)
    assert [job for job, _ in errand.failed] == [0, 1, 5, 6, 9]


class Noted:
    """Notes which jobs are under way. Implements `Pace`."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    @asynccontextmanager
    async def job(self) -> AsyncIterator[None]:
        self.begun += 1
        try:
            yield
        finally:
            self.ended += 1

    def call(self, _: int) -> AbstractAsyncContextManager[None]:
        return nullcontext()


async def test_a_job_begins_and_ends_in_its_pace_in_the_order_of_the_jobs() -> None:
    pace, numbers = Noted(), list[tuple[int, int]]()

    async def work(job: int) -> None:
        numbers.append((job, pace.begun))
        await anyio.lowlevel.checkpoint()
        if job == 4:
            raise BadPageError("no page")

    failed = list[int]()
    await carry_out(
        iter(range(10)),
        work,
        at_once=3,
        answers=int,
        failed=lambda job, _: failed.append(job),
        pace=pace,
    )
    assert numbers == [(job, job + 1) for job in range(10)]
    assert (pace.begun, pace.ended, failed) == (10, 10, [4])
