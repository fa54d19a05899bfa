"""A streaming query over flat files: each session once, when its file is published, however late."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from served import Served, batches_available, of_files, serving

Bars = list[tuple[Any, ...]]
Run = Callable[..., list[Bars]]


@pytest.fixture
def sandbox() -> Iterator[Served]:
    """One for each test: its clock goes on."""
    with serving("2024-12-31", "--speed", "0", universe=12) as one:
        yield one


@pytest.fixture
def run(spark: SparkSession, sandbox: Served, folder: Path, tmp_path: Path) -> Run:
    """Runs a query to the end of what is available; returns the rows of each batch."""

    def run(*, fails: bool = False, **options: Any) -> list[Bars]:
        (folder / "clock").write_text(sandbox.ask("clock")["now"])
        given = {
            "base_url": sandbox.url,
            "stock_ticker": "*",
            "timespan": "minute",
            "adjusted": "false",
            "flat_files": "true",
            "flat_files.endpoint": sandbox.url,
            "start_date": "2024-12-26",
            **options,
        }
        return batches_available(spark, tmp_path / "checkpoint", given, fails=fails)

    return run


def truth(sandbox: Served, *days: str) -> set[tuple[Any, ...]]:
    names = ",".join(one.ticker for one in sandbox.market.universe if not one.otc)
    bars = (sandbox.truth(names, day, day, bar=(1, "minute"), adjusted=False) for day in days)
    return of_files(set().union(*bars))


def lack(sandbox: Served, day: str) -> None:
    sandbox.ask("faults", "POST", kind="file", change="missing", match=f"minute.*{day}", times=None)


def only(batches: list[Bars]) -> set[tuple[Any, ...]]:
    (rows,) = batches
    assert len(rows) == len(set(rows))
    return set(rows)


def test_each_file_is_read_once_when_it_comes(run: Run, sandbox: Served) -> None:
    lack(sandbox, "2024-12-27")
    with pytest.raises(PySparkException, match="and not kept"):
        run(fails=True)
    sandbox.forget()  # the file has come: it is no part of the batch that is repeated
    first, second = run()
    assert only([first]) == truth(sandbox, "2024-12-26", "2024-12-30")
    assert only([second]) == truth(sandbox, "2024-12-27")
    sandbox.forget()
    assert run() == []
    sandbox.ask("clock", "POST", now="2025-01-01T17:00:00+00:00")
    lack(sandbox, "2024-12-31")
    assert run() == []
    sandbox.forget()
    assert only(run()) == truth(sandbox, "2024-12-31")
    assert len([path for path in sandbox.calls() if "2024-12-31.csv.gz" in path]) == 1


def test_named_tickers_are_streamed_by_calls_and_told(
    run: Run, sandbox: Served, told: Callable[[], str]
) -> None:
    name = next(one.ticker for one in sandbox.market.universe if not one.otc)
    rows = only(run(stock_ticker=name))
    assert rows == sandbox.truth(name, "2024-12-26", "2024-12-30", bar=(1, "minute"), adjusted=False)
    assert "WARNING: flat_files is not used: a streaming query reads named tickers by calls." in told()
    assert [path for path in sandbox.calls() if "flatfiles" in path] == []
