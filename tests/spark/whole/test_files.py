"""Flat files: a session a partition, exactly the rows of the market, and the requests of one process."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from processes import python_workers, wait_until
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from served import Read, Served, of_files, rows_of, serving

from stockticker_async.marketdata.calendar import NEW_YORK

UNIVERSE = 20
FIRST, LAST = "2024-12-24", "2024-12-31"
SESSIONS = ["2024-12-24", "2024-12-26", "2024-12-27", "2024-12-30", "2024-12-31"]
"""Christmas is closed."""
Bars = set[tuple[Any, ...]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Served]:
    """A small market: a file has some ten thousand rows."""
    with serving("2025-01-01", "--speed", "0", universe=UNIVERSE) as one:
        yield one


@pytest.fixture
def minutes(read: Read, sandbox: Served) -> Read:
    """Loads the minutes of the market."""

    def load(**options: Any) -> DataFrame:
        given = {
            "stock_ticker": "*",
            "timespan": "minute",
            "adjusted": "false",
            "flat_files": "true",
            "flat_files.endpoint": sandbox.url,
            "start_date": FIRST,
        }
        return read(**{**given, **options})

    return load


@cache
def truth(sandbox: Served, first: str = FIRST, last: str = LAST, *, otc: bool = False) -> Bars:
    names = ",".join(one.ticker for one in sandbox.market.universe if otc or not one.otc)
    return of_files(sandbox.truth(names, first, last, bar=(1, "minute"), adjusted=False))


def paths(sandbox: Served, part: str) -> list[str]:
    return [path for path in sandbox.calls() if part in path]


def sessions_read(sandbox: Served) -> list[str]:
    return sorted(path.rpartition("/")[2][:10] for path in paths(sandbox, ".csv.gz"))


def listings(sandbox: Served) -> int:
    return len([path for path in paths(sandbox, "/flatfiles") if ".csv.gz" not in path])


@pytest.mark.quick
def test_the_minutes_of_the_market_are_read_a_session_a_partition(
    minutes: Read, sandbox: Served, told: Callable[[], str]
) -> None:
    frame = minutes()
    assert frame.rdd.getNumPartitions() == len(SESSIONS)
    sandbox.forget()
    rows = rows_of(frame)
    assert len(rows) == len(set(rows))
    assert set(rows) == truth(sandbox)
    assert sessions_read(sandbox) == SESSIONS
    assert listings(sandbox) <= 1
    assert len(paths(sandbox, "/grouped/")) == len(SESSIONS), "which tell the OTC stocks"
    text = told()
    assert "INFO: stock_bars: 5 partitions, 5 flat files; the driver made 0 calls." in text
    assert "INFO: Partition 4, attempt 0: stock_bars: 1 calls, 1 flat files, " in text


def test_otc_stocks_are_read_where_they_are_wanted(minutes: Read, sandbox: Served) -> None:
    frame = minutes(include_otc="true", start_date="2024-12-30")
    rows = rows_of(frame)
    assert len(rows) == len(set(rows))
    assert set(rows) == truth(sandbox, "2024-12-30", otc=True)
    marked = {row["stock_ticker"] for row in frame.where("otc").select("stock_ticker").distinct().collect()}
    assert marked <= {one.ticker for one in sandbox.market.universe if one.otc}


def test_closes_of_the_market_are_read_from_day_files(read: Read, sandbox: Served) -> None:
    frame = read(
        stream="stock_prices",
        stock_ticker="*",
        adjusted="false",
        include_otc="true",
        **{"flat_files": "true", "flat_files.endpoint": sandbox.url, "start_date": FIRST, "end_date": LAST},
    )
    names = ",".join(one.ticker for one in sandbox.market.universe)
    wanted = {(bar[0], bar[1].date(), bar[5]) for bar in sandbox.truth(names, FIRST, LAST, adjusted=False)}
    rows = [(row["stock_ticker"], row["date"], row["price"]) for row in frame.collect()]
    assert len(rows) == len(set(rows))
    assert set(rows) == wanted
    assert sessions_read(sandbox) == SESSIONS


@pytest.mark.parametrize(
    ("condition", "sessions", "is_true"),
    [
        ("date = '2024-12-27'", ["2024-12-27"], lambda day, _: day == "2024-12-27"),
        (
            "date >= '2024-12-27' and date < '2024-12-31' and close > 50",
            ["2024-12-27", "2024-12-30"],
            lambda day, bar: "2024-12-27" <= day < "2024-12-31" and bar[5] > 50,
        ),
        (
            "timestamp < '2024-12-26 15:00:00'",
            ["2024-12-24", "2024-12-26"],
            lambda _, bar: bar[1] < datetime(2024, 12, 26, 15, 0),
        ),
        ("date > '2024-12-31'", [], lambda *_: False),
        ("date = '2024-12-25'", [], lambda *_: False),
    ],
)
def test_a_condition_on_days_reads_fewer_files(
    minutes: Read,
    sandbox: Served,
    condition: str,
    sessions: list[str],
    is_true: Callable[[str, tuple[Any, ...]], bool],
) -> None:
    found = rows_of(minutes(end_date=LAST).where(condition))
    assert sessions_read(sandbox) == sessions
    assert listings(sandbox) <= 1
    assert len(found) == len(set(found))
    assert set(found) == {bar for bar in truth(sandbox) if is_true(new_york_day(bar), bar)}


def new_york_day(bar: tuple[Any, ...]) -> str:
    return str(bar[1].replace(tzinfo=UTC).astimezone(NEW_YORK).date())


def test_a_condition_on_tickers_gives_rows_of_files(minutes: Read, sandbox: Served) -> None:
    name = next(one.ticker for one in sandbox.market.universe if not one.otc)
    rows = rows_of(minutes(start_date="2024-12-30").where(f"stock_ticker = '{name}'"))
    wanted = sandbox.truth(name, "2024-12-30", LAST, bar=(1, "minute"), adjusted=False)
    assert set(rows) == of_files(wanted)
    assert paths(sandbox, "/range/") == []


def test_what_is_rationed_is_not_exceeded(minutes: Read, sandbox: Served) -> None:
    frame = minutes(requests_per_minute=2)
    assert frame.rdd.getNumPartitions() == 2
    assert minutes(max_concurrent_requests=3).rdd.getNumPartitions() == 3
    assert set(rows_of(minutes(requests_per_minute=300))) == truth(sandbox)


def test_a_task_that_fails_repeats_its_own_file_only(minutes: Read, sandbox: Served) -> None:
    minutes(end_date=LAST).collect()  # the files are made
    sandbox.forget()
    sandbox.ask("faults", "POST", kind="s3_error", code="NoSuchKey", match="2024-12-27.csv", times=1)
    rows = rows_of(minutes())
    assert len(rows) == len(set(rows))
    assert set(rows) == truth(sandbox)
    read = sessions_read(sandbox)
    assert {day: read.count(day) for day in SESSIONS} == dict.fromkeys(SESSIONS, 1) | {"2024-12-27": 2}


def test_a_transfer_that_is_cut_goes_on(minutes: Read, sandbox: Served) -> None:
    sandbox.ask("faults", "POST", kind="cut", match="2024-12-30.csv", times=1, part=20_000)
    assert set(rows_of(minutes(start_date="2024-12-30"))) == truth(sandbox, "2024-12-30")
    assert len(sessions_read(sandbox)) == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            {"kind": "file", "change": "repeated_row", "match": "2024-12-30"},
            "the whole market: the flat file of 2024-12-30 is not usable: ",
        ),
        (
            {"kind": "s3_error", "code": "NoSuchKey", "match": "2024-12-30.csv"},
            "minute_aggs_v1/2024/12/2024-12-30.csv.gz is listed, but it is not there",
        ),
        (
            {"kind": "s3_error", "code": "AccessDenied", "match": "2024-12-30.csv"},
            "the plan does not include the flat files of bars of 1 minute for these days",
        ),
        (
            {"kind": "s3_error", "code": "AccessDenied", "match": "flatfiles"},
            "The bucket of flat files does not let these keys list its files. Check the plan.",
        ),
        (
            {"kind": "s3_error", "code": "SignatureDoesNotMatch", "match": "flatfiles"},
            "The secret of flat_files does not belong to its access key id",
        ),
    ],
)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_a_fault_that_stays_fails_the_job_in_the_words_of_the_connector(
    minutes: Read, sandbox: Served, fault: dict[str, Any], words: str, on_error: str
) -> None:
    """A session is never left out: that is for tickers."""
    sandbox.ask("faults", "POST", **fault, times=None)
    with pytest.raises(PySparkException) as caught:
        minutes(start_date="2024-12-30", on_error=on_error).collect()
    assert words in str(caught.value)


def test_a_late_file_waits_and_a_hole_is_told(
    minutes: Read, sandbox: Served, told: Callable[[], str]
) -> None:
    for day in ("2024-12-27", "2024-12-31"):
        sandbox.ask("faults", "POST", kind="file", change="missing", match=f"minute.*{day}", times=None)
    rows = set(rows_of(minutes()))
    assert rows == truth(sandbox, last="2024-12-30") - truth(sandbox, "2024-12-27", "2024-12-27")
    text = told()
    assert "WARNING: stock_bars: no flat file of 2024-12-27 is published, although later ones are." in text
    assert "INFO: The flat file of 2024-12-31 is not published yet: the next sync reads it." in text
    assert "INFO: stock_bars: 3 partitions, 3 flat files" in text


def test_days_before_the_plan_s_history_are_left_out(read: Read, told: Callable[[], str]) -> None:
    with serving("2025-01-01", "--speed", "0", "--plan", "starter", universe=UNIVERSE) as one:
        options: dict[str, Any] = {
            "base_url": one.url,
            "flat_files.endpoint": one.url,
            "flat_files": "true",
            "stock_ticker": "*",
            "timespan": "minute",
            "adjusted": "false",
        }
        rows = rows_of(read(**options, start_date="2019-12-27", end_date="2020-01-06"))
        assert set(rows) == truth(one, "2020-01-02", "2020-01-06")
        assert "The plan's history of flat files begins on 2020-01-0" in told()
        with pytest.raises(PySparkException, match="does not include the flat files of bars of 1 minute"):
            read(**options, start_date="2019-01-02", end_date="2019-01-03").collect()


def test_a_python_worker_killed_in_the_middle_of_a_file_changes_nothing(
    minutes: Read, sandbox: Served
) -> None:
    sandbox.ask("faults", "POST", kind="hang", match="2024-12-30.csv", seconds=600, times=1)
    found: list[tuple[object, ...]] = []
    thread = threading.Thread(target=lambda: found.extend(rows_of(minutes())))
    thread.start()
    wait_until(lambda: paths(sandbox, "2024-12-30.csv"))
    for pid in python_workers(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    thread.join()
    assert len(found) == len(set(found))
    assert set(found) == truth(sandbox)
