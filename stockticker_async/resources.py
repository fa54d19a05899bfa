"""Files that travel with the package: `spec.json` and the streams' schemas."""

from pathlib import Path
from typing import Any

import orjson

_HERE = Path(__file__).parent


def load(name: str) -> dict[str, Any]:
    """The JSON object in the package's file ``name``, a path relative to the package."""
    loaded: dict[str, Any] = orjson.loads((_HERE / name).read_bytes())
    return loaded
