"""`catalog`: a configured catalog to start from, as a file for `read`. Not an Airbyte message."""

from collections.abc import Mapping
from typing import Any

import orjson

from stockticker_async.connector.command_context import Shell


async def catalog(shell: Shell, configured: Mapping[str, Any]) -> int:
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    await shell.output.put(orjson.dumps(configured, option=options))
    return 0
