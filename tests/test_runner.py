"""What ends the program, and how: run in this process, with a pipe for stdout and a harmless death."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import oracle
import pytest

from stockticker_async import protocol
from stockticker_async.clock import Clock
from stockticker_async.errors import ConfigError, OutputError
from stockticker_async.log import Mask
from stockticker_async.runner import Operation, run
from stockticker_async.shell import Shell

LINE = protocol.log("INFO", "a line")
KEY = "marked-key"


@dataclass
class Program:
    """Runs operations; ``deaths`` are the signals that it would have died of."""

    reader: int
    writer: int
    deaths: list[signal.Signals] = field(default_factory=list)

    def __call__(self, operation: Operation, *, flush: float = 60.0) -> int:
        mask = Mask()
        mask.add(KEY)
        return run(
            operation, clock=Clock(), mask=mask, descriptor=self.writer, flush=flush, die=self.deaths.append
        )

    @property
    def stdout(self) -> bytes:
        return os.read(self.reader, 1_000_000)

    def close_reader(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)
        self.reader = -1


@pytest.fixture
def program() -> Iterator[Program]:
    made = Program(*os.pipe())
    try:
        yield made
    finally:
        os.close(made.writer)
        made.close_reader()


def test_the_exit_code_is_the_operation_s_once_all_is_written(program: Program) -> None:
    async def operation(shell: Shell) -> int:
        await shell.output.put(LINE)
        return 7

    assert program(operation) == 7
    assert program.stdout == LINE
    assert program.deaths == []


def test_an_error_of_ours_is_told_once_with_the_secrets_masked(program: Program) -> None:
    async def operation(_: Shell) -> int:
        raise ConfigError(f"no such field: {KEY}", detail=f"seen: {KEY}")

    assert program(operation) == 1
    [message] = oracle.messages(program.stdout)
    error = message["trace"]["error"]
    assert error["message"] == "no such field: ****"
    assert error["internal_message"] == "seen: ****"
    assert error["failure_type"] == "config_error"


def test_what_nobody_foresaw_is_told_as_our_bug_with_its_trace(program: Program) -> None:
    async def operation(_: Shell) -> int:
        async with anyio.create_task_group() as group:
            group.start_soon(_fail)
        return 0

    assert program(operation) == 1
    [message] = oracle.messages(program.stdout)
    error = message["trace"]["error"]
    assert error["failure_type"] == "system_error"
    assert error["internal_message"] == "ZeroDivisionError"
    assert "_fail" in error["stack_trace"]
    assert KEY not in error["stack_trace"]


async def _fail() -> None:
    raise ZeroDivisionError(KEY)


@pytest.mark.parametrize("error", [OutputError("full"), ConfigError("told too late"), ValueError("a bug")])
def test_a_full_disk_is_told_on_stderr_whatever_was_to_be_said(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    async def operation(shell: Shell) -> int:
        await shell.output.put(LINE)
        with pytest.raises(OutputError):
            await shell.output.drain()
        raise error

    full = os.open("/dev/full", os.O_WRONLY)
    try:
        assert run(operation, clock=Clock(), mask=Mask(), descriptor=full) == 1
    finally:
        os.close(full)
    assert capsys.readouterr().err.count("\n") == 1


def test_a_full_disk_without_a_stderr_is_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    async def operation(shell: Shell) -> int:
        await shell.output.put(LINE)
        return 0

    monkeypatch.setattr("sys.stderr", None)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        assert run(operation, clock=Clock(), mask=Mask(), descriptor=full) == 1
    finally:
        os.close(full)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_and_lets_the_operation_write_its_last_words(
    program: Program, signum: signal.Signals
) -> None:
    async def operation(shell: Shell) -> int:
        os.kill(os.getpid(), signum)
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await shell.output.put(LINE)
        return 0

    program(operation)
    assert program.stdout == LINE
    assert program.deaths == [signum]


def test_a_second_signal_ends_it_at_once(program: Program) -> None:
    async def operation(_: Shell) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                os.kill(os.getpid(), signal.SIGINT)
                while not program.deaths:
                    await anyio.lowlevel.checkpoint()
        return 0

    program(operation)
    assert program.deaths[0] is signal.SIGINT


def test_a_reader_that_has_stopped_reading_does_not_keep_it_alive(program: Program) -> None:
    async def operation(shell: Shell) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await shell.output.put(LINE * 10_000)  # more than the pipe takes
                while not program.deaths:
                    await anyio.lowlevel.checkpoint()
                program.close_reader()  # a death that is harmless leaves a writer behind
        return 0

    program(operation, flush=0.01)
    assert program.deaths[0] is signal.SIGTERM


def test_a_reader_that_leaves_is_the_end(program: Program) -> None:
    async def operation(shell: Shell) -> int:
        program.close_reader()
        while not program.deaths:
            await anyio.lowlevel.checkpoint()
        with pytest.raises(OutputError):
            await shell.output.put(LINE)
        return 0

    program(operation)
    assert program.deaths == [signal.SIGPIPE]
