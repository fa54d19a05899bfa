"""A standalone master and two workers on loopback; a worker killed in the middle, and a driver."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyspark
import pytest
from processes import descendants, wait_until
from pyspark.sql import SparkSession
from served import ACCESS_KEY_ID, FILES_SECRET, KEY, ROOT, Served, of_files, rows_of, serving

HERE = Path(__file__).parent
TICKERS = "TSLA,AAPL,MSFT,NVDA"
SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def started(folder: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of a group of its own, which is killed at the end."""
    environment = {
        **os.environ,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "MASSIVE_API_KEY": KEY,
        "MASSIVE_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "MASSIVE_SECRET_ACCESS_KEY": FILES_SECRET,
        "SPARK_HOME": str(SPARK_CLASS.parent.parent),
    }
    with (
        (folder / "log").open("ab") as log,
        subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, cwd=ROOT, start_new_session=True
        ) as process,
    ):
        try:
            yield process
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    for pid in (*descendants(process.pid), process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.fixture
def cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The master's address, and its workers."""
    port, log = free_port(), folder / "log"
    master = f"spark://127.0.0.1:{port}"
    run = (str(SPARK_CLASS), "org.apache.spark.deploy")
    options = ("--host", "127.0.0.1", "--webui-port", "0")
    with ExitStack() as stack:

        def begin(kind: str, *more: str) -> subprocess.Popen[bytes]:
            return stack.enter_context(started(folder, run[0], f"{run[1]}.{kind}", *options, *more))

        before = log.read_bytes() if log.exists() else b""
        masters = before.count(b"New state: ALIVE")
        registered = before.count(b"Successfully registered with master")
        begin("master.Master", "--port", str(port))
        wait_until(lambda: log.read_bytes().count(b"New state: ALIVE") > masters)
        workers = [
            begin(
                "worker.Worker", "--cores", "1", "--memory", "1g", "--work-dir", str(folder / "work"), master
            )
            for _ in range(2)
        ]
        wait_until(lambda: log.read_bytes().count(b"Successfully registered with master") == registered + 2)
        yield master, workers


def drive(folder: Path, master: str, url: str, target: Path, kind: str) -> Any:
    return started(folder, sys.executable, str(HERE / "job.py"), master, url, str(target), kind)


def written(spark: SparkSession, target: Path) -> list[tuple[Any, ...]]:
    return rows_of(spark.read.parquet(str(target / "rows")))


def truth(sandbox: Served) -> set[tuple[Any, ...]]:
    return sandbox.truth(TICKERS, "2024-12-02", "2024-12-31", bar=(1, "minute"))


def test_a_worker_killed_in_the_middle_leaves_the_rows_exact(
    spark: SparkSession,
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
    sandbox: Served,
    folder: Path,
    tmp_path: Path,
) -> None:
    master, workers = cluster
    # two tasks, one on each worker, wait for an answer when one worker dies with its executor
    sandbox.ask("faults", "POST", kind="hang", match="/ticker/(MSFT|NVDA)/", seconds=20, times=2)
    with drive(folder, master, sandbox.url, tmp_path, "batch") as driver:
        wait_until(lambda: len([one for one in sandbox.calls() if "/MSFT/" in one or "/NVDA/" in one]) >= 2)
        end(workers[0])
        assert driver.wait(240) == 0, (folder / "log").read_bytes()[-3000:]
    rows = written(spark, tmp_path)
    assert len(rows) == len(set(rows))
    assert set(rows) == truth(sandbox)
    asked = [one for one in sandbox.calls() if "/range/" in one]
    assert len(asked) > len(set(asked)), "what the dead worker had asked for was asked for again"


def test_a_worker_killed_in_the_middle_of_its_file_leaves_the_rows_exact(
    spark: SparkSession,
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
    folder: Path,
    tmp_path: Path,
) -> None:
    master, workers = cluster
    with serving("2025-01-01", "--speed", "0", universe=12) as sandbox:
        for day in ("2024-12-24", "2024-12-26"):  # a file on each worker
            sandbox.ask("faults", "POST", kind="hang", match=f"{day}.csv", seconds=20, times=1)
        with drive(folder, master, sandbox.url, tmp_path, "files") as driver:
            wait_until(lambda: len([one for one in sandbox.calls() if ".csv.gz" in one]) >= 2)
            end(workers[0])
            assert driver.wait(240) == 0, (folder / "log").read_bytes()[-3000:]
        names = ",".join(one.ticker for one in sandbox.market.universe if not one.otc)
        bars = sandbox.truth(names, "2024-12-24", "2024-12-31", bar=(1, "minute"), adjusted=False)
        files = [one for one in sandbox.calls() if ".csv.gz" in one]
    rows = written(spark, tmp_path)
    assert len(rows) == len(set(rows))
    assert set(rows) == of_files(bars)
    assert len(files) == len(set(files)) + 1 == 6, "the file of the dead worker is read again, and no other"


def test_a_driver_killed_in_the_middle_goes_on_from_its_checkpoint(
    spark: SparkSession, sandbox: Served, folder: Path, tmp_path: Path
) -> None:
    sandbox.ask("faults", "POST", kind="hang", match="/ticker/NVDA/", seconds=600, times=1)
    with drive(folder, "local[2]", sandbox.url, tmp_path, "stream") as driver:
        wait_until(lambda: any("/NVDA/" in one for one in sandbox.calls()))
        end(driver)
    assert (tmp_path / "checkpoint" / "offsets" / "0").exists()
    assert not (tmp_path / "checkpoint" / "commits" / "0").exists()
    sandbox.forget()
    for _ in range(2):  # the second one finds nothing to do
        with drive(folder, "local[2]", sandbox.url, tmp_path, "stream") as driver:
            assert driver.wait(240) == 0, (folder / "log").read_bytes()[-3000:]
        rows = written(spark, tmp_path)
        assert len(rows) == len(set(rows))
        assert set(rows) == truth(sandbox)
    assert len([one for one in sandbox.calls() if "/range/" in one]) == len(
        {one for one in sandbox.calls() if "/range/" in one}
    )
