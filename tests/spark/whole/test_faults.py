"""Faults: a task is tried again alone, a ticker that fails is named, and a killed worker changes nothing."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import python_workers, wait_until
from pyspark.errors import PySparkException
from served import LAST, Read, Served, rows_of

TWO = "TSLA,AAPL"
FIRST = "2024-12-02"
NOT_JSON = '{"status":"ERROR","error":"a fault"}'


def fail(sandbox: Served, ticker: str, times: int | None) -> None:
    sandbox.ask("faults", "POST", kind="status", status=400, match=f"/{ticker}/", times=times, body=NOT_JSON)


def test_a_task_that_fails_is_tried_again_and_repeats_its_own_calls_only(read: Read, sandbox: Served) -> None:
    fail(sandbox, "AAPL", 1)
    rows = rows_of(read(stock_ticker=TWO, start_date=FIRST, end_date=LAST, partitions=2))
    assert len(rows) == len(set(rows))
    assert set(rows) == sandbox.truth(TWO, FIRST, LAST)
    assert len([path for path in sandbox.calls() if "/TSLA/" in path]) == 1
    assert len([path for path in sandbox.calls() if "/AAPL/" in path]) == 2


@pytest.mark.quick
def test_a_ticker_that_fails_for_good_fails_the_job_by_name(read: Read, sandbox: Served) -> None:
    fail(sandbox, "AAPL", None)
    with pytest.raises(PySparkException) as caught:
        read(stock_ticker=TWO, start_date=FIRST, end_date=LAST).collect()
    assert "ConnectorError: AAPL: " in str(caught.value)
    assert "a fault" in str(caught.value)


def test_a_ticker_that_fails_can_be_left_out_and_is_told(
    read: Read, sandbox: Served, told: Callable[[], str]
) -> None:
    fail(sandbox, "AAPL", None)
    frame = read(stock_ticker=f"{TWO},NOPE", start_date=FIRST, end_date=LAST, on_error="skip", partitions=1)
    assert set(rows_of(frame)) == sandbox.truth("TSLA", FIRST, LAST)
    text = told()
    assert "WARNING: Partition 0, attempt 0: Left out: AAPL: " in text
    assert "Left out: NOPE: the API does not know this ticker" in text


def test_a_wrong_key_is_told_before_any_task_and_never_left_out(
    read: Read, sandbox: Served, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text("another-key\n")
    for stream in ("stock_bars", "exchanges"):
        frame = read(stream=stream, stock_ticker=TWO, start_date=FIRST, api_key_file=path, on_error="skip")
        with pytest.raises(PySparkException) as caught:
            frame.collect()
        assert "another-key" not in str(caught.value)
        assert "The API key is wrong" in str(caught.value)
    assert [path for path in sandbox.calls() if "/range/" in path] == []


def test_calls_are_told_in_the_task_s_log(read: Read, told: Callable[[], str]) -> None:
    read(stock_ticker=TWO, start_date=FIRST, end_date=LAST, partitions=2).collect()
    text = told()
    assert "INFO: stock_bars: 2 partitions; the driver made 2 calls." in text
    for partition in (0, 1):
        assert f"INFO: Partition {partition}, attempt 0: stock_bars: 1 calls, 21 rows." in text


@pytest.mark.quick
def test_a_python_worker_killed_in_the_middle_changes_nothing(read: Read, sandbox: Served) -> None:
    tickers = "TSLA,AAPL,MSFT,NVDA"
    sandbox.ask("faults", "POST", kind="hang", match="/ticker/NVDA/", seconds=600, times=1)
    found: list[tuple[object, ...]] = []

    def collect() -> None:
        frame = read(
            stock_ticker=tickers, start_date="2024-01-02", end_date=LAST, timespan="minute", partitions=4
        )
        found.extend(rows_of(frame.where("hour(timestamp) = 15")))

    thread = threading.Thread(target=collect)
    thread.start()
    wait_until(lambda: any("/NVDA/" in path for path in sandbox.calls()))
    for pid in python_workers(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    thread.join()
    wanted = {
        row for row in sandbox.truth(tickers, "2024-01-02", LAST, bar=(1, "minute")) if row[1].hour == 15
    }
    assert len(found) == len(set(found))
    assert set(found) == wanted
