"""`make bench`: each benchmark in turn, or those named. Ratios, measured side by side in one run."""

import argparse
import compileall
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import columns, emission, flat_files, held, latency, memory, planned, reads, startup
from benchmarks.picture import draw
from benchmarks.processes import ROOT
from benchmarks.report import into
from benchmarks.size import TINY, WHOLE

_BENCHMARKS = {
    "reads": reads.run,
    "startup": startup.run,
    "held": held.run,
    "emission": emission.run,
    "latency": latency.run,
    "calls": planned.run,
    "memory": memory.run,
    "columns": columns.run,
    "flatfiles": flat_files.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", choices=[[], *_BENCHMARKS], help="default: all")
    parser.add_argument("--tiny", action="store_true", help="next to nothing, to see that all runs")
    parser.add_argument(
        "--page", type=Path, help="put all figures between the marks of this page, and draw them"
    )
    args = parser.parse_args()
    if args.page and args.names:
        parser.error("a page has the figures of all benchmarks")
    # as installed: where Python may write no bytecode, each command would compile a hundred modules
    compileall.compile_dir(ROOT / "stockticker_async", quiet=1)
    head = _machine()
    print(head)
    parts = [head]
    for name in args.names or _BENCHMARKS:
        for table in _BENCHMARKS[name](TINY if args.tiny else WHOLE):
            print(f"\n{table.markdown()}", flush=True)
            parts.append(table.markdown())
    if args.page:
        into(args.page, "\n".join(parts))
        draw(args.page)
    return 0


def _machine() -> str:
    load = f"{os.getloadavg()[0]:.1f}"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "msgspec", "orjson", "pyarrow"))
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
