"""`spec`: what the configuration form holds."""

from collections.abc import Mapping
from typing import Any

from stockticker_async.connector import protocol
from stockticker_async.connector.command_context import Shell


async def spec(shell: Shell, specification: Mapping[str, Any]) -> int:
    await shell.output.put(protocol.spec(specification))
    return 0
