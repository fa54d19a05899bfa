"""What was measured, as a table for people and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

_WIDTH, _BAR, _GAP, _LEFT = 760, 16, 6, 250
_COLOURS = {"stockticker_async": "#2563eb"}
_OTHERS = "#94a3b8"
_BEGIN, _END = "<!-- figures -->\n\n", "\n<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Table:
    """One benchmark's figures. ``bars`` are what the picture shows of them, in ``unit``."""

    title: str
    note: str
    """What was measured, and how."""
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    unit: str = ""
    bars: Sequence[tuple[str, float]] = field(default_factory=tuple)

    def markdown(self) -> str:
        lines = [f"**{self.title}.** {self.note}", "", *map(_row, (self.header,))]
        lines.append(_row(("---", *("---:" for _ in self.header[1:]))))
        return "\n".join([*lines, *map(_row, self.rows)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def into(path: Path, text: str) -> None:
    """Put the text between the two marks of a file. Raises ValueError where it has none."""
    before, begin, rest = path.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"{path} has no {_BEGIN.strip()} ... {_END.strip()}")
    path.write_text(f"{before}{begin}{text}{end}{after}")


def picture(tables: Sequence[Table], caption: str) -> str:
    """The bars of every table that has some, as SVG: short is good."""
    parts: list[str] = []
    y = 20
    for table in tables:
        if not table.bars:
            continue
        parts.append(_text(8, y, f"{table.title}, {table.unit}", weight="bold"))
        y += 12
        longest = max(value for _, value in table.bars)
        for name, value in table.bars:
            width = max(1.0, (_WIDTH - _LEFT - 90) * value / longest)
            colour = next((found for key, found in _COLOURS.items() if name.startswith(key)), _OTHERS)
            parts.append(_text(_LEFT - 8, y + 12, name, anchor="end"))
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>'
            )
            parts.append(_text(_LEFT + width + 6, y + 12, f"{value:,.{2 if value < 10 else 0}f}"))
            y += _BAR + _GAP
        y += 22
    parts.append(_text(8, y, caption))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 14}" font-family="sans-serif">'
    )
    ground = f'<rect width="{_WIDTH}" height="{y + 14}" fill="white"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="12" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )
