"""`make bench`: each benchmark in turn, or those named. Ratios, measured side by side in one run."""

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import emission, held, latency, memory, planned, reads, startup
from benchmarks.processes import ROOT
from benchmarks.report import Table, into, picture
from benchmarks.size import TINY, WHOLE

_BENCHMARKS = {
    "reads": reads.run,
    "startup": startup.run,
    "held": held.run,
    "emission": emission.run,
    "latency": latency.run,
    "calls": planned.run,
    "memory": memory.run,
}
_PICTURE = "figures.svg"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", choices=[[], *_BENCHMARKS], help="default: all")
    parser.add_argument("--tiny", action="store_true", help="next to nothing, to see that all runs")
    parser.add_argument(
        "--into", type=Path, default=ROOT / "build" / "bench", metavar="FOLDER", help="for files"
    )
    parser.add_argument("--readme", type=Path, help="show the figures in this file, between its marks")
    args = parser.parse_args()
    head = _machine()
    print(head)
    tables: list[Table] = []
    for name in args.names or _BENCHMARKS:
        for table in _BENCHMARKS[name](TINY if args.tiny else WHOLE):
            print(f"\n{table.markdown()}", flush=True)
            tables.append(table)
            _write(tables, head, args.into, args.readme)
    return 0


def _write(tables: Sequence[Table], head: str, folder: Path, readme: Path | None) -> None:
    """What was measured so far, into files."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join([head, *(table.markdown() for table in tables)])
    (folder / "figures.md").write_text(text)
    (folder / _PICTURE).write_text(picture(tables, head.strip()))
    if readme is not None:
        into(readme, text)


def _machine() -> str:
    load = f"{os.getloadavg()[0]:.1f}"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "msgspec", "orjson"))
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {platform.system()}, {_processor()}, {os.cpu_count()} "
        f"cores (load before: {load}), Python {platform.python_version()}, {libraries}.\n"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


if __name__ == "__main__":
    sys.exit(main())
