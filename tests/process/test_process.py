"""The program among other processes: readers of every kind, signals, poor machines, strange clocks."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import oracle
import orjson
import pytest
from program import (
    KEY,
    PROGRAM,
    ROOT,
    Finished,
    arguments_of_read,
    run,
    run_here,
    sandbox,
    send_until_it_dies,
)

from stockticker_async.clock import Clock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="unshare, /proc and RLIMIT_AS are Linux's")

DAYS = {"start_date": "2020-12-15", "end_date": "2020-12-21"}
LONG = {
    "stock_ticker": "TSLA,AAPL,NVDA,MSFT,AMZN,F,GE,IBM",
    "start_date": "2004-01-02",
    "end_date": "2020-12-21",
}
"""16 MB of lines, more than the output and a pipe hold: such a sync lasts as long as its reader."""
NOBODY = 65534


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with sandbox("--clock", "2020-12-22") as address:
        yield address


@pytest.fixture
def config(url: str) -> dict[str, Any]:
    return {"stock_ticker": "TSLA", "api_key": KEY, "base_url": url, **DAYS}


@pytest.fixture
def read(config: dict[str, Any], tmp_path: Path) -> list[str]:
    """The arguments of a short read."""
    return arguments_of_read(tmp_path, config)


@pytest.fixture
def long_read(config: dict[str, Any], tmp_path: Path) -> list[str]:
    folder = tmp_path / "long"
    folder.mkdir()
    return arguments_of_read(folder, {**config, **LONG})


def is_whole(stdout: bytes) -> None:
    """The five days of both streams, and nothing else."""
    done = Finished(0, stdout, b"")
    assert len(done.records) == 10
    assert done.statuses[-2:] == [("stock_prices", "COMPLETE"), ("stock_bars", "COMPLETE")]


def started(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def rest(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    return process.communicate(timeout=60)


# Readers


@pytest.mark.fault("slow reader")
def test_a_slow_reader_gets_every_line(long_read: list[str]) -> None:
    with started(long_read) as process:
        assert process.stdout is not None
        found = bytearray()
        while some := os.read(process.stdout.fileno(), 50_000):
            found += some
        assert process.wait(timeout=60) == 0
    done = Finished(0, bytes(found), b"")
    told = sum(message["state"]["sourceStats"]["recordCount"] for message in done.of("STATE"))
    assert found.count(b'{"type":"RECORD"') == told > 2 * 8 * 4000
    assert done.statuses[-1] == ("stock_bars", "COMPLETE")


@pytest.mark.fault("non-blocking pipe")
def test_a_pipe_that_does_not_block_gets_every_line(read: list[str]) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        process = subprocess.Popen([*PROGRAM, *read], stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            stdout = file.read()
    finally:
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        process.stderr.close()
    is_whole(stdout)


@pytest.mark.fault("reader leaves")
def test_head_ends_it_without_a_word(long_read: list[str]) -> None:
    line = f'{" ".join(PROGRAM)} {" ".join(long_read)} | head -n 3; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["/bin/bash", "-c", line], capture_output=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == b"%d" % (128 + signal.SIGPIPE)
    assert done.stderr == b""
    assert len(oracle.messages(b"".join(done.stdout.splitlines(keepends=True)[:-1]))) == 3


# Signals


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.fault("signal before the first line")
def test_a_signal_before_the_first_line_kills_without_a_traceback(
    signum: signal.Signals, tmp_path: Path
) -> None:
    fifo = tmp_path / "config.json"
    os.mkfifo(fifo)
    with started(["check", "--config", str(fifo)]) as process:
        writer = os.open(fifo, os.O_WRONLY)  # returns when the program has opened it
        process.send_signal(signum)
        stdout, stderr = rest(process)
        os.close(writer)
    assert process.returncode == -signum
    assert (stdout, stderr) == (b"", b"")


GO_ON = b"Stopped before the end. Go on with --state and the output of this run.\n"


@pytest.mark.fault("SIGINT twice")
def test_one_interrupt_flushes_and_two_kill(long_read: list[str]) -> None:
    with started(long_read) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        stdout, stderr = rest(process)
    assert process.returncode == -signal.SIGINT
    assert stderr == GO_ON
    assert Finished(0, stdout, b"").statuses[-2:] == [
        ("stock_prices", "INCOMPLETE"),
        ("stock_bars", "INCOMPLETE"),
    ]
    with started(long_read) as process:
        assert process.stdout is not None
        process.stdout.readline()
        # nobody reads: the first alone would take three seconds
        send_until_it_dies(process, signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.read() in (b"", GO_ON)  # what was read before may have been all
    assert process.returncode == -signal.SIGINT


@pytest.mark.fault("signal during a wait for the allowance")
def test_it_dies_whoever_it_waits_for(config: dict[str, Any], tmp_path: Path) -> None:
    # an allowance of one call a minute: the second call waits for most of it
    arguments = arguments_of_read(tmp_path, {**config, "requests_per_minute": 1})
    with started(arguments) as process:
        assert process.stdout is not None
        while b"RATE_LIMITED" not in process.stdout.readline():
            pass
        process.terminate()
        stdout, stderr = rest(process)
    assert process.returncode == -signal.SIGTERM
    assert b"INCOMPLETE" in stdout
    assert stderr == GO_ON


def unshared(*arguments: str) -> list[str]:
    """The command that runs something in namespaces of its own; skips where none may be had."""
    for how in (["unshare"], ["unshare", "--user", "--map-root-user"]):
        command = [*how, *arguments]
        if shutil.which("unshare") and _succeeds([*command, "true"]):
            return command
    pytest.skip("this machine lets nobody unshare namespaces")


def _succeeds(command: list[str], **options: Any) -> bool:
    return subprocess.run(command, capture_output=True, check=False, **options).returncode == 0


@pytest.mark.fault("signal to process 1")
def test_as_process_1_it_reads_and_dies_of_signals(read: list[str], long_read: list[str]) -> None:
    command = unshared("--pid", "--fork", "--kill-child")
    done = subprocess.run([*command, *PROGRAM, *read], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0
    is_whole(done.stdout)
    # a signal sent from outside to the child of unshare, which is a process 1 there
    with subprocess.Popen([*command, *PROGRAM, *long_read], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGTERM)
        lines = [first, *process.stdout.readlines()]
    assert process.returncode == 128 + signal.SIGTERM
    assert b"INCOMPLETE" in lines[-1]


# Poor machines


@pytest.mark.fault("bare environment")
def test_a_bare_environment_is_enough(read: list[str]) -> None:
    bare = {"LC_ALL": "C", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*PROGRAM, *read], env=bare, capture_output=True, check=False, timeout=60, cwd="/")
    assert (done.returncode, done.stderr) == (0, b"")
    is_whole(done.stdout)


WRITES_NOTHING = """
import os, sys
def judge(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and path != os.devnull:
            sys.stderr.write(f"opened for writing: {path}\\n")
    elif event.startswith(("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "tempfile")):
        sys.stderr.write(f"{event}\\n")
sys.addaudithook(judge)
from stockticker_async.connector.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.usefixtures("uncounted")
@pytest.mark.fault("read-only file system")
def test_it_writes_no_file_anywhere(read: list[str]) -> None:
    command = [sys.executable, "-B", "-c", WRITES_NOTHING, *read]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, b"")
    is_whole(done.stdout)


@pytest.mark.fault("read-only file system")
def test_a_read_only_file_system_is_enough(read: list[str]) -> None:
    command = unshared("--mount")
    script = 'mount --rbind / /mnt && mount -o remount,bind,ro /mnt && exec chroot /mnt "$@"'
    if not _succeeds([*command, "sh", "-c", script, "sh", "true"]):
        pytest.skip("this machine lets nobody mount the root a second time")
    touch = [*command, "sh", "-c", script, "sh", "touch", "/read-only"]
    assert b"Read-only" in subprocess.run(touch, capture_output=True, check=False).stderr
    done = subprocess.run(
        [*command, "sh", "-c", script, "sh", *PROGRAM, *read],
        capture_output=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(ROOT), "HOME": "/nowhere", "TMPDIR": "/nowhere", "PATH": os.environ["PATH"]},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    is_whole(done.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
@pytest.mark.fault("user without files")
def test_a_user_who_owns_nothing_can_run_it(config: dict[str, Any]) -> None:
    try:
        _succeeds([sys.executable, "-c", ""], user=NOBODY)
    except PermissionError:
        pytest.skip("this environment is not for everybody to read")
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as file:
        file.write(orjson.dumps(config))
    done = subprocess.run(
        [*PROGRAM, "check", "--config", f"/dev/fd/{reader}"],
        user=NOBODY,
        pass_fds=[reader],
        capture_output=True,
        check=False,
        timeout=60,
        cwd="/",
        env={"PYTHONPATH": str(ROOT)},
    )
    os.close(reader)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("megabytes", [40, 60, 90, 120, 160, 400])
@pytest.mark.fault("limited address space")
def test_a_limit_of_memory_ends_it_or_does_not_matter(read: list[str], megabytes: int) -> None:
    limit = megabytes * 1024**2
    done = subprocess.run(
        [*PROGRAM, *read],
        capture_output=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    whole = done.stdout.count(b'"COMPLETE"') == 2
    if done.returncode == 0:
        is_whole(done.stdout)
    elif done.returncode == 1:
        assert whole or done.stdout.count(b'"ERROR"') + done.stderr.count(b"\n") >= 1
        assert b"Traceback" not in done.stderr
    else:  # a library that looks at no allocation dies of it
        assert done.returncode in (-signal.SIGSEGV, -signal.SIGABRT)
    if megabytes == 400:
        assert done.returncode == 0


# Strange clocks


@pytest.mark.parametrize(
    "zone",
    ["Pacific/Kiritimati", "Pacific/Marquesas", "Asia/Kathmandu", "America/New_York", "No/Where", "", ":"],
)
@pytest.mark.fault("TZ")
def test_the_machine_s_zone_changes_nothing(read: list[str], zone: str) -> None:
    done = run(*read, environment={"TZ": zone})
    assert (done.returncode, done.stderr) == (0, b"")
    is_whole(done.stdout)


class Jumping(Clock):
    """A clock that somebody sets anew whenever it is asked."""

    def __init__(self, *jumps: timedelta) -> None:
        super().__init__(speed=1000.0)
        self._jumps = jumps
        self._asked = 0

    def utc_now(self) -> datetime:
        self._asked += 1
        return datetime(2020, 12, 22, 12, tzinfo=UTC) + self._jumps[self._asked % len(self._jumps)]


@pytest.mark.parametrize(
    "jumps",
    [
        (timedelta(0), timedelta(hours=5), timedelta(hours=-5)),
        (timedelta(days=1), timedelta(days=-1)),
        (timedelta(days=-3), timedelta(days=30)),
        (timedelta(days=4000), timedelta(0), timedelta(days=-1)),
    ],
)
@pytest.mark.fault("clock jump")
def test_a_clock_that_jumps_loses_and_invents_nothing(
    config: dict[str, Any], tmp_path: Path, jumps: tuple[timedelta, ...]
) -> None:
    config = {**config, "end_date": None, "max_concurrent_requests": 1}
    arguments = arguments_of_read(tmp_path, config)
    done = run_here(*arguments, clock=Jumping(*jumps))
    truth = run_here(*arguments, clock=Clock(start=datetime(2020, 12, 22, 12, tzinfo=UTC)))
    keys = {(record["stock_ticker"], record["date"]) for record in truth.records}
    assert len(keys) == 5
    again = run_here(
        *arguments,
        "--state",
        _kept(tmp_path, done.stdout),
        clock=Clock(start=datetime(2020, 12, 22, 12, tzinfo=UTC)),
    )
    assert [done.returncode, again.returncode] == [0, 0]
    rows = {row["date"]: row["price"] for row in done.records + again.records if "price" in row}
    # a clock that is ahead asks for a day that has only begun; its bar is written and not covered
    rows.pop("2020-12-22", None)
    assert rows == {row["date"]: row["price"] for row in truth.records if "price" in row}
    cursors = [one["state"]["stream"]["stream_state"]["tickers"][0] for one in done.of("STATE")]
    assert max(one.get("date", "") for one in cursors) <= "2020-12-21"


def _kept(folder: Path, stdout: bytes) -> str:
    path = folder / "state.jsonl"
    path.write_bytes(stdout)
    return str(path)
