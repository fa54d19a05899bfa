"""The recipes of the README, run as they stand there, on two reads from the sandbox."""

import csv
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import program
import pytest

README = (program.ROOT / "README.md").read_text()
Rows = dict[tuple[str, str], float]
"""Prices by ticker and day."""


def recipes(language: str) -> list[str]:
    section = re.search(r"^## Recipes\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    assert section is not None
    return re.findall(rf"^```{language}\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds run1.jsonl and, from its state on, run2.jsonl."""
    place = tmp_path_factory.mktemp("recipes")
    with program.sandbox() as url:
        config = {"stock_ticker": "TSLA,AAPL", "api_key": program.KEY, "base_url": url}
        config |= {"start_date": "2020-12-14", "end_date": "2020-12-18"}
        (place / "catalog.json").write_bytes(program.run("catalog", "--incremental").stdout)
        first = program.run(*program.arguments_of_read(place, config))
        (place / "run1.jsonl").write_bytes(first.stdout)
        again = program.arguments_of_read(place, config | {"end_date": "2020-12-22"})
        second = program.run(*again, "--state", str(place / "run1.jsonl"))
        (place / "run2.jsonl").write_bytes(second.stdout)
    assert (first.returncode, second.returncode) == (0, 0)
    return place


@pytest.fixture(scope="module")
def rows(folder: Path) -> Rows:
    """What the two reads wrote, the later over the earlier."""
    found: Rows = {}
    for name in ("run1.jsonl", "run2.jsonl"):
        finished = program.Finished(0, (folder / name).read_bytes(), b"")
        for message in finished.of("RECORD"):
            if message["record"]["stream"] == "stock_prices":
                row = message["record"]["data"]
                found[row["stock_ticker"], row["date"]] = row["price"]
    assert len(found) == 2 * 7
    return found


@pytest.fixture
def database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> duckdb.DuckDBPyConnection:
    monkeypatch.chdir(folder)
    return duckdb.connect()


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_jq_makes_a_csv_file(folder: Path, rows: Rows) -> None:
    (recipe,) = recipes("sh")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", "-ec", recipe], cwd=folder, env=environment, check=True, timeout=30)
    with (folder / "prices.csv").open() as file:
        read = [(ticker, day, float(price)) for day, ticker, price in csv.reader(file)]
    assert {(ticker, day): price for ticker, day, price in read} == rows
    assert len(read) == len(rows) + 2, "of each ticker, one session is read a second time"


def test_duckdb_has_every_row_once(database: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    database.execute(recipes("sql")[0])
    read = database.execute("SELECT stock_ticker, date, price FROM stock_prices").fetchall()
    assert {(ticker, str(day)): price for ticker, day, price in read} == rows
    assert len(read) == len(rows)
    assert all(isinstance(day, date) for _, day, _ in read)


def test_parquet_has_a_file_for_each_ticker(
    database: duckdb.DuckDBPyConnection, folder: Path, rows: Rows
) -> None:
    for recipe in recipes("sql"):
        database.execute(recipe)
    files = list((folder / "prices").rglob("*.parquet"))
    assert {file.parent.name for file in files} == {"stock_ticker=AAPL", "stock_ticker=TSLA"}
    read = database.execute("SELECT stock_ticker, date, price FROM 'prices/*/*.parquet'").fetchall()
    assert {(ticker, str(day)): price for ticker, day, price in read} == rows
