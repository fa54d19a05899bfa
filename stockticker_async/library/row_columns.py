"""Rows of the API's lists and look-ups to record batches: what has no place in the schema has none here.

A field that the schema does not know is left out. A value of another type than the schema's, or none where
there must be one, is a fault of the answer: `BadPageError`, which names the field.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from stockticker_async.errors import BadPageError
from stockticker_async.library.arrow_schemas import MOMENT

Row = Mapping[str, Any]
_SHOWN = 80
"""Characters of what Arrow says of a fault, which may quote a whole value."""


def load() -> None:
    """Load what Arrow loads when it first meets a Python object: a tenth of a second, more beside pandas."""
    pa.array([""]).cast(pa.binary())


def rows_batch(schema: pa.Schema, rows: Sequence[Row]) -> pa.RecordBatch:
    """A batch of rows in their order. Raises `BadPageError`."""
    return pa.RecordBatch.from_arrays([_column(field, rows) for field in schema], schema=schema)


def _column(field: pa.Field, rows: Sequence[Row]) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    try:
        column = _converted(field.type, values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as fault:
        text = f"a row of the answer has a {field.name} that is none: {str(fault)[:_SHOWN]}."
        raise BadPageError(text) from None
    if (lacking := _lacking(field, column)) is not None:
        raise BadPageError(f"a row of the answer has no {lacking}.")
    return column


def _converted(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if kind == MOMENT or pa.types.is_date(kind):
        return pa.array(values, pa.string()).cast(kind)
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode()
    parse = _parser(kind)
    return pa.array(values if parse is None else [parse(value) for value in values], kind)


def _parser(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """What makes Arrow's own value of one of JSON; None where JSON's is."""
    if pa.types.is_floating(kind):
        return _number
    if pa.types.is_integer(kind):
        return _whole
    if kind == MOMENT:
        return lambda value: None if value is None else datetime.fromisoformat(value)
    if pa.types.is_date(kind):
        return lambda value: None if value is None else date.fromisoformat(value)
    if pa.types.is_list(kind) and (parse := _parser(kind.value_type)) is not None:
        return lambda value: None if value is None else [parse(one) for one in value]
    if pa.types.is_struct(kind):
        parsers = {field.name: one for field in kind if (one := _parser(field.type)) is not None}
        if parsers:
            return lambda value: None if value is None else _with(parsers, value)
    return None


def _with(parsers: dict[str, Callable[[Any], Any]], value: Row) -> Row:
    return {**value, **{name: parse(value.get(name)) for name, parse in parsers.items()}}


def _number(value: Any) -> float | None:
    """Integers beyond 2 to the 53 are rounded, as those who read JSON do it."""
    if isinstance(value, bool):
        raise TypeError("true or false is no number")
    return float(value) if isinstance(value, int) else value


def _whole(value: Any) -> Any:
    """The API may write 1.0 for 1; Arrow cuts off what stands behind the point."""
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError(f"{value} is not whole")
        return int(value)
    return value


def _lacking(field: pa.Field, column: pa.Array) -> str | None:
    """The name of a field that has a null where there must be none."""
    if column.null_count and not field.nullable:
        return str(field.name)
    if pa.types.is_list(field.type):
        return _lacking(field.type.value_field, column.flatten())
    if pa.types.is_struct(field.type):
        children = zip(field.type, column.drop_null().flatten(), strict=True)
        return next((lack for child, inner in children if (lack := _lacking(child, inner))), None)
    return None
