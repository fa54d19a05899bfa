"""What Airbyte's registry shows: the documentation page and the icon agree with the program.

`metadata.yaml` itself is judged by the registry's schema in `make conformance`.
"""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from stockticker_async.connector import catalog, resources

ROOT = Path(__file__).parents[2]
METADATA: dict[str, Any] = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]
PAGE = (ROOT / "docs" / "stockticker-async.md").read_text()


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the page has no section {title}"
    return found[1]


def table(text: str) -> list[list[str]]:
    """The cells of a table, the head and the line under it left out."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_page_is_the_one_that_the_registry_links() -> None:
    assert METADATA["documentationUrl"].endswith("/sources/stockticker-async")
    assert PAGE.startswith(f"# {METADATA['name']}\n")
    titles = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert titles == [
        "Prerequisites",
        "Setup guide",
        "Supported sync modes",
        "Supported streams",
        "Limitations and troubleshooting",
        "Reference",
        "Changelog",
    ]


def test_the_page_lists_exactly_the_streams_that_there_are() -> None:
    listed = {name.strip("`"): rest for name, *rest in table(section("Supported streams"))}
    assert list(listed) == [stream["name"] for stream in catalog.offered()]
    for stream in catalog.offered():
        holds, key, cursor, modes = listed[stream["name"]]
        assert holds
        assert key == ", ".join(path for (path,) in stream["source_defined_primary_key"])
        assert cursor == ", ".join(stream.get("default_cursor_field", ["none"]))
        assert modes == ", ".join(mode.replace("_", " ") for mode in stream["supported_sync_modes"])


def test_the_page_ends_with_what_changed_from_version_to_version() -> None:
    released = re.findall(r"^## \[(\d[^\]]+)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert [tuple(row[:2]) for row in table(section("Changelog"))] == released
    assert released[0][0] == METADATA["dockerImageTag"]


def test_the_setup_names_the_fields_as_the_form_does() -> None:
    fields = resources.load("spec.json")["connectionSpecification"]["properties"].values()
    shown = {field["title"] for field in fields if not field.get("airbyte_hidden")}
    short = {re.sub(r"( \(.*|: .*)$", "", title) for title in shown}
    named = set(re.findall(r"\*\*(.*?)\*\*", section("Setup guide")))
    assert named - {"Sources", "New source", "Stock Ticker (async)", "Set up source"} == short - {"Bar Size"}


@pytest.mark.parametrize("field", ["name", "dockerRepository", "icon", "license", "supportLevel"])
def test_what_the_registry_shows_is_there(field: str) -> None:
    assert METADATA[field]


def test_the_icon_is_a_square_drawing_that_loads_nothing() -> None:
    drawing = ET.fromstring((ROOT / METADATA["icon"]).read_text())  # noqa: S314 - our own
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert drawing.get("width") == drawing.get("height")
    assert not [one for one in drawing.iter() for name in one.attrib if name.endswith("href")]
