"""What a person at a terminal sees, on terminals of our own; and that nobody else sees or pays for it."""

import os
import re
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import orjson
import pytest
from program import KEY, PROGRAM, ROOT, Finished, arguments_of_read, run, sandbox

from stockticker_async.clock import Clock
from stockticker_async.connector.terminal import Look, Plain, Watched, plain
from stockticker_async.sync.progress import SyncProgress

DAYS = {"start_date": "2020-12-15", "end_date": "2020-12-21"}
NOON = datetime(2020, 12, 22, 17, tzinfo=UTC)
LAUNCHED = (sys.executable, str(ROOT / "tests" / "launch.py"), NOON.isoformat(), "20")
"""The program, whose clock runs faster, so that a short sync shows its line."""
ESCAPE = "\x1b"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    # a tenth of a second is two of the program's: each sync lasts until its line is due
    with sandbox("--clock", "2020-12-22", "--latency-ms", "100") as address:
        yield address


@pytest.fixture
def config(url: str) -> dict[str, Any]:
    return {"stock_ticker": "TSLA,AAPL", "api_key": KEY, "base_url": url, **DAYS}


@dataclass
class Seen:
    """What a run at a terminal of 100 columns left: on stdout, and on the screen."""

    returncode: int
    stdout: bytes
    screen: str

    @property
    def lines(self) -> list[str]:
        """What stays to be read: without orders to the terminal, and without what was taken back."""
        text = re.sub(r"[^\n]*\n(?:\x1b\[\?25h)?\r?\x1b\[1A\x1b\[2K", "", self.screen)
        text = re.sub(r"[^\n]*\r\x1b\[2K", "", text)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        return [line.strip() for line in text.splitlines() if line.strip()]


def at_terminal(
    *arguments: str,
    same: bool = False,
    stopped: bool = False,
    environment: dict[str, str] | None = None,
    program: tuple[str, ...] = LAUNCHED,
) -> Seen:
    """Run the program with stderr on a terminal, and stdout in a file, or on the ``same`` terminal."""
    outer, inner = os.openpty()
    termios.tcsetwinsize(inner, (40, 100))
    if stopped:
        termios.tcflow(inner, termios.TCOOFF)
    screen = bytearray()
    base = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "CI")}

    def read() -> None:
        try:
            while some := os.read(outer, 65_536):
                screen.extend(some)
        except OSError:
            return  # nobody has the other end any more

    reader = threading.Thread(target=read)
    process = subprocess.Popen(
        [*program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=inner if same else subprocess.PIPE,
        stderr=inner,
        env={**base, "TERM": "xterm-256color", "TZ": "UTC", **(environment or {})},
    )
    os.close(inner)
    reader.start()
    stdout, _ = process.communicate(timeout=60)
    reader.join()
    os.close(outer)
    return Seen(process.returncode, stdout or b"", screen.decode().replace("\r\n", "\n"))


# A sync


def test_a_read_shows_how_far_it_is_and_how_it_ended(config: dict[str, Any], tmp_path: Path) -> None:
    seen = at_terminal(*arguments_of_read(tmp_path, config))
    assert seen.returncode == 0
    assert len(Finished(0, seen.stdout, b"").records) == 20
    assert re.search(r"\d of 2 tickers · \d+ records? · \d calls?", seen.screen)
    assert [line.split() for line in seen.lines] == [
        ["stock_prices", "10", "records,", "complete"],
        ["stock_bars", "10", "records,", "complete"],
    ]
    assert f"{ESCAPE}[?25l" not in seen.screen.rpartition(f"{ESCAPE}[?25h")[2]  # the cursor is there again


def test_warnings_and_errors_are_seen_though_stdout_is_a_file(config: dict[str, Any], tmp_path: Path) -> None:
    seen = at_terminal(
        *arguments_of_read(tmp_path, {**config, "stock_ticker": "TSLA,NO/NE", "colour": "red"})
    )
    assert seen.returncode == 1
    assert f"{ESCAPE}[31m" in seen.screen
    [warning] = [line for line in seen.lines if line.startswith("WARN: ")]
    assert "unknown field 'colour'" in warning
    errors = [line for line in seen.lines if line.startswith("ERROR: ")]
    assert [line.partition(": ")[2].partition(":")[0] for line in errors] == ["stock_prices", "stock_bars"]
    assert "incomplete" in seen.lines[-1]
    assert KEY not in seen.screen


def test_an_error_before_anything_is_asked_is_seen(tmp_path: Path) -> None:
    seen = at_terminal("read", "--config", str(tmp_path / "none.json"), "--catalog", "none.json")
    assert seen.returncode == 1
    assert len(seen.lines) == 1
    assert seen.lines[0].startswith("ERROR: The config file ")


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(("--no-color",), {}), ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"}), ((), {"TERM": "unknown"})],
)
def test_colors_are_off_when_asked(
    config: dict[str, Any], tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    read = arguments_of_read(tmp_path, {**config, "stock_ticker": "TSLA,NO/NE"})
    seen = at_terminal(*read, *arguments, environment=environment)
    assert not re.search(r"\x1b\[[0-9;]*m", seen.screen)
    assert any(line.startswith("ERROR: ") for line in seen.lines)
    if "TERM" in environment:
        assert ESCAPE not in seen.screen


def test_quiet_is_quiet(config: dict[str, Any], tmp_path: Path) -> None:
    read = arguments_of_read(tmp_path, {**config, "colour": "red"})
    for arguments in (read, [*read, "--plan"], ["check", *read[1:3]]):
        seen = at_terminal(*arguments, "--quiet")
        assert (seen.returncode, seen.screen) == (0, "")
        assert seen.stdout != b""


def test_messages_on_the_same_terminal_stay_alone(config: dict[str, Any], tmp_path: Path) -> None:
    seen = at_terminal(*arguments_of_read(tmp_path, {**config, "colour": "red"}), same=True)
    assert seen.returncode == 0
    assert len(Finished(0, seen.screen.encode(), b"").records) == 20


def test_what_is_no_terminal_sees_nothing_and_pays_for_nothing(
    config: dict[str, Any], tmp_path: Path
) -> None:
    read = arguments_of_read(tmp_path, {**config, "colour": "red"})
    done = run(*read)
    assert (done.returncode, done.stderr) == (0, b"")
    probe = "import sys; from stockticker_async.connector.cli import main; main(sys.argv[1:]); "
    probe += "print(sorted({'rich', 'stockticker_async.terminal'} & set(sys.modules)), file=sys.stderr)"
    command = [sys.executable, "-c", probe, *read]
    done_here = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done_here.stderr == b"[]\n"


def test_without_the_library_the_same_is_told_in_plain_lines(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise ImportError")
    environment = {"PYTHONPATH": str(tmp_path)}
    read = arguments_of_read(tmp_path, {**config, "stock_ticker": "TSLA,NO/NE"})
    seen = at_terminal(*read, environment=environment)
    assert ESCAPE not in seen.screen
    assert [line.partition(":")[0].split()[0] for line in seen.lines] == [
        "ERROR",
        "ERROR",
        "stock_prices",
        "stock_bars",
    ]
    seen = at_terminal("check", *read[1:3], environment=environment)
    assert seen.lines[0].startswith("FAILED  stock_ticker: the API does not know NO/NE")


@pytest.mark.fault("terminal closed or stopped")
def test_a_terminal_that_is_stopped_does_not_stop_the_sync(config: dict[str, Any], tmp_path: Path) -> None:
    # as by Ctrl-S
    seen = at_terminal(*arguments_of_read(tmp_path, {**config, "colour": "red"}), stopped=True)
    assert (seen.returncode, seen.screen) == (0, "")
    assert len(Finished(0, seen.stdout, b"").records) == 20


def test_a_reader_that_leaves_finds_the_terminal_as_it_should_be(
    config: dict[str, Any], tmp_path: Path
) -> None:
    names = "TSLA,AAPL,NVDA,MSFT,AMZN,F,GE,IBM"
    read = arguments_of_read(tmp_path, {**config, "stock_ticker": names, "start_date": "2004-01-02"})
    program = ("/bin/sh", "-c", '"$@" | tail -c +100000 | head -n 1 > /dev/null', "sh", *LAUNCHED)
    seen = at_terminal(*read, program=program)
    assert [line.split()[0] for line in seen.lines] == ["stock_prices", "stock_bars"]
    assert "running" in seen.lines[0]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.fault("signal during a sync")
def test_after_a_signal_the_last_line_says_how_to_go_on(
    config: dict[str, Any], tmp_path: Path, signum: signal.Signals
) -> None:
    names = "TSLA,AAPL,NVDA,MSFT,AMZN,F,GE,IBM"
    config |= {"stock_ticker": names, "start_date": "2004-01-02", "requests_per_minute": 3}
    read = arguments_of_read(tmp_path, config)
    path = tmp_path / "the run.jsonl"
    wait = f'until grep -q RECORD "{path}"; do sleep 0.1; done'
    # a background process of a shell ignores SIGINT, but not that of one with job control
    script = f'set -m; "$@" > "{path}" & {wait}; kill -{signum.value} $!; wait $!'
    program = ("/bin/bash", "-c", script, "sh", *LAUNCHED[:-1], "1")
    seen = at_terminal(*read, program=program)
    said = [line for line in seen.lines if "--state" in line]
    assert said == [f"Stopped before the end. Go on with --state '{path}'."]
    assert len(Finished(0, path.read_bytes(), b"").records) == sum(
        int(line.split()[1].replace(",", "")) for line in seen.lines if line.startswith("stock_")
    ), "the terminal counts what was written"


def test_progress_is_shown_in_plain_lines_where_no_terminal_is(
    config: dict[str, Any], tmp_path: Path
) -> None:
    read = arguments_of_read(tmp_path, {**config, "stock_ticker": "TSLA,NO/NE", "start_date": "2020-01-02"})
    command = [*LAUNCHED[:-1], "200", *read, "--progress"]
    done = subprocess.run(
        command, capture_output=True, check=False, timeout=60, env={**os.environ, "TZ": "UTC"}
    )
    lines = done.stderr.decode().splitlines()
    assert ESCAPE not in done.stderr.decode()
    assert any(re.search(r"\d of 2 tickers · [\d,]+ records? · \d+ calls?", line) for line in lines)
    assert sum(line.startswith("ERROR: ") for line in lines) == 2
    assert [line.split()[0] for line in lines[-2:]] == ["stock_prices", "stock_bars"]
    command = [*LAUNCHED, "check", *read[1:3], "--progress"]
    checked = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert checked.stderr.startswith(b"FAILED  stock_ticker: the API does not know NO/NE")


# Commands that answer


def test_discover_shows_people_a_table_after_its_line(config: dict[str, Any], tmp_path: Path) -> None:
    read = arguments_of_read(tmp_path, config)
    seen = at_terminal("discover", *read[1:3], same=True)
    assert seen.screen.count('{"type":"CATALOG"') == 1
    table = [line.split(maxsplit=1) for line in seen.lines if not line.startswith("{")]
    assert ["stock_prices", "key stock_ticker, date; cursor date; full_refresh or incremental"] in table
    assert {"stock_bars", "news", "conditions"} <= {row[0] for row in table}
    assert at_terminal("discover", *read[1:3]).screen == "", "a program reads it"


@pytest.mark.parametrize("same", [True, False])
def test_check_answers_people_with_a_sentence_a_line(
    config: dict[str, Any],
    tmp_path: Path,
    same: bool,  # noqa: FBT001 - a case
) -> None:
    read = arguments_of_read(tmp_path, {**config, "start_date": "2020-11-02"})
    seen = at_terminal("check", *read[1:3], same=same)
    assert seen.returncode == 0
    lines = [line.strip() for line in seen.lines if not line.startswith("{")]
    assert re.match(r"SUCCEEDED +The key works, and the plan gives bars up to ", lines[0])
    assert lines[-1].startswith("A first sync of the bars takes about ")
    messages = seen.screen if same else seen.stdout.decode()
    assert messages.count('{"type":"CONNECTION_STATUS"') == 1


def test_the_demo_shows_people_a_table_in_place_of_the_catalog() -> None:
    seen = at_terminal("demo", program=PROGRAM, same=True)
    assert seen.returncode == 0
    assert '{"type":"CATALOG"' not in seen.screen
    assert any(re.match(r"stock_prices +key stock_ticker, date; cursor date", line) for line in seen.lines)


def test_check_answers_people_with_what_is_wrong(config: dict[str, Any], tmp_path: Path) -> None:
    read = arguments_of_read(tmp_path, {**config, "multiplier": 0})
    seen = at_terminal("check", *read[1:3])
    assert [line.split(maxsplit=1) for line in seen.lines] == [
        ["FAILED", "multiplier must be from 1 to 1000, not 0."]
    ]


@pytest.mark.parametrize("same", [True, False])
def test_a_plan_is_a_table_for_people(config: dict[str, Any], tmp_path: Path, same: bool) -> None:  # noqa: FBT001 - a case
    seen = at_terminal(*arguments_of_read(tmp_path, config), "--plan", same=same)
    assert seen.returncode == 0
    table = [line for line in seen.lines if not line.startswith("{")]
    assert any(re.match(r"stock_prices, stock_bars +\d+ calls, about ", line) for line in table)
    assert table[0].strip().startswith("Days: up to 2020-12-21")
    messages = seen.screen if same else seen.stdout.decode()
    assert messages.count('{"type":"LOG"') >= 3


# What is watched


@dataclass
class Shown:
    """Keeps what is shown; gone, it cannot show anything."""

    gone: bool = False
    told: list[Any] = field(default_factory=list)

    def line(self, text: str) -> None:
        self._keep(text)

    def note(self, label: str, text: str, style: str) -> None:
        self._keep((label, text, style))

    def table(self, rows: Any) -> None:
        self._keep(list(rows))

    def _keep(self, what: Any) -> None:
        if self.gone:
            raise OSError(5, "Input/output error")
        self.told.append(what)


def watching(
    *, table: bool = False, notes: bool = True, gone: bool = False, **progress: Any
) -> tuple[Watched, Shown]:
    shown = Shown(gone)
    watched = Watched(
        progress=SyncProgress(**progress),
        clock=Standing(),
        look=Look(table=table, notes=notes),
        screen=shown,
    )
    return watched, shown


class Standing(Clock):
    """It is always noon, and nobody sleeps."""

    def utc_now(self) -> datetime:
        return NOON

    async def sleep(self, seconds: float) -> None:
        assert seconds == 0.5
        await anyio.lowlevel.checkpoint()


async def line_of(watched: Watched, shown: Shown) -> str:
    before = len(shown.told)
    async with anyio.create_task_group() as group:
        group.start_soon(watched.run)
        while len(shown.told) == before:
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    return str(shown.told[-1])


async def test_the_line_counts_what_passes_and_says_how_long_it_waits() -> None:
    progress: dict[str, Any] = {
        "tickers": 1200,
        "tickers_done": lambda: 7,
        "calls_planned": 1500,
        "calls_made": lambda: 8,
    }
    watched, shown = watching(**progress)
    assert await line_of(watched, shown) == "7 of 1,200 tickers · 0 records · 8 calls, 1,492 left"
    watched.records("stock_prices", 4)
    watched.records("stock_bars", 3)
    assert "7 records" in await line_of(watched, shown)
    until = NOON + timedelta(seconds=42)
    watched.waits(until)
    said = until.astimezone().strftime("%H:%M:%S")
    assert (await line_of(watched, shown)).endswith(f"left · waits for the allowance until {said}")
    watched.records("stock_prices", 4)
    assert "waits" not in await line_of(watched, shown)


async def test_a_line_without_a_plan_tells_what_there_is() -> None:
    watched, shown = watching(calls_planned=3, calls_made=lambda: 5)
    assert await line_of(watched, shown) == "0 records · 5 calls"


@pytest.mark.fault("terminal closed or stopped")
async def test_a_terminal_that_has_gone_ends_nothing() -> None:
    watched, shown = watching(gone=True)
    async with anyio.create_task_group() as group:
        group.start_soon(watched.run)
        while not watched._gone:
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    watched.log("WARN", "careful")
    watched.end()
    assert shown.told == []


async def test_a_line_that_was_due_at_the_end_is_not_shown_below_the_table() -> None:
    watched, shown = watching()
    watched.status("stock_prices", "COMPLETE")

    class Ending(Standing):
        """The sync ends while the line sleeps."""

        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            watched.end()

    watched.clock = Ending()
    await watched.run()
    assert shown.told == ["", [("stock_prices", "0 records, complete", "green")]]


async def test_each_stream_s_end_is_told_once() -> None:
    watched, shown = watching()
    for status in ("STARTED", "RUNNING"):
        watched.status("stock_prices", status)
    watched.records("stock_prices", 4)
    watched.status("stock_prices", "COMPLETE")
    watched.status("stock_bars", "INCOMPLETE")
    watched.end()
    watched.end()
    assert shown.told == [
        "",
        [("stock_prices", "4 records, complete", "green"), ("stock_bars", "0 records, incomplete", "red")],
    ]


async def test_what_is_seen_on_stdout_is_not_told_twice() -> None:
    watched, shown = watching(notes=False, table=True)
    watched.log("WARN", "careful")
    watched.log("INFO", "stock_prices: No call is needed.")
    watched.log("INFO", "Before these: the splits.")
    await watched.run()
    watched.end()
    assert shown.told == [
        "",
        [("stock_prices", "No call is needed.", ""), ("", "Before these: the splits.", "")],
    ]
    watched, shown = watching(notes=False)
    watched.status("stock_prices", "COMPLETE")
    watched.end()
    assert shown.told == [""]


def test_notes_are_plain_texts() -> None:
    watched, shown = watching()
    watched.log("WARN", "careful")
    watched.log("FATAL", "lost")
    watched.error("no key", None)
    watched.error("no bar", "stock_bars")
    watched.log("WARN", "a\x1b[2Jb\nc\u202e")
    watched.log("INFO", "hello")
    watched.log("DEBUG", "hello")
    assert shown.told == [
        ("WARN", "careful", "yellow"),
        ("FATAL", "lost", "red"),
        ("ERROR", "no key", "red"),
        ("ERROR", "stock_bars: no bar", "red"),
        ("WARN", r"a\x1b[2Jb\nc\u202e", "yellow"),
    ]
    assert watched.last_error == "no bar"


def test_plain_lines_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    there = Plain()
    there.line("nothing")
    there.note("WARN", "careful", "yellow")
    there.table([("a", "one", "green"), ("long", "two", "red"), ("", "", "")])
    assert capsys.readouterr() == ("", "WARN: careful\na     one\nlong  two\n\n")


def test_no_text_is_an_order_to_a_terminal() -> None:
    shown = plain("".join(chr(code) for code in range(0x2100)))
    assert shown.isprintable()
    assert orjson.loads(orjson.dumps(shown)) == shown
