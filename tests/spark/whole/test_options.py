"""Wrong options are refused when a frame is loaded, in the words of the connector."""

from typing import Any

import pytest
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession
from served import Read


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "stock_ticker is missing. Give one ticker"),
        ({"stock_ticker": "TSLA", "start_date": "soon"}, "start_date 'soon' is not a date"),
        ({"stock_ticker": "TSLA", "multiplier": "many"}, "multiplier must be a whole number from 1 to 1000"),
        (
            {"stock_ticker": "TSLA", "stream": "prices"},
            "There is no stream 'prices': the streams are",
        ),
        ({"stock_ticker": "TSLA", "partitions": "0"}, "partitions must be a whole number from 1 to 1000"),
        ({"stock_ticker": "TSLA", "on_error": "ignore"}, "on_error must be one of raise, skip"),
        ({"stock_ticker": "*", "timespan": "minute"}, "gives bars of 1 minute from flat files only"),
        ({"stock_ticker": "*", "flat_files": "on"}, "flat_files must be true or false"),
    ],
)
def test_a_wrong_option_is_refused_at_once(read: Read, options: dict[str, Any], words: str) -> None:
    with pytest.raises(AnalysisException) as caught:
        read(**options)
    assert words in str(caught.value)


def test_a_schema_of_one_s_own_is_refused(spark: SparkSession) -> None:
    reader = spark.read.format("stockticker").schema("close double").option("stock_ticker", "TSLA")
    with pytest.raises(PySparkException, match="stock_bars has its own schema"):
        reader.load().collect()


def test_a_stream_that_needs_names_says_so(read: Read) -> None:
    with pytest.raises(PySparkException, match="ticker_details: a call for each ticker is needed"):
        read(stream="ticker_details", stock_ticker="*").collect()


def test_filters_need_no_setting(read: Read, spark: SparkSession) -> None:
    """Spark refuses a reader that takes filters where they are not enabled, as they are by default."""
    spark.conf.set("spark.sql.python.filterPushdown.enabled", "false")
    try:
        frame = read(stock_ticker="TSLA,AAPL", start_date="2024-12-30").where("stock_ticker = 'TSLA'")
        assert frame.count() == 2
    finally:
        spark.conf.set("spark.sql.python.filterPushdown.enabled", "true")
