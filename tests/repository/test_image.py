"""The image: spec, check, discover and read run in it, locked down, and signals reach the program.

`make image` runs these, with docker or podman, whichever answers. Who has an engine elsewhere says so:

- ``ENGINE``: the command with its global options, ``podman --root /data``.
- ``ENGINE_RUN``: options for its `run`.
- ``IMAGE``: an image that has been built already; else one is built here.
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import program
import pytest
import yaml

METADATA: dict[str, Any] = yaml.safe_load((program.ROOT / "metadata.yaml").read_text())["data"]
LOCKED_DOWN = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=host")
ON_SIGTERM_AS_PID_1 = 143


@pytest.fixture(scope="module")
def engine() -> list[str]:
    """The command of an engine that answers."""
    if "MAKE_IMAGE" not in os.environ:
        pytest.skip("builds an image: make image")
    named = os.environ.get("ENGINE")
    candidates = (
        [shlex.split(named)] if named else [[one] for one in ("docker", "podman") if shutil.which(one)]
    )
    for command in candidates:
        if not subprocess.run([*command, "info"], capture_output=True, check=False).returncode:
            return command
    pytest.skip("no engine answers; docker and podman were looked for")


@pytest.fixture(scope="module")
def image(engine: list[str]) -> str:
    if built := os.environ.get("IMAGE"):
        return built
    tag = f"{METADATA['dockerRepository']}:dev"
    pulled = subprocess.run(
        [*engine, "pull", "python:3.11-slim"], capture_output=True, text=True, check=False
    )
    if pulled.returncode:
        pytest.skip(f"the base image cannot be had: {pulled.stderr[-300:]}")
    subprocess.run([*engine, "build", "--tag", tag, str(program.ROOT)], check=True)
    return tag


class Container:
    """Runs the image's entrypoint; what is in the folder is at /config."""

    def __init__(self, engine: list[str], image: str, folder: Path, url: str) -> None:
        folder.chmod(0o755)  # it is read by user 1000
        config = {"stock_ticker": "TSLA", "api_key": program.KEY, "base_url": url}
        program.write_json(
            folder / "config.json", config | {"start_date": "2020-12-14", "end_date": "2020-12-18"}
        )
        (folder / "catalog.json").write_bytes(program.run("catalog").stdout)
        self.engine = engine
        extra = shlex.split(os.environ.get("ENGINE_RUN", ""))
        volume = f"{folder}:/config:ro"
        self._before = [*engine, "run", "--rm", *LOCKED_DOWN, *extra, "--volume", volume]
        self._image = image

    def command(self, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        return [*self._before, *options, self._image, *arguments]

    def __call__(self, *arguments: str) -> program.Finished:
        done = subprocess.run(self.command(*arguments), capture_output=True, check=False, timeout=120)
        return program.Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with program.sandbox() as at:
        yield at


@pytest.fixture
def container(engine: list[str], image: str, tmp_path: Path, url: str) -> Container:
    return Container(engine, image, tmp_path, url)


READ = ("read", "--config", "/config/config.json", "--catalog", "/config/catalog.json")


def test_the_image_is_what_its_description_says(engine: list[str], image: str) -> None:
    found = subprocess.run([*engine, "image", "inspect", image], capture_output=True, check=True)
    (inspected,) = json.loads(found.stdout)
    config = inspected["Config"]
    assert config["User"] == "airbyte"
    assert config["Labels"]["io.airbyte.version"] == METADATA["dockerImageTag"]
    (told,) = (one for one in config["Env"] if one.startswith("AIRBYTE_ENTRYPOINT="))
    assert told.partition("=")[2].split() == config["Entrypoint"]


def test_it_tells_what_it_wants_and_what_it_has(container: Container) -> None:
    assert container("spec").of("SPEC") == program.run("spec").of("SPEC")
    (catalog,) = container("discover", "--config", "/config/config.json").of("CATALOG")
    assert len(catalog["catalog"]["streams"]) > 1


def test_it_checks_and_reads(container: Container) -> None:
    (status,) = container("check", "--config", "/config/config.json").of("CONNECTION_STATUS")
    assert status["connectionStatus"]["status"] == "SUCCEEDED"
    read = container(*READ)
    assert (read.returncode, read.stderr) == (0, b"")
    assert {"date": "2020-12-15", "stock_ticker": "TSLA"}.items() <= read.records[1].items()
    assert len(read.records) == 2 * 5


def test_it_has_no_tools_to_build_with(container: Container, engine: list[str]) -> None:
    del engine
    code = (
        "import importlib.util as u; print([n for n in ('pip', 'setuptools', 'hatchling') if u.find_spec(n)])"
    )
    command = container.command("-c", code, options=("--entrypoint=/opt/venv/bin/python",))
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"[]\n"


def test_a_sigterm_reaches_the_program(engine: list[str], image: str, tmp_path: Path) -> None:
    name = f"stockticker-async-{os.getpid()}"
    with program.sandbox("--latency-ms", "60000") as slow:
        container = Container(engine, image, tmp_path, slow)
        command = container.command(*READ, options=("--name", name))
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
            assert running.stdout is not None
            first = running.stdout.readline()
            subprocess.run([*engine, "kill", "--signal", "TERM", name], capture_output=True, check=True)
            rest, _ = running.communicate(timeout=60)
    assert running.returncode == ON_SIGTERM_AS_PID_1
    statuses = program.Finished(0, first + rest, b"").statuses
    assert statuses[0] == ("stock_prices", "STARTED")
    assert statuses[-1][1] == "INCOMPLETE"
