"""Streaming queries: each session once, the history of a ticker whose splits changed, and exact restarts."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from served import Read, Served, batches_available, serving

TWO = "TSLA,AAPL"
FIRST = "2024-12-02"
Bars = list[tuple[Any, ...]]


@pytest.fixture
def sandbox() -> Any:
    """One for each test: its clock goes on, and splits are added."""
    with serving("2024-12-20", "--speed", "0") as one:
        yield one


Run = Callable[..., list[Bars]]


@pytest.fixture
def run(spark: SparkSession, sandbox: Served, folder: Path, tmp_path: Path) -> Run:
    """Runs a query to the end of what is available; returns the rows of each batch."""

    def run(*, fails: bool = False, **options: Any) -> list[Bars]:
        (folder / "clock").write_text(sandbox.ask("clock")["now"])
        sandbox.forget()
        given = {"stock_ticker": TWO, "start_date": FIRST, "base_url": sandbox.url, **options}
        return batches_available(spark, tmp_path / "checkpoint", given, fails=fails)

    return run


def go_to(sandbox: Served, day: str) -> None:
    sandbox.ask("clock", "POST", now=f"{day}T17:00:00+00:00")


def only(batches: list[Bars]) -> Bars:
    (rows,) = batches
    assert len(rows) == len(set(rows))
    return rows


@pytest.mark.quick
def test_each_day_adds_its_session_and_a_split_the_history(run: Run, sandbox: Served) -> None:
    assert set(only(run(partitions="3"))) == sandbox.truth(TWO, FIRST, "2024-12-19")
    assert run() == []
    assert [path for path in sandbox.calls() if "/aggs/" in path] == [], "nothing is asked twice on a day"
    go_to(sandbox, "2024-12-22")  # a Sunday: Friday is over
    assert set(only(run())) == sandbox.truth(TWO, "2024-12-20", "2024-12-20")
    go_to(sandbox, "2024-12-24")
    sandbox.ask("unpublished", "POST", sessions=1)
    assert run() == []
    sandbox.ask("unpublished", "POST", sessions=0)
    assert set(only(run())) == sandbox.truth(TWO, "2024-12-23", "2024-12-23")
    sandbox.add_split("TSLA", date(2024, 12, 24), 1, 4)
    changed = sandbox.truth("TSLA", FIRST, "2024-12-23")
    assert changed != sandbox.truth("TSLA", FIRST, "2024-12-23", adjusted=False)
    assert set(only(run())) == changed
    go_to(sandbox, "2024-12-26")
    # Christmas is no session; after its first session, a split is read again
    rows = only(run())
    assert set(rows) == sandbox.truth("TSLA", FIRST, "2024-12-24") | sandbox.truth(
        "AAPL", "2024-12-24", "2024-12-24"
    )
    # another ticker adds its own history
    assert set(only(run(stock_ticker=f"{TWO},MSFT"))) == sandbox.truth("MSFT", FIRST, "2024-12-24")


def test_a_batch_that_was_not_kept_is_repeated_exactly(run: Run, sandbox: Served) -> None:
    with pytest.raises(PySparkException, match="and not kept"):
        run(fails=True)
    go_to(sandbox, "2024-12-24")  # two sessions later
    first, second = run()
    assert set(first) == sandbox.truth(TWO, FIRST, "2024-12-19")
    assert set(second) == sandbox.truth(TWO, "2024-12-20", "2024-12-23")
    assert len(first) + len(second) == len({*first, *second})


def test_the_whole_market_is_streamed(run: Run, sandbox: Served) -> None:
    start = "2024-12-12"
    rows = only(run(stock_ticker="*", start_date=start))
    names = ",".join({row[0] for row in rows})
    assert set(rows) == sandbox.truth(names, start, "2024-12-19")
    go_to(sandbox, "2024-12-21")
    sandbox.add_split("TSLA", date(2024, 12, 20), 1, 4)
    rows = only(run(stock_ticker="*", start_date=start))
    today = {row for row in rows if row[1].date() == date(2024, 12, 20)}
    assert today == sandbox.truth(",".join({row[0] for row in today}), "2024-12-20", "2024-12-20")
    assert set(rows) - today == sandbox.truth("TSLA", start, "2024-12-19")


def test_a_failing_ticker_fails_the_query_and_nothing_is_lost(run: Run, sandbox: Served) -> None:
    run()
    go_to(sandbox, "2024-12-23")
    with pytest.raises(PySparkException, match="NOPE: the API does not know this ticker"):
        run(stock_ticker=f"{TWO},NOPE")
    rows = [row for batch in run() for row in batch]
    assert {row for row in rows if row[1].date() == date(2024, 12, 20)} == sandbox.truth(
        TWO, "2024-12-20", "2024-12-20"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stream": "ticker_details"}, "ticker_details has no cursor: use read in place of readStream"),
        ({"on_error": "skip"}, "on_error=skip is for read"),
        ({"stream": "open_close", "stock_ticker": "*"}, "open_close: a call for each ticker is needed"),
    ],
)
def test_what_cannot_be_streamed_is_refused(run: Run, options: dict[str, Any], words: str) -> None:
    with pytest.raises(PySparkException, match=words):
        run(**options)


@pytest.mark.parametrize("name", ["dividends", "short_volume", "open_close", "stock_prices"])
def test_other_streams_are_streamed(
    spark: SparkSession, sandbox: Served, read: Read, tmp_path: Path, name: str
) -> None:
    found: list[str] = []
    query = (
        spark.readStream.format("stockticker")
        .options(stock_ticker=TWO, start_date="2024-06-03", stream=name, base_url=sandbox.url)
        .load()
        .writeStream.foreachBatch(lambda frame, _: found.extend(map(repr, frame.collect())))
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    wanted = read(stream=name, stock_ticker=TWO, start_date="2024-06-03")
    if name in ("stock_prices", "short_volume"):
        wanted = wanted.where("date <= '2024-12-19'")  # today's is not over
    assert sorted(found) == sorted(map(repr, wanted.collect()))
    assert found
