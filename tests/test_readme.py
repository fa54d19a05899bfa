"""The README's tables are those of the program."""

import re
from pathlib import Path

from stockticker_async import resources
from stockticker_async.streams import STREAMS

README = (Path(__file__).parent.parent / "README.md").read_text()


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    (section,) = re.findall(rf"^### {heading}\n(.*?)(?=^##)", README, re.MULTILINE | re.DOTALL)
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


def test_every_stream_is_told_with_its_key_and_its_cursor() -> None:
    told = {name.strip("`"): (key, cursor) for name, _, key, cursor, _ in rows_of("Streams")}
    assert told == {stream.name: (", ".join(stream.primary_key), stream.cursor) for stream in STREAMS}


def test_every_sample_has_fields_of_its_schema_only() -> None:
    for name, sample, *_ in rows_of("Streams"):
        properties = resources.load(f"schemas/{name.strip('`')}.json")["properties"]
        fields = re.findall(r'[{,]"(\w+)":', re.sub(r"\{[^{}]*\}(?!`)", "", sample[1:]))
        assert fields, name
        assert {*fields} <= properties.keys(), name


def test_every_field_of_the_configuration_is_told() -> None:
    fields = {field for cell, _ in rows_of("Configuration") for field in re.findall(r"`(\w+)`", cell)}
    assert fields == resources.load("spec.json")["connectionSpecification"]["properties"].keys()
