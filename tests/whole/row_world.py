"""The market in which the row streams are read, and the days asked for."""

from typing import Any

from support import at

from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.server import serve

NAMES = ("TSLA", "AAPL", "BRK.B", "NFLX")
SINCE = "2020-06-01"
NOW = at("2020-12-22", 12)
DAY = "2020-12-21"
"""The last finished session."""


def world(**options: Any) -> Any:
    return serve(Options(**{"universe": 200, "now": NOW, "speed": 0.0, **options}))
