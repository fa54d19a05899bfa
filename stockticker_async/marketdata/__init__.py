"""The market data API as a library: a client, the calls, and judged answers.

The names below are loaded at their first use: the import of one module does not load the others.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockticker_async.marketdata.bars import Asked
    from stockticker_async.marketdata.client import open_client
    from stockticker_async.marketdata.ranges import judged_bars
    from stockticker_async.marketdata.settings import Settings

__all__ = ["Asked", "Settings", "judged_bars", "open_client"]

_MODULES = {"Asked": "bars", "Settings": "settings", "judged_bars": "ranges", "open_client": "client"}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
