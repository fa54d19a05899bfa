"""`metadata.yaml` is what Airbyte's registry takes, by the schema that its own tools are made from."""

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
import yaml

from conformance.connector import ROOT


def without_ids(schema: Any) -> Any:
    """The schema with its references within itself: those of its parts that have an `$id` mean no file."""
    match schema:
        case dict():
            return {key: without_ids(value) for key, value in schema.items() if key != "$id"}
        case list():
            return [without_ids(value) for value in schema]
        case _:
            return schema


@pytest.fixture(scope="module")
def judge() -> jsonschema.Draft7Validator:
    path = resources.files("airbyte_connector_models") / "metadata/v0/ConnectorMetadataDefinitionV0.json"
    return jsonschema.Draft7Validator(without_ids(json.loads(path.read_bytes())))


@pytest.fixture
def metadata() -> Any:
    return yaml.safe_load((ROOT / "metadata.yaml").read_bytes())


def test_the_description_is_what_the_registry_takes(judge: jsonschema.Draft7Validator, metadata: Any) -> None:
    assert [f"{error.json_path}: {error.message}" for error in judge.iter_errors(metadata)] == []


def test_the_registry_would_refuse_a_wrong_one(judge: jsonschema.Draft7Validator, metadata: Any) -> None:
    metadata["data"] |= {"releaseStage": "finished", "dockerImageTagg": "0.1.0"}
    refused = {error.json_path for error in judge.iter_errors(metadata)}
    assert refused == {"$.data", "$.data.releaseStage"}
