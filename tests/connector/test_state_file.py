"""State files: every form of one that is given back to us, and all else refused in plain words."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.connector import protocol
from stockticker_async.connector.state_file import StateBlocks, find_states
from stockticker_async.errors import ConfigError
from stockticker_async.streams.table import STOCK_PRICES
from stockticker_async.sync.state_format import read

OWN = {"version": 1, "adjusted": True, "bar": "1 day", "date": "2020-01-02", "tickers": []}
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


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "damage",
    [
        lambda line: b"(" + line[1:],
        lambda line: line.replace(b'"2020-01-02"', b"Infinity", 1),
        lambda line: line.replace(b'"STATE"', b'"STAUE"'),
    ],
    ids=["a byte", "no JSON", "another type"],
)
def test_a_damaged_line_among_others_is_an_error(place: int, damage: Callable[[bytes], bytes]) -> None:
    """Else its stream would be read from the beginning."""
    names = ("stock_prices", "stock_bars", "splits")
    lines = [protocol.state(name, {"date": "2020-01-02"}, records=1) for name in names]
    assert find_states(b"".join(lines)).keys() == set(names)
    lines[place] = damage(lines[place])
    with pytest.raises(ConfigError, match=f"Line {place + 1} of the state is damaged"):
        find_states(b"".join(lines))


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("end", [b"\n", b""], ids=["a line", "with the next output in its line"])
@pytest.mark.parametrize("share", [0.2, 0.7, 0.99])
def test_a_state_that_a_killed_run_left_incomplete_is_ignored_with_a_warning(
    place: int, end: bytes, share: float
) -> None:
    """A nightly run would end with an error for ever. Cut before its name, no stream can be named."""
    names = ["stock_prices", "stock_bars", "splits"]
    lines = [protocol.state(name, {"date": "2020-01-02"}, records=1) for name in names]
    lines[place] = lines[place][: int(len(lines[place]) * share)] + end
    lost = names.pop(place)
    found = states_in(b"".join([*lines, LOG]))
    assert found.states.keys() == set(names)
    told = "A state" if share < 0.5 else f"The state of {lost}"
    (warning,) = found.warnings()
    assert warning.startswith(f"{told} is cut, as a killed run leaves it (line {place + 1} of")


def test_an_incomplete_state_beside_a_whole_one_of_its_stream_needs_no_word() -> None:
    whole = protocol.state("stock_prices", {"date": "2020-01-02"}, records=1)
    found = states_in(LOG + whole[:-9] + b"\n" + LOG, whole + whole[:-9] + LOG)
    assert found.states == {"stock_prices": {"date": "2020-01-02"}}
    assert found.warnings() == []


def test_outputs_joined_without_a_newline_lose_no_state() -> None:
    prices, bars = (
        protocol.state(name, {"date": "2020-01-02"}, records=1) for name in ("stock_prices", "stock_bars")
    )
    found = states_in(LOG + prices.rstrip() + LOG + prices[:-9] + bars[:-9] + LOG.rstrip() + bars)
    assert found.states.keys() == {"stock_prices", "stock_bars"}
    assert found.warnings() == []


@pytest.mark.parametrize("text", [b'{"type":"STATE","state":{"ty', b'{"type":"TRACE","trace":{"type":"STRE'])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_run_that_was_killed_in_its_first_line_has_no_state(text: bytes, end: bytes) -> None:
    assert find_states(text + end) == {}


def test_the_lines_of_a_file_in_blocks_are_counted_from_its_start() -> None:
    state = protocol.state("stock_prices", {"date": "2020-01-02"}, records=1)
    (warning,) = states_in(LOG * 5, LOG + state[:-9] + b"\n" + LOG).warnings()
    assert "(line 7 of the state file)" in warning
    with pytest.raises(ConfigError, match="Line 7 of the state is damaged"):
        states_in(LOG * 5, LOG + b"(" + state[1:])


def states_in(*blocks: bytes) -> StateBlocks:
    found = StateBlocks()
    for block in blocks:
        found.add(block)
    return found


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
    with pytest.raises(ConfigError, match=f"not the output of read: it has {kind}, and no STATE. Reset"):
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
