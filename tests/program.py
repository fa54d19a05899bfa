"""The program as a process: a sandbox to talk to, and what a run of it left."""

import gc
import io
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import oracle

from stockticker_async.clock import Clock
from stockticker_async.connector.cli import main

KEY = "k3y-OF-the-tests/+=9"
"""Marked, and with characters that look different when they are encoded."""
ROOT = Path(__file__).parent.parent
PROGRAM = (sys.executable, "-m", "stockticker_async")


@contextmanager
def sandbox(*arguments: str) -> Iterator[str]:
    """The URL of a sandbox in a process of its own, which accepts `KEY`."""
    command = [*PROGRAM, "sandbox", "--universe", "300", "--key", KEY, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@dataclass(frozen=True)
class Finished:
    """What a run of the program left."""

    returncode: int
    stdout: bytes
    stderr: bytes

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        return oracle.messages(self.stdout)

    @property
    def last_words(self) -> bytes:
        """What stderr should say where nobody watches: the last error, in a line."""
        return f"{self.errors[-1]['message']}\n".encode() if self.returncode and self.errors else b""

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [message["record"]["data"] for message in self.of("RECORD")]

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [
            message["trace"]["error"] for message in self.of("TRACE") if message["trace"]["type"] == "ERROR"
        ]

    @property
    def statuses(self) -> list[tuple[str, str]]:
        told = [one["trace"]["stream_status"] for one in self.of("TRACE") if "stream_status" in one["trace"]]
        return [(one["stream_descriptor"]["name"], one["status"]) for one in told]


def run(
    *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None, **options: Any
) -> Finished:
    """Run the program to its end."""
    done = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
        **options,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def run_here(*arguments: str, clock: Clock | None = None) -> Finished:
    """Run the program in this process, which is as it was afterwards."""
    told = io.StringIO()
    with tempfile.TemporaryFile() as file, _as_before(), _stdout_to(file.fileno()), redirect_stderr(told):
        returncode = main(arguments, clock)
        file.seek(0)
        return Finished(returncode, file.read(), told.getvalue().encode())


@contextmanager
def _stdout_to(descriptor: int) -> Iterator[None]:
    before = os.dup(1)
    os.dup2(descriptor, 1)
    try:
        yield
    finally:
        os.dup2(before, 1)
        os.close(before)


@contextmanager
def _as_before() -> Iterator[None]:
    """Give back what the program sets for its own process: logging and the garbage collector."""
    root, own, threshold = logging.getLogger(), logging.getLogger("stockticker_async"), gc.get_threshold()
    handlers, levels = root.handlers[:], (root.level, own.level)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        own.setLevel(levels[1])
        gc.unfreeze()
        gc.set_threshold(*threshold)


def send_until_it_dies(process: subprocess.Popen[bytes], signum: signal.Signals) -> None:
    """Send a signal again and again, with time between to mind it: of a flood, Python minds nothing else."""
    while process.poll() is None:
        process.send_signal(signum)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)


def write_json(path: Path, value: Any) -> str:
    path.write_text(json.dumps(value))
    return str(path)


@cache
def _catalog(*streams: str) -> bytes:
    return run("catalog", *streams).stdout


def arguments_of_read(folder: Path, config: Mapping[str, Any], catalog: Sequence[str] = ()) -> list[str]:
    """`read` with files that are made for it; the catalog has the streams named, or both."""
    path = folder / "catalog.json"
    if not path.exists():
        path.write_bytes(_catalog(*catalog))
    return ["read", "--config", write_json(folder / "config.json", config), "--catalog", str(path)]
