"""The recipes of the documents, run as written, after each of four nights from the sandbox.

The second night is killed in the middle of a line, and before the last one a ticker is split.
"""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import duckdb
import program
import pytest

ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
START = "2020-12-28"
Rows = dict[tuple[str, str], float]
"""Prices by ticker and day."""


def recipes(document: str, language: str) -> list[str]:
    text = (program.ROOT / document).read_text()
    section = re.search(r"^#+ Recipes\n(.*?)(?=^## What is promised|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    return re.findall(rf"^```{language}\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)


(NIGHTLY,) = recipes("README.md", "sh")
(DUCKDB,) = recipes("README.md", "sql")
FILES, LOOK = recipes("docs/recipes.md", "sql")
(JQ,) = recipes("docs/recipes.md", "sh")


def told(url: str, method: str, path: str, **body: Any) -> None:
    request = Request(f"{url}/sandbox/{path}", json.dumps(body).encode(), method=method)  # noqa: S310 - ours
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - ours
        answer.read()


@dataclass
class Nights:
    """A folder with the nightly script of the README, which is run night after night."""

    folder: Path
    url: str
    rows: Rows
    """What all runs so far wrote, a later one over an earlier."""

    def configured(self, last: str) -> dict[str, Any]:
        config = {"stock_ticker": "TSLA,AAPL", "api_key": program.KEY, "base_url": self.url}
        return config | {"start_date": START, "end_date": last}

    def begin(self, last: str) -> subprocess.Popen[bytes]:
        program.write_json(self.folder / "config.json", self.configured(last))
        # from elsewhere, as cron does
        command = ["/bin/sh", str(self.folder / "nightly.sh")]
        return subprocess.Popen(command, cwd="/", env=ENVIRONMENT, stdin=subprocess.DEVNULL)

    def run(self, last: str) -> None:
        with self.begin(last) as process:
            assert process.wait(60) == 0
        self._end()

    def run_and_die(self, last: str) -> None:
        """Killed when the first ticker was read, while the second is waited for."""
        told(self.url, "POST", "faults", kind="hang", match="AAPL/range", times=None)
        with self.begin(last) as process:
            while not any(b'"stock_prices","data"' in file.read_bytes() for file in self._new()):
                assert process.poll() is None
                time.sleep(0.05)  # a file that grows tells nobody
            process.send_signal(signal.SIGKILL)
        told(self.url, "DELETE", "faults")
        (file,) = self._new()
        whole = file.read_bytes().rstrip(b"\n")
        begun = whole.rindex(b'{"type":"RECORD"')
        file.write_bytes(whole[: begun + 60])  # a kill in the middle of a write leaves half a line
        self._end()

    def _new(self) -> Iterator[Path]:
        return (self.folder / "runs").glob("20*.jsonl")

    def _end(self) -> None:
        (file,) = self._new()
        for line in file.read_bytes().split(b"\n")[:-1]:
            message = json.loads(line)
            if message["type"] == "RECORD" and message["record"]["stream"] == "stock_prices":
                row = message["record"]["data"]
                self.rows[row["stock_ticker"], row["date"]] = row["price"]
        # a night later, so that no two files have the same second for their name
        file.rename(file.with_name(f"0-{len(list((self.folder / 'runs').iterdir()))}.jsonl"))

    def whole(self, last: str) -> Rows:
        """What one read from the start has."""
        done = program.run(*program.arguments_of_read(self.folder, self.configured(last)))
        rows = [one["record"]["data"] for one in done.of("RECORD") if "price" in one["record"]["data"]]
        return {(row["stock_ticker"], row["date"]): row["price"] for row in rows}


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    catalog = program.run("catalog", "--incremental", "stock_prices", "stock_bars", "splits").stdout
    (tmp_path / "catalog.json").write_bytes(catalog)
    (tmp_path / "nightly.sh").write_text(NIGHTLY)
    with program.sandbox() as url:
        yield Nights(tmp_path, url, {})


def from_duckdb(folder: Path) -> None:
    """Table, Parquet and CSV, in a database that is kept from night to night."""
    with duckdb.connect(str(folder / "prices.duckdb")) as database:
        database.execute(DUCKDB)
        for statement in FILES.split(";"):
            database.execute(statement)


def table(folder: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "prices.duckdb")) as database:
        read = database.execute("SELECT stock_ticker, date, price FROM stock_prices").fetchall()
    assert all(isinstance(day, date) for _, day, _ in read)
    return read


def parquet(folder: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect() as database:
        read = database.execute("SELECT stock_ticker, date, price FROM 'prices/*/*.parquet'").fetchall()
    files = list((folder / "prices").rglob("*.parquet"))
    assert len(files) == len({day.year for _, day, _ in read})
    return read


def comma_separated(folder: Path) -> list[tuple[Any, ...]]:
    with (folder / "prices.csv").open() as file:
        return [(row["stock_ticker"], row["date"], float(row["price"])) for row in csv.DictReader(file)]


def from_jq(folder: Path) -> None:
    subprocess.run(["/bin/sh", "-ec", JQ], cwd=folder, env=ENVIRONMENT, check=True, timeout=30)


def check_duckdb(nights: Nights) -> None:
    from_duckdb(nights.folder)
    for results in (table, parquet, comma_separated):
        assert_same(results(nights.folder), nights.rows)


def check_jq(nights: Nights) -> None:
    from_jq(nights.folder)
    assert_same(comma_separated(nights.folder), nights.rows)


def assert_same(read: list[tuple[Any, ...]], rows: Rows) -> None:
    assert {(ticker, str(day)): price for ticker, day, price in read} == rows
    assert len(read) == len(rows), "a row is there twice"


@pytest.mark.parametrize(
    "check",
    [
        check_duckdb,
        pytest.param(
            check_jq, marks=pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
        ),
    ],
)
def test_recipes_work_every_night(
    nights: Nights, check: Callable[[Nights], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(nights.folder)
    nights.run("2020-12-30")
    check(nights)
    nights.run_and_die("2021-01-04")
    check(nights)
    assert ("TSLA", "2020-12-31") in nights.rows
    assert ("AAPL", "2020-12-31") not in nights.rows
    nights.run("2021-01-05")
    check(nights)
    assert nights.rows == nights.whole("2021-01-05")
    before = nights.rows["TSLA", START]
    told(nights.url, "POST", "splits", ticker="TSLA", execution_date="2021-01-05", split_from=1, split_to=2)
    nights.run("2021-01-06")
    check(nights)
    assert nights.rows == nights.whole("2021-01-06")
    assert nights.rows["TSLA", START] == pytest.approx(before / 2, abs=0.01)
    assert len(nights.rows) == 2 * 7
    looked = duckdb.execute(LOOK).fetchall()
    assert {day for row in looked for day in row if isinstance(day, date)} == {date(2021, 1, 5)}


def test_a_run_that_was_killed_at_once_leaves_nothing_that_a_first_run_trips_over(nights: Nights) -> None:
    (nights.folder / "runs").mkdir()
    (nights.folder / "runs" / "0-0.jsonl").touch()
    (nights.folder / "runs" / "0-1.jsonl").write_text('{"type":"STATE","state":{"type":"STREAM","stre')
    nights.run("2020-12-30")
    assert nights.rows == nights.whole("2020-12-30")
