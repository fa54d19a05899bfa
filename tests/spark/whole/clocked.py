"""The data source with a clock that tests set: a file holds the time of its start, and its speed."""

import os
from datetime import datetime
from pathlib import Path

from stockticker_async.clock import Clock
from stockticker_async.spark.data_source import StockTickerDataSource

VARIABLE = "SPARK_TESTS_CLOCK"


def clock() -> Clock:
    start, _, speed = Path(os.environ[VARIABLE]).read_text().partition(" ")
    return Clock(start=datetime.fromisoformat(start), speed=float(speed or 1))


class ClockedSource(StockTickerDataSource):
    make_clock = staticmethod(clock)
