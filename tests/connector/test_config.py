"""The configuration: what is taken, what is refused and how, and the form that spec.json makes of it."""

import json
import re
from dataclasses import fields
from datetime import date
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from stockticker_async.connector import resources
from stockticker_async.connector.config import Config, parse
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize, Timespan
from stockticker_async.marketdata.settings import BASE_URL, Settings
from stockticker_async.sync.job import SyncJob

TODAY = date(2024, 6, 3)
KEY = "k3Y_0f_sOmeB0dy-notToBe.Shown777"
TUTORIAL = {"stock_ticker": "TSLA", "api_key": KEY}

SPECIFICATION: dict[str, Any] = resources.load("spec.json")["connectionSpecification"]
PROPERTIES: dict[str, dict[str, Any]] = SPECIFICATION["properties"]


def made(**changes: Any) -> Config:
    return parse({**TUTORIAL, **changes}, today=TODAY)


def refused(raw: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(raw, today=TODAY)
    assert caught.value.detail is None
    return caught.value.message


def test_the_tutorials_configuration_is_enough() -> None:
    assert made() == Config(SyncJob(("TSLA",)), Settings(KEY))


@pytest.mark.parametrize(
    ("field", "value", "attribute", "expected"),
    [
        ("stock_ticker", "AAPL, MSFT,BRK.B", "tickers", ("AAPL", "MSFT", "BRK.B")),
        ("stock_ticker", " TSLA ,, TSLA,", "tickers", ("TSLA",)),
        ("stock_ticker", "AMpB,AMPB", "tickers", ("AMpB", "AMPB")),
        ("stock_ticker", "B,A,B", "tickers", ("B", "A")),
        ("stock_ticker", "A.WS,BRK/B,X:BTCUSD", "tickers", ("A.WS", "BRK/B", "X:BTCUSD")),
        ("stock_ticker", "O:TSLA210903C00700000", "tickers", ("O:TSLA210903C00700000",)),
        ("stock_ticker", " * ", "tickers", ()),
        ("stock_ticker", "*,*", "tickers", ()),
        ("api_key", f" {KEY}\n", "api_key", KEY),
        ("start_date", "2024-06-03", "start_date", TODAY),
        ("start_date", "1970-01-01", "start_date", date(1970, 1, 1)),
        ("start_date", "", "start_date", None),
        ("start_date", None, "start_date", None),
        ("end_date", "9999-12-31", "end_date", date(9999, 12, 31)),
        ("end_date", "", "end_date", None),
        ("adjusted", False, "adjusted", False),
        ("adjusted", None, "adjusted", True),
        ("multiplier", 1000, "bar", BarSize(1000, "day")),
        ("multiplier", None, "bar", ONE_DAY),
        *(("timespan", name, "bar", BarSize(1, name)) for name in get_args(Timespan)),
        ("timespan", None, "bar", ONE_DAY),
        ("include_otc", True, "include_otc", True),
        ("lookback_days", 0, "lookback_days", 0),
        ("lookback_days", 250, "lookback_days", 250),
        ("lookback_days", None, "lookback_days", 1),
        ("requests_per_minute", 5, "requests_per_minute", 5),
        ("requests_per_minute", None, "requests_per_minute", None),
        ("max_concurrent_requests", 64, "max_concurrent_requests", 64),
        ("base_url", "", "base_url", BASE_URL),
        ("base_url", None, "base_url", BASE_URL),
        ("base_url", " https://api.polygon.io/ ", "base_url", "https://api.polygon.io"),
        ("base_url", "https://proxy.example:8443/massive/", "base_url", "https://proxy.example:8443/massive"),
        ("base_url", "HTTPS://proxy.example", "base_url", "HTTPS://proxy.example"),
        ("base_url", "http://127.0.0.1:8000", "base_url", "http://127.0.0.1:8000"),
        ("base_url", "http://[::1]:8000", "base_url", "http://[::1]:8000"),
        ("base_url", "http://localhost", "base_url", "http://localhost"),
    ],
)
def test_a_good_value_is_taken(field: str, value: Any, attribute: str, expected: object) -> None:
    config = made(**{field: value})
    holder = config.settings if attribute in Settings.__slots__ else config.job
    assert getattr(holder, attribute) == expected
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("field", "value", "fault", "remedy"),
    [
        ("stock_ticker", None, "is missing", "such as TSLA"),
        ("stock_ticker", 5, "must be a string, not a number", "such as TSLA"),
        ("stock_ticker", ["TSLA"], "must be a string, not a list", "separated by commas"),
        ("stock_ticker", "", "is empty", "such as TSLA"),
        ("stock_ticker", " , ,", "is empty", "such as TSLA"),
        ("stock_ticker", "*,TSLA", 'has "*" beside names', '"*" alone'),
        ("stock_ticker", "TSL*", "'TSL*', which cannot be a ticker", "for the whole market"),
        ("stock_ticker", "BRK B", "'BRK B', which cannot", "separated by commas"),
        ("stock_ticker", "A\nB", "'A\\nB', which cannot", "separated by commas"),
        ("stock_ticker", "TSLA=1", "'TSLA=1', which cannot", "such as TSLA"),
        ("stock_ticker", "TSLA?x", "'TSLA?x', which cannot", "such as TSLA"),
        ("stock_ticker", "TSLA#x", "'TSLA#x', which cannot", "such as TSLA"),
        ("stock_ticker", "..", "'..', which cannot", "such as TSLA"),
        ("stock_ticker", "A\x00", "'A\\x00', which cannot", "such as TSLA"),
        ("stock_ticker", "T" * 25, "a name of 25 characters, which cannot", "such as TSLA"),
        ("api_key", None, "is missing", "massive.com"),
        ("api_key", 12345, "must be a string, not a number", "massive.com"),
        ("api_key", {}, "must be a string, not an object", "massive.com"),
        ("api_key", "", "is empty", "massive.com"),
        ("api_key", " \t", "is empty", "massive.com"),
        ("api_key", "two words", "characters that no key has", "massive.com"),
        ("api_key", "kéy", "characters that no key has", "massive.com"),
        ("api_key", "a\nb", "characters that no key has", "massive.com"),
        ("start_date", 20240102, "must be a string", '"2024-01-02"'),
        ("start_date", True, "not true or false", '"2024-01-02"'),
        ("start_date", "02.01.2024", "'02.01.2024' is not a date", "2024-01-02"),
        ("start_date", "20240102", "'20240102' is not a date", "2024-01-02"),
        ("start_date", "2024-W01-1", "'2024-W01-1' is not a date", "2024-01-02"),
        ("start_date", "2024-02-30", "'2024-02-30' is not a date", "2024-01-02"),
        ("start_date", "2024-01-02T00:00:00Z", "is not a date", "2024-01-02"),
        ("start_date", "1969-12-31", "is before 1970-01-01", "2003"),
        ("start_date", "2024-06-04", "is in the future", "a day that has begun"),
        ("end_date", "soon", "'soon' is not a date", "2024-01-02"),
        ("adjusted", "true", "must be true or false", "not 'true'"),
        ("adjusted", 1, "must be true or false", "not 1"),
        ("adjusted", [[]], "must be true or false", "not a list"),
        ("adjusted", {"a": 1}, "must be true or false", "not an object"),
        ("include_otc", "no", "must be true or false", "not 'no'"),
        ("multiplier", 0, "from 1 to 1000", "not 0"),
        ("multiplier", 1001, "from 1 to 1000", "not 1001"),
        ("multiplier", 1.5, "a whole number from 1 to 1000", "not 1.5"),
        ("multiplier", 5.0, "a whole number from 1 to 1000", "not 5.0"),
        ("multiplier", True, "a whole number from 1 to 1000", "not true"),
        pytest.param("multiplier", 10**5000, "from 1 to 1000", "not a number of many digits", id="huge"),
        pytest.param("multiplier", -(10**5000), "from 1 to 1000", "not a number of many digits", id="deep"),
        ("timespan", "days", "one of second, minute, hour, day", "not 'days'"),
        ("timespan", 1, "one of second, minute, hour, day", "not 1"),
        ("timespan", "", "one of second, minute, hour, day", "not ''"),
        ("lookback_days", -1, "from 0 to 250", "not -1"),
        ("lookback_days", 251, "from 0 to 250", "not 251"),
        ("requests_per_minute", 0, "from 1 to 1000000", "not 0"),
        ("requests_per_minute", "5", "a whole number from 1 to 1000000", "not '5'"),
        ("max_concurrent_requests", 65, "from 1 to 64", "not 65"),
        ("base_url", 5, "5 is not the address", "https://api.massive.com"),
        ("base_url", "api.massive.com", "'api.massive.com' is not the address", "https://api.massive.com"),
        ("base_url", "ftp://api.massive.com", "is not the address", "https://api.massive.com"),
        ("base_url", "https://", "is not the address", "https://api.massive.com"),
        ("base_url", "https://api.massive.com:0", "is not the address", "https://api.massive.com"),
        ("base_url", "https://api.massive.com:99999", "is not the address", "https://api.massive.com"),
        ("base_url", "https://[::1", "is not the address", "https://api.massive.com"),
        ("base_url", "https://api.massive.com\\x", "is not the address", "https://api.massive.com"),
        ("base_url", "https://api.mas\nsive.com", "is not the address", "https://api.massive.com"),
        ("base_url", "https://api massive.com", "is not the address", "https://api.massive.com"),
        ("base_url", "https://api.massive.com?", "no ? and no #", "only an address"),
        ("base_url", "https://api.massive.com?a=b", "no ? and no #", "only an address"),
        ("base_url", "https://api.massive.com#", "no ? and no #", "only an address"),
        ("base_url", "https://me@api.massive.com", "no user name", "only an address"),
    ],
)
def test_a_bad_value_is_refused_with_field_fault_and_remedy(
    field: str, value: Any, fault: str, remedy: str
) -> None:
    message = refused({**TUTORIAL, field: value})
    assert message.startswith(field)
    assert fault in message
    assert remedy in message


@pytest.mark.parametrize("raw", [None, [], "x", 5, True])
def test_what_is_no_object_is_refused(raw: object) -> None:
    assert "must be a JSON object with stock_ticker and api_key" in refused(raw)


def test_an_end_before_the_start_names_both() -> None:
    message = refused({**TUTORIAL, "start_date": "2024-01-03", "end_date": "2024-01-02"})
    assert "end_date 2024-01-02 is before start_date 2024-01-03" in message


def test_a_start_and_an_end_on_one_day_are_that_day() -> None:
    config = made(start_date="2024-01-02", end_date="2024-01-02")
    assert (config.job.start_date, config.job.end_date) == (date(2024, 1, 2), date(2024, 1, 2))


@pytest.mark.parametrize(
    ("change", "said"),
    [({"multiplier": 5}, "gives bars of 1 day, and"), ({"timespan": "minute"}, "from flat files only")],
)
def test_the_whole_market_has_day_bars_only(change: dict[str, Any], said: str) -> None:
    message = refused({**TUTORIAL, "stock_ticker": "*", **change})
    assert message.startswith("stock_ticker")
    assert said in message
    assert made(stock_ticker="*").job.whole_market
    assert not made().job.whole_market


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("stock_tickers", "did you mean stock_ticker?"),
        ("startdate", "did you mean start_date?"),
        ("colour", "which is ignored."),
    ],
)
def test_an_unknown_field_is_a_warning_with_the_nearest_name(key: str, hint: str) -> None:
    (warning,) = made(**{key: 1}).warnings
    assert f"'{key}'" in warning
    assert warning.endswith(hint)


def test_fields_that_the_platform_injects_are_no_warning() -> None:
    assert made(__injected_declarative_manifest={}).warnings == ()


@pytest.mark.parametrize("url", ["http://api.massive.com", "http://10.0.0.7:80", "http://localhost.example"])
def test_a_key_over_plain_http_is_a_warning(url: str) -> None:
    (warning,) = made(base_url=url).warnings
    assert url in warning
    assert "https" in warning


def test_a_bar_tells_its_size_in_words() -> None:
    assert str(BarSize(5, "minute")) == "5 minute"
    assert [name for name in get_args(Timespan) if BarSize(1, name).intraday] == ["second", "minute", "hour"]


# The key


@pytest.mark.parametrize("field", [name for name in PROPERTIES if name != "api_key"])
@pytest.mark.parametrize(
    "form", ["{}", "x{}x", "https://api.massive.com:bad/{}", "http://{}.example", "1 {}"]
)
def test_a_key_in_another_field_is_never_shown(field: str, form: str) -> None:
    raw = {**TUTORIAL, field: form.format(KEY)}
    try:
        told = " ".join(parse(raw, today=TODAY).warnings)
    except ConfigError as error:
        told = error.message
        assert told.startswith(field)
    assert KEY not in told
    assert KEY[:16] not in told


def test_a_key_that_took_the_tickers_place_is_not_shown() -> None:
    message = refused({"stock_ticker": KEY, "api_key": "TSLA"})
    assert message.startswith("stock_ticker has a name of 32 characters")
    assert KEY not in message


def test_a_key_made_of_digits_is_not_shown_as_a_number() -> None:
    message = refused({**TUTORIAL, "api_key": "9876543210", "multiplier": 9876543210})
    assert "9876543210" not in message


def test_a_key_as_the_name_of_a_field_is_not_shown() -> None:
    (warning,) = made(**{KEY: 1}).warnings
    assert KEY not in warning


@pytest.mark.parametrize(
    "url",
    [
        "https://me:pa55word@api.massive.com",
        "https://me:pa55word@api.massive.com:99999",
        "ftp://me:pa55word@api.massive.com",
        "me:pa55word@api.massive.com",
        "https://me:pa55word@[::1",
        "https://[::1?apiKey=pa55word",
        "https://api.massive.com:x/?apiKey=pa55word",
        "https://api.massive.com\n?apiKey=pa55word",
    ],
)
def test_a_password_in_the_base_url_is_not_shown(url: str) -> None:
    message = refused({**TUTORIAL, "base_url": url})
    assert message.startswith("base_url")
    assert "pa55word" not in message


def test_the_key_does_not_show_in_a_config() -> None:
    assert KEY not in repr(made())
    assert KEY not in str(made())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(KEY),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
plausible = st.sampled_from(
    [
        "TSLA",
        "*",
        "A,B",
        "2024-01-02",
        "2030-01-01",
        "",
        "day",
        "minute",
        True,
        0,
        1,
        16,
        "http://h:1",
        "https://h:x",
    ]
)
configurations = st.dictionaries(
    st.sampled_from(list(PROPERTIES)) | st.text(), plausible | json_values, max_size=8
).map(lambda drawn: {**TUTORIAL, **drawn})


@given(json_values | configurations)
def test_any_json_is_a_config_or_a_config_error_and_never_shows_the_key(raw: Any) -> None:
    try:
        config = parse(raw, today=TODAY)
    except ConfigError as error:
        told = error.message
    else:
        told = " ".join(config.warnings) + repr(config)
        if KEY in config.job.tickers or KEY in config.settings.base_url:
            return
    if isinstance(raw, dict) and raw.get("api_key") == KEY:
        assert KEY not in told


# The form


def test_the_specification_is_a_schema_of_draft_07() -> None:
    assert SPECIFICATION["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(SPECIFICATION)


def test_the_specification_has_nothing_that_the_platforms_form_cannot_show() -> None:
    text = json.dumps(SPECIFICATION)
    for word in ('"anyOf"', '"oneOf"', '"allOf"', '"$ref"', '"additionalProperties": false'):
        assert word not in text


def test_every_property_explains_itself_and_has_its_place() -> None:
    assert sorted(one["order"] for one in PROPERTIES.values()) == list(range(len(PROPERTIES)))
    for name, one in PROPERTIES.items():
        assert one["title"], name
        assert one["description"].endswith("."), name
        assert one["type"] in ("string", "boolean", "integer", "object"), name


def test_the_required_fields_are_the_ones_without_which_nothing_is_parsed() -> None:
    assert SPECIFICATION["required"] == ["stock_ticker", "api_key"]
    for name in PROPERTIES:
        raw = {"stock_ticker": "TSLA", "api_key": KEY}
        raw.pop(name, None)
        if name in SPECIFICATION["required"]:
            assert name in refused(raw)
        else:
            parse(raw, today=TODAY)


def test_only_the_key_is_a_secret() -> None:
    assert [name for name, one in PROPERTIES.items() if one.get("airbyte_secret")] == ["api_key"]


def test_the_forms_defaults_are_those_of_the_program() -> None:
    defaults = {one.name: one.default for part in (SyncJob, Settings) for one in fields(part)}
    bar = {"multiplier": ONE_DAY.multiplier, "timespan": ONE_DAY.timespan}
    told = {name: one["default"] for name, one in PROPERTIES.items() if "default" in one}
    assert told == {name: bar.get(name, defaults.get(name)) for name in told}
    assert set(told) == {
        "adjusted",
        "multiplier",
        "timespan",
        "include_otc",
        "lookback_days",
        "max_concurrent_requests",
        "base_url",
    }


def test_a_form_left_at_its_defaults_is_the_tutorials_configuration() -> None:
    defaults = {name: one["default"] for name, one in PROPERTIES.items() if "default" in one}
    assert made(**defaults) == made()


def test_the_form_has_exactly_the_fields_that_are_parsed() -> None:
    assert made(**dict.fromkeys(PROPERTIES.keys() - TUTORIAL.keys())).warnings == ()
    for name in PROPERTIES:
        (warning,) = made(**{f"{name}x": 1}).warnings
        assert f"did you mean {name}?" in warning


def test_every_example_is_valid_for_the_form_and_for_the_program() -> None:
    validator = Draft7Validator(SPECIFICATION)
    for name, one in PROPERTIES.items():
        for example in one.get("examples", []):
            raw = {**TUTORIAL, name: example}
            validator.validate(raw)
            if "pattern" in one:
                assert re.search(one["pattern"], example)
            assert parse(raw, today=date(2026, 1, 1)).warnings == ()


@pytest.mark.parametrize(
    "name", ["multiplier", "lookback_days", "requests_per_minute", "max_concurrent_requests"]
)
def test_the_forms_limits_are_those_of_the_program(name: str) -> None:
    low, high = PROPERTIES[name]["minimum"], PROPERTIES[name]["maximum"]
    made(**{name: low})
    made(**{name: high})
    for value in (low - 1, high + 1):
        assert f"{name} must be from {low} to {high}" in refused({**TUTORIAL, name: value})


def test_the_forms_timespans_are_those_of_the_program() -> None:
    assert PROPERTIES["timespan"]["enum"] == list(get_args(Timespan))


@pytest.mark.parametrize("text", ["2024-1-2", "20240102", "2024-01-02T00:00:00", "", "2024-W01-1"])
def test_the_forms_dates_are_those_of_the_program(text: str) -> None:
    for name in ("start_date", "end_date"):
        assert not re.search(PROPERTIES[name]["pattern"], text)
        if text:
            assert "is not a date" in refused({**TUTORIAL, name: text})


@pytest.mark.parametrize("key", ["stock_tickers", "ticker", "symbol", "Tickers"])
def test_another_name_for_the_tickers_is_asked_about(key: str) -> None:
    with pytest.raises(ConfigError, match=f"stock_ticker is missing .did you mean it by '{key}'"):
        parse({key: "TSLA", "api_key": "k" * 20}, today=date(2024, 1, 2))
