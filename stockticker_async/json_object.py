"""The type of a JSON object that the program hands on without looking into it."""

from collections.abc import Mapping
from typing import Any

JsonObject = Mapping[str, Any]
