"""The keys of a machine: of the environment or of files, in the words of the connector, never shown."""

import json
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.settings import FlatFiles, Settings
from stockticker_async.spark.keys import with_keys
from stockticker_async.spark.options import FILE_KEY_VARIABLES, ReadOptions
from stockticker_async.sync.job import SyncJob

BUCKET = FlatFiles("", "", "http://127.0.0.1:1", "files")
SECRETS = ("the-API-key", "the-ID", "the-SECRET")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLYGON_API_KEY", *FILE_KEY_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MASSIVE_API_KEY", SECRETS[0])


def found(
    files: FlatFiles | None = BUCKET, *, api_key_file: Path | None = None, key_file: Path | None = None
) -> Settings:
    options = ReadOptions(
        "stock_bars",
        SyncJob(()),
        Settings("", flat_files=files),
        api_key_file=None if api_key_file is None else str(api_key_file),
        flat_files_key_file=None if key_file is None else str(key_file),
    )
    return with_keys(options.settings, options)


def test_both_keys_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASSIVE_ACCESS_KEY_ID", " the-ID ")
    monkeypatch.setenv("MASSIVE_SECRET_ACCESS_KEY", "the-SECRET")
    settings = found()
    assert settings.api_key == "the-API-key"
    assert settings.flat_files == FlatFiles("the-ID", "the-SECRET", BUCKET.endpoint, BUCKET.bucket)
    assert not any(secret in repr(settings) for secret in SECRETS)


def test_a_missing_secret_is_the_api_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MASSIVE_ACCESS_KEY_ID", "the-ID")
    files = found().flat_files
    assert files is not None
    assert files.secret_access_key == "the-API-key"
    path = tmp_path / "keys.json"
    path.write_text('{"access_key_id": "another"}')
    monkeypatch.setenv("MASSIVE_SECRET_ACCESS_KEY", "of no other id")
    files = found(key_file=path).flat_files
    assert files is not None
    assert (files.access_key_id, files.secret_access_key) == ("another", "the-API-key")


def test_keys_come_from_files(tmp_path: Path) -> None:
    api_key, keys = tmp_path / "api.key", tmp_path / "keys.json"
    api_key.write_text("another-key\n")
    keys.write_text(json.dumps({"access_key_id": "the-ID", "secret_access_key": "the-SECRET"}))
    settings = found(api_key_file=api_key, key_file=keys)
    assert settings.api_key == "another-key"
    assert settings.flat_files is not None
    assert settings.flat_files.access_key_id == "the-ID"
    assert settings.flat_files.endpoint == BUCKET.endpoint


def test_no_key_of_files_is_asked_for_where_no_file_is_read() -> None:
    assert found(None).flat_files is None


def refused(ask: Callable[[], object]) -> str:
    """The sentence of a refusal, which shows no key, even with the variables of all frames."""
    with pytest.raises(ConfigError) as caught:
        ask()
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in told.stack if "stockticker_async" in frame.filename]
    shown = repr([(frame.locals, told.__context__) for frame in frames])
    assert frames
    assert not any(secret in shown for secret in SECRETS)
    assert not any(secret in pickle.dumps(caught.value).decode("latin-1") for secret in SECRETS)
    return caught.value.message


def test_without_keys_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    text = refused(found)
    assert text.startswith("No keys of flat files: MASSIVE_ACCESS_KEY_ID is not set.")
    assert "flat_files_key_file" in text
    assert text.endswith(")"), "the machine is named"
    monkeypatch.delenv("MASSIVE_API_KEY")
    assert refused(found).startswith("No API key: neither MASSIVE_API_KEY nor POLYGON_API_KEY is set.")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("the-SECRET", "which is no JSON object with access_key_id and secret_access_key"),
        ('["the-SECRET"]', "which is no JSON object"),
        ('{"access_key_id": "the-ID", "endpoint": "the-SECRET"}', "which is no JSON object"),
        ("{}", "flat_files.access_key_id is missing. Copy it from the flat files page"),
        ('{"secret_access_key": "the-SECRET"}', "flat_files.access_key_id is missing"),
        ('{"access_key_id": "the-ID", "secret_access_key": "the-SECRET x"}', "characters that none has"),
        ('{"access_key_id": 7}', "flat_files.access_key_id must be a string, not a number"),
        (b"\xff\xfe", "which cannot be read: it is no text"),
    ],
)
def test_a_wrong_file_is_told_and_not_shown(tmp_path: Path, content: str | bytes, words: str) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert words in refused(lambda: found(key_file=path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    text = refused(lambda: found(key_file=tmp_path / "none"))
    assert "flat_files_key_file names" in text
    assert "which cannot be read: No such file or directory" in text
    assert "Is a directory" in refused(lambda: found(api_key_file=tmp_path))


def test_a_wrong_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASSIVE_ACCESS_KEY_ID", "the-ID x")
    assert "flat_files.access_key_id has characters that none has" in refused(found)
    monkeypatch.setenv("MASSIVE_API_KEY", "the-API-key x")
    assert "characters that no key has" in refused(found)
