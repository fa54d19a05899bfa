"""One Spark for all tests: two cores, three tries of a task, an event log, and a UI on loopback."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import clocked
import pytest
from pyspark.sql import DataFrame, SparkSession
from served import ACCESS_KEY_ID, FILES_SECRET, KEY, ROOT, Read, Served, serving


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="session")
def spark(folder: Path) -> Iterator[SparkSession]:
    assert shutil.which("java"), "Java 17 is needed"
    (folder / "events").mkdir()
    os.environ |= {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TZ": "UTC",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
        "MASSIVE_API_KEY": KEY,
        "MASSIVE_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "MASSIVE_SECRET_ACCESS_KEY": FILES_SECRET,
        clocked.VARIABLE: str(folder / "clock"),
    }
    time.tzset()
    before = os.dup(2)
    with (folder / "stderr").open("wb") as file:
        os.dup2(file.fileno(), 2)  # of Spark's processes, which inherit it
    session = (
        SparkSession.builder.master("local[2,3]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.port", "0")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.python.filterPushdown.enabled", "true")
        .config("spark.eventLog.enabled", "true")
        .config("spark.eventLog.compress", "false")
        .config("spark.eventLog.dir", (folder / "events").as_uri())
        .getOrCreate()
    )
    os.dup2(before, 2)
    os.close(before)
    session.dataSource.register(clocked.ClockedSource)
    yield session
    session.stop()


@pytest.fixture
def told(spark: SparkSession, folder: Path) -> Callable[[], str]:
    """What Spark's processes have written to stderr since the test began."""
    del spark
    begun = (folder / "stderr").stat().st_size

    def since() -> str:
        return (folder / "stderr").read_bytes()[begun:].decode()

    return since


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Served]:
    with serving("2025-01-01", "--speed", "0") as one:
        yield one


@pytest.fixture(autouse=True)
def _forgotten(sandbox: Served, folder: Path) -> None:
    sandbox.forget()
    (folder / "clock").write_text(sandbox.ask("clock")["now"])


@pytest.fixture
def read(spark: SparkSession, sandbox: Served) -> Read:
    """Loads a frame with these options."""

    def load(**options: Any) -> DataFrame:
        reader = spark.read.format("stockticker").option("base_url", sandbox.url)
        return reader.options(**{name: str(value) for name, value in options.items()}).load()

    return load
