"""Files that travel with the package: each is found from wherever the program runs."""

from pathlib import Path

import pytest

from stockticker_async.connector import resources
from stockticker_async.errors import ConfigError
from stockticker_async.streams.table import STREAMS


@pytest.mark.parametrize("name", ["spec.json", *(f"schemas/{stream.name}.json" for stream in STREAMS)])
def test_each_file_is_an_object_from_wherever_it_is_read(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    found = resources.load(name)
    assert found["properties" if name.startswith("schemas") else "connectionSpecification"]


def test_a_file_that_the_package_has_not_is_told_by_its_name() -> None:
    with pytest.raises(ConfigError, match=r"schemas/nothing\.json cannot be read"):
        resources.load("schemas/nothing.json")
