"""The extra: what is imported without it says what to install."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import stockticker_async.spark

ROOT = Path(__file__).parents[2]


def test_without_pyspark_the_import_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pyspark'] = None\n"
        "try:\n    from stockticker_async.spark import StockTickerDataSource\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "stockticker_async.spark needs pyspark: pip install 'stockticker-async[spark]'\n"


def test_the_wing_has_one_name() -> None:
    assert stockticker_async.spark.__all__ == ["StockTickerDataSource"]
    with pytest.raises(AttributeError, match="has no attribute 'Other'"):
        _ = stockticker_async.spark.Other


def test_the_extra_installs_what_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extra = {one.partition(">")[0] for one in project["project"]["optional-dependencies"]["spark"]}
    assert extra == {"pyspark", "pyarrow"}
