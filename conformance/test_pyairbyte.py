"""PyAirbyte with the console script as its `local_executable`: all that a notebook does with a source."""

import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import airbyte
import duckdb
import pytest
from airbyte.caches import DuckDBCache
from airbyte.exceptions import AirbyteConnectorCheckFailedError, AirbyteConnectorFailedError

from conformance.connector import CONNECTOR, KEY, ROOT

NAME = "source-stockticker-async"
TICKERS = ("TSLA", "AAPL")
FIRST, THEN, LAST = "2020-08-28", "2020-09-08", "2020-09-11"
"""With a split of both on August 31, and a dividend of AAPL on September 8."""
STREAMS = {
    entry["stream"]["name"]: [path[0] for path in entry["stream"]["source_defined_primary_key"]]
    for entry in json.loads((ROOT / "catalogs/configured_catalog.json").read_bytes())["streams"]
}
"""The primary key of every stream, by its name."""


def source(sandbox: str, streams: Iterable[str] = STREAMS, **fields: Any) -> airbyte.Source:
    config = {
        "stock_ticker": ",".join(TICKERS),
        "api_key": KEY,
        "base_url": sandbox,
        "start_date": FIRST,
        "end_date": THEN,
        **fields,
    }
    return airbyte.get_source(NAME, config=config, local_executable=CONNECTOR, streams=list(streams))


def truth(sandbox: str, last: str) -> dict[tuple[str, str], float]:
    """Closing prices by ticker and day, from an endpoint that the connector does not read them from."""
    first = date.fromisoformat(FIRST)
    days = [first + timedelta(days=n) for n in range((date.fromisoformat(last) - first).days + 1)]
    found = {}
    for ticker, day in itertools.product(TICKERS, map(str, days)):
        url = f"{sandbox}/v1/open-close/{ticker}/{day}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {KEY}"})  # noqa: S310
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - of this machine
                found[ticker, day] = json.load(answer)["close"]
        except urllib.error.HTTPError as error:
            if error.code != 404:  # no session
                raise
    return found


def stored(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What somebody who opens the file with DuckDB finds."""
    with duckdb.connect(path) as database:
        rows: list[tuple[Any, ...]] = database.execute(sql).fetchall()
    return rows


def prices(path: Path) -> dict[tuple[str, str], float]:
    return {
        (ticker, str(day)): price
        for ticker, day, price in stored(path, "SELECT stock_ticker, date, price::DOUBLE FROM stock_prices")
    }


def counts(path: Path) -> dict[str, tuple[int, int]]:
    """The rows of each stream, and how many of them have a primary key of their own."""
    found = {}
    for name, key in STREAMS.items():
        columns = ", ".join(f'"{column}"' for column in key)
        sql = f'SELECT count(*), count(DISTINCT ({columns})) FROM "{name}"'  # noqa: S608 - our own names
        (found[name],) = stored(path, sql)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stocks.duckdb"


def read(sandbox: str, path: Path, **fields: Any) -> dict[str, int]:
    """Read every stream into the file; the records that came, by stream."""
    cache = DuckDBCache(db_path=path)
    try:
        result = source(sandbox, **fields).read(cache=cache)
    finally:
        cache.processor.sql_config.dispose_engine()  # others may open the file now
    return dict(result._progress_tracker.stream_read_counts)  # noqa: SLF001 - told nowhere else by stream


def test_a_connection_is_checked(sandbox: str) -> None:
    source(sandbox).check()


def test_a_wrong_key_is_told(sandbox: str) -> None:
    with pytest.raises(AirbyteConnectorCheckFailedError) as failed:
        source(sandbox, api_key="wrong").check()
    assert "API key" in str(failed.value)


def test_every_stream_is_available(sandbox: str) -> None:
    assert set(source(sandbox).get_available_streams()) == set(STREAMS)


def test_what_was_read_once_is_read_on_from_there(sandbox: str, path: Path) -> None:
    first = read(sandbox, path)
    assert first["stock_prices"] == len(truth(sandbox, THEN))
    assert prices(path) == truth(sandbox, THEN)
    states = {
        name: json.loads(text)["stream"]["stream_state"]
        for name, text in stored(path, "SELECT stream_name, state_json FROM _airbyte_state")
    }
    assert set(states) == set(STREAMS)
    assert states["stock_prices"]["date"] == THEN

    second = read(sandbox, path, end_date=LAST)
    # of each ticker: the last finished session once more, and three new ones
    assert second["stock_prices"] == len(TICKERS) * (1 + 3)
    assert prices(path) == truth(sandbox, LAST)

    before = counts(path)
    assert all(rows == keys > 0 for rows, keys in before.values()), before
    read(sandbox, path, end_date=LAST)
    assert counts(path) == before, "the third sync has nothing new"


def test_who_has_enough_stops_reading(sandbox: str) -> None:
    # two years of minutes: far more than fits between the connector and its reader
    endless = source(sandbox, start_date="2019-01-02", timespan="minute")
    dataset = endless.get_records("stock_bars")
    rows = iter(dataset)
    taken = [next(rows)["timestamp"] for _ in range(3)]
    assert taken == sorted(set(taken))
    dataset.close()
    assert list(rows) == []  # PyAirbyte raises here when the connector died of anything but SIGTERM


def test_a_ticker_that_fails_fails_the_read(sandbox: str, path: Path) -> None:
    with pytest.raises(AirbyteConnectorFailedError):
        read(sandbox, path, streams=["stock_prices"], stock_ticker="TSLA,NOSUCHTICKER")
    read(sandbox, path, streams=["stock_prices"])
    assert prices(path) == truth(sandbox, THEN), "nothing was left out once it was gone"
