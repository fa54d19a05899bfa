"""What Airbyte's Connector Acceptance Tests ask at strictness high, of the configuration they are given.

The suite itself runs images with an engine. These are its checks, against the program, with every
configuration, catalog, state and record that acceptance-test-config.yml names. The clocks of program and
sandbox begin at noon in New York on a session, so that a run is the same on every day.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import program
import pytest
import yaml
from jsonschema import Draft7Validator, validators

from stockticker_async.connector import catalog

pytestmark = pytest.mark.usefixtures("uncounted")

ROOT = Path(__file__).parents[2]
MOMENT = "2028-05-17T16:00:00+00:00"
"""Not one that the expected records were made at."""
SUITE: dict[str, Any] = yaml.safe_load((ROOT / "acceptance-test-config.yml").read_bytes())
STREAMS = {stream["name"]: dict(stream) for stream in catalog.offered()}
INCREMENTAL = [name for name, one in STREAMS.items() if "incremental" in one["supported_sync_modes"]]
Message = dict[str, Any]


def entries(section: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = SUITE["acceptance_tests"][section]["tests"]
    return found


def read_json(path: str) -> Any:
    return json.loads((ROOT / path).read_bytes())


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    with program.sandbox("--key", "demo-key", "--clock", MOMENT) as url:
        yield url


class Program:
    """The program at `MOMENT`, whose configurations lead to the sandbox."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder

    def __call__(self, command: str, config: str, *arguments: str) -> program.Finished:
        path = self._folder / Path(config).name
        path.write_text(json.dumps(read_json(config) | {"base_url": self._url}))
        launch = (sys.executable, str(ROOT / "tests" / "launch.py"), MOMENT, "1")
        done = subprocess.run(
            [*launch, command, "--config", str(path), *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        finished = program.Finished(done.returncode, done.stdout, done.stderr)
        assert read_json(config)["api_key"].encode() not in done.stdout + done.stderr
        assert finished.stderr == finished.last_words, "the platform shows it as errors"
        assert (finished.returncode == 1) is bool(finished.errors)
        return finished

    def read(
        self, config: str, wanted: Sequence[dict[str, Any]], states: Sequence[Message] = ()
    ) -> program.Finished:
        """A read of configured streams, from states on."""
        selected = program.write_json(self._folder / "catalog.json", {"streams": wanted})
        kept = program.write_json(self._folder / "state.json", states)
        done = self("read", config, "--catalog", selected, "--state", kept)
        assert done.returncode == 0, done.errors
        return done


@pytest.fixture
def connector(sandbox: str, tmp_path: Path) -> Program:
    return Program(sandbox, tmp_path)


def configured(path: str) -> list[dict[str, Any]]:
    """The streams of a configured catalog, with the schemas that are offered, as the suite has them."""
    return [{**entry, "stream": STREAMS[entry["stream"]["name"]]} for entry in read_json(path)["streams"]]


def grouped(done: program.Finished, kind: str) -> dict[str, list[Message]]:
    """The records' data, or the states, by stream."""
    found: dict[str, list[Message]] = {}
    for message in done.of(kind):
        if kind == "RECORD":
            found.setdefault(message["record"]["stream"], []).append(message["record"]["data"])
        else:
            state = message["state"]
            found.setdefault(state["stream"]["stream_descriptor"]["name"], []).append(state)
    return found


def in_order(rows: Sequence[Message], key: Sequence[str]) -> list[Message]:
    """By primary key: calls are answered in turns."""
    return sorted(rows, key=lambda row: [row[field] for field in key])


def walked(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Everything inside of a JSON value, with the way there."""
    yield path, value
    if isinstance(value, dict):
        for key, one in value.items():
            yield from walked(one, (*path, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from walked(one, (*path, str(number)))


# The configuration of the suite


def test_nothing_is_left_out_and_no_reason_is_missing() -> None:
    assert SUITE["test_strictness_level"] == "high"
    assert set(SUITE["acceptance_tests"]) == {
        "spec",
        "connection",
        "discovery",
        "basic_read",
        "full_refresh",
        "incremental",
    }
    for path, value in walked(SUITE["acceptance_tests"]):
        if path[-1:] == ("empty_streams",):
            assert all(stream["bypass_reason"] for stream in value)
    bypassed = [path for path, _ in walked(SUITE) if path[-1:] == ("bypass_reason",)]
    assert all("empty_streams" in path for path in bypassed), "only streams can be left out"
    assert {entry["status"] for entry in entries("connection")} >= {"succeed", "failed"}
    assert all("expect_records" in entry for entry in entries("basic_read"))
    assert all("future_state" in entry for entry in entries("incremental"))


def test_the_files_are_what_would_be_made_today() -> None:
    script = ROOT / "integration_tests" / "make.py"
    made = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", ""), "make fixtures"


# spec


@pytest.fixture(scope="module")
def specification() -> Any:
    done = program.run("spec")
    assert [message["type"] for message in done.messages[:10]].count("SPEC") == 1
    return done.of("SPEC")[0]["spec"]


@pytest.fixture
def fields(specification: Any) -> dict[str, Any]:
    found: dict[str, Any] = specification["connectionSpecification"]["properties"]
    return found


@pytest.mark.parametrize("entry", entries("spec"))
def test_the_spec_is_the_file_s_and_takes_the_configuration(entry: Any, specification: Any) -> None:
    assert read_json(entry["spec_path"]).items() <= specification.items()
    Draft7Validator.check_schema(specification["connectionSpecification"])
    Draft7Validator(specification["connectionSpecification"]).validate(read_json(entry["config_path"]))


def test_secrets_are_marked(fields: dict[str, Any]) -> None:
    suspicious = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)
    inner = fields | fields["flat_files"]["properties"]
    secret = {name for name, field in inner.items() if field.get("airbyte_secret")}
    assert secret == {name for name in inner if suspicious.search(name)}
    assert secret == {"api_key", "access_key_id", "secret_access_key"}


def test_the_spec_keeps_to_what_the_form_can_show(specification: Any, fields: dict[str, Any]) -> None:
    connection = specification["connectionSpecification"]
    keys = {path[-1] for path, _ in walked(connection) if path}
    assert not keys & {"$ref", "anyOf", "oneOf", "allOf", "not", "definitions", "$defs"}
    assert connection["type"] == "object"
    assert connection["additionalProperties"] is True
    assert set(connection["required"]) <= set(fields)
    group = fields["flat_files"]
    assert group["type"] == "object", "a group of fields, which is optional as a whole"
    assert {"title", "description", "order"} <= set(group)
    single = {name: field for name, field in fields.items() if field is not group}
    for name, field in (single | group["properties"]).items():
        assert {"title", "description", "order", "type"} <= set(field), name
        assert field["type"] in ("string", "integer", "number", "boolean"), name
        if "default" in field:
            assert Draft7Validator(field).is_valid(field["default"]), name
        assert all(Draft7Validator(field).is_valid(one) for one in field.get("examples", ())), name
        assert not field.get("airbyte_hidden") or name not in connection["required"]
    orders = [field["order"] for field in fields.values()]
    assert orders == sorted(set(orders))


def test_dates_have_a_format_and_a_pattern(fields: dict[str, Any]) -> None:
    dated = {name for name, field in fields.items() if field.get("format") in ("date", "date-time")}
    assert dated == {name for name, field in fields.items() if "[0-9]{4}-" in field.get("pattern", "")}
    assert dated == {name for name in fields if name.endswith("_date")}


# check


@pytest.mark.parametrize("entry", entries("connection"))
def test_a_check_ends_as_declared(entry: Any, connector: Program) -> None:
    done = connector("check", entry["config_path"])
    (status,) = done.of("CONNECTION_STATUS")
    told = {"succeed": "SUCCEEDED", "failed": "FAILED"}[entry["status"]]
    assert status["connectionStatus"]["status"] == told
    assert done.returncode == 0
    assert len(done.of("TRACE")) <= 1


# discover


@pytest.fixture(scope="module")
def discovered() -> list[dict[str, Any]]:
    done = program.run("discover", "--config", str(ROOT / entries("discovery")[0]["config_path"]))
    (message,) = done.of("CATALOG")
    streams: list[dict[str, Any]] = message["catalog"]["streams"]
    return streams


def test_the_catalog_offers_each_stream_once(discovered: list[dict[str, Any]]) -> None:
    names = [stream["name"] for stream in discovered]
    assert names == list(STREAMS)
    assert len(names) == len(set(names))
    assert names


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_s_schema_is_one_that_destinations_take(name: str, discovered: list[dict[str, Any]]) -> None:
    (stream,) = (one for one in discovered if one["name"] == name)
    schema = stream["json_schema"]
    Draft7Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema["properties"]
    for path, value in walked(schema):
        assert "$ref" not in path
        assert path[-1:] != ("additionalProperties",) or value is not False
        if path[-2:-1] == ("properties",):
            assert value.get("type"), f"{path[-1]} has no type"
            assert value.get("description"), f"{path[-1]} is not described"


@pytest.mark.parametrize("name", STREAMS)
def test_keys_and_cursors_are_fields_of_the_schema(name: str, discovered: list[dict[str, Any]]) -> None:
    (stream,) = (one for one in discovered if one["name"] == name)
    fields = stream["json_schema"]["properties"]
    key = [path for (path,) in stream["source_defined_primary_key"]]
    assert key
    assert set(key) <= set(fields)
    assert set(stream["supported_sync_modes"]) in ({"full_refresh"}, {"full_refresh", "incremental"})
    cursor = stream.get("default_cursor_field", [])
    assert set(cursor) <= set(fields)
    assert (
        bool(cursor)
        is bool(stream.get("source_defined_cursor"))
        is ("incremental" in stream["supported_sync_modes"])
    )
    assert not stream.get("is_resumable") or stream["source_defined_cursor"]


# Reading


StrictValidator = validators.extend(  # type: ignore[no-untyped-call] # not typed
    Draft7Validator,
    type_checker=Draft7Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)
"""To which 1.0 is no integer."""


@pytest.fixture(scope="module")
def basic(sandbox: str, tmp_path_factory: pytest.TempPathFactory) -> program.Finished:
    (entry,) = entries("basic_read")
    connector = Program(sandbox, tmp_path_factory.mktemp("basic"))
    return connector.read(entry["config_path"], configured(entry["configured_catalog_path"]))


def test_every_stream_has_records_that_its_schema_takes(basic: program.Finished) -> None:
    records = grouped(basic, "RECORD")
    assert set(records) == set(STREAMS)
    for name, rows in records.items():
        schema = STREAMS[name]["json_schema"]
        judge = StrictValidator({**schema, "additionalProperties": False})
        assert [error.message for row in rows for error in judge.iter_errors(row)] == [], name


def test_no_key_is_missing_and_none_comes_twice(basic: program.Finished) -> None:
    for name, rows in grouped(basic, "RECORD").items():
        keys = [tuple(row[field] for (field,) in STREAMS[name]["source_defined_primary_key"]) for row in rows]
        assert not [key for key in keys if None in key], name
        assert len(keys) == len(set(keys)), name


def test_statuses_tell_how_each_stream_went(basic: program.Finished) -> None:
    (entry,) = entries("basic_read")
    assert entry["validate_stream_statuses"] is True
    for name in STREAMS:
        first, *between, last = [status for stream, status in basic.statuses if stream == name]
        assert (first, last) == ("STARTED", "COMPLETE")
        assert set(between) == {"RUNNING"}


def test_states_are_of_streams_and_count_their_records(basic: program.Finished) -> None:
    records, states = grouped(basic, "RECORD"), grouped(basic, "STATE")
    assert set(states) == set(records)
    for name, told in states.items():
        assert {state["type"] for state in told} == {"STREAM"}
        assert sum(state["sourceStats"]["recordCount"] for state in told) == len(records[name])


def test_the_expected_records_are_read(basic: program.Finished) -> None:
    (entry,) = entries("basic_read")
    read = grouped(basic, "RECORD")
    expected = [
        json.loads(line) for line in (ROOT / entry["expect_records"]["path"]).read_text().splitlines()
    ]
    left_out = {stream["name"] for stream in entry["empty_streams"]}
    assert {record["stream"] for record in expected} == set(STREAMS) - left_out
    for record in expected:
        name = record["stream"]
        key = [field for (field,) in STREAMS[name]["source_defined_primary_key"]]
        found = [row for row in read[name] if all(row[field] == record["data"][field] for field in key)]
        assert found == [record["data"]], name


@pytest.mark.parametrize("entry", entries("full_refresh"))
@pytest.mark.long
def test_a_full_refresh_gives_the_same_twice(entry: Any, connector: Program) -> None:
    wanted = configured(entry["configured_catalog_path"])
    first, second = (grouped(connector.read(entry["config_path"], wanted), "RECORD") for _ in range(2))
    assert set(first) == set(second) == {one["stream"]["name"] for one in wanted}
    for name, rows in first.items():
        key = [field for (field,) in STREAMS[name]["source_defined_primary_key"]]
        assert in_order(rows, key) == in_order(second[name], key), name


# Reading incrementally


def scalars(state: Any, field: str) -> list[Any]:
    return [
        value for path, value in walked(state) if path[-1:] == (field,) and not isinstance(value, dict | list)
    ]


def incremental_catalog(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The streams that the suite reads incrementally: it passes over all others."""
    return [
        one for one in configured(entry["configured_catalog_path"]) if one["stream"]["name"] in INCREMENTAL
    ]


def last_states(done: program.Finished) -> list[Message]:
    return [states[-1] for states in grouped(done, "STATE").values()]


@pytest.mark.parametrize("entry", entries("incremental"))
def test_a_state_holds_the_cursor(entry: Any, connector: Program) -> None:
    wanted = incremental_catalog(entry)
    assert {one["stream"]["name"] for one in wanted} == set(INCREMENTAL)
    states = grouped(connector.read(entry["config_path"], wanted), "STATE")
    for one in wanted:
        name, (cursor,) = one["stream"]["name"], one["stream"]["default_cursor_field"]
        judge = StrictValidator(one["stream"]["json_schema"]["properties"][cursor])
        for state in states[name]:
            found = scalars(state["stream"]["stream_state"], cursor)
            assert found, f"{name}: no {cursor} in {state}"
            assert all(judge.is_valid(value) for value in found)


@pytest.mark.parametrize("entry", entries("incremental"))
@pytest.mark.long
def test_a_second_read_gives_other_records_than_the_first(entry: Any, connector: Program) -> None:
    wanted = incremental_catalog(entry)
    first = connector.read(entry["config_path"], wanted)
    second = connector.read(entry["config_path"], wanted, last_states(first))
    assert second.records
    assert grouped(first, "RECORD") != grouped(second, "RECORD")
    assert set(grouped(second, "STATE")) == set(INCREMENTAL)


@pytest.mark.parametrize("entry", entries("incremental"))
@pytest.mark.long
def test_from_every_state_on_all_that_followed_is_read(entry: Any, connector: Program) -> None:
    wanted = incremental_catalog(entry)
    first = connector.read(entry["config_path"], wanted)
    states: dict[str, Message] = {}
    for number, message in enumerate(first.messages):
        if message["type"] != "STATE":
            continue
        name = message["state"]["stream"]["stream_descriptor"]["name"]
        states[name] = message["state"]
        rest = [one["record"] for one in first.messages[number:] if one["type"] == "RECORD"]
        again = grouped(connector.read(entry["config_path"], wanted, list(states.values())), "RECORD")
        for stream in INCREMENTAL:
            following = [record["data"] for record in rest if record["stream"] == stream]
            assert [row for row in following if row not in again.get(stream, [])] == []


@pytest.mark.parametrize("entry", entries("incremental"))
def test_from_a_state_of_the_future_nothing_is_read(entry: Any, connector: Program) -> None:
    future = read_json(entry["future_state"]["future_state_path"])
    assert {state["stream"]["stream_descriptor"]["name"] for state in future} == set(INCREMENTAL)
    done = connector.read(entry["config_path"], incremental_catalog(entry), future)
    assert done.records == []
    assert set(grouped(done, "STATE")) == set(INCREMENTAL)


def test_a_stream_that_there_is_not_is_an_error(connector: Program, tmp_path: Path) -> None:
    (entry,) = entries("basic_read")
    name = "__AIRBYTE__stream_that_does_not_exist"
    stream = {
        "name": name,
        "json_schema": {"type": "object", "properties": {"f1": {"type": "string"}}},
        "supported_sync_modes": ["full_refresh"],
    }
    wanted = [{"stream": stream, "sync_mode": "INVALID", "destination_sync_mode": "INVALID"}]
    path = program.write_json(tmp_path / "unknown.json", {"streams": wanted})
    done = connector("read", entry["config_path"], "--catalog", path)
    assert done.returncode == 1
    assert name in done.errors[0]["message"]
    assert not done.records
