"""`catalog`: prints a configured catalog as a file for `read`. It is not an Airbyte message."""

import orjson

from stockticker_async.connector.command_context import CommandContext
from stockticker_async.json_object import JsonObject


async def catalog(context: CommandContext, configured: JsonObject) -> int:
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    await context.output.put(orjson.dumps(configured, option=options))
    return 0
