"""A driver in a process of its own: `job.py MASTER URL FOLDER batch|files|stream`, with the tests' clock.

It writes Parquet to the folder.
"""

import sys

from clocked import ClockedSource
from pyspark.sql import SparkSession

if __name__ == "__main__":
    master, url, folder, kind = sys.argv[1:]
    spark = (
        SparkSession.builder.master(master)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "1g")
        .config("spark.executor.memory", "512m")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.worker.timeout", "10")
        .getOrCreate()
    )
    spark.dataSource.register(ClockedSource)
    options = {
        "base_url": url,
        "stock_ticker": "TSLA,AAPL,MSFT,NVDA",
        "start_date": "2024-12-02",
        "end_date": "2024-12-31",
        "timespan": "minute",
        "partitions": "4",
    }
    if kind == "files":
        options |= {"stock_ticker": "*", "adjusted": "false", "start_date": "2024-12-24"}
        options |= {"flat_files": "true", "flat_files.endpoint": url}
    if kind != "stream":
        frame = spark.read.format("stockticker").options(**options).load()
        frame.write.mode("overwrite").parquet(f"{folder}/rows")
    else:
        query = (
            spark.readStream.format("stockticker")
            .options(**options)
            .load()
            .writeStream.format("parquet")
            .option("path", f"{folder}/rows")
            .option("checkpointLocation", f"{folder}/checkpoint")
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()
    spark.stop()
