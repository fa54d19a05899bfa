"""The README's tables are those of the program."""

import re
import subprocess
import sys
from pathlib import Path

from stockticker_async.connector import resources
from stockticker_async.streams.table import STREAMS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    (section,) = re.findall(rf"^### {heading}\n(.*?)(?=^##)", README, re.MULTILINE | re.DOTALL)
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


def test_the_tables_of_streams_are_what_would_be_made_today() -> None:
    made = subprocess.run(
        [sys.executable, ROOT / "docs" / "tables.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (made.returncode, made.stdout, made.stderr) == (0, "", ""), "make fixtures"
    assert {name.strip("`") for name, *_ in rows_of("Streams")} == {stream.name for stream in STREAMS}


def test_every_field_of_the_configuration_is_told() -> None:
    fields = {field for cell, _ in rows_of("Configuration") for field in re.findall(r"`(\w+)`", cell)}
    assert fields == resources.load("spec.json")["connectionSpecification"]["properties"].keys()
