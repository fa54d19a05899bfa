"""`airbyte_cdk.test.standard_tests`, all of them that need no engine for images, against our command line.

The suite runs connectors of its own framework in its own process. Ours is a program: the one function of
the suite that runs a command is replaced with one that starts it.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from airbyte_cdk.test import entrypoint_wrapper
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput
from airbyte_cdk.test.models.scenario import REMOVED_ENTRY_KEYS
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase
from boltons.typeutils import classproperty

from conformance.connector import CONNECTOR, ROOT


class CommandLine:
    """Stands where the suite wants a connector of its framework."""

    def spec(self, _: Any) -> Any:
        pytest.fail("the suite has another way to run a command, and this one is not for it")


@pytest.fixture(autouse=True)
def _commands_are_processes(monkeypatch: pytest.MonkeyPatch, sandbox: str) -> None:
    def run(source: Any, args: Sequence[str], expected_outcome: Any = None) -> EntrypointOutput:
        del source, expected_outcome  # what comes out is judged by who called
        if "--config" in args:
            _point_at(sandbox, Path(args[args.index("--config") + 1]))
        return _run(args[:1] if args[0] == "spec" else args)  # it hands `spec` a catalog, if there is one

    monkeypatch.setattr(entrypoint_wrapper, "_run_command", run)


def _point_at(sandbox: str, config: Path) -> None:
    """The suite's own copy of a configuration: the sandbox listens wherever there was room."""
    config.write_text(json.dumps(json.loads(config.read_bytes()) | {"base_url": sandbox}))


def _run(args: Sequence[str]) -> EntrypointOutput:
    done = subprocess.run([CONNECTOR, *args], capture_output=True, text=True, timeout=60, check=False)
    output = EntrypointOutput(done.stdout.splitlines(), command=[*args])
    assert not done.stderr or output.errors, "Airbyte shows each line of stderr as an error"
    assert bool(done.returncode) == bool(output.errors), "an ERROR and the exit code go together"
    return output


class TestSource(SourceTestSuiteBase):  # type: ignore[misc] # not installed where mypy runs
    connector = CommandLine

    @classmethod
    def get_connector_root_dir(cls) -> Path:
        return ROOT

    @classproperty  # type: ignore[untyped-decorator] # as above
    def acceptance_test_config(cls) -> Any:  # noqa: N805 - a property of the class
        """`acceptance-test-config.yml` without the keys of the suite's predecessor, which it refuses."""
        whole = yaml.safe_load((ROOT / "acceptance-test-config.yml").read_bytes())
        for section in whole["acceptance_tests"].values():
            for entry in section["tests"]:
                for key in (*REMOVED_ENTRY_KEYS, "validate_stream_statuses"):
                    entry.pop(key, None)
        return whole
