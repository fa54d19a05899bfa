"""The example draws the same chart with PyAirbyte and without it."""

import subprocess
import sys
from pathlib import Path

from conformance.connector import ROOT

SCRIPT = str(ROOT / "examples" / "splits.py")
WITHOUT = f"import runpy, sys; sys.modules['airbyte'] = None; runpy.run_path({SCRIPT!r})"


def drawn(path: Path, *command: str) -> tuple[bytes, str]:
    """The chart, and how its prices were read."""
    done = subprocess.run(
        [sys.executable, *command, str(path)], capture_output=True, text=True, timeout=100, check=True
    )
    return path.read_bytes(), done.stdout.splitlines()[-1]


def test_a_chart_is_drawn_with_pyairbyte_and_without(tmp_path: Path) -> None:
    chart, how = drawn(tmp_path / "with.png", SCRIPT)
    assert how.startswith("Read with PyAirbyte;")
    assert chart.startswith(b"\x89PNG")
    other, how = drawn(tmp_path / "without.png", "-c", WITHOUT)
    assert how.startswith("Read with the connector's lines")
    assert other == chart
