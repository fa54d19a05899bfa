# ruff: noqa: INP001 - a script, of no package
"""Make `expected_records.jsonl` anew: what a read of the sandbox, on 2020-12-22, has to give.

`python integration_tests/make_expected_records.py` writes the file; with `--check` nothing is
written, and the exit code is 1 when the file is not what would be made.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.server import serve

HERE = Path(__file__).parent
EXPECTED = HERE / "expected_records.jsonl"
CONFIG = HERE / "sandbox_config.json"
CATALOG = HERE.parent / "catalogs" / "configured_catalog.json"
NOON = datetime(2020, 12, 22, 17, tzinfo=UTC)  # in New York


async def read() -> bytes:
    """The output of a read of the sandbox. Raises `SystemExit` when the read fails."""
    program = (sys.executable, "-m", "stockticker_async", "read")
    with tempfile.TemporaryDirectory() as folder:
        async with serve(Options(now=NOON)) as sandbox:
            config = Path(folder) / "config.json"
            config.write_text(json.dumps(json.loads(CONFIG.read_bytes()) | {"base_url": sandbox.url}))
            process = await asyncio.create_subprocess_exec(
                *program, "--config", config, "--catalog", CATALOG, stdout=asyncio.subprocess.PIPE
            )
            output, _ = await process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"The read failed:\n{output.decode()}")
    return output


def expected(output: bytes) -> str:
    """The records of ``output``, a line each, by stream, emitted at the sandbox's time and not at ours."""
    messages = [json.loads(line) for line in output.splitlines()]
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    records.sort(key=lambda record: record["stream"])  # streams may take turns; within one, order is promised
    emitted_at = int(NOON.timestamp() * 1000)
    return "".join(json.dumps({**record, "emitted_at": emitted_at}) + "\n" for record in records)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    check = parser.parse_args().check
    made = expected(asyncio.run(read()))
    if not check:
        EXPECTED.write_text(made)
    elif made != EXPECTED.read_text():
        raise SystemExit(f"{EXPECTED.name} is out of date. It should be:\n{made}")


if __name__ == "__main__":
    main()
