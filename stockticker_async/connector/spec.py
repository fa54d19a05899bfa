"""`spec`: what the configuration form holds."""

from collections.abc import Mapping
from typing import Any

from stockticker_async.connector import protocol
from stockticker_async.connector.command_context import CommandContext


async def spec(context: CommandContext, specification: Mapping[str, Any]) -> int:
    await context.output.put(protocol.spec(specification))
    return 0
