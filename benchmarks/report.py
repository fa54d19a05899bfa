"""What was measured, as tables of a page, and such tables read again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_BEGIN, _END = "<!-- figures -->\n\n", "\n<!-- end of figures -->"
_TABLE = re.compile(r"^\*\*(?P<title>.+?)\.\*\* .*\n\n(?P<lines>(?:\|.*\n)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Table:
    """One benchmark's figures."""

    title: str
    note: str
    """What was measured, and how."""
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def markdown(self) -> str:
        lines = [f"**{self.title}.** {self.note}", "", *map(_row, (self.header,))]
        lines.append(_row(("---", *("---:" for _ in self.header[1:]))))
        return "\n".join([*lines, *map(_row, self.rows)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def rows_by_title(text: str) -> dict[str, list[list[str]]]:
    """The cells of every table on a page, without headers and marks of Markdown, by its title."""
    return {
        found["title"]: [
            [cell.strip(" *").replace("`", "") for cell in line[1:-1].split("|")]
            for line in found["lines"].splitlines()[2:]
        ]
        for found in _TABLE.finditer(text)
    }


def into(path: Path, text: str) -> None:
    """Put the text between the two marks of a file. Raises ValueError where it has none."""
    before, begin, rest = path.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"{path} has no {_BEGIN.strip()} ... {_END.strip()}")
    path.write_text(f"{before}{begin}{text}{end}{after}")
