"""What messages show of the values of a configuration."""

from typing import Any

import pytest

from stockticker_async.connector.config_values import is_plain, kind, secrets_of, shown

RAW = {"api_key": "ApiKey123", "flat_files": {"access_key_id": " Id456 ", "secret_access_key": "Secret789"}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "'x'"),
        (True, "true"),
        (1.5, "1.5"),
        ([], "a list"),
        ({}, "an object"),
        (10**20, "a number of many digits"),
    ],
)
def test_a_value_is_shown_as_it_was_written(value: Any, text: str) -> None:
    assert shown(RAW, value) == text
    assert len(shown(RAW, "y" * 100)) == 60


@pytest.mark.parametrize(
    ("value", "name"),
    [("ApiKey123", "api_key"), ("xId456", "access_key_id"), ("Secret789/", "secret_access_key")],
)
def test_a_value_with_a_secret_is_not_shown(value: str, name: str) -> None:
    assert shown(RAW, value) == f"(which holds the {name})"


def test_the_secrets_are_found_in_a_configuration_that_is_not_valid() -> None:
    assert secrets_of(RAW) == ["ApiKey123", "Id456", "Secret789"]
    assert secrets_of({"api_key": 7, "flat_files": "Secret789"}) == []
    assert secrets_of([]) == []


def test_kinds_are_words_of_json() -> None:
    values: list[Any] = [None, True, 1, "", [], {}]
    assert [kind(one) for one in values] == [
        "null",
        "true or false",
        "a number",
        "a string",
        "a list",
        "an object",
    ]


def test_a_url_that_parsers_read_differently_is_not_plain() -> None:
    assert is_plain("https://host")
    assert not any(map(is_plain, ("https://ho st", "https://host\\x", "https://host\n")))
