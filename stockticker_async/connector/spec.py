"""`spec`: prints the specification of the configuration."""

from stockticker_async.connector import protocol
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.json_object import JsonObject


async def spec(context: CommandContext, specification: JsonObject) -> int:
    await context.output.put(protocol.spec(specification))
    return 0
