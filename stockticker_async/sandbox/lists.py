"""Lists of reference rows: filters, order, limit and cursor, in both dialects of the API.

v3 writes `sort=field&order=asc`, v1 writes `sort=field.asc,other.desc`. Filters are the same in both:
`field`, `field.gt`, `field.gte`, `field.lt`, `field.lte`, `field.any_of`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import eq, ge, gt, le, lt
from typing import Any, Literal

from stockticker_async.sandbox import cursors
from stockticker_async.sandbox.asked import Asked, parse_day
from stockticker_async.sandbox.wire import bad_request

Row = dict[str, Any]


def _among(have: Any, wanted: Any) -> bool:
    return have in wanted


_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "": eq, "gt": gt, "gte": ge, "lt": lt, "lte": le, "any_of": _among
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    field: str
    compare: Callable[[Any, Any], bool]
    value: Any

    def admits(self, row: Row) -> bool:
        return self.field in row and self.compare(row[self.field], self.value)


@dataclass(frozen=True, slots=True)
class Listed:
    """One list endpoint: what it can be asked for."""

    dialect: Literal["v1", "v3"]
    fields: Mapping[str, Literal["text", "date", "number"]]
    """What can be filtered by."""
    sortable: tuple[str, ...]
    sort: tuple[str, bool]
    """The order unless told: a field, and whether descending."""
    limit: int
    most: int

    def filters(self, asked: Asked) -> list[Filter]:
        """What a row has to satisfy; a 400 for values that cannot be parsed."""
        found = []
        for parameter, text in asked.query.items():
            field, _, suffix = parameter.partition(".")
            if field not in self.fields or suffix not in _COMPARED or not text:
                continue
            pieces = text.split(",") if suffix == "any_of" else [text]
            values = [self._value(field, piece) for piece in pieces]
            found.append(Filter(field, _COMPARED[suffix], values if suffix == "any_of" else values[0]))
        return found

    def _value(self, field: str, text: str) -> str | float:
        if self.fields[field] == "date":
            return parse_day(field, text).isoformat()
        if self.fields[field] == "text":
            return text
        try:
            return float(text)
        except ValueError:
            raise bad_request(f"Could not parse the number parameter: '{field}'.") from None

    def order(self, asked: Asked) -> list[tuple[str, bool]]:
        """(field, whether descending), the weightiest first; a 400 for what cannot be sorted by."""
        field, descending = self.sort
        usual = "desc" if descending else "asc"
        text = asked.query.get("sort") or field
        if self.dialect == "v3":
            pairs = [(text, asked.query.get("order") or usual)]
        else:
            split = [piece.strip().partition(".") for piece in text.split(",")]
            pairs = [(name, direction or usual) for name, _, direction in split]
        if any(name not in self.sortable or way not in ("asc", "desc") for name, way in pairs):
            raise bad_request(f"The parameter 'sort' is invalid: '{text}'.")
        return [(name, way == "desc") for name, way in pairs]

    def selected(self, asked: Asked, rows: Iterable[Row]) -> list[Row]:
        """The rows that the question admits, in its order; equal ones keep theirs."""
        filters = self.filters(asked)
        found = [row for row in rows if all(wanted.admits(row) for wanted in filters)]
        for field, descending in reversed(self.order(asked)):
            found.sort(key=partial(_weight, field), reverse=descending)
        return found

    def page(self, asked: Asked, selected: list[Row], identity: str) -> tuple[list[Row], str | None]:
        """The rows of one page, and the URL of the next; `asked` has been resumed from its cursor.

        The cursor holds the whole question, and the `identity` field of the last row given.
        """
        limit = asked.limit(self.limit, self.most)
        begin = _position(selected, asked.query.get("page_marker", ""), identity)
        page = selected[begin : begin + limit]
        if begin + limit >= len(selected):
            return page, None
        marker = f"{begin + limit}|{page[-1][identity]}"
        cursor = cursors.encode({**question(asked), "limit": str(limit), "page_marker": marker})
        return page, f"{asked.origin}{asked.path}?cursor={cursor}"


def question(asked: Asked) -> dict[str, str]:
    """What was asked, on whichever page."""
    return {
        name: text for name, text in asked.query.items() if name not in ("cursor", "page_marker", "limit")
    }


def _weight(field: str, row: Row) -> tuple[bool, Any]:
    """Rows without the field come first."""
    return field in row, row.get(field)


def _position(rows: list[Row], marker: str, identity: str) -> int:
    """Where the page after `marker` begins: after the row it names, or where that was."""
    place, _, last = marker.partition("|")
    if not place.isdecimal():
        return 0
    likely = int(place)
    if likely <= len(rows) and rows[likely - 1][identity] == last:
        return likely
    return next((at for at, row in enumerate(rows, 1) if row[identity] == last), likely)
