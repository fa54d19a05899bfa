"""What we offer, and what was asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stockticker_async import resources
from stockticker_async.errors import ConfigError
from stockticker_async.streams import STREAMS, Stream

_SYNC_MODES = ("full_refresh", "incremental")


@dataclass(frozen=True, slots=True)
class Selected:
    """A stream that was asked for."""

    stream: Stream
    incremental: bool


def offered() -> list[dict[str, Any]]:
    """The streams of the CATALOG message."""
    return [
        {
            "name": stream.name,
            "json_schema": resources.load(f"schemas/{stream.name}.json"),
            "supported_sync_modes": list(_SYNC_MODES),
            "source_defined_cursor": True,
            "default_cursor_field": [stream.cursor],
            "source_defined_primary_key": [[name] for name in stream.primary_key],
            "is_resumable": True,
        }
        for stream in STREAMS
    ]


def configured(names: Iterable[str] = (), *, incremental: bool) -> dict[str, Any]:
    """A configured catalog to start from, of the streams named, or of all. Raises `ConfigError`."""
    wanted = tuple(names)
    for name in wanted:
        _stream(name)
    streams = [stream for stream in offered() if not wanted or stream["name"] in wanted]
    return {
        "streams": [
            {
                "stream": stream,
                "sync_mode": "incremental" if incremental else "full_refresh",
                "cursor_field": stream["default_cursor_field"],
                "destination_sync_mode": "append_dedup" if incremental else "overwrite",
                "primary_key": stream["source_defined_primary_key"],
            }
            for stream in streams
        ]
    }


def parse(raw: Any) -> tuple[Selected, ...]:
    """Judge a configured catalog; unknown keys and nulls are tolerated. Raises `ConfigError`.

    What comes back has the order of the file, each stream once.
    """
    entries = raw.get("streams") if isinstance(raw, Mapping) else None
    if not isinstance(entries, list):
        raise ConfigError(
            'The catalog must be a configured catalog: a JSON object with a list "streams". '
            "The command `catalog` prints one."
        )
    if not entries:
        raise ConfigError("The catalog selects no streams: choose at least one.")
    selected = tuple(_selected(entry) for entry in entries)
    names = [one.stream.name for one in selected]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"The catalog has the stream {name} twice: leave one.")
    return selected


def _selected(entry: Any) -> Selected:
    stream = entry.get("stream") if isinstance(entry, Mapping) else None
    name = stream.get("name") if isinstance(stream, Mapping) else None
    if not isinstance(entry, Mapping) or not isinstance(name, str):
        raise ConfigError(
            'Each entry of the catalog\'s "streams" must be an object with "stream", an object with a '
            '"name". If this is the output of discover, the command `catalog` prints what is needed.'
        )
    found = _stream(name)
    mode = entry.get("sync_mode")
    if mode not in (None, *_SYNC_MODES):
        told = repr(mode[:40]) if isinstance(mode, str) else "that is no text"
        raise ConfigError(f"The stream {name} has a sync_mode {told}: it must be {' or '.join(_SYNC_MODES)}.")
    return Selected(found, incremental=mode == "incremental")


def _stream(name: str) -> Stream:
    for stream in STREAMS:
        if stream.name == name:
            return stream
    known = ", ".join(stream.name for stream in STREAMS)
    raise ConfigError(f"There is no stream {name[:80]!r}: the streams are {known}.")
