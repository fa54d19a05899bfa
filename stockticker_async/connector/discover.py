"""`discover`: the streams that there are. They depend on no configuration, and need no network."""

from collections.abc import Mapping, Sequence
from typing import Any

from stockticker_async.connector import protocol
from stockticker_async.connector.command_context import Shell


async def discover(shell: Shell, streams: Sequence[Mapping[str, Any]]) -> int:
    await shell.output.put(protocol.catalog(streams))
    return 0
