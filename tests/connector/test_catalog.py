"""What is offered, and how a configured catalog is judged."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import oracle
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from stockticker_async.connector import catalog, protocol, resources
from stockticker_async.connector.bar_lines import bar_lines, price_lines
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.bars import Asked, Bar
from stockticker_async.marketdata.calendar import midnight_ms
from stockticker_async.streams.table import STOCK_BARS, STOCK_PRICES, STREAMS
from stockticker_async.sync.job import SelectedStream

OFFERED = {stream["name"]: stream for stream in catalog.offered()}


def configured(name: str = "stock_prices", **fields: Any) -> dict[str, Any]:
    stream = {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
    return {"stream": stream, "destination_sync_mode": "append", **fields}


def refused(raw: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        catalog.parse(raw)
    return caught.value.message


# What is offered


def test_the_streams_are_the_protocols_and_each_stands_once() -> None:
    streams = catalog.offered()
    oracle.decoded(protocol.catalog(streams))
    assert [stream["name"] for stream in streams] == [stream.name for stream in STREAMS]
    assert len(OFFERED) == len(streams)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_key_and_cursor_are_fields_of_the_schema(stream: Any) -> None:
    offer = OFFERED[stream.name]
    properties = offer["json_schema"]["properties"]
    assert offer["source_defined_primary_key"] == [[name] for name in stream.primary_key]
    assert {*stream.primary_key} <= properties.keys()
    if not stream.cursor:
        assert offer["supported_sync_modes"] == ["full_refresh"]
        assert offer["is_resumable"] is False
        assert not offer.keys() & {"source_defined_cursor", "default_cursor_field"}
        return
    assert offer["default_cursor_field"] == [stream.cursor]
    assert stream.cursor in properties
    assert offer["is_resumable"] is offer["source_defined_cursor"] is True
    assert offer["supported_sync_modes"] == ["full_refresh", "incremental"]
    format_of_the_cursor = "date-time" if stream.times else "date"
    assert properties[stream.cursor]["format"] == format_of_the_cursor


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_a_schema_is_of_draft_07_and_explains_every_field(stream: Any) -> None:
    schema = resources.load(f"schemas/{stream.name}.json")
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(schema)
    for name, field in explained(schema["properties"]):
        assert field["description"].endswith("."), name
        kinds = {field["type"]} if isinstance(field["type"], str) else {*field["type"]} - {"null"}
        # 1.0 is no integer: what the API may write as a float is a number
        assert len(kinds) == 1, name
        assert kinds != {"integer"} or name == "id", name
        assert "additionalProperties" not in field
    for name in stream.primary_key:
        assert isinstance(schema["properties"][name]["type"], str), "a key is never null"


def explained(properties: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field, those of objects within, too."""
    for name, field in properties.items():
        yield name, field
        yield from explained(field.get("properties", {}))
        yield from explained(field.get("items", {}).get("properties", {}))


def test_the_rows_have_exactly_the_fields_of_their_schema() -> None:
    day = date(2020, 12, 15)
    bars = [
        Bar(t=midnight_ms(day), o=1.0, h=1.0, l=1.0, c=1.0, v=1.0),
        Bar(t=midnight_ms(date(2020, 12, 16)), o=1.0, h=1.0, l=1.0, c=1.0, v=0.5, vw=1.0, n=2, otc=True),
    ]
    asked = Asked("TSLA", day, day, ONE_DAY, adjusted=True)
    lines = {
        STOCK_PRICES: price_lines("s", "TSLA", bars, emitted_at_ms=0),
        STOCK_BARS: bar_lines("s", bars, asked=asked, emitted_at_ms=0),
    }
    for stream, piece in lines.items():
        made = [orjson.loads(line)["record"]["data"] for line in piece.data.splitlines()]
        assert len(made) == 2
        schema = OFFERED[stream.name]["json_schema"]
        for row in made:
            assert row.keys() == schema["properties"].keys()
            Draft7Validator(schema).validate(row)


def test_the_tutorials_stream_has_the_tutorials_fields() -> None:
    properties = OFFERED["stock_prices"]["json_schema"]["properties"]
    assert {name: field["type"] for name, field in properties.items()} == {
        "date": "string",
        "stock_ticker": "string",
        "price": "number",
    }


# A catalog to start from


@pytest.mark.parametrize(
    ("incremental", "mode", "destination"),
    [(True, "incremental", "append_dedup"), (False, "full_refresh", "overwrite")],
)
def test_a_catalog_to_start_from_selects_the_bars(
    incremental: bool,  # noqa: FBT001 - a case
    mode: str,
    destination: str,
) -> None:
    made = catalog.configured(incremental=incremental)
    assert catalog.parse(made) == tuple(
        SelectedStream(stream, incremental) for stream in (STOCK_PRICES, STOCK_BARS)
    )
    for entry in made["streams"]:
        assert entry["sync_mode"] == mode
        assert entry["destination_sync_mode"] == destination
        assert entry["cursor_field"] == entry["stream"]["default_cursor_field"]
        assert entry["primary_key"] == entry["stream"]["source_defined_primary_key"]


def test_a_catalog_to_start_from_may_select_some() -> None:
    made = catalog.configured(["stock_bars"], incremental=True)
    assert catalog.parse(made) == (SelectedStream(STOCK_BARS, incremental=True),)
    with pytest.raises(ConfigError, match="no stream 'bars': the streams are stock_prices, stock_bars"):
        catalog.configured(["stock_bars", "bars"], incremental=True)


def test_a_stream_without_a_cursor_is_configured_to_be_read_whole() -> None:
    made = catalog.configured(["exchanges", "splits"], incremental=True)
    splits, exchanges = made["streams"]
    assert (splits["sync_mode"], splits["cursor_field"]) == ("incremental", ["execution_date"])
    assert (exchanges["sync_mode"], exchanges["destination_sync_mode"]) == ("full_refresh", "overwrite")
    assert "cursor_field" not in exchanges
    oracle.decoded(protocol.catalog([splits["stream"], exchanges["stream"]]))


# What was asked for


@pytest.mark.parametrize(
    ("fields", "incremental"),
    [
        ({"sync_mode": "incremental"}, True),
        ({"sync_mode": "full_refresh"}, False),
        ({"sync_mode": None}, False),
        ({}, False),
    ],
)
def test_a_sync_mode_is_incremental_or_all(fields: dict[str, Any], incremental: bool) -> None:  # noqa: FBT001 - a case
    assert catalog.parse({"streams": [configured(**fields)]}) == (SelectedStream(STOCK_PRICES, incremental),)


@pytest.mark.parametrize(
    "extra",
    [
        {"cursor_field": None, "primary_key": None, "namespace": None},
        {"generation_id": 1, "minimum_generation_id": 0, "sync_id": 5},
        {"destination_sync_mode": "soft_delete", "include_files": False},
        {"destination_sync_mode": None},
        {"what_comes_next": {"a": [None]}},
    ],
)
def test_keys_that_are_not_ours_are_tolerated(extra: dict[str, Any]) -> None:
    raw = {"streams": [configured(sync_mode="incremental") | extra], "more": 1}
    assert catalog.parse(raw) == (SelectedStream(STOCK_PRICES, incremental=True),)


def test_the_order_is_the_catalogs() -> None:
    raw = {"streams": [configured("stock_bars"), configured("stock_prices")]}
    assert [one.stream for one in catalog.parse(raw)] == [STOCK_BARS, STOCK_PRICES]


@pytest.mark.parametrize(
    "raw", [None, [], "x", {}, {"streams": None}, {"streams": {}}, {"catalog": {"streams": []}}]
)
def test_what_is_no_configured_catalog_is_refused_and_helped(raw: Any) -> None:
    message = refused(raw)
    assert 'a JSON object with a list "streams"' in message
    assert "`catalog` prints one" in message


def test_a_catalog_without_streams_is_refused() -> None:
    assert "selects no streams" in refused({"streams": []})


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "stock_prices",
        {},
        *({"stream": stream} for stream in (None, "stock_prices", {}, {"name": 5})),
        OFFERED["stock_prices"],
    ],
)
def test_an_entry_that_is_no_configured_stream_is_refused_and_helped(entry: Any) -> None:
    message = refused({"streams": [entry]})
    assert "`catalog` prints what is needed" in message


@pytest.mark.parametrize("name", ["stock_price", "", "x" * 5000])
def test_an_unknown_stream_is_refused_with_the_known_ones(name: str) -> None:
    message = refused({"streams": [configured(), configured(name, sync_mode="INVALID")]})
    assert message.startswith("There is no stream '")
    assert message.endswith(f"the streams are {', '.join(stream.name for stream in STREAMS)}.")
    assert len(message) < 400


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("INVALID", "'INVALID'"),
        ("", "''"),
        ("x" * 5000, f"'{'x' * 40}'"),
        (5, "that is not a string"),
        (orjson.loads(b"[" * 1000 + b"]" * 1000), "that is not a string"),
    ],
    ids=range(5),
)
def test_an_unknown_sync_mode_is_refused(mode: Any, shown: str) -> None:
    message = refused({"streams": [configured(sync_mode=mode)]})
    assert f"The stream stock_prices has a sync_mode {shown}:" in message
    assert "full_refresh or incremental" in message


def test_a_stream_twice_is_refused() -> None:
    message = refused({"streams": [configured(), configured("stock_bars"), configured()]})
    assert message == "The catalog has the stream stock_prices twice: leave one."


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["stock_prices", "stock_bars"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["stream", "streams", "name", "sync_mode"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(json_values | st.fixed_dictionaries({"streams": json_values}))
def test_any_json_is_a_selection_or_a_config_error(raw: Any) -> None:
    try:
        selected = catalog.parse(raw)
    except ConfigError:
        return
    assert selected
    assert len({one.stream.name for one in selected}) == len(selected)
