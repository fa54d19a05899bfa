"""The synchronous library: one table, in a thread of its own, also where a loop runs already."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date
from pathlib import Path
from typing import Any

import anyio.to_thread
import program
import pyarrow as pa
import pytest
import tqdm.auto
from blockbuster import BlockBuster
from support import BARS, Rows, truth

import stockticker_async as st
from stockticker_async.connector import resources
from stockticker_async.library import notebook
from stockticker_async.sandbox.data.simulated_market import Market

FIRST, LAST = "2024-01-02", "2024-02-05"
KEY = program.KEY


class Known:
    """What `truth` asks of a sandbox that is another process, with the same seed."""

    def __init__(self) -> None:
        self.market = Market(1, 300, (), lambda: date(2026, 11, 20))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with program.sandbox() as served:
        yield served


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASSIVE_API_KEY", KEY)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        row["date"] = row["date"].isoformat()
        row["timestamp"] = row["timestamp"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return rows


def wanted(*tickers: str, **how: Any) -> list[dict[str, Any]]:
    found: Rows = truth(Known(), BARS, tickers, FIRST, LAST, **how)  # type: ignore[arg-type] # as far as it asks
    return list(found.values())


def test_a_table_has_the_bars_by_ticker_and_time(url: str) -> None:
    table = st.bars("TSLA, AAPL", start=FIRST, end=date(2024, 2, 5), timespan="minute", base_url=url)
    assert rows_of(table) == wanted("TSLA", "AAPL", bar=(1, "minute"))
    assert {tuple(chunk.dictionary.to_pylist()) for chunk in table["stock_ticker"].chunks} == {
        ("TSLA", "AAPL")
    }


def test_sessions_of_many_tickers_are_sorted_into_the_same_order(url: str) -> None:
    whole = st.bars("*", start="2024-02-01", end=LAST, base_url=url)
    names = whole["stock_ticker"].unique().to_pylist()
    assert names == sorted(names)
    for ticker in names:
        times = whole.filter(pa.compute.equal(whole["stock_ticker"], ticker))["timestamp"].to_pylist()
        assert times == sorted(set(times))
    turned = st.bars(names[::-1], start="2024-02-01", end=LAST, base_url=url)
    assert turned["stock_ticker"].unique().to_pylist() == names[::-1]
    key = [("stock_ticker", "ascending"), ("timestamp", "ascending")]
    plain = [
        one.set_column(0, "stock_ticker", one["stock_ticker"].cast(pa.string())) for one in (whole, turned)
    ]
    assert plain[0].sort_by(key) == plain[1].sort_by(key)


def test_a_table_without_a_row_has_its_columns(url: str) -> None:
    table = st.read("splits", "AAPL", start="2024-01-02", end="2024-01-03", base_url=url)
    assert table.num_rows == 0
    assert table.schema.names == list(resources.load("schemas/splits.json")["properties"])


async def test_a_call_works_inside_a_running_loop(url: str, blockbuster: BlockBuster) -> None:
    blockbuster.deactivate()  # it blocks this loop, as in a notebook's cell
    table = st.bars("AAPL", start=FIRST, end=LAST, base_url=url)
    assert rows_of(table) == wanted("AAPL")


async def test_calls_work_in_several_threads_at_once(url: str) -> None:
    found: dict[str, list[dict[str, Any]]] = {}

    async def ask(name: str) -> None:
        def call() -> pa.Table:
            return st.bars(name, start=FIRST, end=LAST, base_url=url)

        found[name] = rows_of(await anyio.to_thread.run_sync(call))

    async with anyio.create_task_group() as group:
        for name in ("AAPL", "TSLA", "MSFT"):
            group.start_soon(ask, name)
    assert found == {name: wanted(name) for name in found}


def test_what_fails_is_raised_with_the_table_of_all_else(url: str) -> None:
    with pytest.raises(st.IncompleteError) as caught:
        st.bars("AAPL, NOPE", start=FIRST, end=LAST, base_url=url)
    assert caught.value.table is not None
    assert rows_of(caught.value.table) == wanted("AAPL")
    (error,) = caught.value.exceptions
    assert isinstance(error, st.ConfigError)
    assert error.tickers == ("NOPE",)
    (again,) = caught.value.derive([error]).exceptions
    assert again is error


def test_what_fails_may_be_skipped_and_stands_beside_the_table(url: str) -> None:
    table, failures = st.bars("AAPL, NOPE", start=FIRST, end=LAST, base_url=url, on_error="skip")
    assert rows_of(table) == wanted("AAPL")
    assert [(type(one), one.tickers) for one in failures] == [(st.ConfigError, ("NOPE",))]
    assert st.bars("AAPL", start=FIRST, end=LAST, base_url=url, on_error="skip").failures == ()


def test_what_needs_names_says_so(url: str) -> None:
    with pytest.raises(st.IncompleteError) as caught:
        st.read("ticker_details", base_url=url)
    assert "a call for each ticker is needed" in str(caught.value.exceptions[0])


def test_without_a_key_it_says_where_one_may_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASSIVE_API_KEY")
    with pytest.raises(st.ConfigError, match="missing, and neither MASSIVE_API_KEY nor POLYGON_API_KEY"):
        st.bars("AAPL")


@pytest.mark.parametrize("given", ["argument", "MASSIVE_API_KEY", "POLYGON_API_KEY"])
def test_the_key_is_taken_from_where_it_is_given(
    given: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MASSIVE_API_KEY")
    how: dict[str, Any] = {"api_key": KEY} if given == "argument" else {}
    if not how:
        monkeypatch.setenv(given, KEY)
    assert st.bars("AAPL", start=FIRST, end=LAST, base_url=url, **how).num_rows == len(wanted("AAPL"))


@pytest.mark.parametrize("fault", ["key", "ticker", "options", "network"])
def test_the_key_is_in_no_exception(fault: str, url: str) -> None:
    import traceback  # noqa: PLC0415 - with the values of all frames

    asked: dict[str, Any] = {"tickers": "AAPL", "start": FIRST, "base_url": url, "api_key": "S3CRET-key"}
    if fault == "ticker":
        asked |= {"tickers": f"AAPL {KEY}", "api_key": KEY}
    elif fault == "options":
        asked |= {"timespan": "S3CRET-key"}
    elif fault == "network":
        asked |= {"base_url": "http://127.0.0.1:1/S3CRET-key"}
    with pytest.raises((st.ConfigError, st.IncompleteError)) as caught:
        st.bars(**asked)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "S3CRET" not in told
    assert KEY not in told


# The progress


def test_the_progress_is_drawn_where_it_is_wanted_only(
    url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(notebook, "_DRAWN_FROM", 1)
    monkeypatch.setattr(notebook, "_DRAWN_EVERY", 0.001)
    assert tqdm.auto.tqdm, "loaded already, which may take as long as the call"
    asked: dict[str, Any] = {"start": FIRST, "end": LAST, "base_url": url}
    for progress in (False, None):
        st.bars("AAPL", progress=progress, **asked)
        assert capfd.readouterr() == ("", ""), "nobody looks"
    st.bars("AAPL", progress=True, **asked)
    out, told = capfd.readouterr()
    assert out == ""
    assert "stock_bars" in told
    assert " calls" in told
    monkeypatch.setitem(sys.modules, "ipykernel", inspect)
    assert notebook._is_watched()


# Whole processes


def script(text: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", text, *arguments]


def run(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        script(text, *arguments), capture_output=True, text=True, check=False, timeout=60, cwd=program.ROOT
    )


def test_to_import_the_package_costs_nothing() -> None:
    done = run("import sys, stockticker_async as st; dir(st); print(*sys.modules)")
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"pyarrow", "numpy", "tqdm", "anyio", "asyncio", "aiohttp", "msgspec", "orjson"}
    assert {name for name in done.stdout.split() if name.startswith("stockticker_async.")} == set()


def test_a_read_without_flat_files_does_not_pay_for_them() -> None:
    done = run("import sys, stockticker_async as st; st.bars; print(*sys.modules)")
    loaded = set(done.stdout.split())
    assert "stockticker_async.sync.readers.bars" in loaded
    assert not loaded & {
        "pyarrow.compute",
        "pyarrow.csv",
        "stockticker_async.library.file_batches",
        "stockticker_async.marketdata.file_rows",
        "stockticker_async.sync.readers.files",
        "stockticker_async.sync.readers.file_slices",
    }


def test_what_the_extra_installs_is_named_where_it_is_missing() -> None:
    done = run("import sys; sys.modules['pyarrow'] = None\nimport stockticker_async as st\nst.bars")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ImportError: stockticker_async.bars needs pyarrow: pip install 'stockticker-async[arrow]'"
    )
    done = run("import stockticker_async as st\nst.bar")
    assert "module 'stockticker_async' has no attribute 'bar'" in done.stderr


def asked(url: str) -> bool:
    """Whether a call has come."""
    with urllib.request.urlopen(f"{url}/sandbox/calls", timeout=10) as response:  # noqa: S310 - the sandbox's
        return bool(json.load(response))


def test_ctrl_c_cancels_what_runs_and_is_raised(tmp_path: Path) -> None:
    text = (
        "import sys, threading, stockticker_async as st\n"
        "print(st.bars.__name__, flush=True)\n"
        "try:\n    st.bars('AAPL', start='2024-01-02', base_url=sys.argv[1])\n"
        "except KeyboardInterrupt:\n"
        "    for other in threading.enumerate()[1:]: other.join(15)\n"  # one that did nothing ends by itself
        "    assert threading.active_count() == 1\n"
        "    print('interrupted', flush=True)\n"
    )
    with program.sandbox("--latency-ms", "30000") as url:
        command = script(text, url)
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(program.ROOT)},
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "bars\n"
            while not asked(url):
                assert process.poll() is None
                time.sleep(0.05)  # the sandbox tells its calls, and does not wait for one
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            told = process.stdout.read()
            assert process.wait(20) == 0
            assert told == "interrupted\n", json.dumps(told)
            assert time.monotonic() - began < 15
