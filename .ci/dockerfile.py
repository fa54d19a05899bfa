"""Carries out what the Dockerfile says without an engine: its own COPY and RUN lines, in a scratch folder.

    python .ci/dockerfile.py FOLDER

Each stage is a folder, and the image's paths lie below it. What comes out is run as the image would be: as
another user, who may write nothing, with the image's entrypoint and environment: `spec`, `check` and `read`,
against the sandbox. What only an engine can carry out is told as skipped. Exit 1 where something is wrong.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
NOBODY = 65534
_ONLY_AN_ENGINE = ("useradd",)
"""Commands that would change the machine itself."""


@dataclass
class Stage:
    """One stage of the build: its folder, and what holds for the lines that follow."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)

    def path(self, inside: str) -> Path:
        """Where a path of the image lies; relative ones begin at the WORKDIR."""
        return self.folder / (Path(self.workdir) / inside).as_posix().lstrip("/")


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """The instructions and their arguments, each on one line; comments may stand within them."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", "", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


class Build:
    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._stages: dict[str, Stage] = {}
        self._ignored = (ROOT / ".dockerignore").read_text().splitlines()
        self._tools = scratch / "tools"
        self._tools.mkdir()
        # the base image's `python`, whatever it is called here
        tool = self._tools / "python"
        tool.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        tool.chmod(0o755)

    def run(self, text: str) -> Stage:
        """Carry all of it out, and return the last stage."""
        told = list(instructions(text))
        # the folders that the Dockerfile makes itself, not those of its base
        targets = [rest.rpartition(" ")[2] for name, rest in told if name in ("WORKDIR", "COPY")]
        made = {target.split("/")[1] for target in targets if target.startswith("/")}
        inside = re.compile(rf"(?<![\w.])/(?=(?:{'|'.join(sorted(made))})\b)")
        stage = Stage(self._scratch)
        for name, rest in told:
            match name:
                case "FROM":
                    stage = Stage(self._scratch / str(len(self._stages)))
                    stage.folder.mkdir()
                    self._stages[rest.rpartition(" AS ")[2] or rest] = stage
                case "WORKDIR":
                    stage.workdir = rest
                    stage.path(".").mkdir(parents=True, exist_ok=True)
                case "ENV":
                    stage.environment |= dict(one.split("=", 1) for one in shlex.split(rest))
                case "COPY":
                    self._copy(stage, rest)
                case "RUN":
                    self._carry_out(stage, rest, inside)
                case "ENTRYPOINT":
                    stage.entrypoint = [inside.sub(f"{stage.folder}/", one) for one in json.loads(rest)]
                case "ARG" | "LABEL" | "USER":
                    pass
                case _:
                    sys.exit(f"{name} is not known here: add it to {Path(__file__).name}")
        return stage

    def _copy(self, stage: Stage, rest: str) -> None:
        words = shlex.split(rest)
        begun = re.fullmatch("--from=(.*)", words[0])
        *sources, target = words[1:] if begun else words
        into = stage.path(target)
        for source in sources:
            place = self._stages[begun[1]].path(source) if begun else ROOT / source
            if begun is None and not {f"!{source}", f"!{source.rstrip('/')}/"} & {*self._ignored}:
                sys.exit(f"COPY {source}: .dockerignore leaves it out")
            print(f"COPY {source} {target}")
            if place.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.py[cod]") if begun is None else None
                shutil.copytree(place, into, symlinks=True, ignore=ignored, dirs_exist_ok=True)
            else:
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy2(place, into)

    def _carry_out(self, stage: Stage, rest: str, inside: re.Pattern[str]) -> None:
        if rest.startswith(_ONLY_AN_ENGINE):
            print(f"Skipped: RUN {rest} (only an engine makes a user of the image's own)")
            return
        print(f"RUN {rest}", flush=True)
        mapped = inside.sub(f"{stage.folder}/", rest)
        command = json.loads(mapped) if rest.startswith("[") else ["/bin/sh", "-c", mapped]
        subprocess.run(command, check=True, cwd=stage.path("."), env=self._environment(stage))

    def _environment(self, stage: Stage) -> dict[str, str]:
        return {**os.environ, **stage.environment, "PATH": f"{self._tools}:{os.environ['PATH']}"}


def other_user(python: str) -> tuple[list[str], str]:
    """What to put before a command so that another user runs it; or nothing, and why."""
    if os.geteuid() != 0:
        return [], "not root, so nobody else can be become"
    become = [
        shutil.which("setpriv") or "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
    ]
    # may read everything, since an interpreter may lie in a home that is closed, and write what nobody may
    reading = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"]
    for command in ([*become, *reading, "--bounding-set=-all,+dac_read_search"], become):
        try:
            done = subprocess.run([*command, python, "-c", ""], capture_output=True, check=False)
        except OSError as error:
            return [], str(error)
        if done.returncode == 0:
            return command, ""
    return [], f"nobody else can run {python}: {done.stderr.decode()[-200:].strip()}"


@contextmanager
def sandbox() -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "stockticker_async",
        "sandbox",
        "--universe",
        "300",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as served:
        try:
            yield served.stdout.readline().strip() if served.stdout else ""
        finally:
            served.terminate()


@dataclass(frozen=True)
class Image:
    """What was built, run as the image would be."""

    stage: Stage
    before: list[str]

    def __call__(self, *arguments: str) -> bytes:
        """What the program writes. Exits where it fails."""
        command = [*self.before, *self.stage.entrypoint, *arguments]
        environment = {"PATH": os.environ["PATH"], **self.stage.environment}
        folder = self.stage.path(".")
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
        if done.returncode:
            told = (done.stdout + done.stderr).decode()[-3000:]
            sys.exit(f"{shlex.join(arguments)}: exit {done.returncode}\n{told}")
        print(f"{arguments[0]}: exit 0")
        return done.stdout

    def messages(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*arguments).splitlines()]


def prove(stage: Stage, scratch: Path) -> None:
    """Run the entrypoint as the image would. Exits where it does not do what it should."""
    before, why = other_user(stage.entrypoint[0])
    if why:
        print(f"Skipped: running what the Dockerfile builds as another user ({why})")
    make_readable(scratch)
    for place in stage.folder.rglob("*"):
        if not place.is_symlink():
            place.chmod(place.stat().st_mode & ~0o222 | 0o444)
    image, contents = Image(stage, before), _contents(stage)
    [spec] = [message["spec"] for message in image.messages("spec")]
    if not spec.items() >= json.loads((ROOT / "spec.json").read_text()).items():
        sys.exit("the spec of what was built is not spec.json")
    with sandbox() as url:
        prove_sync(image, url, scratch)
    if _contents(stage) != contents:
        sys.exit("something was written beside the program")


def prove_sync(image: Image, url: str, scratch: Path) -> None:
    """The tutorial's week of TSLA comes out."""
    config, catalog = scratch / "config.json", scratch / "catalog.json"
    asked = {"start_date": "2020-12-14", "end_date": "2020-12-18", "adjusted": False}
    config.write_text(json.dumps({"stock_ticker": "TSLA", "api_key": "demo-key", "base_url": url, **asked}))
    catalog.write_bytes(image("catalog"))
    checked = image.messages("check", "--config", str(config))
    [status] = [one["connectionStatus"] for one in checked if "connectionStatus" in one]
    if status["status"] != "SUCCEEDED":
        sys.exit(f"check: {status}")
    read = image.messages("read", "--config", str(config), "--catalog", str(catalog))
    records = [one["record"]["data"] for one in read if one["type"] == "RECORD"]
    if len(records) != 2 * 5 or {"date": "2020-12-18", "stock_ticker": "TSLA", "price": 695.0} not in records:
        sys.exit(f"read: not the ten records of TSLA's week: {records}")


def make_readable(scratch: Path) -> None:
    """Open the folders on the way to the scratch, as far as they are ours and of nobody else's making."""
    for folder in (scratch, scratch.parent):
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o055)


def _contents(stage: Stage) -> dict[str, int]:
    return {str(place): place.lstat().st_mtime_ns for place in stage.folder.rglob("*")}


def main(arguments: Sequence[str]) -> None:
    scratch = Path(*arguments).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    prove(Build(scratch).run((ROOT / "Dockerfile").read_text()), scratch)


if __name__ == "__main__":
    main(sys.argv[1:])
