"""Options are strings in, the judged job out; the words are those of the connector."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.connector import config
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.settings import FILES_BUCKET, FILES_URL, FlatFiles
from stockticker_async.spark.options import DEFAULT_PARTITIONS, judged

TODAY = date(2024, 12, 31)


def test_options_are_the_fields_of_the_configuration() -> None:
    found = judged(
        {
            "STOCK_TICKER": "TSLA, AAPL",
            "start_date": "2024-01-02",
            "end_date": "2024-06-28",
            "adjusted": "False",
            "multiplier": "5",
            "timespan": "minute",
            "lookback_days": "3",
            "requests_per_minute": "60",
            "max_concurrent_requests": " 8 ",
            "base_url": "http://127.0.0.1:1",
            "partitions": "4",
            "on_error": "skip",
            "api_key_file": "/etc/key",
        },
        today=TODAY,
    )
    assert found.stream_name == "stock_bars"
    assert found.job.tickers == ("TSLA", "AAPL")
    assert (found.job.start_date, found.job.end_date) == (date(2024, 1, 2), date(2024, 6, 28))
    assert (found.job.adjusted, found.job.bar, found.job.lookback_days) == (False, BarSize(5, "minute"), 3)
    assert (found.settings.requests_per_minute, found.settings.max_concurrent_requests) == (60, 8)
    assert (found.partitions, found.on_error, found.api_key_file) == (4, "skip", "/etc/key")
    assert found.settings.api_key == ""
    assert found.lookback_is_set
    assert found.warnings == ()


def test_options_that_are_left_out_or_empty_have_the_connector_s_defaults() -> None:
    empty = judged({"stock_ticker": "*", "multiplier": "", "adjusted": "", "end_date": ""}, today=TODAY)
    assert empty == judged({"stock_ticker": "*"}, today=TODAY)
    whole = config.parse({"stock_ticker": "*", "api_key": "x"}, today=TODAY)
    assert empty.job == whole.job
    assert empty.partitions == DEFAULT_PARTITIONS
    assert not empty.lookback_is_set


@given(st.sampled_from(["multiplier", "lookback_days", "requests_per_minute"]), st.text(max_size=30))
def test_a_wrong_number_is_refused_in_the_words_of_the_connector(name: str, text: str) -> None:
    given_ = {"stock_ticker": "TSLA", name: text}
    raw = text.strip()
    if raw.lstrip("+-").isdecimal() and raw.isascii() and len(raw) < 15:
        return
    if not raw:
        judged(given_, today=TODAY)
        return
    with pytest.raises(ConfigError, match=f"^{name} must be a whole number from "):
        judged(given_, today=TODAY)


@pytest.mark.parametrize("name", ["api_key", "apiKey", "API-KEY", "auth_token", "Password"])
def test_the_key_is_no_option(name: str) -> None:
    with pytest.raises(ConfigError, match="must not be an option") as caught:
        judged({"stock_ticker": "TSLA", name: "s3cret"}, today=TODAY)
    assert "s3cret" not in caught.value.message
    assert "MASSIVE_API_KEY" in caught.value.message


def test_flat_files_are_a_switch_with_an_endpoint_and_a_bucket() -> None:
    given_ = {"stock_ticker": "*", "timespan": "minute", "adjusted": "false", "flat_files": " True "}
    plain = judged(given_, today=TODAY)
    assert plain.job.flat_files
    assert plain.settings.flat_files == FlatFiles("", "", FILES_URL, FILES_BUCKET)
    own = judged(
        {
            **given_,
            "flat_files.endpoint": "http://127.0.0.1:1/",
            "flat_files.bucket": "mine",
            "flat_files_key_file": "/etc/keys.json",
        },
        today=TODAY,
    )
    assert own.settings.flat_files == FlatFiles("", "", "http://127.0.0.1:1", "mine")
    assert own.flat_files_key_file == "/etc/keys.json"
    assert own.warnings == ()
    off = judged({"stock_ticker": "TSLA", "flat_files": "false", "flat_files.bucket": "mine"}, today=TODAY)
    assert off.settings.flat_files is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"flat_files": "yes"}, "flat_files must be true or false: its fields are options of their own"),
        ({"flat_files": '{"access_key_id": "s3cret"}'}, "flat_files must be true or false"),
        ({"flat_files.bucket": "mine"}, "flat_files.bucket is set, but flat_files is not"),
        ({"flat_files_key_file": "mine"}, "flat_files_key_file is set, but flat_files is not"),
        ({"flat_files": "true", "flat_files.bucket": "a/b"}, "flat_files.bucket 'a/b' is not the name of"),
        ({"flat_files": "true", "flat_files.endpoint": "mine"}, "is not an address of a bucket"),
        ({"flat_files": "true", "flat_files.region": "mine"}, "flat_files has an unknown field 'region'"),
        ({"timespan": "minute"}, "gives bars of 1 minute from flat files only: set flat_files"),
        ({"flat_files": "true", "timespan": "minute"}, "which are never split-adjusted"),
    ],
)
def test_wrong_flat_files_are_refused_in_the_words_of_the_connector(
    options: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        judged({"stock_ticker": "*", **options}, today=TODAY)
    assert words in caught.value.message
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    "name", ["flat_files.access_key_id", "flat_files.secret_access_key", "Access_Key_Id", "flat_files.token"]
)
def test_the_keys_of_flat_files_are_no_options(name: str) -> None:
    with pytest.raises(ConfigError, match="The keys of flat files must not be options") as caught:
        judged({"stock_ticker": "TSLA", name: "s3cret"}, today=TODAY)
    assert "s3cret" not in caught.value.message
    assert "MASSIVE_ACCESS_KEY_ID and MASSIVE_SECRET_ACCESS_KEY" in caught.value.message
    assert "flat_files_key_file" in caught.value.message


@pytest.mark.parametrize("text", ["0", "1001", "many", "1.5", "-1"])
def test_partitions_are_judged(text: str) -> None:
    with pytest.raises(ConfigError, match="partitions must be a whole number from 1 to 1000"):
        judged({"stock_ticker": "TSLA", "partitions": text}, today=TODAY)


def test_an_unknown_option_is_a_warning_with_the_nearest_name() -> None:
    (warning,) = judged({"stock_ticker": "TSLA", "start_dat": "x"}, today=TODAY).warnings
    assert "did you mean start_date?" in warning
