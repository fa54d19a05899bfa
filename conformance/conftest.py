"""What holds for every test here: nothing leaves this machine, and a sandbox is there to talk to."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.connector import CONNECTOR

pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]

_scratch = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Before the clients are imported: they keep to themselves, and their files to a folder of ours."""
    folder = config.stash[_scratch] = tempfile.TemporaryDirectory(prefix="conformance-")
    tempfile.tempdir = folder.name
    os.environ |= {
        "AIRBYTE_OFFLINE_MODE": "1",
        "DO_NOT_TRACK": "1",
        "AIRBYTE_LOGGING_ROOT": f"{folder.name}/logs",
        "AIRBYTE_PROJECT_DIR": folder.name,
        "AIRBYTE_CACHE_ROOT": f"{folder.name}/cache",
        "HOME": folder.name,
    }
    sys.addaudithook(_stay_here)


def pytest_unconfigure(config: pytest.Config) -> None:
    tempfile.tempdir = None
    config.stash[_scratch].cleanup()


def _stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """Nothing in this process speaks to another machine."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = str(arguments[1][0])
    elif event == "socket.getaddrinfo":
        host = str(arguments[0])
    else:
        return
    if host not in ("127.0.0.1", "localhost"):
        raise PermissionError(f"{event} of {host}: these tests stay on this machine")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[str]:
    """The URL of an imitation of the API whose clock is right."""
    command = [str(CONNECTOR), "sandbox", "--universe", "300"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
