"""The whole program, as a process, as its users run it: files, pipes, signals, keys."""

import base64
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import oracle
import pytest
from program import KEY, PROGRAM, ROOT, arguments_of_read, run, sandbox, send_until_it_dies, write_json

TUTORIAL = [
    {"date": "2020-12-15", "stock_ticker": "TSLA", "price": 633.25},
    {"date": "2020-12-16", "stock_ticker": "TSLA", "price": 622.77},
    {"date": "2020-12-17", "stock_ticker": "TSLA", "price": 655.9},
    {"date": "2020-12-18", "stock_ticker": "TSLA", "price": 695},
    {"date": "2020-12-21", "stock_ticker": "TSLA", "price": 649.86},
]
DAYS = {"start_date": "2020-12-15", "end_date": "2020-12-21"}
TUTORIAL_CATALOG = str(ROOT / "catalogs" / "fullrefresh_configured_catalog.json")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with sandbox("--clock", "2020-12-22") as address:
        yield address


@pytest.fixture
def config(url: str) -> dict[str, Any]:
    return {"stock_ticker": "TSLA", "api_key": KEY, "base_url": url}


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
def test_the_tutorial_s_five_records_come_wherever_the_machine_stands(
    config: dict[str, Any], tmp_path: Path, zone: str
) -> None:
    path = write_json(tmp_path / "config.json", {**config, **DAYS})
    done = run("read", "--config", path, "--catalog", TUTORIAL_CATALOG, environment={"TZ": zone})
    assert done.records == TUTORIAL
    assert done.returncode == 0
    assert done.stderr == done.last_words


def test_raw_prices_of_the_past_are_the_same_after_later_splits(tmp_path: Path) -> None:
    with sandbox("--clock", "2026-11-20") as url:
        raw = {"stock_ticker": "TSLA", "api_key": KEY, "base_url": url, **DAYS, "adjusted": False}
        path = write_json(tmp_path / "config.json", raw)
        done = run("read", "--config", path, "--catalog", TUTORIAL_CATALOG)
    assert done.records == TUTORIAL


def test_relative_paths_are_taken_from_the_working_directory(config: dict[str, Any], tmp_path: Path) -> None:
    arguments_of_read(tmp_path, {**config, **DAYS})
    done = run("read", "--config", "config.json", "--catalog", "catalog.json", cwd=tmp_path)
    assert done.returncode == 0
    assert len(done.records) == 10


def test_a_second_read_goes_on_from_the_whole_output_of_the_first(
    config: dict[str, Any], tmp_path: Path
) -> None:
    first = run(*arguments_of_read(tmp_path, {**config, **DAYS, "end_date": "2020-12-17"}))
    (tmp_path / "first.jsonl").write_bytes(first.stdout + b'{"type":"REC')
    arguments = arguments_of_read(tmp_path, {**config, **DAYS, "lookback_days": 0})
    second = run(*arguments, "--state", str(tmp_path / "first.jsonl"))
    assert {record["date"] for record in first.records} == {"2020-12-15", "2020-12-16", "2020-12-17"}
    assert {record["date"] for record in second.records} == {"2020-12-18", "2020-12-21"}


def test_spec_check_and_discover_answer_with_one_message_each(config: dict[str, Any], tmp_path: Path) -> None:
    path = write_json(tmp_path / "config.json", config)
    assert [message["type"] for message in run("spec").messages] == ["SPEC"]
    assert [message["type"] for message in run("discover", "--config", path).messages] == ["CATALOG"]
    with sandbox() as url:
        path = write_json(tmp_path / "now.json", {**config, "base_url": url})
        told = run("check", "--config", path).of("CONNECTION_STATUS")
    assert [one["connectionStatus"]["status"] for one in told] == ["SUCCEEDED"]


def test_spec_pays_for_nothing_it_does_not_need() -> None:
    probe = (
        "import sys; from stockticker_async.connector.cli import main; main(['spec']); "
        "print(sorted({'aiohttp', 'msgspec', 'yarl'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([PROGRAM[0], "-c", probe], capture_output=True, check=True, cwd=ROOT)
    assert done.stderr.strip() == b"[]"


BAD_FILES = [
    (b"", "is empty"),
    (b"\xef\xbb\xbf", "is empty"),
    (b'{"stock_ticker": ', "is not JSON"),
    (b"\xff\xfe{}", "is not JSON"),
    (b"[]", "must be a JSON object"),
    (b"null", "must be a JSON object"),
    (b'{"api_key": "k"}', "stock_ticker is missing"),
    (b'{"stock_ticker": "A"}', "api_key is missing"),
    (b'{"stock_ticker": "A", "api_key": "k", "multiplier": "two"}', "multiplier must be a whole number"),
    (b'{"stock_ticker": "A", "api_key": "k", "timespan": "fortnight"}', "timespan must be one of"),
    (b'{"stock_ticker": "A", "api_key": "k", "start_date": "2020-02-30"}', "start_date"),
    (
        b'{"stock_ticker": "A", "api_key": "k", "start_date": "2020-03-01", "end_date": "2020-02-01"}',
        "end_date",
    ),
    (b'{"stock_ticker": "A", "api_key": "k", "start_date": "2999-01-01"}', "is in the future"),
]


@pytest.mark.parametrize(("content", "told"), BAD_FILES)
def test_a_bad_configuration_is_one_clear_error(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(content)
    done = run("read", "--config", str(tmp_path / "config.json"), "--catalog", TUTORIAL_CATALOG)
    _is_one_error(done.returncode, done.errors, done.stderr, told)
    assert done.errors[0]["failure_type"] == "config_error"


BAD_CATALOGS = [
    ({"streams": []}, "selects no streams"),
    ({}, "must be a configured catalog"),
    ([], "must be a configured catalog"),
    ({"streams": [{"stream": {"name": "unknown"}, "sync_mode": "INVALID"}]}, "no stream 'unknown'"),
    ({"streams": [{"stream": {"name": "stock_prices"}, "sync_mode": "INVALID"}]}, "sync_mode"),
    ({"streams": [{"stream": {"name": "stock_prices"}}] * 2}, "twice"),
]


@pytest.mark.parametrize(("catalog", "told"), BAD_CATALOGS)
def test_an_impossible_catalog_is_one_clear_error(catalog: Any, told: str, tmp_path: Path) -> None:
    config = write_json(tmp_path / "config.json", {"stock_ticker": "TSLA", "api_key": "k"})
    done = run("read", "--config", config, "--catalog", write_json(tmp_path / "catalog.json", catalog))
    _is_one_error(done.returncode, done.errors, done.stderr, told)


def test_files_that_are_none_are_one_clear_error(tmp_path: Path) -> None:
    for path, told in ((tmp_path, "Is a directory"), (tmp_path / "none.json", "No such file")):
        done = run("check", "--config", str(path))
        _is_one_error(done.returncode, done.errors, done.stderr, told)


@pytest.mark.fault("malformed state")
def test_a_state_that_cannot_be_read_is_never_a_full_read(config: dict[str, Any], tmp_path: Path) -> None:
    arguments = arguments_of_read(tmp_path, {**config, **DAYS})
    for content in (
        b"{}x",
        b'[{"type":"STREAM"}]',
        b'{"stock_prices":{"date":"yesterday"}}',
        b'{"cursor":1}',
    ):
        (tmp_path / "state.json").write_bytes(content)
        done = run(*arguments, "--state", str(tmp_path / "state.json"))
        _is_one_error(done.returncode, done.errors, done.stderr, "state")
        assert done.records == []


def test_a_state_with_nothing_in_it_is_a_full_read_that_says_so(
    config: dict[str, Any], tmp_path: Path
) -> None:
    arguments = arguments_of_read(tmp_path, {**config, **DAYS})
    state = tmp_path / "state.jsonl"
    told = {"type": "LOG", "log": {"level": "INFO", "message": "killed early"}}
    foreign = {"stream_descriptor": {"name": "users"}, "stream_state": {"id": 1}}
    known = {"stream_descriptor": {"name": "stock_prices"}, "stream_state": None}
    several = [{"type": "STREAM", "stream": one} for one in (foreign, known)]
    for content, said in (
        ([], None),
        (told, "has no STATE in it"),
        ([*several[:1], {"type": "STREAM", "stream": {**known, "stream_state": {}}}], "does not have: users"),
        (several[1:], "The state of stock_prices is null: all of it is read from its start."),
    ):
        done = run(*arguments, "--state", write_json(state, content))
        warnings = [one["log"]["message"] for one in done.of("LOG") if one["log"]["level"] == "WARN"]
        about = [text for text in warnings if "state" in text]
        assert len(done.records) == 10
        assert len(about) == bool(said)
        assert all(said in text for text in about if said)


def test_a_first_night_without_a_state_is_no_error(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("absent", "empty", "no/folder"):
        path = tmp_path / name
        done = run(*arguments_of_read(tmp_path, {**config, **DAYS}), "--state", str(path))
        warnings = [one["log"]["message"] for one in done.of("LOG") if one["log"]["level"] == "WARN"]
        assert f"There is no state in {path} yet: everything is read from its start." in warnings
        assert (done.returncode, len(done.records)) == (0, 10)


def test_streams_may_be_named_in_the_place_of_a_catalog(config: dict[str, Any], tmp_path: Path) -> None:
    path = write_json(tmp_path / "config.json", {**config, **DAYS})
    done = run("read", "--config", path, "--streams", "stock_prices, splits")
    assert {name for name, _ in done.statuses} == {"stock_prices", "splits"}
    assert len(done.records) == 5
    unknown = run("read", "--config", path, "--streams", "prices")
    assert "prices" in unknown.errors[0]["message"]


def test_a_catalog_in_the_place_of_the_configuration_is_told_by_its_file(
    config: dict[str, Any], tmp_path: Path
) -> None:
    settings = write_json(tmp_path / "config.json", {**config, **DAYS})
    catalog = tmp_path / "catalog.json"
    catalog.write_bytes(run("catalog").stdout)
    for files, told in (
        ((str(catalog), settings), f"The config file {catalog} is a catalog"),
        ((settings, settings), f"The catalog file {settings} is a configuration"),
    ):
        done = run("read", "--config", files[0], "--catalog", files[1])
        assert done.errors[0]["message"] == f"{told}: are --config and --catalog swapped?"


def test_a_failed_check_may_have_an_exit_code(config: dict[str, Any], tmp_path: Path) -> None:
    path = write_json(tmp_path / "config.json", {**config, "api_key": "another-key-than-it"})
    for arguments, code in (([], 0), (["--exit-code"], 1)):
        done = run("check", "--config", path, *arguments)
        [status] = done.of("CONNECTION_STATUS")
        assert (status["connectionStatus"]["status"], done.returncode) == ("FAILED", code)


def _is_one_error(returncode: int, errors: list[dict[str, Any]], stderr: bytes, told: str) -> None:
    assert returncode == 1
    assert [told in error["message"] for error in errors] == [True], errors
    assert stderr == f"{errors[0]['message']}\n".encode(), "where stdout is a file nobody looks there"


def test_bad_usage_is_told_on_both_channels() -> None:
    for arguments in ([], ["raed"], ["read"], ["spec", "--colour"]):
        done = run(*arguments)
        assert done.returncode == 2
        assert len(done.errors) == 1
        assert done.stderr.startswith(b"usage: ")
        assert b"Traceback" not in done.stderr


def test_a_file_with_a_byte_order_mark_is_read(config: dict[str, Any], tmp_path: Path) -> None:
    arguments = arguments_of_read(tmp_path, {**config, **DAYS})
    path = tmp_path / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(run(*arguments).records) == 10


@pytest.mark.fault("DATA_CHANNEL_MEDIUM=SOCKET")
def test_socket_mode_is_refused_clearly(config: dict[str, Any], tmp_path: Path) -> None:
    done = run(*arguments_of_read(tmp_path, config), environment={"DATA_CHANNEL_MEDIUM": "SOCKET"})
    _is_one_error(done.returncode, done.errors, done.stderr, "DATA_CHANNEL_MEDIUM")


def test_a_wrong_key_ends_every_stream_incomplete(config: dict[str, Any], tmp_path: Path) -> None:
    done = run(*arguments_of_read(tmp_path, {**config, "api_key": "another-key"}))
    assert done.returncode == 1
    assert [("API key is wrong" in error["message"]) for error in done.errors] == [True, True]
    assert done.statuses[-2:] == [("stock_prices", "INCOMPLETE"), ("stock_bars", "INCOMPLETE")]


def test_the_key_is_nowhere(config: dict[str, Any], tmp_path: Path) -> None:
    encoded = base64.b64encode(KEY.encode()).decode().rstrip("=")
    forms = [form.encode() for form in (KEY, quote(KEY, safe=""), encoded, KEY[:12])]
    runs = [
        arguments_of_read(tmp_path, {**config, **DAYS}),
        ["check", "--config", write_json(tmp_path / "a.json", {**config, "start_date": KEY})],
        ["check", "--config", write_json(tmp_path / "b.json", {**config, "stock_ticker": KEY})],
        ["check", "--config", write_json(tmp_path / "c.json", {**config, "adjusted": KEY})],
        ["check", "--config", write_json(tmp_path / "d.json", {**config, "base_url": f"http://{KEY}@h"})],
    ]
    for arguments in runs:
        done = run(*arguments, "--debug")
        for form in forms:
            assert form not in done.stdout + done.stderr


@pytest.mark.fault("reader leaves")
def test_a_reader_that_leaves_ends_the_program_quietly(config: dict[str, Any], tmp_path: Path) -> None:
    arguments = arguments_of_read(tmp_path, {**config, "start_date": "2004-01-02", "end_date": "2020-12-21"})
    with subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == -signal.SIGPIPE


@pytest.mark.fault("full disk")
def test_a_full_disk_is_told_on_stderr_in_one_line(config: dict[str, Any], tmp_path: Path) -> None:
    arguments = arguments_of_read(tmp_path, {**config, **DAYS})
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"No space left" in done.stderr


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.fault("signal during a sync")
def test_a_signal_flushes_a_last_state_and_kills(
    config: dict[str, Any], tmp_path: Path, signum: signal.Signals
) -> None:
    # 4,272 sessions of each are 16 MB: more than the pipe and the output hold, so that the sync cannot end
    names = "TSLA,AAPL,NVDA,MSFT,AMZN,F,GE,IBM"
    days = {"start_date": "2004-01-02", "end_date": "2020-12-21"}
    arguments = arguments_of_read(tmp_path, {**config, "stock_ticker": names, **days})
    with subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(50)]
        process.send_signal(signum)
        lines += process.stdout.readlines()
        assert process.wait(timeout=30) == -signum
        assert process.stderr is not None
        assert process.stderr.read() == (
            b"Stopped before the end. Go on with --state and the output of this run.\n"
        )
    messages = [oracle.decoded(line) for line in lines]
    kinds = [_kind(message) for message in messages]
    for stream in ("stock_prices", "stock_bars"):
        assert [kind for kind in kinds if kind[1] == stream][-2:] == [
            ("STATE", stream),
            ("INCOMPLETE", stream),
        ]


@pytest.mark.fault("signal without a reader")
def test_a_signal_kills_though_nobody_reads(config: dict[str, Any], tmp_path: Path) -> None:
    arguments = arguments_of_read(tmp_path, {**config, "start_date": "2004-01-02", "end_date": "2020-12-21"})
    with subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=30) == -signal.SIGTERM  # without a byte being read


@pytest.mark.fault("second signal")
def test_a_second_signal_kills_at_once(config: dict[str, Any], tmp_path: Path) -> None:
    arguments = arguments_of_read(tmp_path, {**config, "start_date": "2004-01-02", "end_date": "2020-12-21"})
    with subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        send_until_it_dies(process, signal.SIGINT)
        assert process.returncode in (-signal.SIGINT, -signal.SIGTERM)


def test_no_home_and_a_plain_locale_are_enough(config: dict[str, Any], tmp_path: Path) -> None:
    arguments = arguments_of_read(tmp_path, {**config, **DAYS})
    bare = {"PATH": os.defpath, "LC_ALL": "C", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*PROGRAM, *arguments], env=bare, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0
    assert done.stderr == b""
    assert len(oracle.messages(done.stdout)) > 10


def test_the_demo_does_the_whole_job_with_the_tickers_named() -> None:
    done = run("demo", "NVDA", "F")
    assert done.returncode == 0
    assert [message["spec"] for message in done.of("SPEC")] != []
    assert [one["connectionStatus"]["status"] for one in done.of("CONNECTION_STATUS")] == ["SUCCEEDED"]
    assert {record["stock_ticker"] for record in done.records} == {"NVDA", "F"}
    assert done.statuses.count(("stock_prices", "COMPLETE")) == 2
    assert done.errors == []
    dates = [record["date"] for record in done.records]
    assert "2020-12-23" in dates  # the second read, a day later
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"#") >= 6


def _kind(message: dict[str, Any]) -> tuple[str, str]:
    match message:
        case {"type": "TRACE", "trace": {"stream_status": status}}:
            return status["status"], status["stream_descriptor"]["name"]
        case {"type": "STATE", "state": {"stream": stream}}:
            return "STATE", stream["stream_descriptor"]["name"]
        case {"type": "RECORD", "record": record}:
            return "RECORD", record["stream"]
    return message["type"], ""
