"""The program as a process: a sandbox to talk to, and what a run of it left."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import oracle

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


def write_json(path: Path, value: Any) -> str:
    path.write_text(json.dumps(value))
    return str(path)


def arguments_of_read(folder: Path, config: Mapping[str, Any], catalog: Sequence[str] = ()) -> list[str]:
    """`read` with files that are made for it; the catalog has the streams named, or both."""
    path = folder / "catalog.json"
    if not path.exists():
        path.write_bytes(run("catalog", *catalog).stdout)
    return ["read", "--config", write_json(folder / "config.json", config), "--catalog", str(path)]
