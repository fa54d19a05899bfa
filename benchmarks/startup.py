"""What it takes until a command has said all it has to say, beside importing what it cannot do without."""

import json
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.processes import CONNECTOR, cost, interleaved, median_cpu, serving
from benchmarks.report import Table
from benchmarks.size import LAST_DAY, Size

_LEAST = ("python, argparse, orjson", "import argparse, orjson")
_NEEDED = "python, aiohttp, anyio, msgspec"
_IMPORTS = "import argparse, anyio._backends._asyncio, orjson, msgspec, aiohttp"


def run(size: Size) -> Iterator[Table]:
    with serving() as url, tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.json")
        given = {"stock_ticker": "TK00000", "api_key": "none", "base_url": url, "end_date": LAST_DAY}
        config.write_text(json.dumps({**given, "start_date": "2025-02-27"}))
        catalog = Path(__file__).parent.parent / "catalogs" / "fullrefresh_configured_catalog.json"
        with_config = ["--config", str(config)]
        commands = {
            _LEAST[0]: [sys.executable, "-c", _LEAST[1]],
            "spec": [*CONNECTOR, "spec"],
            "discover": [*CONNECTOR, "discover", *with_config],
            _NEEDED: [sys.executable, "-c", _IMPORTS],
            "check": [*CONNECTOR, "check", *with_config],
            "read": [*CONNECTOR, "read", *with_config, "--catalog", str(catalog)],
        }
        contenders = {name: partial(cost, command) for name, command in commands.items()}
        costs = interleaved(contenders, size.short_runs)
    cpu = {name: median_cpu(found) for name, found in costs.items()}
    rows = []
    for name, seconds in cpu.items():
        base = _LEAST[0] if name in (_LEAST[0], "spec", "discover") else _NEEDED
        rows.append((name, f"{seconds * 1000:.0f} ms", f"{seconds / cpu[base]:.2f}"))
    yield Table(
        "Start-up",
        "CPU of whole processes; `spec` and `discover` beside the first line, `check` (a session of "
        "12,000 bars, a ticker's range) and `read` (two bars) beside what they import.",
        ("command", "CPU", "ratio"),
        rows,
    )
