"""`discover`: prints the available streams. They do not depend on the configuration or the network."""

from collections.abc import Sequence

from stockticker_async.connector import protocol
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.json_object import JsonObject


def table(streams: Sequence[JsonObject]) -> list[tuple[str, str]]:
    """Return a row for each stream: its name, and its primary key, cursor and sync modes as text."""
    rows = []
    for stream in streams:
        keys = ", ".join(".".join(path) for path in stream["source_defined_primary_key"])
        cursor = ".".join(stream.get("default_cursor_field", ()))
        modes = " or ".join(stream["supported_sync_modes"])
        rows.append((stream["name"], f"key {keys}; {f'cursor {cursor}; ' if cursor else ''}{modes}"))
    return rows


async def discover(context: CommandContext, streams: Sequence[JsonObject]) -> int:
    await context.output.put(protocol.catalog(streams))
    context.observer.catalog(streams)
    return 0
