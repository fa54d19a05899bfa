"""`catalog`: a configured catalog to start from, as a file for `read`. Not an Airbyte message."""

from collections.abc import Mapping
from typing import Any

import orjson

from stockticker_async.connector.command_context import CommandContext


async def catalog(context: CommandContext, configured: Mapping[str, Any]) -> int:
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    await context.output.put(orjson.dumps(configured, option=options))
    return 0
