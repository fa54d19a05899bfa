"""JSON files in the package: `spec.json` and the schemas of the streams."""

import orjson

from stockticker_async.connector import files
from stockticker_async.json_object import JsonObject

_PACKAGE = __file__.rpartition("/")[0].rpartition("/")[0]  # pathlib would be a tenth of what `spec` imports


def load(name: str) -> JsonObject:
    """Return the JSON object in a file of the package; ``name`` is a path relative to the package."""
    loaded: JsonObject = orjson.loads(files.whole(f"{_PACKAGE}/{name}", "package's"))
    return loaded
