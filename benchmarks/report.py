"""What was measured, as a table for people and as a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

_WIDTH, _BAR, _GAP, _LEFT = 800, 16, 6, 290
_OURS, _OTHERS = "#2563eb", "#94a3b8"
_CURVES = ("#2563eb", "#0d9488", "#9333ea", "#ea580c", "#be123c")
_HEIGHT = 130
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
    curves: Sequence[tuple[str, Sequence[tuple[float, float]]]] = field(default_factory=tuple)
    """Values over time, ascending, each drawn over the whole width."""

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
    """The bars and the curves of every table that has some, as SVG: short is good, and so is low."""
    parts: list[str] = []
    y = 20
    for table in tables:
        if not (table.bars or table.curves):
            continue
        parts.append(_text(8, y, f"{table.title}, {table.unit}", weight="bold"))
        y += 12
        parts += _bars(table.bars, y)
        y += len(table.bars) * (_BAR + _GAP)
        if table.curves:
            parts += _curves(table.curves, y)
            y += _HEIGHT + 16 * len(table.curves)
        y += 22
    parts.append(_text(8, y, caption, size=10))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 14}" font-family="sans-serif">'
    )
    ground = f'<rect width="{_WIDTH}" height="{y + 14}" fill="white"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"


def _bars(bars: Sequence[tuple[str, float]], y: int) -> Iterator[str]:
    longest = max((value for _, value in bars), default=0) or 1
    for name, value in bars:
        width = max(1.0, (_WIDTH - _LEFT - 90) * value / longest)
        colour = _OURS if name.startswith("stockticker_async") else _OTHERS
        yield _text(_LEFT - 8, y + 12, name, anchor="end")
        yield f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>'
        yield _text(_LEFT + width + 6, y + 12, f"{value:,.{2 if value < 10 else 0}f}")
        y += _BAR + _GAP


def _curves(curves: Sequence[tuple[str, Sequence[tuple[float, float]]]], y: int) -> Iterator[str]:
    top = max(value for _, points in curves for _, value in points)
    wide = _WIDTH - 90
    yield f'<path d="M60 {y} v{_HEIGHT} h{wide}" fill="none" stroke="{_OTHERS}"/>'
    yield _text(54, y + 10, f"{top:.0f}", anchor="end")
    yield _text(54, y + _HEIGHT, "0", anchor="end")
    for place, (name, points) in enumerate(curves):
        colour = _CURVES[place % len(_CURVES)]
        end = points[-1][0] or 1
        drawn = " ".join(
            f"{60 + wide * at / end:.1f},{y + _HEIGHT - _HEIGHT * value / top:.1f}" for at, value in points
        )
        yield f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        below = y + _HEIGHT + 16 * (place + 1)
        yield f'<rect x="60" y="{below - 9}" width="12" height="10" fill="{colour}"/>'
        yield _text(78, below, f"{name} ({end:.0f} s)")


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", size: int = 12
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )
