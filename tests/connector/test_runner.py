"""What ends the program, and how: run in this process, with a pipe for stdout and a harmless death."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import oracle
import pytest

from stockticker_async.clock import Clock
from stockticker_async.connector import protocol
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.log import Mask
from stockticker_async.connector.runner import Operation, failing, prepared, run
from stockticker_async.errors import ConfigError, ConnectorError, OutputError, TransientError

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
    async def operation(shell: CommandContext) -> int:
        await shell.output.put(LINE)
        return 7

    assert program(operation) == 7
    assert program.stdout == LINE
    assert program.deaths == []


def test_an_error_of_ours_is_told_once_with_the_secrets_masked(program: Program) -> None:
    async def operation(_: CommandContext) -> int:
        raise ConfigError(f"no such field: {KEY}", detail=f"seen: {KEY}")

    assert program(operation) == 1
    [message] = oracle.messages(program.stdout)
    error = message["trace"]["error"]
    assert error["message"] == "no such field: ****"
    assert error["internal_message"] == "seen: ****"
    assert error["failure_type"] == "config_error"


def test_what_nobody_foresaw_is_told_as_our_bug_with_its_trace(program: Program) -> None:
    async def operation(_: CommandContext) -> int:
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


def test_errors_of_ours_in_groups_of_tasks_are_told_each_once(program: Program) -> None:
    wrong, gone = ConfigError("no such field"), TransientError("no network")
    inner = ExceptionGroup("inner", [gone, ConfigError("no such field")])
    assert program(failing(ExceptionGroup("outer", [wrong, inner]))) == 1
    told = [message["trace"]["error"] for message in oracle.messages(program.stdout)]
    assert [(one["message"], one["failure_type"]) for one in told] == [
        ("no such field", "config_error"),
        ("no network", "transient_error"),
    ]
    assert all("stack_trace" not in one for one in told)


def test_a_bug_among_errors_of_ours_is_told_with_its_trace(program: Program) -> None:
    errors = [ConfigError("no such field"), ExceptionGroup("inner", [KeyError("x")])]
    assert program(failing(ExceptionGroup("outer", errors))) == 1
    [message] = oracle.messages(program.stdout)
    assert message["trace"]["error"]["internal_message"] == "KeyError"
    assert "no such field" in message["trace"]["error"]["stack_trace"]


@pytest.mark.parametrize(
    "error", [MemoryError(), ExceptionGroup("some", [ConnectorError("a page"), MemoryError()])]
)
@pytest.mark.fault("memory exhausted")
def test_memory_that_ends_is_told_in_plain_words(program: Program, error: Exception) -> None:
    assert program(failing(error)) == 1
    [message] = oracle.messages(program.stdout)
    assert message["trace"]["error"]["message"].startswith("The memory ran out.")
    assert "stack_trace" not in message["trace"]["error"]


def test_what_cannot_be_prepared_is_told_like_any_other_error(program: Program) -> None:
    def broken() -> Operation:
        raise RecursionError("too deep")

    assert program(prepared(broken)) == 1
    [message] = oracle.messages(program.stdout)
    assert message["trace"]["error"]["internal_message"] == "RecursionError"
    assert "broken" in message["trace"]["error"]["stack_trace"]


@pytest.mark.fault("no file descriptors")
def test_an_output_that_cannot_be_opened_is_told_on_stderr() -> None:
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (7, 7)); "
    code += "from stockticker_async.connector.cli import main; sys.exit(main(['spec']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr == b"The program cannot run: OSError: [Errno 24] Too many open files\n"


@pytest.mark.fault("SIGINT after the end of the work")
def test_a_late_interrupt_ends_it_without_a_traceback(program: Program) -> None:
    async def operation(_: CommandContext) -> int:
        # as if it came when the loop does not mind the signals any more
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)
        return 0

    program(operation)
    assert program.deaths[-1] is signal.SIGINT


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
def test_whatever_minded_the_interrupt_before_minds_it_afterwards(
    program: Program, handler: signal.Handlers
) -> None:
    before = signal.signal(signal.SIGINT, handler)
    try:
        assert program(_nothing) == 0
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


async def _nothing(_: CommandContext) -> int:
    return 0


@pytest.mark.fault("ignored signals")
def test_a_signal_that_is_ignored_stays_so(program: Program) -> None:
    async def operation(shell: CommandContext) -> int:
        for signum in (signal.SIGHUP, signal.SIGINT):
            signal.raise_signal(signum)
        await anyio.lowlevel.checkpoint()
        await shell.output.put(LINE)
        return 7

    before = [(one, signal.signal(one, signal.SIG_IGN)) for one in (signal.SIGHUP, signal.SIGINT)]
    try:
        assert program(operation) == 7
    finally:
        for signum, handler in before:
            signal.signal(signum, handler)
    assert program.deaths == []
    assert program.stdout == LINE


@pytest.mark.parametrize("error", [OutputError("full"), ConfigError("told too late"), ValueError("a bug")])
def test_a_full_disk_is_told_on_stderr_whatever_was_to_be_said(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    async def operation(shell: CommandContext) -> int:
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
    async def operation(shell: CommandContext) -> int:
        await shell.output.put(LINE)
        return 0

    monkeypatch.setattr("sys.stderr", None)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        assert run(operation, clock=Clock(), mask=Mask(), descriptor=full) == 1
    finally:
        os.close(full)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_cancels_and_lets_the_operation_write_its_last_words(
    program: Program, signum: signal.Signals
) -> None:
    async def operation(shell: CommandContext) -> int:
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
    async def operation(_: CommandContext) -> int:
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
    async def operation(shell: CommandContext) -> int:
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
    async def operation(shell: CommandContext) -> int:
        program.close_reader()
        while not program.deaths:
            await anyio.lowlevel.checkpoint()
        with pytest.raises(OutputError):
            await shell.output.put(LINE)
        return 0

    program(operation)
    assert program.deaths == [signal.SIGPIPE]


def test_the_tests_themselves_run_where_signals_are_ignored() -> None:
    """As under `nohup`: what they send would arrive nowhere."""
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', *sys.argv[1:]]\n"
        "os.execv(sys.executable, command)"
    )
    chosen = f"{__file__}::test_a_signal_cancels_and_lets_the_operation_write_its_last_words"
    done = subprocess.run([sys.executable, "-c", code, chosen], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout.decode()
