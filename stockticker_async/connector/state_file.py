"""Finds the states of streams in the state files of Airbyte and its clients."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from stockticker_async.errors import ConfigError
from stockticker_async.json_object import JsonObject
from stockticker_async.streams.table import STOCK_PRICES, STREAMS
from stockticker_async.sync.failures import name_list
from stockticker_async.sync.job import StreamStates
from stockticker_async.sync.state_format import REMEDY

_OF_READ = ("LOG", "TRACE", "RECORD", "CONTROL")
"""Messages of a read other than states: a read that was killed early may have written only these."""


def find_states(text: bytes) -> StreamStates:
    """Return the last stream_state of each stream in a state file, by the name of the stream.

    Accepted are: a list of states, as the platform stores it; one state or one STATE message; the legacy
    forms ``{"stock_prices": {...}}`` and ``{"date": ...}``; and the output of an earlier read, whose
    incomplete last line is ignored. Raises `ConfigError` for other content, for states of unknown streams
    only, and for the output of another command.
    """
    try:
        raw = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = _from_output(_messages(text))
    else:
        if isinstance(raw, dict) and isinstance(raw.get("type"), str):
            found = _from_output([raw])
        else:
            found = {}
            for item in raw if isinstance(raw, list) else [raw]:
                if item is not None:
                    found |= _from_item(item)
    if found and not any(stream.name in found for stream in STREAMS):
        raise ConfigError(
            f"The state is of {name_list([*found])} only, which this source does not have. {REMEDY}"
        )
    return found


def _messages(text: bytes) -> list[JsonObject]:
    """Return the messages in an output; other lines, such as an incomplete last line, are ignored.

    Raises `ConfigError` for a damaged STATE: the stream would be read from its beginning.
    """
    found: list[JsonObject] = []
    lines = text.splitlines(keepends=True)
    for number, one in enumerate(lines, 1):
        is_cut = number == len(lines) and not one.endswith((b"\n", b"\r"))
        try:
            message = orjson.loads(one)
        except orjson.JSONDecodeError:
            if not is_cut and (b'"stream_state"' in one or b'"STATE"' in one):
                raise ConfigError(
                    f"Line {number} of the state is damaged: it is not JSON. {REMEDY}"
                ) from None
            continue
        if isinstance(message, dict) and isinstance(message.get("type"), str):
            if "state" in message and message["type"] != "STATE":
                kind = message["type"][:20]
                raise ConfigError(f"Line {number} of the state is damaged: its type is {kind!r}. {REMEDY}")
            found.append(message)
    if not found:
        raise ConfigError(f"The state is not JSON. {REMEDY}")
    return found


def _from_output(messages: Sequence[JsonObject]) -> StreamStates:
    found: StreamStates = {}
    others: list[str] = []
    for message in messages:
        match message:
            case {"type": kind} if kind in _OF_READ:
                continue
            case {"type": "STATE" | "STREAM" | "GLOBAL" | "LEGACY"}:
                found |= _from_item(message)
            case _:
                others.append(str(message["type"])[:40])
    if others and not found:
        raise ConfigError(
            f"The state is not the output of read: it has {name_list(others)}, and no STATE. {REMEDY}"
        )
    return found


def _from_item(item: Any) -> StreamStates:
    match item:
        case {"type": "STATE", "state": inner}:
            return _from_state(inner)
        case {"data": dict(inner)}:
            return _from_legacy(inner)
        case {"type": _} | {"stream": {"stream_descriptor": _}}:
            return _from_state(item)
        case dict():
            return _from_legacy(item)
    raise ConfigError(f"The state is neither a list nor an object. {REMEDY}")


def _from_state(state: Any) -> StreamStates:
    match state:
        case {"type": "GLOBAL", "global": {"stream_states": list(several)}}:
            found: StreamStates = {}
            for one in several:
                found |= _from_stream(one)
            return found
        case {"stream": one}:
            return _from_stream(one)
        case {"data": dict(inner)}:
            return _from_legacy(inner)
    raise ConfigError(f"The state holds a message that is not the state of a stream. {REMEDY}")


def _from_stream(stream: Any) -> StreamStates:
    match stream:
        case {"stream_descriptor": {"name": str(name)}, **rest}:
            return {name: rest.get("stream_state")}
    raise ConfigError(f"The state holds a stream without a name. {REMEDY}")


def _may_be_a_state(value: Any) -> bool:
    return value is None or isinstance(value, Mapping)


def _from_legacy(item: JsonObject) -> StreamStates:
    # "splits" is a stream, and also a key in our own states, where its value is a string
    found = {
        stream.name: item[stream.name] for stream in STREAMS if _may_be_a_state(item.get(stream.name, ""))
    }
    if found or not item:
        return found
    if STOCK_PRICES.cursor in item:
        return {STOCK_PRICES.name: item}
    raise ConfigError(f"The state names none of the streams of this source, and has no date. {REMEDY}")
