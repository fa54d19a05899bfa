"""The benchmarks run, at next to no size: what they measure is for people to read, not for tests."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks import (
    columns,
    emission,
    flat_files,
    held,
    latency,
    memory,
    picture,
    planned,
    reads,
    report,
    startup,
)
from benchmarks.processes import ROOT, serving
from benchmarks.size import TINY, Size

PAGE = ROOT / "docs" / "figures.md"
Benchmark = Callable[[Size], Iterator[report.Table]]


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize(
    "benchmark",
    [
        reads.run,
        startup.run,
        memory.run,
        held.run,
        emission.run,
        latency.run,
        planned.run,
        columns.run,
        flat_files.run,
    ],
    ids=["reads", "startup", "memory", "held", "emission", "latency", "calls", "columns", "flatfiles"],
)
@pytest.mark.long
def test_a_benchmark_measures_something_everywhere(benchmark: Benchmark) -> None:
    tables = list(benchmark(TINY))
    assert tables
    for table in tables:
        assert table.rows
        for row in table.rows:
            assert len(row) == len(table.header)
            assert any(re.search(r"\d", cell) for cell in row[1:])


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize(
    ("stream", "told"),
    [
        ("stock_prices", {"stock_ticker": "A,B"}),
        ("stock_bars", {"stock_ticker": "A,B"}),
        ("stock_bars", {"stock_ticker": "A", "timespan": "minute"}),
        ("stock_prices", {"stock_ticker": "*"}),
    ],
)
@pytest.mark.parametrize("packing", [(), ("--gzip",)])
@pytest.mark.long
def test_the_bare_script_writes_the_same_records(
    stream: str, told: dict[str, Any], packing: tuple[str, ...]
) -> None:
    config = {**told, "start_date": "2024-10-31", "end_date": "2025-03-11"}  # more minutes than a page has
    if told["stock_ticker"] == "*":
        config["start_date"] = "2025-03-06"
    with serving(*packing) as url, reads.reading({**config, "base_url": url}, stream) as ours:
        connector, script = (
            subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout.splitlines()
            for command in (ours, reads.bare(reads.kind(stream, config), url, config))
        )
    assert len(script) > 100
    assert _records(script) == _records(connector)


def _records(lines: list[bytes]) -> list[bytes]:
    """The RECORD lines but for the time at which they were written, sorted: calls are answered in turns."""
    records = (line for line in lines if line.startswith(b'{"type":"RECORD"'))
    return sorted(re.sub(rb'"emitted_at":\d+', b"", line) for line in records)


TABLE = report.Table("A title", "Note.", ("", "CPU"), [("a `b`", "**1 s**"), ("c", "2 s")])


def test_a_table_is_told_in_markdown_and_read_again() -> None:
    told = TABLE.markdown()
    assert told == "**A title.** Note.\n\n|  | CPU |\n| --- | ---: |\n| a `b` | **1 s** |\n| c | 2 s |\n"
    assert report.rows_by_title(f"Head.\n\n{told}\n{told.replace('title', 'copy')}") == {
        "A title": [["a b", "1 s"], ["c", "2 s"]],
        "A copy": [["a b", "1 s"], ["c", "2 s"]],
    }


def test_a_page_shows_the_figures_between_its_marks(tmp_path: Path) -> None:
    shown = tmp_path / "figures.md"
    shown.write_text("before\n<!-- figures -->\n\nold\n<!-- end of figures -->\nafter\n")
    for _ in range(2):
        report.into(shown, TABLE.markdown())
    assert shown.read_text() == (
        f"before\n<!-- figures -->\n\n{TABLE.markdown()}\n<!-- end of figures -->\nafter\n"
    )


def test_a_page_without_a_place_for_figures_is_left_as_it_is(tmp_path: Path) -> None:
    shown = tmp_path / "figures.md"
    shown.write_text("nothing\n")
    with pytest.raises(ValueError, match="figures"):
        report.into(shown, "new")
    assert shown.read_text() == "nothing\n"


def test_the_picture_shows_the_figures_of_the_page_and_is_small() -> None:
    # anew: python -m benchmarks.picture docs/figures.md
    path = PAGE.with_suffix(".png")
    assert f"]({path.name})" in PAGE.read_text()
    assert path.stat().st_size < 150_000
    with Image.open(path) as image:
        assert json.loads(image.info["Description"]) == picture.drawn(PAGE.read_text())


@pytest.mark.long
def test_a_page_is_drawn_beside_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_bytes(PAGE.read_bytes())
    assert picture.draw(page) == tmp_path / "page.png"
    with Image.open(tmp_path / "page.png") as drawn, Image.open(PAGE.with_suffix(".png")) as kept:
        assert (drawn.size, drawn.info["Description"]) == (kept.size, kept.info["Description"])


def test_the_readme_tells_figures_of_the_page() -> None:
    text = (ROOT / "README.md").read_text()
    section = text.partition("\n## Figures\n")[2].partition("\n## ")[0]
    tables = report.rows_by_title(PAGE.read_text())
    _, ours, tutorial, *cdk = (float(row[2]) for row in tables["CPU of a read"])
    bars = [float(row[3]) for row in tables["CPU of a read beside the bare script"] if "stock_bars" in row[0]]
    peaks = [int(row[2]) for row in tables["Peak of the resident memory"]]
    growth = [row[3].split("(")[1] for row in tables["Peak of the resident memory"] if row[3]]
    for words in (
        f"{ours} times",
        f"{tutorial} times",
        *(f"{ratio:.0f} times" for ratio in cdk[:1]),  # `make figures` leaves the CDK out where it is missing
        f"{min(bars):.1f} to {max(bars):.1f} times",
        f"{min(peaks)} to {max(peaks)} MB",
        f"at most {max(growth).rstrip(')')} times",
    ):
        assert words in section
