"""Finds the states of streams in the state files of Airbyte and its clients."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
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

_MESSAGE = re.compile(rb'\{"type":"(?:LOG|TRACE|RECORD|STATE|CONTROL)"')
_NAME = re.compile(rb'"stream_descriptor":\{"name":"([a-z_]+)"')


def find_states(text: bytes) -> StreamStates:
    """Return the last stream_state of each stream in the text of a state file, by the name of the stream.

    Accepted are: a list of states, as the platform stores it; one state or one STATE message; the legacy
    forms ``{"stock_prices": {...}}`` and ``{"date": ...}``; and the output of earlier reads, one after the
    other. The incomplete lines that killed reads leave are ignored. Raises `ConfigError` for other content,
    for other damage of a STATE, for states of unknown streams only, and for the output of another command.
    """
    found = StateBlocks()
    found.add(text)
    return found.states


class StateBlocks:
    """The states in the blocks of a file, each of whole lines; see `find_states`."""

    def __init__(self) -> None:
        self.states: StreamStates = {}
        self.size_bytes = 0
        self._lines = 0
        self._cut: list[tuple[int, bytes]] = []

    def add(self, block: bytes) -> None:
        """Take the next block. Raises as `find_states` does."""
        try:
            raw = orjson.loads(block)
        except orjson.JSONDecodeError:
            messages, cut = _messages(block, self._lines)
            found = _from_output(messages)
            self._cut += cut
        else:
            found = _from_whole(raw)
        if found and not any(stream.name in found for stream in STREAMS):
            raise ConfigError(
                f"The state is of {name_list([*found])} only, which this source does not have. {REMEDY}"
            )
        self.states |= found
        self.size_bytes += len(block.strip())
        self._lines += block.count(b"\n")

    def warnings(self) -> list[str]:
        """Return a warning for each incomplete STATE whose stream has no other."""
        warnings = []
        for number, half in self._cut:
            named = _NAME.search(half)
            if named and named[1].decode() in self.states:
                continue
            stream = f"The state of {named[1].decode()}" if named else "A state"
            warnings.append(
                f"{stream} is cut, as a killed run leaves it (line {number} of the state file), and is "
                f"ignored: a stream without a state is read from its start."
            )
        return warnings


def _from_whole(raw: Any) -> StreamStates:
    if isinstance(raw, dict) and isinstance(raw.get("type"), str):
        return _from_output([raw])
    found: StreamStates = {}
    for item in raw if isinstance(raw, list) else [raw]:
        if item is not None:
            found |= _from_item(item)
    return found


def _messages(text: bytes, before: int) -> tuple[list[JsonObject], list[tuple[int, bytes]]]:
    """Return the messages of an output, and the STATEs that are cut, with their lines; others are ignored.

    ``before`` is the count of the lines before the text. Raises `ConfigError` for a STATE that is damaged
    otherwise: the stream would be read from its beginning.
    """
    found: list[JsonObject] = []
    cut: list[tuple[int, bytes]] = []
    for number, line in enumerate(text.splitlines(keepends=True), before + 1):
        for part in _parts(line):
            message = _json(part)
            if message is None and _is_state(part):
                if part.count(b"{") <= part.count(b"}"):
                    raise ConfigError(f"Line {number} of the state is damaged: it is not JSON. {REMEDY}")
                cut.append((number, part))
            if isinstance(message, dict) and isinstance(message.get("type"), str):
                _judge_type(message, number)
                found.append(message)
    if not (found or cut or _MESSAGE.match(text)):  # a run may be killed in its first line
        raise ConfigError(f"The state is not JSON. {REMEDY}")
    return found, cut


def _parts(line: bytes) -> Iterator[bytes]:
    """Yield the messages of a line: the first of an output may follow half a one without a newline."""
    starts = [one.start() for one in _MESSAGE.finditer(line)]
    if len(starts) < 2 or _json(line) is not None:  # noqa: PLR2004 - nearly all lines
        yield line
        return
    for begin, end in pairwise([0, *starts[1:]]):
        yield line[begin:end] + b"\n"
    yield line[starts[-1] :]


def _judge_type(message: JsonObject, number: int) -> None:
    if "state" in message and message["type"] != "STATE":
        kind = message["type"][:20]
        raise ConfigError(f"Line {number} of the state is damaged: its type is {kind!r}. {REMEDY}")


def _is_state(line: bytes) -> bool:
    return b'"stream_state"' in line or b'"STATE"' in line


def _json(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


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
