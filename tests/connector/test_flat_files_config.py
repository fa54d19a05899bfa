"""The field flat_files: what is taken, what is refused and how, and what is never shown."""

from datetime import date
from typing import Any

import pytest
from jsonschema import Draft7Validator

from stockticker_async.connector import resources
from stockticker_async.connector.config import Config, parse
from stockticker_async.connector.flat_files_config import flat_files_of
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.settings import FILES_BUCKET, FILES_URL, FlatFiles

TODAY = date(2024, 6, 3)
KEY_ID, SECRET, API_KEY = "aCcEsS-1d-notToBe.Shown", "sEcReT-notToBe.Shown", "k3Y-notToBe.Shown777"
FORM: dict[str, Any] = resources.load("spec.json")["connectionSpecification"]["properties"]["flat_files"]


def made(**changes: Any) -> Config:
    given = {"access_key_id": KEY_ID, "secret_access_key": SECRET, **changes.pop("files", {})}
    raw = {"stock_ticker": "*", "api_key": API_KEY, "adjusted": False, "flat_files": given, **changes}
    return parse(raw, today=TODAY)


def refused(**changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        made(**changes)
    for secret in (KEY_ID, SECRET, API_KEY):
        assert secret not in caught.value.message
    return caught.value.message


def test_the_keys_are_enough() -> None:
    config = made()
    assert config.settings.flat_files == FlatFiles(KEY_ID, SECRET, FILES_URL, FILES_BUCKET)
    assert config.job.flat_files
    assert not config.warnings
    assert KEY_ID not in repr(config)
    assert SECRET not in repr(config)


def test_the_secret_is_the_api_key_if_it_is_left_out() -> None:
    for secret in (None, "", " "):
        files = made(files={"secret_access_key": secret}).settings.flat_files
        assert files is not None
        assert files.secret_access_key == API_KEY


@pytest.mark.parametrize("given", [None, {}])
def test_without_keys_there_are_no_files(given: Any) -> None:
    assert flat_files_of({"flat_files": given}) is None
    assert not made(flat_files=given).job.flat_files


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"access_key_id": None}, "flat_files.access_key_id is missing. Copy it"),
        ({"access_key_id": " "}, "flat_files.access_key_id is missing"),
        ({"access_key_id": 7}, "flat_files.access_key_id must be a string, not a number"),
        ({"secret_access_key": f"{SECRET} é"}, "flat_files.secret_access_key has characters that none has"),
        ({"secret": SECRET}, "flat_files has an unknown field 'secret': its fields are access_key_id"),
        ({"endpoint": "files.massive.com"}, "flat_files.endpoint 'files.massive.com' is not an address"),
        ({"endpoint": "https://files.massive.com/flatfiles"}, "is not an address of a bucket"),
        ({"endpoint": "https://user:word@files"}, "must hold no user name"),
        ({"endpoint": f"ftp://{SECRET}"}, "(which holds the secret_access_key)"),
        ({"bucket": "a/b"}, "flat_files.bucket 'a/b' is not the name of a bucket"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(files: dict[str, Any], said: str) -> None:
    assert said in refused(files=files)


@pytest.mark.parametrize("given", ["keys", [], 1, True])
def test_flat_files_is_an_object(given: Any) -> None:
    assert "flat_files must be an object with access_key_id" in refused(flat_files=given)


def test_minutes_of_the_market_are_taken_unadjusted_and_one_by_one() -> None:
    assert made(timespan="minute").job.whole_market
    assert "adjusted is true, but" in refused(timespan="minute", adjusted=True)
    assert "of 1 minute, not of 5 minute" in refused(timespan="minute", multiplier=5)
    assert "not of 1 hour" in refused(timespan="hour")
    assert "set flat_files" in refused(timespan="minute", flat_files=None)


def test_files_that_would_not_be_used_are_a_warning() -> None:
    (warning,) = made(stock_ticker="TSLA", adjusted=True).warnings
    assert warning.startswith("flat_files is not used")


def test_the_form_takes_what_is_taken() -> None:
    judge = Draft7Validator(FORM)
    assert judge.is_valid({"access_key_id": KEY_ID, "secret_access_key": SECRET})
    assert not judge.is_valid({"secret_access_key": SECRET})
    assert {name for name, one in FORM["properties"].items() if one.get("airbyte_secret")} == {
        "access_key_id",
        "secret_access_key",
    }
    for one in FORM["properties"].values():
        assert one["title"]
        assert one["description"].endswith(".")
