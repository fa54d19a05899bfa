"""Writes minute bars as Parquet, partitioned by date: `spark_parquet.py TICKERS FIRST LAST FOLDER`.

    MASSIVE_API_KEY=... spark-submit examples/spark_parquet.py "TSLA, AAPL" 2024-01-02 2024-12-31 bars

A second run replaces the days that it reads, and leaves the others. The environment variable BASE_URL names
another address of the API, such as that of `python -m stockticker_async sandbox`.
"""

import os
import sys

from pyspark.sql import SparkSession

from stockticker_async.spark import StockTickerDataSource


def main(tickers: str, first: str, last: str, folder: str) -> None:
    spark = (
        SparkSession.builder.appName("stockticker")
        .config("spark.sql.python.filterPushdown.enabled", "true")
        .config("spark.sql.sources.partitionOverwriteMode", "dynamic")
        .getOrCreate()
    )
    spark.dataSource.register(StockTickerDataSource)
    bars = (
        spark.read.format("stockticker")
        .option("base_url", os.environ.get("BASE_URL", ""))
        .option("stock_ticker", tickers)
        .option("start_date", first)
        .option("end_date", last)
        .option("timespan", "minute")
        .load()
    )
    # all bars of a date in one file, in place of one for each partition
    by_date = bars.repartition("date").sortWithinPartitions("stock_ticker", "timestamp")
    by_date.write.mode("overwrite").partitionBy("date").parquet(folder)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
