"""Lists of rows: filters, sort order, limit and cursor, in both dialects of the API.

v3 writes `sort=field&order=asc`, v1 writes `sort=field.asc,other.desc`. Filters are the same in both:
`field`, `field.gt`, `field.gte`, `field.lt`, `field.lte`, and in v1 `field.any_of`. A filter that the
endpoint does not know is ignored, so that the response has too many rows.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import eq, ge, gt, le, lt
from typing import Any, Literal

from stockticker_async.sandbox.endpoints import cursors
from stockticker_async.sandbox.endpoints.api_request import ApiRequest, parse_day
from stockticker_async.sandbox.endpoints.api_response import bad_request

Row = dict[str, Any]


def _among(have: Any, wanted: Any) -> bool:
    return have in wanted


_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "": eq, "gt": gt, "gte": ge, "lt": lt, "lte": le, "any_of": _among
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    field: str
    suffix: str
    """As written after the dot; empty for equality."""
    value: Any
    """The value to compare with; a list for `any_of`."""

    def admits(self, row: Row) -> bool:
        return self.field in row and _COMPARED[self.suffix](row[self.field], self.value)


@dataclass(frozen=True, slots=True)
class ListEndpoint:
    """The parameters of a list endpoint."""

    dialect: Literal["v1", "v3"]
    fields: Mapping[str, Literal["text", "date", "number", "integer"]]
    """The fields to filter by."""
    sortable: tuple[str, ...]
    sort: tuple[str, bool]
    """The default order: a field, and whether descending."""
    limit: int
    most: int
    exact: Container[str] = ()
    """Fields without filters by range."""
    any_of: Container[str] = ()
    """Fields with a filter for several values at once."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The permitted values of parameters."""

    def filters(self, request: ApiRequest) -> list[Filter]:
        """The filters of a request; raises a 400 for values that cannot be parsed or are not permitted."""
        self._choose(request)
        found = []
        for parameter, text in request.query.items():
            name, _, suffix = parameter.partition(".")
            if not text or not self._knows(name, suffix):
                continue
            pieces = text.split(",") if suffix == "any_of" else [text]
            values = [self._value(name, piece) for piece in pieces]
            found.append(Filter(name, suffix, values if suffix == "any_of" else values[0]))
        return found

    def _choose(self, request: ApiRequest) -> None:
        for name, among in self.choices.items():
            if (text := request.query.get(name)) and text not in among:
                raise bad_request(
                    f"The parameter '{name}' is invalid: '{text}' is none of {', '.join(among)}."
                )

    def _knows(self, name: str, suffix: str) -> bool:
        match suffix:
            case "":
                return name in self.fields
            case "any_of":
                return name in self.any_of
            case _:
                return name in self.fields and name not in self.exact and suffix in _COMPARED

    def _value(self, name: str, text: str) -> str | float:
        kind = self.fields[name]
        if kind == "date":
            return parse_day(name, text).isoformat()
        if kind == "text":
            return text
        try:
            return int(text) if kind == "integer" else float(text)
        except ValueError:
            raise bad_request(f"Could not parse the number parameter: '{name}'.") from None

    def order(self, request: ApiRequest) -> list[tuple[str, bool]]:
        """(field, whether descending), the most significant first; raises a 400 for any other field."""
        first, descending = self.sort
        usual = "desc" if descending else "asc"
        text = request.query.get("sort") or first
        if self.dialect == "v3":
            pairs = [(text, request.query.get("order") or usual)]
        else:
            split = [piece.strip().partition(".") for piece in text.split(",")]
            pairs = [(name, direction or usual) for name, _, direction in split]
        if any(name not in self.sortable or way not in ("asc", "desc") for name, way in pairs):
            raise bad_request(f"The parameter 'sort' is invalid: '{text}'.")
        return [(name, way == "desc") for name, way in pairs]

    def selected(self, request: ApiRequest, rows: Iterable[Row]) -> list[Row]:
        """The rows that the filters admit, in the requested order; the sort is stable."""
        filters = self.filters(request)
        found = [row for row in rows if all(wanted.admits(row) for wanted in filters)]
        for name, descending in reversed(self.order(request)):
            found.sort(key=partial(_weight, name), reverse=descending)
        return found

    def page(self, request: ApiRequest, selected: list[Row], identity: str) -> tuple[list[Row], str | None]:
        """The rows of one page, and the URL of the next; `request` has been resumed from its cursor.

        The cursor holds the whole request, and the `identity` field of the last row of this page.
        """
        limit = request.limit(self.limit, self.most)
        begin = _position(selected, request.query.get("page_marker", ""), identity)
        page = selected[begin : begin + limit]
        if begin + limit >= len(selected):
            return page, None
        marker = f"{begin + limit}|{page[-1][identity]}"
        cursor = cursors.encode({**without_paging(request), "limit": str(limit), "page_marker": marker})
        return page, f"{request.origin}{request.path}?cursor={cursor}"


def without_paging(request: ApiRequest) -> dict[str, str]:
    """The query without its paging parameters: the same on every page."""
    return {
        name: text for name, text in request.query.items() if name not in ("cursor", "page_marker", "limit")
    }


def _weight(name: str, row: Row) -> tuple[bool, Any]:
    """Rows without the field come first."""
    return name in row, row.get(name)


def _position(rows: list[Row], marker: str, identity: str) -> int:
    """The index of the first row after `marker`: after the row it names, or where that row was."""
    place, _, last = marker.partition("|")
    if not place.isdecimal():
        return 0
    likely = int(place)
    if likely <= len(rows) and str(rows[likely - 1][identity]) == last:
        return likely
    return next((at for at, row in enumerate(rows, 1) if str(row[identity]) == last), likely)
