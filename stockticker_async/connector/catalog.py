"""The catalog that the source offers, and the configured catalog that a user selects from it."""

from collections.abc import Iterable, Mapping
from typing import Any

from stockticker_async.connector import resources
from stockticker_async.errors import ConfigError
from stockticker_async.json_object import JsonObject
from stockticker_async.streams.table import STREAMS, Bars, Stream
from stockticker_async.sync.job import SelectedStream

_SYNC_MODES = ("full_refresh", "incremental")


def offered() -> list[JsonObject]:
    """Return the streams of the CATALOG message."""
    return [_offer(stream) for stream in STREAMS]


def _offer(stream: Stream) -> JsonObject:
    offer: dict[str, object] = {
        "name": stream.name,
        "json_schema": resources.load(f"schemas/{stream.name}.json"),
        "supported_sync_modes": list(_SYNC_MODES if stream.cursor else _SYNC_MODES[:1]),
        "source_defined_primary_key": [[name] for name in stream.primary_key],
    }
    if stream.cursor:
        offer["source_defined_cursor"] = True
        offer["default_cursor_field"] = [stream.cursor]
    return {**offer, "is_resumable": bool(stream.cursor)}


def configured(names: Iterable[str] = (), *, incremental: bool) -> JsonObject:
    """Return a configured catalog of the named streams, or of the bar streams if no name is given.

    Streams without a cursor have the sync mode full_refresh, even if ``incremental``. Raises `ConfigError`
    for an unknown name.
    """
    wanted = [_stream(name) for name in names] or [
        stream for stream in STREAMS if isinstance(stream.source, Bars)
    ]
    return {
        "streams": [_configure(stream, incremental=incremental) for stream in STREAMS if stream in wanted]
    }


def _configure(stream: Stream, *, incremental: bool) -> JsonObject:
    goes_on = incremental and bool(stream.cursor)
    entry = {
        "stream": _offer(stream),
        "sync_mode": "incremental" if goes_on else "full_refresh",
        "destination_sync_mode": "append_dedup" if goes_on else "overwrite",
        "primary_key": [[name] for name in stream.primary_key],
    }
    return {**entry, "cursor_field": [stream.cursor]} if stream.cursor else entry


def parse(raw: Any) -> tuple[SelectedStream, ...]:
    """Validate a configured catalog. Returns each selected stream once, in the order of the catalog.

    Unknown keys and nulls are ignored. Raises `ConfigError`.
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


def _selected(entry: Any) -> SelectedStream:
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
        shown = repr(mode[:40]) if isinstance(mode, str) else "that is not a string"
        raise ConfigError(
            f"The stream {name} has a sync_mode {shown}: it must be {' or '.join(_SYNC_MODES)}."
        )
    return SelectedStream(found, incremental=mode == "incremental")


def _stream(name: str) -> Stream:
    for stream in STREAMS:
        if stream.name == name:
            return stream
    known = ", ".join(stream.name for stream in STREAMS)
    raise ConfigError(f"There is no stream {name[:80]!r}: the streams are {known}.")
