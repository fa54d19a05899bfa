"""The files around the program agree with it and with each other."""

import json
import os
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import stockticker_async
from stockticker_async.connector import catalog

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
METADATA: dict[str, Any] = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]
ACCEPTANCE: dict[str, Any] = yaml.safe_load((ROOT / "acceptance-test-config.yml").read_text())
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    "conformance/requirements.lock",
    "examples/requirements.lock",
    "tests/spark/requirements.lock",
)


def read_json(path: str) -> Any:
    return json.loads((ROOT / path).read_bytes())


def locked(name: str) -> dict[str, Requirement]:
    """The requirements of a lock file, by name."""
    lines = re.findall(r"^\S.*?(?= \\$|$)", (ROOT / name).read_text(), re.MULTILINE)
    return {canonicalize_name(one.name): one for one in map(Requirement, lines)}


def label(name: str) -> str:
    found = re.search(rf"{re.escape(name)}=(\S+)", DOCKERFILE)
    assert found is not None
    return found[1]


# One version, one name


def test_every_file_tells_the_same_version() -> None:
    released = re.search(r"^## \[([^\]]+)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released is not None
    date.fromisoformat(released[2])
    versions = {METADATA["dockerImageTag"], label("io.airbyte.version"), released[1]}
    assert versions == {stockticker_async.__version__}


def test_the_image_and_its_description_have_one_name() -> None:
    repository = METADATA["dockerRepository"]
    assert label("io.airbyte.name") == repository
    assert ACCEPTANCE["connector_image"] == f"{repository}:dev"
    assert METADATA["githubIssueLabel"] == repository.removeprefix("airbyte/")
    assert repository.removeprefix("airbyte/") in PROJECT["project"]["scripts"]


def test_the_description_names_the_hosts_that_the_key_is_sent_to() -> None:
    fields = read_json("spec.json")["connectionSpecification"]["properties"]
    examples = fields["base_url"]["examples"] + fields["flat_files"]["properties"]["endpoint"]["examples"]
    hosts = [url.removeprefix("https://") for url in examples if url.startswith("https://")]
    assert METADATA["allowedHosts"]["hosts"] == hosts


def test_the_icon_is_where_the_description_says_and_small() -> None:
    assert (ROOT / METADATA["icon"]).read_bytes().startswith(b"<svg")
    assert (ROOT / METADATA["icon"]).stat().st_size < 2048


# The image


def test_the_platform_is_told_the_entrypoint_that_the_image_has() -> None:
    entrypoint = re.search(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.MULTILINE)
    told = re.search(r'^ENV AIRBYTE_ENTRYPOINT="(.*)"$', DOCKERFILE, re.MULTILINE)
    assert entrypoint is not None
    assert told is not None
    assert json.loads(entrypoint[1]) == told[1].split()
    assert told[1].startswith("/")


def test_the_image_runs_as_airbyte_from_a_base_that_can_be_replaced() -> None:
    assert re.findall(r"^(?:ARG|FROM|USER) .*$", DOCKERFILE, re.MULTILINE) == [
        "ARG BASE_IMAGE=python:3.11-slim",
        "FROM ${BASE_IMAGE} AS builder",
        "FROM ${BASE_IMAGE}",
        "USER airbyte",
    ]
    assert "useradd --uid 1000 " in DOCKERFILE


def test_the_build_is_sent_what_it_copies_and_nothing_else() -> None:
    copied = {
        source.rstrip("/")
        for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
        for source in sources.split()
    }
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:].rstrip("/") for line in ignore if line.startswith("!")} == copied
    assert "*" in ignore
    assert all((ROOT / source).exists() for source in copied)


def test_the_image_pins_all_that_builds_the_project() -> None:
    found = re.search(r"wanted = /\^\((.*)\)==/", DOCKERFILE)
    assert found is not None
    assert set(found[1].split("|")) == set(closure("hatchling"))


def closure(name: str) -> Iterator[str]:
    """The distribution, and all that it needs on this Python; none of it needs itself."""
    yield name
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from closure(canonicalize_name(requirement.name))


# The lock files


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_host(name: str) -> None:
    text = (ROOT / name).read_text()
    for word in ("://", "--index", "--extra-index", "--find-links", "--trusted-host", " @ "):
        assert word not in text


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.fault("vulnerable dependency")
def test_every_locked_requirement_has_one_version_and_hashes(name: str) -> None:
    for block in re.split(r"\n(?=\S)", (ROOT / name).read_text().strip()):
        assert re.match(r"[a-z0-9-]+==\S+( ;.*)? \\\n", block), block[:80]
        assert re.fullmatch(r"(?: {4}--hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+", block.partition("\n")[2])


def declared(name: str) -> Iterator[Requirement]:
    """What a lock file was made from."""
    if "/" in name:
        lines = (ROOT / name).with_suffix(".in").read_text().splitlines()
        texts = [text for line in lines if (text := line.partition("#")[0].strip())]
    else:
        texts = list(PROJECT["project"]["dependencies"])
        if name == "requirements-dev.lock":
            texts += PROJECT["dependency-groups"]["dev"]
    return map(Requirement, texts)


@pytest.mark.parametrize("name", LOCKS)
def test_every_dependency_is_locked_within_its_range(name: str) -> None:
    pins = locked(name)
    for requirement in declared(name):
        (pin,) = pins[canonicalize_name(requirement.name)].specifier
        assert pin.version in requirement.specifier, requirement


def test_what_is_developed_with_is_what_is_shipped() -> None:
    developed = locked("requirements-dev.lock")
    for name, requirement in locked("requirements.lock").items():
        assert developed[name].specifier == requirement.specifier


# Catalogs and acceptance tests


def test_the_tutorial_s_catalog_is_the_tutorial_s() -> None:
    raw = read_json("catalogs/fullrefresh_configured_catalog.json")
    (entry,) = raw["streams"]
    assert entry["stream"] == {
        "name": "stock_prices",
        "supported_sync_modes": ["full_refresh"],
        "json_schema": {
            "properties": {
                "date": {"type": "string"},
                "price": {"type": "number"},
                "stock_ticker": {"type": "string"},
            }
        },
    }
    assert (entry["sync_mode"], entry["destination_sync_mode"]) == ("full_refresh", "overwrite")
    assert [one.stream.name for one in catalog.parse(raw)] == ["stock_prices"]


@pytest.mark.parametrize(
    ("name", "incremental"),
    [("configured_catalog.json", False), ("incremental_configured_catalog.json", True)],
)
def test_a_catalog_is_what_the_catalog_command_makes(name: str, *, incremental: bool) -> None:
    # anew: make fixtures
    raw = read_json(f"catalogs/{name}")
    names = [stream["name"] for stream in catalog.offered()]
    assert raw == catalog.configured(names, incremental=incremental)
    assert any(one.incremental for one in catalog.parse(raw)) is incremental


def paths(raw: Any) -> Iterator[str]:
    """Every path that a configuration of the acceptance tests names."""
    match raw:
        case dict():
            for key, value in raw.items():
                if key == "path" or key.endswith("_path"):
                    yield value
                else:
                    yield from paths(value)
        case list():
            for value in raw:
                yield from paths(value)


def test_the_acceptance_tests_name_existing_files() -> None:
    named = set(paths(ACCEPTANCE))
    assert named >= {"spec.json", "integration_tests/expected_records.jsonl"}
    for path in named:
        assert (ROOT / path).is_file(), path
    kept = {str(path.relative_to(ROOT)) for path in (ROOT / "integration_tests").glob("*.json*")}
    assert kept <= named


# What CI runs


def test_ci_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert (ROOT / ".ci" / "run").read_bytes().startswith(b"#!")
