"""The picture of a page of figures: CPU and memory, drawn from the tables that stand on the page.

`python -m benchmarks.picture PAGE` draws it anew, beside the page and with its name.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import rows_by_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Rows = Sequence[Sequence[str]]
_BLUE, _ORANGE, _GREY, _LIGHT = "#1f5fa8", "#e07b39", "#6b7280", "#e6e8ec"
_STYLE = {
    "font.size": 9,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": _GREY,
    "axes.edgecolor": "#c9ced6",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "grid.color": _LIGHT,
    "ytick.left": False,
}


def draw(page: Path) -> Path:
    """Draw the tables of the page; the path of the picture. Raises KeyError where a table is missing."""
    import matplotlib as mpl  # noqa: PLC0415 - half a second, for those alone who draw
    from matplotlib.figure import Figure  # noqa: PLC0415

    text = page.read_text()
    path = page.with_suffix(".png")
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11.5, 6.6), layout="constrained")
        for axes, (title, rows) in zip(figure.subplots(2, 2).flat, drawn(text).items(), strict=True):
            _PANELS[title](axes, rows)
            axes.set_yticks(range(len(rows)), [_label(row[0]) for row in rows])
            axes.set_ylim(len(rows) - 0.4, -0.6)
        # the file says which figures it shows, so that a test knows when it is out of date
        figure.savefig(path, dpi=110, metadata={"Software": None, "Description": json.dumps(drawn(text))})
    return path


def drawn(text: str) -> dict[str, list[list[str]]]:
    """The rows that the picture shows, of those on the page."""
    tables = rows_by_title(text)
    return {title: tables[title] for title in _PANELS}


def _label(name: str) -> str:
    """In two lines, where it is long."""
    return re.sub(r"(?<=.{16})([:,]) (?!plain|gzip)", r"\1\n", name, count=1)


def _colours(rows: Rows) -> list[str]:
    return [_BLUE if row[0].startswith("stockticker_async") else _GREY for row in rows]


def _number(cell: str) -> float:
    return float(cell.split(maxsplit=1)[0])


def _contenders(axes: "Axes", rows: Rows) -> None:
    values = [_number(row[2]) for row in rows]
    axes.set_title("CPU of a read, beside others")
    axes.set_xlabel("times the CPU of the bare script (log scale)")
    axes.set_xscale("log")
    axes.set_xlim(0.7, 10_000)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.scatter(values, range(len(values)), color=_colours(rows), s=45)
    for place, (row, value) in enumerate(zip(rows, values, strict=True)):
        _beside(axes, value, place, f"{row[2]}  ({row[1]})")


def _ratios(axes: "Axes", rows: Rows) -> None:
    axes.set_title("CPU of a read, by stream")
    axes.set_xlabel("times the CPU of the bare script (median, range)")
    axes.axvline(1, color=_GREY, linewidth=1, linestyle=(0, (2, 2)))
    for place, row in enumerate(rows):
        low, high = map(float, row[4].split(" to "))
        axes.hlines(place, low, high, color=_BLUE, linewidth=2)
        axes.scatter(_number(row[3]), place, color=_BLUE, s=45)
        _beside(axes, high, place, row[3])
    axes.set_xlim(0.6, 1.25)


def _memory(axes: "Axes", rows: Rows) -> None:
    axes.set_title("Peak of the resident memory")
    axes.set_xlabel("MB", loc="right")
    kinds = (
        (2, "peak", "o", _BLUE),
        (3, "10 times the rows", "D", _ORANGE),
        (4, "slow reader", "s", "#94a3b8"),
    )
    for place, (column, name, marker, colour) in enumerate(kinds):
        found = [(_number(row[column]), at) for at, row in enumerate(rows) if row[column]]
        values, places = [value for value, _ in found], [at + (place - 1) * 0.22 for _, at in found]
        axes.scatter(values, places, color=colour, marker=marker, s=32, label=name)
    limits = [_number(row[1]) for row in rows]
    axes.scatter(limits, range(len(limits)), color=_GREY, marker="|", s=420, label="limit")
    axes.set_xlim(0, max(limits) * 1.1)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.16), ncols=4, markerscale=0.7)


def _emission(axes: "Axes", rows: Rows) -> None:
    values = [_number(row[1]) for row in rows]
    axes.set_title("Emission to stdout")
    axes.set_xlabel("µs of CPU a message")
    axes.barh(range(len(values)), values, color=_colours(rows), height=0.5)
    for place, (row, value) in enumerate(zip(rows, values, strict=True)):
        _beside(axes, value, place, row[1])
    axes.set_xlim(0, max(values) * 1.2)


def _beside(axes: "Axes", value: float, place: int, text: str) -> None:
    axes.annotate(text, (value, place), (7, 0), textcoords="offset points", va="center")


_PANELS: Mapping[str, Callable[["Axes", Rows], None]] = {
    "CPU of a read": _contenders,
    "CPU of a read beside the bare script": _ratios,
    "Peak of the resident memory": _memory,
    "Emission to stdout": _emission,
}

if __name__ == "__main__":
    print(draw(Path(sys.argv[1])))
