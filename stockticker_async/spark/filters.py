"""Spark's filters as conditions."""

from pyspark.sql.datasource import (
    EqualNullSafe,
    EqualTo,
    Filter,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    LessThan,
    LessThanOrEqual,
)

from stockticker_async.spark.push_down import Condition


def condition_of(filter_: Filter) -> Condition | None:
    """Return the condition of a filter; None if it compares nothing, or nothing that can be narrowed."""
    match filter_:
        case EqualTo((column,), value) | EqualNullSafe((column,), value) if value is not None:
            return Condition(column, "in", (value,))
        case In((column,), values):
            return Condition(column, "in", tuple(value for value in values if value is not None))
        case GreaterThan((column,), value):
            return Condition(column, ">", (value,))
        case GreaterThanOrEqual((column,), value):
            return Condition(column, ">=", (value,))
        case LessThan((column,), value):
            return Condition(column, "<", (value,))
        case LessThanOrEqual((column,), value):
            return Condition(column, "<=", (value,))
    return None
