"""The command line: what is typed, where it is told, and the descriptors that a program is born with."""

import os
import signal
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from program import KEY, PROGRAM, ROOT, Finished, run_here, sandbox, write_json

from stockticker_async import __version__
from stockticker_async.clock import Clock

COMMANDS = ("spec", "check", "discover", "read", "catalog", "demo", "sandbox")


def shell(command: str, *, cwd: Path | None = None) -> Finished:
    """Run a line of the shell, where ``PROGRAM`` stands for the program."""
    line = command.replace("PROGRAM", " ".join(PROGRAM))
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        capture_output=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return Finished(done.returncode, done.stdout, done.stderr)


# What is typed


@pytest.mark.parametrize("arguments", [("--help",), *((command, "--help") for command in COMMANDS)])
def test_help_is_one_text_on_stdout(arguments: tuple[str, ...]) -> None:
    done = run_here(*arguments)
    assert done.returncode == 0
    assert done.stdout.startswith(b"usage: source-stockticker-async")
    assert done.stdout.endswith(b"\n")
    assert done.stderr == done.last_words


@pytest.mark.parametrize("arguments", [("--version",), *((command, "--version") for command in COMMANDS)])
def test_the_version_is_told_everywhere(arguments: tuple[str, ...]) -> None:
    done = run_here(*arguments)
    assert (done.returncode, done.stdout) == (0, f"source-stockticker-async {__version__}\n".encode())


@pytest.mark.parametrize("option", ["--help", "--version"])
@pytest.mark.fault("full disk")
def test_a_text_that_stdout_does_not_take_is_no_success(option: str) -> None:
    done = shell(f"PROGRAM {option} > /dev/full")
    assert done.returncode == 1
    assert b"No space left" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("read", f"--api-key={KEY}"),
        ("read", "--api-key", KEY),
        ("read", "--config", "c", "--catalog", "c", "--api_key", KEY),
        ("read", f"--debug={KEY}"),
        ("spec", f"-k{KEY}"),
        ("spec", KEY),
        (KEY,),
        (f"--{KEY}-and-more",),
        (f"--api-key={KEY}", "read"),
        ("sandbox", "--port", KEY),
    ],
)
@pytest.mark.fault("unknown command or option")
def test_a_key_that_is_typed_where_none_belongs_is_not_shown(arguments: tuple[str, ...]) -> None:
    done = run_here(*arguments)
    assert done.returncode == 2
    assert len(done.errors) == 1
    for form in (KEY, KEY[:10], KEY[-10:]):
        assert form.encode() not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("read", "--confg", "c.json", "--streams", "news"), "--confg (did you mean --config?)"),
        (("check", "--confg=c.json"), "--confg (did you mean --config?)"),
        (("check", "--config", "c.json", "--exitcode"), "--exitcode (did you mean --exit-code?)"),
        (("discover", "--config", "c.json", "--zzz"), "--zzz"),
    ],
)
@pytest.mark.fault("unknown command or option")
def test_an_unknown_option_is_named_with_the_nearest_known_one(arguments: tuple[str, ...], told: str) -> None:
    done = run_here(*arguments)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines()[-1] == f"unrecognized arguments: {told}"


def test_a_word_that_is_mistyped_is_shown() -> None:
    done = run_here("raed")
    assert "'raed'" in done.errors[0]["message"]
    assert done.errors[0]["failure_type"] == "config_error"
    assert "--colour" in run_here("spec", "--colour").errors[0]["message"]
    assert "--requests" in run_here("spec", "--requests=100").errors[0]["message"]


class BrokenOnce(Clock):
    """A clock whose first answer is an error that nobody foresaw."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._errors = [error]

    def utc_now(self) -> datetime:
        if self._errors:
            raise self._errors.pop()
        return datetime(2024, 6, 3, tzinfo=UTC)


@pytest.mark.fault("bug while reading files")
def test_what_nobody_foresaw_while_files_are_judged_is_an_error_of_ours(tmp_path: Path) -> None:
    path = write_json(tmp_path / "config.json", {"stock_ticker": "A", "api_key": KEY})
    clock = BrokenOnce(OverflowError(f"date value out of range at {KEY}"))
    done = run_here("read", "--config", path, "--catalog", path, clock=clock)
    assert done.returncode == 1
    [error] = done.errors
    assert error["failure_type"] == "system_error"
    assert "OverflowError" in error["stack_trace"]
    assert KEY not in done.stdout.decode()
    assert done.stderr == done.last_words


def test_memory_that_ends_while_files_are_judged_is_told(tmp_path: Path) -> None:
    path = write_json(tmp_path / "config.json", {"stock_ticker": "A", "api_key": KEY})
    done = run_here("read", "--config", path, "--catalog", path, clock=BrokenOnce(MemoryError()))
    assert done.returncode == 1
    assert "memory ran out" in done.errors[0]["message"]
    assert "stack_trace" not in done.errors[0]


# The key of the environment


@pytest.mark.parametrize("name", ["MASSIVE_API_KEY", "POLYGON_API_KEY"])
@pytest.mark.parametrize("terminal", [True, False])
def test_the_key_may_come_from_the_environment(
    name: str,
    terminal: bool,  # noqa: FBT001 - a case
    tmp_path: Path,
) -> None:
    path = write_json(tmp_path / "config.json", {"stock_ticker": "A", "start_date": f"{KEY}!"})
    outer, inner = os.openpty()
    try:
        done = subprocess.run(
            [*PROGRAM, "read", "--config", path, "--catalog", path],
            stdin=inner if terminal else subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
            env={**os.environ, name: KEY},
        )
    finally:
        os.close(outer)
        os.close(inner)
    # what is taken as the key is masked
    assert b"holds the api_key" in done.stdout
    assert done.returncode == 1


def test_a_file_s_key_is_preferred_and_no_environment_is_no_error(tmp_path: Path) -> None:
    outer, inner = os.openpty()
    environment = {name: value for name, value in os.environ.items() if "API_KEY" not in name}
    try:
        for raw, told in (({"stock_ticker": "A"}, "api_key is missing"), ({"api_key": 5}, "stock_ticker is")):
            done = subprocess.run(
                [*PROGRAM, "read", "--config", write_json(tmp_path / "c.json", raw), "--catalog", "none"],
                stdin=inner,
                capture_output=True,
                check=False,
                timeout=60,
                env=environment,
            )
            assert told in done.stdout.decode()
    finally:
        os.close(outer)
        os.close(inner)


# The descriptors that it is born with


@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", "2>/dev/full"])
@pytest.mark.fault("unusable stdin or stderr")
def test_bad_usage_is_told_on_stdout_where_stderr_takes_nothing(closed: str) -> None:
    done = shell(f"PROGRAM read {closed}")
    assert done.returncode == 2
    assert len(done.errors) == 1


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-", "2>/dev/full"])
@pytest.mark.fault("unusable stdin or stderr")
def test_messages_are_the_same_with_channels_closed(closed: str) -> None:
    assert shell(f"PROGRAM spec {closed}").stdout == run_here("spec").stdout


def test_a_demo_needs_no_stderr() -> None:
    done = shell("PROGRAM demo F 2>&-")
    assert done.returncode == 0
    assert done.statuses.count(("stock_prices", "COMPLETE")) == 2


@pytest.mark.fault("unusable stdout")
def test_a_closed_stdout_is_told_on_stderr_if_there_is_one() -> None:
    done = shell("PROGRAM spec >&-")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"stdout is closed: there is nowhere to write to.\n"
    done = shell("PROGRAM spec >&- 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


@pytest.mark.fault("unusable stdout")
def test_a_stdout_that_can_only_be_read_is_told() -> None:
    done = shell("PROGRAM spec 1< /dev/null")
    assert done.returncode == 1
    assert done.stderr.startswith(b"stdout cannot be written: Bad file descriptor.")


@pytest.mark.fault("unusable stdin or stderr")
def test_the_number_of_a_closed_stderr_goes_to_nothing_else() -> None:
    # whatever opens next would get it, and be written into by whoever complains to stderr
    probe = (
        "import os; from stockticker_async.connector.cli import main; main(['spec']); "
        "print([os.fstat(n).st_rdev == os.stat(os.devnull).st_rdev for n in (0, 2)])"
    )
    done = shell(f'{PROGRAM[0]} -c "{probe}" <&- 2>&-')
    assert done.stdout.splitlines()[-1] == b"[True, True]"


@pytest.mark.fault("working directory gone")
def test_a_command_runs_in_a_folder_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = shell(f"rmdir '{gone}'; PROGRAM spec", cwd=gone)
    assert done.returncode == 0
    assert [message["type"] for message in done.messages] == ["SPEC"]


# Before all else


def test_a_library_that_cannot_be_loaded_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "orjson.py").write_text("raise ImportError('failed to map segment from shared object')")
    done = subprocess.run(
        [*PROGRAM, "spec"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"The program cannot be loaded: ImportError: failed to map segment")
    assert done.stderr.count(b"\n") == 1


def test_an_interrupt_that_is_ignored_from_the_start_stays_so(tmp_path: Path) -> None:
    # as by `nohup`, or by `&` in a script
    fifo = tmp_path / "config.json"
    os.mkfifo(fifo)
    line = f"trap '' INT; exec {' '.join(PROGRAM)} discover --config {fifo}"
    with subprocess.Popen(["/bin/sh", "-c", line], stdout=subprocess.PIPE) as process:
        with fifo.open("wb") as file:  # which waits until the program has opened it
            process.send_signal(signal.SIGINT)
            file.write(b'{"stock_ticker": "TSLA", "api_key": "a key"}')
        assert process.stdout is not None
        assert process.stdout.read().startswith(b'{"type":"CATALOG"')
    assert process.returncode == 0


# The sandbox


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_here("sandbox", "--universe", "10", "--port", str(port))
    assert done.returncode == 1
    [error] = done.errors
    assert error["failure_type"] == "config_error"
    assert error["message"] == (
        f"The sandbox cannot listen on 127.0.0.1:{port}: Address already in use. Give another --port."
    )


def test_a_sandbox_needs_no_stderr() -> None:
    line = f"exec {' '.join(PROGRAM)} sandbox --universe 10 2>&-"
    with subprocess.Popen(["/bin/sh", "-c", line], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"http://127.0.0.1:")
        process.terminate()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_a_wrong_option_is_told_with_the_usage_of_its_command() -> None:
    done = run_here("read", "--config", "a", "--catalog", "b", "--bogus")
    assert done.returncode == 2
    assert done.stderr.startswith(b"usage: source-stockticker-async read ")
    assert b"--state" in done.stderr


@pytest.mark.parametrize("given", [{}, {"api_key": ""}, {"api_key": " "}])
def test_a_wrong_key_of_the_environment_is_told_with_its_variable(
    given: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLYGON_API_KEY", raising=False)
    with sandbox("--clock", "2020-12-22") as url:
        path = write_json(tmp_path / "config.json", {"stock_ticker": "A", "base_url": url, **given})
        monkeypatch.setenv("MASSIVE_API_KEY", "wrong")
        told = run_here("check", "--config", path).stdout.decode()
        assert "The API key is wrong: the API does not know it. It came from MASSIVE_API_KEY in the" in told
        monkeypatch.setenv("MASSIVE_API_KEY", "")
        told = run_here("check", "--config", path).stdout.decode()
        assert "and neither MASSIVE_API_KEY nor POLYGON_API_KEY is set" in told


@pytest.mark.parametrize("content", [b"", b" \n\t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_state_without_a_word_is_a_first_run(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    days = {"start_date": "2020-12-21", "end_date": "2020-12-21"}
    with sandbox("--clock", "2020-12-22") as url:
        raw = {"stock_ticker": "TSLA", "api_key": KEY, "base_url": url, **days}
        config = write_json(tmp_path / "config.json", raw)
        done = run_here("read", "--config", config, "--streams", "stock_prices", "--state", str(path))
    assert (done.returncode, len(done.records)) == (0, 1)
    assert b"There is no state in" in done.stdout
