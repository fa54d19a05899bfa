"""The benchmarks run, at next to no size: what they measure is for people to read, not for tests."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import emission, held, latency, memory, planned, reads, report, startup
from benchmarks.processes import ROOT
from benchmarks.size import TINY, Size

Benchmark = Callable[[Size], Iterator[report.Table]]


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize(
    "benchmark",
    [reads.run, startup.run, memory.run, held.run, emission.run, latency.run, planned.run],
    ids=["reads", "startup", "memory", "held", "emission", "latency", "calls"],
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


def test_the_tables_and_the_picture_show_every_figure(tmp_path: Path) -> None:
    table = report.Table(
        "T", "Note.", ("", "CPU"), [("a <b>", "1 s"), ("c", "2 s")], unit="s", bars=[("a <b>", 1), ("c", 2)]
    )
    assert table.markdown() == "**T.** Note.\n\n|  | CPU |\n| --- | ---: |\n| a <b> | 1 s |\n| c | 2 s |\n"
    drawn = ET.fromstring(report.picture([table], "on a machine"))  # noqa: S314 - our own
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["T, s", "a <b>", "1.00", "c", "2.00", "on a machine"]
    widths = [float(element.attrib["width"]) for element in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[2] == pytest.approx(2 * widths[1], rel=0.01)

    shown = tmp_path / "README.md"
    shown.write_text("before\n<!-- figures -->\n\nold\n<!-- end of figures -->\nafter\n")
    report.into(shown, table.markdown())
    report.into(shown, table.markdown())
    assert shown.read_text() == (
        f"before\n<!-- figures -->\n\n{table.markdown()}\n<!-- end of figures -->\nafter\n"
    )


def test_the_picture_draws_values_over_time_from_left_to_right() -> None:
    curves = [("low", [(0.0, 10.0), (1.0, 20.0)]), ("high", [(0.0, 40.0), (2.0, 40.0), (4.0, 0.0)])]
    drawn = report.picture([report.Table("T", "", (), [], unit="MB", curves=curves)], "machine")
    points = [
        [tuple(map(float, point.split(","))) for point in element.attrib["points"].split()]
        for element in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}polyline")  # noqa: S314 - our own
    ]
    (low, high) = points
    assert [x for x, _ in high] == sorted(x for x, _ in high)
    assert low[-1][0] == high[-1][0], "each over the whole width"
    assert high[0][1] < low[1][1] < low[0][1] < high[2][1], "more is higher"


def test_a_readme_without_a_place_for_figures_is_left_as_it_is(tmp_path: Path) -> None:
    shown = tmp_path / "README.md"
    shown.write_text("nothing\n")
    with pytest.raises(ValueError, match="figures"):
        report.into(shown, "new")
    assert shown.read_text() == "nothing\n"


def test_the_readme_shows_the_figures_that_were_measured() -> None:
    measured = (ROOT / "benchmarks" / "results" / "figures.md").read_text()
    assert measured in (ROOT / "README.md").read_text()
