"""Every example of docs/library.md runs as it stands there, against the sandbox."""

import ast
import asyncio
import re
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import program
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stockticker_async as st
from stockticker_async.connector import config
from stockticker_async.library import arrow_schemas, notebook
from stockticker_async.streams.table import STREAMS

PAGE = (program.ROOT / "docs" / "library.md").read_text()
README = (program.ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FIRST = BLOCKS[0]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with program.sandbox() as served:
        yield served


@pytest.fixture(autouse=True)
def _reached(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sandbox stands where the API does, with the key of the environment."""
    monkeypatch.setattr(config, "BASE_URL", url)
    monkeypatch.setenv("MASSIVE_API_KEY", program.KEY)
    monkeypatch.chdir(tmp_path)


def run(code: str, **given: Any) -> dict[str, Any]:
    names: dict[str, Any] = {"st": st, **given}
    exec(compile(code, "docs/library.md", "exec"), names)  # noqa: S102 - the page's own
    return names


def example(holding: str) -> str:
    (found,) = [str(block) for block in BLOCKS if holding in block]
    return found


def table() -> pa.Table:
    return st.bars("TSLA, AAPL", start="2024-01-02", end="2024-01-31")


def test_every_example_is_run_by_a_test_of_this_file() -> None:
    calls = [node for node in ast.walk(ast.parse(Path(__file__).read_bytes())) if isinstance(node, ast.Call)]
    held = [ast.literal_eval(one.args[0]) for one in calls if ast.unparse(one.func) == "example"]
    for block in BLOCKS[1:]:
        assert sum(one in block for one in held) == 1, block


def test_the_first_steps() -> None:
    names = run(FIRST)
    assert set(names["bars"]["stock_ticker"].to_pylist()) == {"TSLA", "AAPL"}
    assert names["bars"].num_rows == 2 * 252
    assert names["dividends"].schema.field("ex_dividend_date").type == pa.date32()
    assert names["dividends"].num_rows


def test_other_bars_and_other_streams() -> None:
    names = run(example("minutes = "))
    assert names["minutes"].num_rows > 2 * 21 * 390
    assert len(names["market"]["date"].unique()) == 4
    assert names["exchanges"].num_rows


def test_minutes_of_the_market_come_from_files(monkeypatch: pytest.MonkeyPatch) -> None:
    with program.sandbox("--clock", "2025-11-04", "--universe", "60") as served:
        monkeypatch.setattr(config, "BASE_URL", served)
        keys = {
            "access_key_id": "demo-access-key-id",
            "secret_access_key": "demo-secret-access-key",
            "endpoint": served,
        }
        counted = example("async def minutes(keys)").replace("...", "rows.append(batch.num_rows)")
        rows: list[int] = []
        asyncio.run(run(counted, rows=rows)["minutes"](keys))
    assert sum(rows) > 20 * 390


def test_pandas_takes_the_table() -> None:
    if find_spec("pandas") is None:
        pytest.skip("pandas is not installed")
    frame = run(example("to_pandas"), bars=table())["frame"]
    assert frame["close"].tolist() == table()["close"].to_pylist()


def test_polars_takes_the_table() -> None:
    if find_spec("polars") is None:
        pytest.skip("polars is not installed")
    frame = run(example("polars"), bars=table())["frame"]
    assert frame["close"].to_list() == table()["close"].to_pylist()


def test_duckdb_takes_the_table() -> None:
    whole = table()
    highest = run(example("duckdb"), bars=whole)["highest"]
    wanted: dict[str, float] = {}
    for row in whole.to_pylist():
        wanted[row["stock_ticker"]] = max(row["high"], wanted.get(row["stock_ticker"], 0))
    assert dict(highest) == wanted


def test_parquet_takes_the_table() -> None:
    whole = table()
    run(example("parquet"), bars=whole)
    assert pq.read_table("bars.parquet").to_pylist() == whole.to_pylist()


def test_a_service_asks_many_questions_at_once() -> None:
    found = run(example("asyncio.gather"))["found"]
    assert len(found) == 2
    for high, ticker in zip(found, ("TSLA", "AAPL"), strict=True):
        days = st.bars(ticker, start="2024-01-02", end="2024-03-28")
        assert high >= max(days["high"].to_pylist())


def test_what_fails_is_told_with_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    names = run(example("except st.IncompleteError"))
    assert names["bars"].num_rows == 21
    assert capsys.readouterr().out.startswith("ConfigError: TSLAA: the API does not know this ticker")


def test_what_fails_is_returned_beside_the_table() -> None:
    names = run(example('on_error="skip"'))
    assert names["missing"] == ["TSLAA"]
    assert names["bars"].num_rows == 21


def test_the_example_of_the_readme() -> None:
    (section,) = re.findall(r"^## As a library\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    (code,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert run(code)["bars"].num_rows
    assert "docs/library.md" in section


def test_the_page_tells_every_argument_and_class() -> None:
    arguments = set(notebook.bars.__annotations__) | set(notebook.read.__annotations__)
    for name in arguments - {"return", "stream"}:
        assert f"`{name}`" in PAGE or f"`{name}=" in PAGE, name
    for name in st.__all__:
        assert f"st.{name}" in PAGE or name == "Batches", name


def test_the_extra_installs_what_is_imported() -> None:
    project = tomllib.loads((program.ROOT / "pyproject.toml").read_text())
    extra = {one.partition(">")[0] for one in project["project"]["optional-dependencies"]["arrow"]}
    assert extra == {"pyarrow", "tqdm"}


def test_numbers_are_floats_where_the_schema_says_number() -> None:
    kinds = {str(field.type) for stream in STREAMS for field in arrow_schemas.schema_of(stream)}
    flat = {kind for kind in kinds if not kind.startswith(("list", "struct"))}
    assert flat == {
        "bool",
        "date32[day]",
        "dictionary<values=string, indices=int32, ordered=0>",
        "double",
        "int64",
        "string",
        "timestamp[us, tz=UTC]",
    }
