"""The command: its flags, what it says, how it ends."""

import argparse
import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stockticker_async.sandbox import command
from stockticker_async.sandbox.options import Options


def parsed(*flags: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(flags)


def test_without_flags_the_options_are_the_usual_ones() -> None:
    assert command.options(parsed()) == Options()


def test_every_option_has_a_flag() -> None:
    flags = [
        "--seed=2", "--plan=basic", "--without=/v1/a,/v3/b", "--key=k", "--access-key-id=i",
        "--secret-access-key=s", "--bucket=b", "--skew=60", "--tickers=A,,B", "--universe=60",
        "--clock=2020-12-22", "--speed=3", "--latency-ms=50", "--page-rows=10",
        "--calls-per-minute=7", "--window=fixed", "--empty=null", "--forget-adjusted",
        "--retry-after=date", "--unpublished=1", "--encode-ahead", "--no-scientific",
    ]  # fmt: skip
    assert command.options(parsed(*flags)) == Options(
        seed=2, plan="basic", without=("/v1/a", "/v3/b"), key="k", access_key_id="i", secret_access_key="s",
        bucket="b", skew=60.0, tickers=("A", "B"), universe=60,
        now=datetime(2020, 12, 22, 17, tzinfo=UTC), speed=3.0, latency=0.05, page_rows=10,
        calls_per_minute=7, window="fixed", empty="null", keep_adjusted=False, retry_after="date",
        unpublished=1, encode_ahead=True, scientific=False,
    )  # fmt: skip


async def test_lacking_an_endpoint_that_does_not_exist_is_bad_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await command.run(parsed("--without=/stocks/v1/splits,/v9/everything")) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "--without /v9/everything: no endpoint begins so\n")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-12-22", "2020-12-22T17:00:00+00:00"),
        ("2020-07-01", "2020-07-01T16:00:00+00:00"),
        ("2020-12-22T09:30:00-05:00", "2020-12-22T14:30:00+00:00"),
        ("2020-12-22T09:30:00", "2020-12-22T09:30:00+00:00"),
    ],
)
def test_a_bare_date_is_noon_in_new_york(text: str, moment: str) -> None:
    now = command.options(parsed("--clock", text)).now
    assert now is not None
    assert now.astimezone(UTC).isoformat() == moment


@pytest.mark.parametrize(
    ("host", "address"), [("localhost", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1")]
)
def test_loopback_addresses_are_served(host: str, address: str) -> None:
    assert parsed("--host", host).host == address


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--host", "0.0.0.0"], "no loopback address"),  # noqa: S104 -- refused
        (["--host", "example.com"], "no loopback address"),
        (["--page-rows", "0"], "whole number"),
        (["--calls-per-minute", "x"], "whole number"),
        (["--clock", "soon"], "neither"),
        (["--plan", "gold"], "invalid choice"),
    ],
)
def test_wrong_flags_are_refused_in_plain_words(
    flags: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(*flags)
    assert text in capsys.readouterr().err


def test_parsers_are_built_without_a_server() -> None:
    code = (
        "import argparse, sys; from stockticker_async.sandbox.command import add_arguments;"
        "add_arguments(argparse.ArgumentParser()); import stockticker_async.sandbox;"
        "sys.exit(bool({'aiohttp', 'orjson'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0


class Screen(io.StringIO):
    """A stream that tells when it was flushed."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = asyncio.Event()

    def flush(self) -> None:
        self.shown.set()


async def test_it_serves_until_told_to_stop_and_says_how_to_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = Screen(), Screen()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    running = asyncio.ensure_future(command.run(parsed("--universe", "1", "--clock", "2020-12-22")))
    await err.shown.wait()
    url = out.getvalue()
    assert url.startswith("http://127.0.0.1:")
    assert url.count("\n") == 1
    config = json.loads(err.getvalue().splitlines()[2])
    days = {"start_date": "2020-12-14", "end_date": "2020-12-21"}
    assert config == {"stock_ticker": "TSLA", "api_key": "demo-key", "base_url": url.strip(), **days}
    assert "far apart" in err.getvalue()
    assert "invented" in err.getvalue()
    assert "secret demo-secret-access-key" in err.getvalue()
    assert "2020-12-22 17:00" in err.getvalue()
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0


async def test_cancelling_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    running = asyncio.ensure_future(command.run(parsed("--universe", "1")))
    await screen.shown.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_it_is_a_program_of_its_own(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "stockticker_async.sandbox", "--universe", "1"]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""
        assert process.wait(timeout=30) == 0
