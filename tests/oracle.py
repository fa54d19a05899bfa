"""Judges lines by Airbyte's own models of the protocol.

The models tolerate unknown keys, so that a misspelt optional field would pass them: what was decoded
is turned back, and every key of the line must still be there with its value.
"""

from typing import Any

import msgspec
import orjson
from airbyte_protocol_dataclasses.models import AirbyteMessage  # type: ignore[import-untyped] # not typed

_PAYLOADS = {
    "RECORD": "record",
    "STATE": "state",
    "LOG": "log",
    "SPEC": "spec",
    "CONNECTION_STATUS": "connectionStatus",
    "CATALOG": "catalog",
    "TRACE": "trace",
}
_TRACES = {"ERROR": "error", "ESTIMATE": "estimate", "STREAM_STATUS": "stream_status"}


def messages(stdout: bytes) -> list[dict[str, Any]]:
    """The messages of a whole output, each judged. Raises AssertionError."""
    *lines, rest = stdout.split(b"\n")
    assert not rest, f"the last line is not whole: {rest[-200:]!r}"
    return [decoded(line + b"\n") for line in lines]


def decoded(line: bytes) -> dict[str, Any]:
    """The message of one line, its newline included. Raises AssertionError where it is not the protocol's."""
    assert line.endswith(b"\n"), f"no newline at the end of {line[-200:]!r}"
    assert line.count(b"\n") == 1, f"more than one line: {line[:200]!r}"
    try:
        message: dict[str, Any] = orjson.loads(line)
        kind = message["type"]
        payload = message[_PAYLOADS[kind]]
        if kind == "TRACE":
            _trace(payload)
        modelled = {"type": kind, "state": _state(payload)} if kind == "STATE" else message
        back = msgspec.to_builtins(msgspec.convert(modelled, AirbyteMessage))
    except (KeyError, TypeError, ValueError) as fault:
        raise AssertionError(f"{fault!r} in {line[:500]!r}") from fault
    assert set(message) == {"type", _PAYLOADS[kind]}, f"a {kind} with {set(message)}"
    _survives(modelled, back, kind)
    return message


def _state(state: dict[str, Any]) -> dict[str, Any]:
    """A state as far as the models know it: to them a stream's blob is an object without keys."""
    assert state["type"] == "STREAM", f"a state of type {state['type']}"
    # orjson reads a float only where there is a decimal point (or an exponent)
    assert isinstance(state["sourceStats"]["recordCount"], float), "recordCount has no decimal point"
    assert isinstance(state["stream"]["stream_state"], dict), "stream_state is not an object"
    return {**state, "stream": {**state["stream"], "stream_state": {}}}


def _trace(trace: dict[str, Any]) -> None:
    body = _TRACES[trace["type"]]
    assert set(trace) == {"type", "emitted_at", body}, f"a trace of type {trace['type']} with {set(trace)}"
    for reason in trace[body].get("reasons", ()):
        assert reason["rate_limited"]["quota_reset"] > 0, "RATE_LIMITED without its end"


def _survives(said: Any, back: Any, place: str) -> None:
    if said == back:
        return
    if isinstance(said, dict) and isinstance(back, dict):
        for key, value in said.items():
            if value is not None:
                assert key in back, f"the models know no {place}.{key}"
                _survives(value, back[key], f"{place}.{key}")
    elif isinstance(said, list) and isinstance(back, list) and len(said) == len(back):
        for number, value in enumerate(said):
            _survives(value, back[number], f"{place}[{number}]")
    else:
        raise AssertionError(f"{place} is {said!r}, the models made {back!r} of it")
