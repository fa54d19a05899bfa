"""The key stands nowhere that Spark shows or keeps: plans, pages, logs, errors, pickled objects."""

import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest
from pyspark import cloudpickle
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from served import KEY, LAST, Read, Served

from stockticker_async.errors import ConnectorError
from stockticker_async.spark.data_source import StockTickerDataSource

FIRST = "2024-12-02"
SECRET = KEY.encode()
SPELLED = KEY.replace("/", "\\/").encode()
"""As some write JSON."""


def holds_key(data: bytes) -> bool:
    return SECRET in data or SPELLED in data or b"k3y-OF" in data


@pytest.mark.quick
def test_the_key_is_in_no_plan_and_no_page_and_not_in_the_event_log(
    read: Read,
    spark: SparkSession,
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    told: Callable[[], str],
) -> None:
    frame = read(stock_ticker="TSLA,AAPL", start_date=FIRST, end_date=LAST, timespan="minute")
    frame = frame.where("stock_ticker = 'TSLA'")
    frame.explain(True)  # noqa: FBT003 - Spark's argument
    assert frame.count()
    context = spark.sparkContext
    assert context.uiWebUrl is not None
    base = f"http://127.0.0.1:{context.uiWebUrl.rpartition(':')[2]}"
    app = f"api/v1/applications/{context.applicationId}"
    paths = ("environment/", "SQL/", "stages/", "executors/", "jobs/", f"{app}/environment", f"{app}/sql")
    for path in paths:
        with urlopen(f"{base}/{path}") as page:  # noqa: S310 - loopback
            body = page.read()
        assert len(body) > 100
        assert not holds_key(body), path
    logs = [path for path in (folder / "events").rglob("*") if path.is_file()]
    text = b"".join(path.read_bytes() for path in logs)
    assert b"BatchScan stockticker" in text
    assert not holds_key(text)
    explained = capfd.readouterr().out
    assert "BatchScan stockticker" in explained
    assert not holds_key(explained.encode())
    assert "stockticker: INFO" in told()
    assert not holds_key(told().encode())


@pytest.mark.quick
def test_what_is_pickled_for_the_executors_has_no_key(sandbox: Served) -> None:
    source = StockTickerDataSource(
        {"stock_ticker": "TSLA,AAPL", "base_url": sandbox.url, "start_date": "2024-12-02", "end_date": LAST}
    )
    reader = source.reader(source.schema())
    partitions = reader.partitions()
    assert len(partitions) == 2
    for thing in (source, reader, *partitions):
        data = cloudpickle.dumps(thing)
        assert not holds_key(data)
        assert b"connector" not in pickle.dumps(partitions), "nothing of Airbyte travels"
    assert "TSLA" in repr(partitions[0])


@pytest.mark.parametrize("fault", ["401", "html"])
def test_an_error_has_no_key_even_where_spark_shows_all_variables(sandbox: Served, fault: str) -> None:
    """SPARK_TRACEBACK_WITH_LOCALS adds the variables of every frame."""
    options = {"stock_ticker": "TSLA", "base_url": sandbox.url, "start_date": FIRST, "end_date": LAST}
    source = StockTickerDataSource(options)
    reader = source.reader(source.schema())
    (partition,) = reader.partitions()
    how = {"kind": "status", "status": 401} if fault == "401" else {"kind": "body", "transform": "html"}
    sandbox.ask("faults", "POST", **how, match="/range/", times=None)
    with pytest.raises(ConnectorError) as caught:
        list(reader.read(partition))
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(shown.format())
    assert "settings = Settings(" in text or "reading = " in text
    assert not holds_key(text.encode())


@pytest.mark.parametrize("name", ["api_key", "apiKey", "token", "my.secret"])
def test_a_key_as_an_option_is_refused_with_a_remedy(read: Read, folder: Path, name: str) -> None:
    with pytest.raises(PySparkException) as caught:
        read(stock_ticker="TSLA", **{name: "an-OPTION-key"})
    text = str(caught.value)
    assert "The API key must not be an option" in text
    assert "MASSIVE_API_KEY" in text
    assert "api_key_file" in text
    assert "an-OPTION-key" not in text
    logs = [path for path in (folder / "events").rglob("*") if path.is_file()]
    assert not any(b"an-OPTION-key" in path.read_bytes() for path in logs)


def test_the_key_may_come_from_a_file_on_each_machine(
    read: Read, spark: SparkSession, tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "massive.key"
    path.write_text(f"{KEY}\n")
    options = {"stock_ticker": "TSLA", "start_date": "2024-12-30", "end_date": LAST}
    assert read(**options, api_key_file=path).count() == 2
    spark.sparkContext.addFile(str(path))
    assert read(**options, api_key_file="massive.key").count() == 2
    for wrong, words in (("no.key", "which cannot be read: No such file"), (folder, "Is a directory")):
        with pytest.raises(PySparkException, match=words):
            read(**options, api_key_file=wrong).count()
    path.write_text("two words\n")
    with pytest.raises(PySparkException, match="characters that no key has") as caught:
        read(**options, api_key_file=path).count()
    assert "two words" not in str(caught.value)
