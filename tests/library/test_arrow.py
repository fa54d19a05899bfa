"""Rows and bars in columns: the values of the rows, in the types of the schema."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.connector import resources
from stockticker_async.errors import BadPageError
from stockticker_async.library.arrow_schemas import arrow_schema, schema_of
from stockticker_async.library.bar_columns import bars_batch, session_batch
from stockticker_async.library.row_columns import rows_batch
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize
from stockticker_async.marketdata.bars import Asked, Bar, GroupedBar
from stockticker_async.marketdata.calendar import midnight_ms
from stockticker_async.streams.bar_rows import bar_fields, bar_rows, day_texts, intraday_texts
from stockticker_async.streams.table import STOCK_BARS, STOCK_PRICES, STREAMS, Stream

FIXTURES = Path(__file__).parent.parent / "fixtures"
MINUTE = BarSize(1, "minute")
IDS = [stream.name for stream in STREAMS]


def plain(value: Any) -> Any:
    """A value of Arrow's as JSON has it; what is null and what is absent are one."""
    match value:
        case datetime():
            text = value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="auto")
            return f"{text.removesuffix('000')}Z"
        case date():
            return value.isoformat()
        case str() if value.endswith(".000Z"):
            return value.replace(".000Z", "Z")
        case dict():
            return {name: plain(one) for name, one in value.items() if one is not None}
        case list():
            return [plain(one) for one in value]
    return value


def plain_rows(batch: pa.RecordBatch) -> list[Mapping[str, Any]]:
    return [plain(row) for row in batch.to_pylist()]


@pytest.mark.parametrize("stream", STREAMS, ids=IDS)
def test_a_schema_is_that_of_the_stream(stream: Stream) -> None:
    described = resources.load(f"schemas/{stream.name}.json")["properties"]
    schema = schema_of(stream)
    assert schema.names == list(described)
    for field in schema:
        one = described[field.name]
        assert field.nullable == ("null" in one["type"])
        match one.get("format"):
            case "date":
                assert field.type == pa.date32()
            case "date-time":
                assert field.type == pa.timestamp("us", "UTC")
    for key in stream.primary_key:
        assert not schema.field(key).nullable
    if "stock_ticker" in described:
        assert schema.field("stock_ticker").type == pa.dictionary(pa.int32(), pa.string())


@pytest.mark.parametrize(
    "stream", [one for one in STREAMS if one.primary_key and one.name in IDS[2:]], ids=IDS[2:]
)
def test_the_rows_of_the_api_are_those_of_the_columns(stream: Stream) -> None:
    records = orjson.loads((FIXTURES / f"{stream.name}.json").read_bytes())["records"]
    batch = rows_batch(schema_of(stream), records)
    batch.validate(full=True)
    assert plain_rows(batch) == [plain(row) for row in records]


moments = st.integers(midnight_ms(date(2019, 3, 8)) // 60_000, midnight_ms(date(2019, 11, 6)) // 60_000)
prices = st.floats(0.0001, 1e6)
bars: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    o=prices,
    h=prices,
    l=prices,
    c=prices,
    v=st.floats(0, 1e12),
    vw=prices | st.none(),
    n=st.none() | st.integers(0, 2**53) | st.sampled_from([2e6, 0.5]),
    otc=st.sampled_from([None, False, True]),
)


@given(st.lists(bars, min_size=1, max_size=40), st.data(), st.sampled_from([MINUTE, ONE_DAY]), st.booleans())
def test_bars_of_a_ticker_are_the_rows_of_read(
    some: list[dict[str, Any]],
    data: st.DataObject,
    size: BarSize,
    adjusted: bool,  # noqa: FBT001 - a case
) -> None:
    if size.intraday:
        times = sorted(
            60_000 * one for one in data.draw(st.sets(moments, min_size=len(some), max_size=len(some)))
        )
    else:
        closes = data.draw(st.sampled_from([0, 16]))
        times = [
            midnight_ms(date(2019, 3, 8) + timedelta(days=n)) + closes * 3_600_000 for n in range(len(some))
        ]
    found = [Bar(t=moment, **one) for moment, one in zip(times, some, strict=True)]
    asked = Asked("TSLA", date(2019, 3, 8), date(2019, 11, 6), size, adjusted)
    texts = intraday_texts(found) if size.intraday else [day_texts(bar.t) for bar in found]
    wanted = [
        {"stock_ticker": "TSLA", **row, "adjusted": adjusted, "otc": bar.otc or False}
        for bar, row in zip(found, bar_fields(found, texts), strict=True)
    ]
    batch = bars_batch("bars", schema_of(STOCK_BARS), found, asked)
    batch.validate(full=True)
    assert plain_rows(batch) == [plain(row) for row in wanted]
    batch = bars_batch("prices", schema_of(STOCK_PRICES), found, asked)
    assert plain_rows(batch) == [
        {"date": row["date"], "stock_ticker": "TSLA", "price": row["close"]} for row in wanted
    ]


@given(st.dictionaries(st.text("ABC", min_size=1), bars, min_size=1, max_size=20), st.booleans())
def test_bars_of_a_session_are_the_rows_of_read(
    some: dict[str, dict[str, Any]],
    adjusted: bool,  # noqa: FBT001 - a case
) -> None:
    session = date(2019, 3, 11)
    found = [GroupedBar(t=midnight_ms(session), T=name, **one) for name, one in some.items()]
    batch = session_batch("bars", schema_of(STOCK_BARS), found, session, adjusted=adjusted)
    batch.validate(full=True)
    assert plain_rows(batch) == [plain(row) for row in bar_rows(found, session, adjusted=adjusted)]
    batch = session_batch("prices", schema_of(STOCK_PRICES), found, session, adjusted=adjusted)
    assert plain_rows(batch) == [
        {"date": str(session), "stock_ticker": bar.T, "price": bar.c} for bar in found
    ]


NESTED = arrow_schema(
    {
        "properties": {
            "id": {"type": "integer"},
            "day": {"type": ["null", "string"], "format": "date"},
            "at": {"type": ["null", "string"], "format": "date-time"},
            "sizes": {"type": ["null", "array"], "items": {"type": "number"}},
            "events": {
                "type": ["null", "array"],
                "items": {
                    "type": "object",
                    "properties": {
                        "day": {"type": "string", "format": "date"},
                        "at": {"type": ["null", "string"], "format": "date-time"},
                        "name": {"type": ["null", "string"]},
                    },
                },
            },
        }
    }
)


def test_days_and_moments_have_their_types_at_any_depth() -> None:
    rows: list[dict[str, Any]] = [
        {
            "id": 1.0,
            "sizes": [1, 2.5, 2**60],
            "events": [{"day": "2024-01-02", "at": "2024-01-02T05:00:00Z"}],
        },
        {"id": 2, "more": "of no schema", "events": [{"day": "2024-01-03", "name": "a", "more": 1}]},
        {"id": 3},
    ]
    batch = rows_batch(NESTED, rows)
    assert batch.schema.field("events").type.value_type.field("day").type == pa.date32()
    first, second, third = plain_rows(batch)
    assert first == {**rows[0], "sizes": [1.0, 2.5, float(2**60)]}
    assert second == {"id": 2, "events": [{"day": "2024-01-03", "name": "a"}]}
    assert third == {"id": 3}


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"id": "one"}, "id"),
        ({"id": 1.5}, "id"),
        ({}, "id"),
        ({"id": 1, "day": "2024-13-01"}, "day"),
        ({"id": 1, "day": 20240102}, "day"),
        ({"id": 1, "at": "yesterday"}, "at"),
        ({"id": 1, "sizes": ["1.0"]}, "sizes"),
        ({"id": 1, "sizes": [True]}, "sizes"),
        ({"id": 1, "sizes": [None]}, "item"),
        ({"id": 1, "sizes": 5}, "sizes"),
        ({"id": 1, "events": [{}]}, "day"),
        ({"id": 1, "events": ["none"]}, "events"),
        ({"id": 1, "events": [{"day": "x"}]}, "events"),
        ({"id": 2**70}, "id"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_field(row: dict[str, Any], named: str) -> None:
    with pytest.raises(BadPageError, match=rf"has (a|no) {named}\b"):
        rows_batch(NESTED, [{"id": 0}, row])


def test_numbers_are_not_changed() -> None:
    values = [0.1, 1 / 3, 633.25, 1e-300, math.pi]
    schema = arrow_schema({"properties": {"value": {"type": "number"}}})
    assert rows_batch(schema, [{"value": one} for one in values])["value"].to_pylist() == values
