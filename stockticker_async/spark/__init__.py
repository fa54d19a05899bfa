"""The streams in Apache Spark: ``spark.read.format("stockticker")``. Needs the extra ``spark``."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockticker_async.spark.data_source import StockTickerDataSource

__all__ = ["StockTickerDataSource"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from stockticker_async.spark import data_source  # noqa: PLC0415 - pyspark takes a second
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("pyspark", "pyarrow"):
            raise
        raise ImportError(
            f"stockticker_async.spark needs {missing}: pip install 'stockticker-async[spark]'", name=missing
        ) from None
    return data_source.StockTickerDataSource
