"""`check` with the keys of flat files: one listing, and what is wrong is told apart. No secret is shown."""

import json
from pathlib import Path
from typing import Any

import oracle
import program
import pytest
from flat_files import bucket_at, keys
from support import Recorder, raw_config

from stockticker_async.clock import Clock
from stockticker_async.connector.check import check
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.log import Mask
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault


async def checked(
    sandbox: Sandbox, *, files: dict[str, str] | None = None, **options: Any
) -> tuple[str, str]:
    lines = Recorder()
    raw = raw_config(
        sandbox, "*", adjusted=False, timespan="minute", flat_files=files or keys(sandbox), **options
    )
    clock = Clock(start=sandbox.clock.now(), speed=1000)
    assert await check(CommandContext(clock, lines, Mask()), raw) == 0
    [message] = oracle.messages(lines.stdout)
    told = message["connectionStatus"]
    return told["status"], told["message"]


async def test_all_is_well_with_one_listing() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        status, text = await checked(sandbox, start_date="2020-12-14")
        assert status == "SUCCEEDED"
        assert "The keys of the flat files work, and there are files up to 2020-12-21." in text
        assert "about 0 calls and 7 flat files" in text
        assert [call.path for call in sandbox.calls if call.path.strip("/") == "flatfiles"] != []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"access_key_id": "another"}, "does not know the access key id"),
        ({"secret_access_key": "another"}, "does not belong to its access key id"),
        ({"bucket": "another"}, "names no bucket"),
    ],
)
async def test_wrong_keys_are_told_apart(files: dict[str, str], said: str) -> None:
    async with bucket_at("2020-12-22") as sandbox:
        status, text = await checked(sandbox, files=keys(sandbox, **files))
        assert (status, said in text) == ("FAILED", True)


async def test_a_plan_without_the_files_is_told() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="s3_error", code="AccessDenied", match=r"csv\.gz", times=9))
        status, text = await checked(sandbox)
        assert status == "FAILED"
        assert "does not include the files of bars of 1 minute" in text


async def test_a_bucket_without_recent_files_is_told() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="file", change="missing", match="minute"))
        status, text = await checked(sandbox)
        assert status == "FAILED"
        assert "has no file of bars of 1 minute for the last two weeks" in text


@pytest.mark.parametrize("command", ["check", "read"])
def test_no_secret_of_the_files_is_shown(command: str, tmp_path: Path) -> None:
    secrets = {"access_key_id": "aCcEsS-1d-nOtShOwN", "secret_access_key": "sEcReT-nOtShOwN-12"}
    raw = {
        "stock_ticker": "*",
        "api_key": "ApiKey-nOtShOwN-34",
        "adjusted": False,
        "flat_files": {**secrets, "endpoint": f"http://host/{secrets['secret_access_key']}"},
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(raw))
    more = ["--streams", "stock_bars"] if command == "read" else []
    done = program.run_here(command, "--config", str(path), *more)
    text = (done.stdout + done.stderr).decode()
    assert "flat_files.endpoint" in text
    assert "nOtShOwN" not in text
