"""An asyncio Airbyte source for US stock prices, from the market data API of Massive; and a library.

The library's names are loaded when they are first used, with what they need (the extra ``arrow``).
"""

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockticker_async.errors import ConfigError, ConnectorError, TransientError
    from stockticker_async.library.market import (
        Batches,
        Market,
        open,  # noqa: A004 - as `gzip.open`: `st.open`
    )
    from stockticker_async.library.notebook import bars, read
    from stockticker_async.library.outcome import IncompleteError, Result

__version__ = "0.1.0"
__all__ = [
    "Batches",
    "ConfigError",
    "ConnectorError",
    "IncompleteError",
    "Market",
    "Result",
    "TransientError",
    "bars",
    "open",
    "read",
]

_MODULES = {
    "Batches": "library.market",
    "ConfigError": "errors",
    "ConnectorError": "errors",
    "IncompleteError": "library.outcome",
    "Market": "library.market",
    "Result": "library.outcome",
    "TransientError": "errors",
    "bars": "library.notebook",
    "open": "library.market",
    "read": "library.notebook",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    collects = gc.isenabled()
    gc.disable()  # nothing that is imported is garbage: to look for it takes a tenth of the time
    try:
        found = getattr(import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("pyarrow", "tqdm"):
            raise
        raise ImportError(
            f"stockticker_async.{name} needs {error.name}: pip install 'stockticker-async[arrow]'",
            name=error.name,
        ) from None
    finally:
        if collects:
            gc.enable()
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
