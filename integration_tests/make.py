"""Make anew what the acceptance tests are given: catalogs, expected records and future states.

`python integration_tests/make.py` (or `make fixtures`) writes the files; with `--check` nothing is
written, and the exit code is 1 when one of them is not what would be made. All comes from the program
itself, which reads from the sandbox.

Whoever runs the acceptance tests does so on another day than this script. So it reads twice, on days far
apart, and expects the records that both reads have. A stream without any is of the day on which it is asked:
the script names it, and it has to be declared, with that reason, among the `empty_streams` of
acceptance-test-config.yml.
"""

import argparse
import json
import operator
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
PROGRAM = (sys.executable, str(ROOT / "tests" / "launch.py"))
MOMENTS = (datetime(2026, 11, 18, 17, tzinfo=UTC), datetime(2029, 3, 14, 16, tzinfo=UTC))
"""Noon in New York on two sessions."""
RECORDS_A_STREAM = 10
"""Enough to see what a stream is like, and to be read by people."""
EMITTED_AT_MS = int(MOMENTS[0].timestamp() * 1000)
EXPECTED = "integration_tests/expected_records.jsonl"
FUTURE = "integration_tests/future_state.json"
CATALOGS = {
    "catalogs/configured_catalog.json": (),
    "catalogs/incremental_configured_catalog.json": ("--incremental",),
}
Message = dict[str, Any]


@contextmanager
def sandbox(moment: datetime) -> Iterator[str]:
    """The URL of a sandbox whose clock starts at ``moment``."""
    command = [
        *(sys.executable, "-m", "stockticker_async", "sandbox"),
        *("--clock", moment.isoformat(), "--universe", "300"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def run(moment: datetime, *arguments: str) -> bytes:
    """The program's output at ``moment``. Raises `SystemExit` when it fails."""
    command = [*PROGRAM, moment.isoformat(), "1", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        errors = [line for line in done.stdout.decode().splitlines() if '"type":"ERROR"' in line]
        raise SystemExit("\n".join([f"{' '.join(arguments)} failed:", *errors, done.stderr.decode()]))
    return done.stdout


def read(moment: datetime, config: str, catalog: str) -> list[Message]:
    """All messages of a read at ``moment`` from a sandbox of the same time."""
    with tempfile.TemporaryDirectory() as folder, sandbox(moment) as url:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(json.loads((ROOT / config).read_bytes()) | {"base_url": url}))
        output = run(moment, "read", "--config", str(path), "--catalog", str(ROOT / catalog))
    return [json.loads(line) for line in output.splitlines()]


def records(messages: Sequence[Message]) -> dict[str, list[Message]]:
    """The records by stream, in the order they came in."""
    found: dict[str, list[Message]] = {}
    for message in messages:
        if message["type"] == "RECORD":
            found.setdefault(message["record"]["stream"], []).append(message["record"]["data"])
    return found


def discovered() -> dict[str, Any]:
    """The streams that there are, by name."""
    output = run(MOMENTS[0], "discover", "--config", str(ROOT / "integration_tests/sandbox_config.json"))
    return {stream["name"]: stream for stream in json.loads(output)["catalog"]["streams"]}


def declared_empty() -> set[str]:
    config = yaml.safe_load((ROOT / "acceptance-test-config.yml").read_bytes())
    (entry,) = config["acceptance_tests"]["basic_read"]["tests"]
    return {stream["name"] for stream in entry["empty_streams"]}


def expected(streams: dict[str, Any]) -> str:
    """The records that are there on both days, a line each. Raises `SystemExit` for a stream without one."""
    here, there = (
        records(read(moment, "integration_tests/sandbox_config.json", "catalogs/configured_catalog.json"))
        for moment in MOMENTS
    )
    lines, missing = [], []
    for stream in sorted(set(streams) - declared_empty()):
        lasting = [data for data in here.get(stream, ()) if data in there.get(stream, ())]
        key = (path[0] for path in streams[stream]["source_defined_primary_key"])
        lasting.sort(key=operator.itemgetter(*key))  # calls are answered in turns
        if not lasting:
            missing.append(stream)
        lines += [
            json.dumps({"stream": stream, "data": data, "emitted_at": EMITTED_AT_MS})
            for data in lasting[:RECORDS_A_STREAM]
        ]
    if missing:
        raise SystemExit(
            f"No record of {', '.join(missing)} is there on each of the days that this script reads on. "
            "Declare them in acceptance-test-config.yml, basic_read, empty_streams, and say why."
        )
    return "".join(line + "\n" for line in lines)


def future(incremental: Sequence[str]) -> str:
    """The last state of each incremental stream, with all that it has read moved to the year 2999."""
    messages = read(
        MOMENTS[0],
        "integration_tests/incremental_config.json",
        "catalogs/incremental_configured_catalog.json",
    )
    last: dict[str, Message] = {}
    for message in messages:
        if message["type"] == "STATE":
            state = message["state"]
            last[state["stream"]["stream_descriptor"]["name"]] = {
                key: moved(value) if key == "stream" else value
                for key, value in state.items()
                if key != "sourceStats"
            }
    return json.dumps([last[name] for name in incremental], indent=2) + "\n"


def moved(value: Any, key: str = "") -> Any:
    """The value with its dates in 2999, those aside from which on was read."""
    match value:
        case dict():
            return {name: moved(one, name) for name, one in value.items()}
        case list():
            return [moved(one) for one in value]
        case str() if key == "since":
            return value
        case str():
            return re.sub(r"^\d{4}-\d\d-\d\d", "2999-12-31", value)
        case _:
            return value


def made() -> Iterator[tuple[str, str]]:
    """Every file, by its path from the project's root, and its text."""
    streams = discovered()
    for path, arguments in CATALOGS.items():
        catalog = json.loads(run(MOMENTS[0], "catalog", *arguments, *streams))
        yield path, json.dumps(catalog, indent=2) + "\n"
    yield EXPECTED, expected(streams)
    incremental = [name for name, one in streams.items() if "incremental" in one["supported_sync_modes"]]
    yield FUTURE, future(incremental)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    check = parser.parse_args().check
    before: dict[str, str] = {}
    try:
        for path, text in made():  # later files are made with the earlier ones
            old = (ROOT / path).read_text()
            if old != text:
                before[path] = old
                if not check:
                    (ROOT / path).write_text(text)
    except BaseException:
        for path, old in before.items():  # all of them, or none
            (ROOT / path).write_text(old)
        raise
    stale = [*before]
    if stale:
        print("out of date:" if check else "made anew:", *stale)
    raise SystemExit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
