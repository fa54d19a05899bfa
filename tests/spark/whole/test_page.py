"""Every example of docs/spark.md runs as it stands there, against the sandbox; so does the example job."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from served import KEY, LAST, ROOT, Served, of_files, rows_of

from stockticker_async.spark.options import DEFAULT_PARTITIONS

PAGE = (ROOT / "docs" / "spark.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def run(code: str, sandbox: Served, **given: Any) -> dict[str, Any]:
    """Run an example; the sandbox stands where the API does, with its clock."""
    source = '.format("stockticker")'
    code = code.replace(source, f'{source}.option("base_url", "{sandbox.url}")')
    files = '.option("flat_files", "true")'
    code = code.replace(files, f'{files}.option("flat_files.endpoint", "{sandbox.url}")')
    code = code.replace("from stockticker_async.spark import", "from clocked import ClockedSource as")
    names: dict[str, Any] = dict(given)
    exec(compile(code, "docs/spark.md", "exec"), names)  # noqa: S102 - the page's own
    return names


def example(holding: str) -> str:
    (found,) = [str(block) for block in BLOCKS if holding in block]
    return found


def test_every_example_is_run() -> None:
    mine = Path(__file__).read_text()
    held = re.findall(r'example\("(.*?)"\)', mine)
    for block in BLOCKS:
        assert sum(one in block for one in held) == 1, block


@pytest.mark.quick
def test_the_first_steps_and_a_filter(spark: SparkSession, sandbox: Served) -> None:
    names = run(example("SparkSession.builder"), sandbox)
    assert set(rows_of(names["bars"])) == sandbox.truth("TSLA,AAPL", "2024-01-02", LAST)
    few = run(example("few ="), sandbox, bars=names["bars"])["few"]
    assert set(rows_of(few)) == sandbox.truth("TSLA", "2024-12-02", LAST)
    assert spark is names["spark"]


def test_flat_files(spark: SparkSession, sandbox: Served) -> None:
    minutes = run(example("minutes ="), sandbox, spark=spark)["minutes"]
    assert minutes.rdd.getNumPartitions() == 3
    rows = rows_of(minutes.where("stock_ticker in ('TSLA', 'AAPL')"))
    wanted = sandbox.truth("TSLA,AAPL", "2024-12-27", LAST, bar=(1, "minute"), adjusted=False)
    assert set(rows) == of_files(wanted)


def test_a_streaming_query(spark: SparkSession, sandbox: Served) -> None:
    names = run(example("readStream"), sandbox, spark=spark)
    rows = rows_of(spark.read.parquet(f"{names['folder']}/bars"))
    assert len(rows) == len(set(rows))
    assert set(rows) == sandbox.truth("TSLA,AAPL", "2024-01-02", LAST)


def test_a_merge_is_a_function_of_a_batch(sandbox: Served) -> None:
    """It needs a table of a format with MERGE, which Spark has none of."""
    assert callable(run(example("MERGE INTO"), sandbox)["merge"])


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_the_example_writes_parquet_by_date(
    spark: SparkSession,
    sandbox: Served,
    tmp_path_factory: pytest.TempPathFactory,
    again: bool,  # noqa: FBT001 - a case
) -> None:
    folder = tmp_path_factory.getbasetemp() / "bars"
    first = "2024-12-30" if again else "2024-12-27"
    subprocess.run(
        [sys.executable, ROOT / "examples" / "spark_parquet.py", "TSLA, AAPL", first, "2024-12-30", folder],
        env={**os.environ, "BASE_URL": sandbox.url, "MASSIVE_API_KEY": KEY},
        check=True,
        capture_output=True,
    )
    assert {path.name for path in folder.glob("date=*")} == {"date=2024-12-27", "date=2024-12-30"}
    assert all(len(list(path.glob("*.parquet"))) == 1 for path in folder.glob("date=*"))
    rows = rows_of(spark.read.parquet(str(folder)))
    assert len(rows) == len(set(rows))
    assert set(rows) == sandbox.truth("TSLA,AAPL", "2024-12-27", "2024-12-30", bar=(1, "minute"))


def test_the_example_of_the_readme(spark: SparkSession, sandbox: Served) -> None:
    readme = (ROOT / "README.md").read_text()
    (section,) = re.findall(r"^## In Spark\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)
    (code,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    bars = run(code, sandbox, spark=spark)["bars"]
    assert set(rows_of(bars)) == sandbox.truth("TSLA,AAPL", "2024-01-02", LAST)
    assert "docs/spark.md" in section


def test_the_page_tells_the_defaults() -> None:
    assert f"default {DEFAULT_PARTITIONS}." in PAGE
