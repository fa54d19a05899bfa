"""The key stands nowhere that Spark shows or keeps: plans, pages, logs, errors, pickled objects."""

import json
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest
from pyspark import cloudpickle
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from served import ACCESS_KEY_ID, FILES_SECRET, KEY, LAST, Read, Served

from stockticker_async.errors import ConnectorError
from stockticker_async.spark.data_source import StockTickerDataSource

FIRST = "2024-12-02"
SECRETS = [secret.encode() for secret in (KEY, ACCESS_KEY_ID, FILES_SECRET)]
SPELLED = [secret.replace(b"/", b"\\/") for secret in SECRETS]
"""As some write JSON."""
PARTS = (b"k3y-OF", b"1d-OF", b"s3cret-OF")


def holds_key(data: bytes) -> bool:
    return any(secret in data for secret in (*SECRETS, *SPELLED, *PARTS))


def minutes_of_files(url: str) -> dict[str, str]:
    """The options of a read of flat files."""
    return {
        "stock_ticker": "*",
        "timespan": "minute",
        "adjusted": "false",
        "base_url": url,
        "flat_files": "true",
        "flat_files.endpoint": url,
        "start_date": LAST,
        "end_date": LAST,
    }


@pytest.fixture
def shown(
    spark: SparkSession, folder: Path, capfd: pytest.CaptureFixture[str], told: Callable[[], str]
) -> Callable[[DataFrame], bytes]:
    """Reads a frame; returns all that Spark shows of it: plans, pages, the event log, the logs of tasks."""

    def read_and_look(frame: DataFrame) -> bytes:
        frame.explain(True)  # noqa: FBT003 - Spark's argument
        assert frame.count()
        explained = capfd.readouterr().out.encode()
        context = spark.sparkContext
        assert context.uiWebUrl is not None
        base = f"http://127.0.0.1:{context.uiWebUrl.rpartition(':')[2]}"
        app = f"api/v1/applications/{context.applicationId}"
        found = [explained, told().encode()]
        paths = ("environment/", "SQL/", "stages/", "executors/", "jobs/")
        for path in (*paths, f"{app}/environment", f"{app}/sql"):
            with urlopen(f"{base}/{path}") as page:  # noqa: S310 - loopback
                body = page.read()
            assert len(body) > 100
            found.append(body)
        logs = [path for path in (folder / "events").rglob("*") if path.is_file()]
        events = b"".join(path.read_bytes() for path in logs)
        assert b"BatchScan stockticker" in events
        assert b"BatchScan stockticker" in explained
        return b"".join([*found, events])

    return read_and_look


@pytest.mark.quick
def test_the_key_is_in_no_plan_and_no_page_and_not_in_the_event_log(
    read: Read, shown: Callable[[DataFrame], bytes]
) -> None:
    frame = read(stock_ticker="TSLA,AAPL", start_date=FIRST, end_date=LAST, timespan="minute")
    found = shown(frame.where("stock_ticker = 'TSLA'"))
    assert b"stockticker: INFO" in found
    assert not holds_key(found)


def test_the_keys_of_flat_files_are_in_no_plan_and_no_page_and_not_in_the_event_log(
    read: Read, sandbox: Served, shown: Callable[[DataFrame], bytes]
) -> None:
    found = shown(read(**minutes_of_files(sandbox.url)))
    assert b"1 flat files" in found
    assert not holds_key(found)


@pytest.mark.quick
@pytest.mark.parametrize("files", [False, True])
def test_what_is_pickled_for_the_executors_has_no_key(
    sandbox: Served,
    files: bool,  # noqa: FBT001 - a case
) -> None:
    calls = {"stock_ticker": "TSLA,AAPL", "base_url": sandbox.url, "start_date": FIRST, "end_date": LAST}
    options = {**minutes_of_files(sandbox.url), "start_date": "2024-12-30"} if files else calls
    source = StockTickerDataSource(options)
    reader = source.reader(source.schema())
    partitions = reader.partitions()
    assert len(partitions) == 2
    for thing in (source, reader, *partitions):
        data = cloudpickle.dumps(thing)
        assert not holds_key(data)
        assert b"connector" not in pickle.dumps(partitions), "nothing of Airbyte travels"
    assert ("2024-12-30.csv.gz" if files else "TSLA") in repr(partitions[0])


@pytest.mark.parametrize("fault", ["SignatureDoesNotMatch", "AccessDenied", "NoSuchKey"])
def test_an_error_of_the_bucket_has_no_key_even_where_spark_shows_all_variables(
    sandbox: Served, fault: str
) -> None:
    source = StockTickerDataSource(minutes_of_files(sandbox.url))
    reader = source.reader(source.schema())
    (partition,) = reader.partitions()
    sandbox.ask("faults", "POST", kind="s3_error", code=fault, match="csv.gz", times=None)
    with pytest.raises(ConnectorError) as read:
        list(reader.read(partition))
    sandbox.ask(
        "faults", "POST", kind="s3_error", code="SignatureDoesNotMatch", match="flatfiles", times=None
    )
    with pytest.raises(ConnectorError) as planned:
        reader.partitions()
    for caught in (read, planned):
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        text = "".join(shown.format())
        assert "Settings(" in text
        assert not holds_key(text.encode())


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


@pytest.mark.parametrize(
    ("name", "words"),
    [
        *(
            (name, "The API key must not be an option")
            for name in ("api_key", "apiKey", "token", "my.secret")
        ),
        ("flat_files.access_key_id", "The keys of flat files must not be options"),
        ("flat_files.secret_access_key", "The keys of flat files must not be options"),
        ("flat_files", "its keys must not be options"),
    ],
)
def test_a_key_as_an_option_is_refused_with_a_remedy(read: Read, folder: Path, name: str, words: str) -> None:
    with pytest.raises(PySparkException) as caught:
        read(stock_ticker="TSLA", **{name: "an-OPTION-key"})
    text = str(caught.value)
    assert words in text
    if name.startswith("flat_files"):
        assert "MASSIVE_ACCESS_KEY_ID and MASSIVE_SECRET_ACCESS_KEY" in text
        assert "flat_files_key_file" in text
    else:
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


def test_the_keys_of_flat_files_may_come_from_a_file_on_each_machine(
    read: Read, sandbox: Served, spark: SparkSession, tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "files.json"
    keys = {"access_key_id": ACCESS_KEY_ID, "secret_access_key": FILES_SECRET}
    path.write_text(json.dumps(keys))
    spark.sparkContext.addFile(str(path))
    options = minutes_of_files(sandbox.url)
    for name in (str(path), "files.json"):
        assert read(**options, flat_files_key_file=name).count()
    path.write_text(json.dumps({**keys, "secret_access_key": "another-SECRET"}))
    with pytest.raises(PySparkException, match="does not belong to its access key id") as caught:
        read(**options, flat_files_key_file=path).count()
    assert "another-SECRET" not in str(caught.value)
    assert not holds_key(str(caught.value).encode())
    logs = [path for path in (folder / "events").rglob("*") if path.is_file()]
    assert not any(b"another-SECRET" in path.read_bytes() for path in logs)
