"""Every message against the protocol's own models, and the cut of many records into lines."""

from typing import Any, get_args

import oracle
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stockticker_async.connector import catalog, protocol, resources
from stockticker_async.errors import FailureType

AT = 1_608_000_000_000
CRAFTED = '},{"type":"RECORD","record":{"stream":'

texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [
        CRAFTED,
        f'"{CRAFTED}"',
        f"\\{CRAFTED}",
        f'\\"{CRAFTED}',
        "\n",
        "\\",
        '"',
        '\\"',
        "}\n{",
        "\u2028",
        "\x00",
    ]
)
values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)


def keyed(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Some values under keys that no other part of a record has."""
    return st.dictionaries(st.builds(f"{name} {{}}".format, texts), values, max_size=2)


flat_rows = st.lists(st.dictionaries(texts, values, max_size=4), max_size=5)


@pytest.mark.parametrize("level", get_args(protocol.Level))
def test_a_log_line_is_the_protocols(level: protocol.Level) -> None:
    message = oracle.decoded(protocol.log(level, 'two\nlines and a "quote"'))
    assert message == {"type": "LOG", "log": {"level": level, "message": 'two\nlines and a "quote"'}}


def test_the_specification_is_the_protocols() -> None:
    specification = resources.load("spec.json")
    assert oracle.decoded(protocol.spec(specification)) == {"type": "SPEC", "spec": specification}


@pytest.mark.parametrize(("succeeded", "status"), [(True, "SUCCEEDED"), (False, "FAILED")])
def test_a_connection_status_is_the_protocols(succeeded: bool, status: str) -> None:  # noqa: FBT001 - a case
    with_message = oracle.decoded(protocol.connection_status(succeeded=succeeded, message="why"))
    assert with_message["connectionStatus"] == {"status": status, "message": "why"}
    assert oracle.decoded(protocol.connection_status(succeeded=succeeded))["connectionStatus"] == {
        "status": status
    }


def test_the_catalog_is_the_protocols() -> None:
    streams = catalog.offered()
    assert oracle.decoded(protocol.catalog(streams))["catalog"] == {"streams": streams}


@pytest.mark.parametrize("records", [0, 1, 12, 10**15])
def test_a_states_count_is_a_double(records: int) -> None:
    blob = {"date": "2024-01-02", "tickers": {"A,B": None}}
    line = protocol.state("stock_prices", blob, records=records)
    state = oracle.decoded(line)["state"]
    assert state["stream"] == {"stream_descriptor": {"name": "stock_prices"}, "stream_state": blob}
    assert state["sourceStats"] == {"recordCount": float(records)}
    assert b".0}" in line or b"e" in line


@pytest.mark.parametrize("status", get_args(protocol.Status))
def test_a_stream_status_is_the_protocols(status: protocol.Status) -> None:
    trace = oracle.decoded(protocol.stream_status("s", status, emitted_at_ms=AT))["trace"]
    assert trace == {
        "type": "STREAM_STATUS",
        "emitted_at": AT,
        "stream_status": {"stream_descriptor": {"name": "s"}, "status": status},
    }


def test_a_wait_for_the_allowance_has_exactly_one_reason_and_tells_its_end() -> None:
    line = protocol.stream_status("s", "RUNNING", emitted_at_ms=AT, rate_limited_until_ms=AT + 60_000)
    assert oracle.decoded(line)["trace"]["stream_status"]["reasons"] == [
        {"type": "RATE_LIMITED", "rate_limited": {"quota_reset": AT + 60_000}}
    ]


def test_an_estimate_is_the_protocols() -> None:
    trace = oracle.decoded(protocol.estimate("s", rows=7, size_bytes=700, emitted_at_ms=AT))["trace"]
    assert trace["estimate"] == {"name": "s", "type": "STREAM", "row_estimate": 7, "byte_estimate": 700}


@pytest.mark.parametrize("failure_type", get_args(FailureType))
def test_an_error_says_no_more_than_it_was_told(failure_type: FailureType) -> None:
    line = protocol.error("why", failure_type=failure_type, emitted_at_ms=AT)
    assert oracle.decoded(line)["trace"] == {
        "type": "ERROR",
        "emitted_at": AT,
        "error": {"message": "why", "failure_type": failure_type},
    }


def test_an_error_carries_its_stream_its_detail_and_its_traceback() -> None:
    line = protocol.error(
        "why",
        failure_type="config_error",
        emitted_at_ms=AT,
        detail="401",
        stack_trace="Traceback",
        stream="stock_prices",
    )
    assert oracle.decoded(line)["trace"]["error"] == {
        "message": "why",
        "failure_type": "config_error",
        "internal_message": "401",
        "stack_trace": "Traceback",
        "stream_descriptor": {"name": "stock_prices"},
    }


def test_a_files_name_that_is_no_unicode_can_be_told() -> None:
    name = b"config-\xff.json".decode("utf-8", "surrogateescape")
    lines = [
        protocol.log("ERROR", name),
        protocol.connection_status(succeeded=False, message=name),
        protocol.error(name, failure_type="config_error", emitted_at_ms=AT, detail=name, stack_trace=name),
    ]
    for line in lines:
        oracle.decoded(line)
        assert b"config-\\\\udcff.json" in line


@given(stream=texts, rows=flat_rows)
@example(stream=CRAFTED, rows=[{CRAFTED: CRAFTED}, {CRAFTED: CRAFTED}])
@example(stream="\\", rows=[{"a": "\\"}, {"a": f"\\{CRAFTED}"}, {}])
def test_many_records_are_byte_for_byte_the_lines_of_each(stream: str, rows: list[dict[str, Any]]) -> None:
    lines = protocol.records(stream, rows, emitted_at_ms=AT)
    alone = [
        protocol.line({"type": "RECORD", "record": {"stream": stream, "data": row, "emitted_at": AT}})
        for row in rows
    ]
    assert lines == b"".join(alone)
    for line, row in zip(lines.split(b"\n"), rows, strict=False):
        message = oracle.decoded(line + b"\n")
        assert message["record"] == {"stream": stream, "data": row, "emitted_at": AT}


@given(stream=texts, rows=flat_rows, before=keyed("before"), after=keyed("after"))
@example(stream=CRAFTED, rows=[{"a": "},{"}, {"a": '},{"a":'}], before={"b": CRAFTED}, after={"c": CRAFTED})
def test_what_all_records_have_in_common_is_told_in_each(
    stream: str, rows: list[dict[str, Any]], before: dict[str, Any], after: dict[str, Any]
) -> None:
    rows = [{key: value for key, value in row.items() if key not in {**before, **after}} for row in rows]
    whole = [{**before, **row, **after} for row in rows]
    lines = protocol.records(stream, rows, emitted_at_ms=AT, before=before, after=after)
    assert lines == b"".join(
        protocol.line({"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": AT}})
        for data in whole
    )


def test_no_rows_are_no_bytes() -> None:
    assert protocol.records("s", [], emitted_at_ms=AT) == b""


def test_a_line_ends_in_its_only_newline() -> None:
    assert protocol.line({"a": "\n"}) == b'{"a":"\\n"}\n'
    assert orjson.loads(protocol.line({"a": "\n"})) == {"a": "\n"}
