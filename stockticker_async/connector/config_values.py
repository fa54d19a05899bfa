"""Values of the configuration in messages: their kinds, and what may be shown of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from stockticker_async.json_object import JsonObject

_MANY_DIGITS = 10**18  # Python refuses to print numbers of more than 4300 digits
_FILE_SECRETS = ("access_key_id", "secret_access_key")


def is_plain(url: str) -> bool:
    """Whether all URL parsers agree on the URL: urlsplit drops line ends, others convert backslashes."""
    return url.isprintable() and " " not in url and "\\" not in url


def kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def shown(raw: JsonObject, value: Any) -> str:
    """Return a value for a message: quoted, cut to 60 characters, and without the API key."""
    match value:
        case list() | dict():
            return kind(value)
        case bool():
            return "true" if value else "false"
        case int() if abs(value) >= _MANY_DIGITS:
            return "a number of many digits"
    text = repr(value)
    for name, key in named_secrets(raw):
        if key in (value if isinstance(value, str) else text):
            return f"(which holds the {name})"
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a line's worth


def named_secrets(raw: JsonObject) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of each secret."""
    files = raw.get("flat_files")
    given = files if isinstance(files, Mapping) else {}
    for name, value in (("api_key", raw.get("api_key")), *((key, given.get(key)) for key in _FILE_SECRETS)):
        if isinstance(value, str) and value.strip():
            yield name, value.strip()


def secrets_of(raw: Any) -> list[str]:
    """Return the secrets of a configuration, valid or not: what must not be shown."""
    return [value for _, value in named_secrets(raw)] if isinstance(raw, Mapping) else []
