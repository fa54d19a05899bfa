"""Every row stream on one recorded form of its endpoint: the calls that it makes, and its records.

A fixture is ``fixtures/{stream}.json``: the configuration, the answers by path, and the records, all of them
and no others, in their order. An ``id`` of ``@`` is one that we make. A new stream needs its row,
its schema and its fixture, and no line here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from jsonschema import Draft7Validator, FormatChecker
from loopback import KEY, NOON, TODAY, serving
from support import Recorder, Run, assert_protocol

from stockticker_async.clock import Clock
from stockticker_async.connector import catalog, config, resources
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.log import Mask
from stockticker_async.connector.read import read
from stockticker_async.streams.table import STREAMS, Bars

FORWARDED = [stream.name for stream in STREAMS if not isinstance(stream.source, Bars)]
FIXTURES = {
    path.stem: orjson.loads(path.read_bytes())
    for path in (Path(__file__).parents[1] / "fixtures").glob("*.json")
}
SCHEMAS = {name: resources.load(f"schemas/{name}.json") for name in FORWARDED}
SELECTED = {
    name: catalog.parse(catalog.configured([name], incremental=incremental))
    for incremental in (False, True)
    for name in FORWARDED
}


def test_every_forwarded_stream_has_a_fixture_and_no_other() -> None:
    assert FIXTURES.keys() == {*FORWARDED}


def is_nothing(answer: Mapping[str, Any]) -> bool:
    return answer.get("status") == 404 or _results(answer) == []


def _results(answer: Mapping[str, Any]) -> Any:
    body = answer["body"]
    return body.get("results") if isinstance(body, dict) else body


async def synced(name: str) -> tuple[Run, list[str]]:
    """A first sync of the stream against its fixture, and the paths that were asked."""
    fixture = FIXTURES[name]
    answers = {answer["path"]: answer for answer in fixture["answers"]}

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        found = answers[request.rel_url.raw_path_qs]
        origin = f"{request.scheme}://{request.host}"
        body = orjson.dumps(found["body"]).replace(b"{origin}", origin.encode())
        return web.Response(status=found.get("status", 200), body=body, content_type="application/json")

    lines = Recorder()
    async with serving(answer) as site:
        raw = {**fixture["config"], "api_key": KEY, "base_url": site.url}
        shell = CommandContext(Clock(start=NOON), lines, Mask())
        code = await read(shell, config.parse(raw, today=TODAY), SELECTED[name], {})
        run = Run(lines.stdout, code)
        assert_protocol(run, [name])
        return run, [request.rel_url.raw_path_qs for request in site.requests]


@pytest.mark.parametrize("name", FORWARDED)
async def test_the_calls_and_the_records_are_those_of_the_fixture(name: str) -> None:
    fixture = FIXTURES[name]
    run, asked = await synced(name)
    assert run.code == 0
    # what there is nothing of is asked for twice
    wanted = [answer["path"] for answer in fixture["answers"] for _ in range(1 + is_nothing(answer))]
    assert sorted(asked) == sorted(wanted)
    records = run.records(name)
    assert [blurred(row, wanted) for row, wanted in zip(records, fixture["records"], strict=True)] == fixture[
        "records"
    ]


@pytest.mark.parametrize("name", FORWARDED)
async def test_the_records_are_valid_and_have_no_field_that_the_schema_does_not_explain(name: str) -> None:
    run, _ = await synced(name)
    judge = Draft7Validator(closed(SCHEMAS[name]), format_checker=FormatChecker())
    (stream,) = (stream for stream in STREAMS if stream.name == name)
    keys = set()
    for row in run.records(name):
        judge.validate(row)
        keys.add(tuple(row[field] for field in stream.primary_key))
        assert next(iter(row)) == stream.primary_key[0]
    assert len(keys) == len(run.records(name))


@pytest.mark.parametrize("name", FORWARDED)
def test_a_fixture_shows_every_field_of_the_schema(name: str) -> None:
    shown = {field for row in FIXTURES[name]["records"] for field in row}
    only_older = {"dividend_type"}  # of the deprecated endpoint
    assert SCHEMAS[name]["properties"].keys() - shown <= only_older | {"otc"}


def blurred(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The row with an id that we made in place of the fixture's mark for one."""
    if str(wanted.get("id")).endswith("@"):
        assert len(row["id"]) == 32
        return {**row, "id": wanted["id"]}
    return dict(row)


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with no room for other fields, in objects within, too."""
    found = dict(schema)
    if "properties" in schema:
        found["properties"] = {name: closed(field) for name, field in schema["properties"].items()}
        found["additionalProperties"] = False
    if "items" in schema:
        found["items"] = closed(schema["items"])
    return found
