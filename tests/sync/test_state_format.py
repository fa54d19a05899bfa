"""The written form of cursors, and every form of a state that is given back to us."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.connector import protocol
from stockticker_async.connector.state_file import find_states
from stockticker_async.errors import ConfigError
from stockticker_async.streams.table import STOCK_BARS, STOCK_PRICES, STREAMS, Listed, Stream
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.state_format import BareDateState, Basis, Entry, NoState, SavedState, read, write

FIRST = date(2020, 1, 1)
BASIS = Basis(adjusted=True, bar="1 day")
DAYS = st.integers(0, 400).map(lambda n: FIRST + timedelta(days=n))
TICKERS = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters=",=*?#"), min_size=1, max_size=8
).filter(lambda name: name.strip(".") != "")
MARKS = st.none() | st.text("0123456789abcdef", min_size=8, max_size=8)
STREAM = st.sampled_from([stream for stream in STREAMS if stream.cursor])


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    since, other = draw(DAYS), draw(st.none() | DAYS)
    return Entry(since, None if other is None else max(since, other), draw(MARKS))


# what is written can be read


@given(STREAM, st.dictionaries(TICKERS, entries(), min_size=1), st.booleans(), st.booleans())
def test_a_state_that_was_written_is_read_as_it_was(
    stream: Stream,
    wanted: dict[str, Entry],
    adjusted: bool,  # noqa: FBT001 - drawn
    otc: bool,  # noqa: FBT001 - drawn
) -> None:
    of_bars = not isinstance(stream.source, Listed)
    basis = Basis(adjusted, "5 minute", otc) if of_bars else Basis(otc=otc)
    blob = json.loads(json.dumps(write(stream, basis, wanted, {})))
    assert read(stream, blob) == SavedState(basis, wanted, {})


@given(STREAM, entries(), st.dictionaries(TICKERS, MARKS.filter(bool)))
def test_the_whole_market_s_state_keeps_its_fingerprints(
    stream: Stream, entry: Entry, marks: dict[str, str]
) -> None:
    blob = write(stream, BASIS, {WHOLE_MARKET: Entry(entry.since, entry.cursor)}, marks)
    found = read(stream, json.loads(json.dumps(blob)))
    assert isinstance(found, SavedState)
    assert found.market_splits == marks
    assert found.entries == {WHOLE_MARKET: Entry(entry.since, entry.cursor)}


@given(STREAM, st.dictionaries(TICKERS, entries(), min_size=1))
def test_a_state_has_a_scalar_under_its_cursor_s_name_from_the_first_on(
    stream: Stream, wanted: dict[str, Entry]
) -> None:
    cursor = write(stream, BASIS, wanted, {})[stream.cursor]
    assert isinstance(cursor, str)
    assert isinstance(read(stream, {stream.cursor: cursor}), BareDateState)


def test_ten_thousand_tickers_in_step_fit_128_kilobytes() -> None:
    names = [f"T{number:04d}"[:5] for number in range(10_000)]
    marks = [f"{number:08x}" if number % 10 < 3 else None for number in range(10_000)]
    held = {name: Entry(FIRST, FIRST, mark) for name, mark in zip(names, marks, strict=True)}
    line = protocol.state("stock_prices", write(STOCK_PRICES, BASIS, held, {}), records=0)
    assert len(line) <= 128 * 1024  # measured: 87,276 bytes, of tickers of five letters


# what is given back to us

OWN = {"version": 1, "adjusted": True, "bar": "1 day", "date": "2020-01-02", "tickers": []}


@pytest.mark.parametrize("blob", [None, {}])
def test_no_state_is_no_state(blob: Any) -> None:
    assert read(STOCK_PRICES, blob) == NoState()


@pytest.mark.parametrize(
    ("stream", "blob"),
    [
        (STOCK_PRICES, {"date": "2020-12-21"}),
        (STOCK_PRICES, {"date": "2020-12-21T05:00:00Z", "other": None}),
        (STOCK_BARS, {"timestamp": "2020-12-21T05:00:00Z"}),
        (STOCK_BARS, {"date": "2020-12-21"}),
        (STOCK_BARS, {"timestamp": "2020-12-21T05:00:00"}),
    ],
)
def test_a_bare_date_is_understood(stream: Stream, blob: Any) -> None:
    assert read(stream, blob) == BareDateState(date(2020, 12, 21))


@pytest.mark.parametrize(
    ("blob", "fault"),
    [
        ("x", "no JSON object"),
        ({"version": 2, "tickers": []}, "version is 2"),
        ({"tickers": []}, "version is unknown"),
        ({"cursor": 1}, "has no date"),
        ({"date": "yesterday"}, "which is not a date"),
        ({"date": 20201221}, "date is no text"),
        ({"date": "9999-12-31T23:59:59-12:00"}, "which is not a date"),
        ({**OWN, "adjusted": "yes"}, "adjusted"),
        ({**OWN, "tickers": {}}, "tickers is not a list"),
        ({**OWN, "tickers": ["A"]}, "no object"),
        (
            {**OWN, "tickers": [{"since": "2020-01-02", "date": "2020-01-02", "names": 1}]},
            "names is not a string",
        ),
        ({**OWN, "tickers": [{"since": "2020-01-02", "date": "2020-01-02", "names": "A,A"}]}, "A twice"),
        ({**OWN, "tickers": [{"since": "2020-01-02", "names": "A"}]}, "date is missing"),
    ],
)
def test_a_state_that_cannot_be_read_is_refused_by_name(blob: Any, fault: str) -> None:
    with pytest.raises(ConfigError, match="The state of stock_prices cannot be read") as caught:
        read(STOCK_PRICES, blob)
    assert fault in str(caught.value)


STREAM_STATE = {
    "type": "STREAM",
    "stream": {"stream_descriptor": {"name": "stock_prices"}, "stream_state": OWN},
}


@pytest.mark.parametrize(
    "whole",
    [
        [STREAM_STATE],
        STREAM_STATE,
        {"type": "STATE", "state": STREAM_STATE},
        [{"type": "STATE", "state": STREAM_STATE}, None],
        [{**STREAM_STATE, "global_": None, "unknown": 1}],
        {"type": "GLOBAL", "global": {"stream_states": [STREAM_STATE["stream"]]}},
        {"type": "STATE", "state": {"stream": STREAM_STATE["stream"]}},
        [
            {
                "type": "STATE",
                "state": {"type": "GLOBAL", "global": {"stream_states": [STREAM_STATE["stream"]]}},
            }
        ],
        {"type": "STATE", "state": {"type": "LEGACY", "data": {"stock_prices": OWN}}},
        {"stock_prices": OWN},
        {"type": "LEGACY", "data": {"stock_prices": OWN}},
        OWN,
    ],
)
def test_every_form_of_a_state_file_is_understood(whole: Any) -> None:
    assert find_states(json.dumps(whole).encode()) == {"stock_prices": OWN}


@pytest.mark.parametrize(
    "text", [b"[]", b"null", b"{}", b'{"type":"LOG","log":{"level":"INFO","message":""}}']
)
def test_an_empty_state_file_has_no_states(text: bytes) -> None:
    assert find_states(text) == {}


def test_of_a_whole_output_the_last_state_of_each_stream_counts() -> None:
    first = protocol.state("stock_prices", {"date": "2020-01-02"}, records=1)
    other = protocol.state("stock_bars", {"date": "2020-01-03"}, records=1)
    last = protocol.state("stock_prices", {"date": "2020-01-06"}, records=1)
    text = protocol.log("INFO", "x") + first + other + last + b'{"type":"STATE","state":{"ty'
    assert find_states(text) == {"stock_prices": {"date": "2020-01-06"}, "stock_bars": {"date": "2020-01-03"}}


@pytest.mark.parametrize(
    "text",
    [
        b"x",
        b'"x"',
        b"[1]",
        b'[{"type":"STREAM"}]',
        b'{"type":"GLOBAL","global":{"stream_states":[{"stream_state":{}}]}}',
        b'{"foo": 1}',
        b"{}{}",
    ],
)
def test_a_file_that_is_no_state_is_refused(text: bytes) -> None:
    with pytest.raises(ConfigError, match="Reset the stream"):
        find_states(text)


LOG = protocol.log("INFO", "x")


@pytest.mark.parametrize("kind", ["SPEC", "CATALOG", "CONNECTION_STATUS"])
@pytest.mark.parametrize("before", [b"", LOG])
def test_the_output_of_another_command_is_no_state(kind: str, before: bytes) -> None:
    with pytest.raises(ConfigError, match=f"no output of read: it has {kind}, and no STATE. Reset"):
        find_states(before + json.dumps({"type": kind, kind.lower(): {}}).encode())


def test_all_commands_in_one_output_have_the_state_of_the_read_among_them() -> None:
    told = b'{"type":"SPEC","spec":{}}\n' + LOG + protocol.state("stock_prices", OWN, records=1)
    assert find_states(told) == {"stock_prices": OWN}


def test_a_configuration_is_no_state() -> None:
    with pytest.raises(ConfigError, match="names none of the streams of this source, and has no date"):
        find_states(b'{"stock_ticker": "TSLA", "api_key": "demo-key"}')


def test_states_of_another_source_only_are_refused_and_those_of_streams_that_have_gone_are_not() -> None:
    other = {"type": "STREAM", "stream": {"stream_descriptor": {"name": "users"}, "stream_state": {"id": 1}}}
    for whole in (other, [other], {"type": "STATE", "state": other}):
        with pytest.raises(ConfigError, match="is of users only, which this source does not have"):
            find_states(json.dumps(whole).encode())
    found = find_states(json.dumps([other, STREAM_STATE]).encode())
    assert found == {"users": {"id": 1}, "stock_prices": OWN}


@pytest.mark.parametrize("depth", [300, 1000, 5000])
@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        (b"[", b"]"),
        (b'{"date":', b"}"),
        (b'{"type":', b"}"),
        (b'{"type":"STATE","state":', b"}"),
        (b'{"type":"GLOBAL","global":{"stream_states":[', b"]}}"),
        (b'{"stock_prices":{"version":1,"tickers":', b"}}"),
        (b'{"stock_prices":{"version":', b"}}"),
    ],
)
def test_a_state_however_deep_is_refused_in_plain_words(opens: bytes, closes: bytes, depth: int) -> None:
    with pytest.raises(ConfigError, match="Reset the stream"):
        read(STOCK_PRICES, find_states(opens * depth + b"1" + closes * depth)["stock_prices"])


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "1970-01-01"])
def test_days_before_the_first_timestamp_are_that_of_the_first(day: str) -> None:
    epoch = date(1970, 1, 1)
    assert read(STOCK_PRICES, {"date": day}) == BareDateState(epoch)
    saved = {**OWN, "tickers": [{"since": day, "date": day, "names": "A"}]}
    cursor = epoch if day == "1970-01-01" else None
    assert read(STOCK_PRICES, saved) == SavedState(BASIS, {"A": Entry(epoch, cursor)})
    found = read(STOCK_BARS, write(STOCK_BARS, BASIS, {"A": Entry(epoch)}, {}))
    assert found == SavedState(BASIS, {"A": Entry(epoch)})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["type", "stream", "state", "date"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_state_or_a_clear_error(value: Any) -> None:
    try:
        for name, blob in find_states(json.dumps(value).encode()).items():
            assert isinstance(name, str)
            read(STOCK_PRICES, blob)
    except ConfigError as error:
        told = error.message
    else:
        told = "Reset the stream"
    assert "Reset the stream" in told


@given(st.binary())
def test_any_bytes_are_a_state_or_a_clear_error(text: bytes) -> None:
    try:
        find_states(text)
    except ConfigError as error:
        told = error.message
    else:
        told = "Reset the stream"
    assert "Reset the stream" in told


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"version": "1"}, "its version is '1', where the number 1 is understood"),
        ({"version": 2}, "its version is 2, where the number 1 is understood"),
        ({"version": None}, "its version is unknown"),
        ({"tickers": []}, "tickers has no entry"),
        ({"tickers": [{"since": "2020-12-14", "date": "2020-12-18", "names": ""}]}, "has no names"),
        ({"tickers": [{"since": "2020-12-14", "date": "2020-12-18", "names": ","}]}, "has no names"),
    ],
)
def test_a_state_that_vouches_for_nobody_is_no_state(change: dict[str, Any], fault: str) -> None:
    """Taken for an empty one it would be a full read without a word."""
    group = {"since": "2020-12-14", "date": "2020-12-18", "names": "TSLA"}
    blob = {"version": 1, "adjusted": True, "bar": "1 day", "tickers": [group]}
    assert isinstance(read(STOCK_PRICES, blob), SavedState)
    with pytest.raises(ConfigError, match=fault):
        read(STOCK_PRICES, {**blob, **change})
