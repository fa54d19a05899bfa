"""The field ``flat_files`` of the configuration: the bucket of flat files, and its keys."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from stockticker_async.connector.config_values import is_plain, kind, shown
from stockticker_async.errors import ConfigError
from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata.settings import FILES_BUCKET, FILES_URL, FlatFiles

_FIELDS = ("access_key_id", "secret_access_key", "endpoint", "bucket")


def flat_files_of(raw: JsonObject) -> FlatFiles | None:
    """Return the bucket and its keys; None where none are given. Raises `ConfigError`."""
    given = raw.get("flat_files")
    if given is None or given == {}:
        return None
    if not isinstance(given, Mapping):
        raise ConfigError(f"flat_files must be an object with access_key_id, not {kind(given)}.")
    for name in given:
        if name not in _FIELDS:
            raise ConfigError(
                f"flat_files has an unknown field {shown(raw, name)}: its fields are {', '.join(_FIELDS)}."
            )
    remedy = "Copy it from the flat files page of your account at massive.com."
    access_key_id = _file_text(given, "access_key_id")
    if access_key_id is None:
        raise ConfigError(f"flat_files.access_key_id is missing. {remedy}")
    secret = _file_text(given, "secret_access_key")
    endpoint = _file_text(given, "endpoint") or FILES_URL
    bucket = _file_text(given, "bucket") or FILES_BUCKET
    if "/" in bucket:
        raise ConfigError(f"flat_files.bucket {shown(raw, bucket)} is not the name of a bucket.")
    return FlatFiles(
        access_key_id, secret or str(raw.get("api_key") or "").strip(), _files_url(raw, endpoint), bucket
    )


def _file_text(given: JsonObject, name: str) -> str | None:
    """Return a field of ``flat_files``; None if it is missing or empty. Its value is never shown."""
    text = given.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise ConfigError(f"flat_files.{name} must be a string, not {kind(text)}.")
    text = text.strip()
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ConfigError(f"flat_files.{name} has characters that none has (spaces, line ends, accents).")
    return text or None


def _files_url(raw: JsonObject, endpoint: str) -> str:
    """Return the scheme and host of the bucket. Keys are never sent, so plain http needs no warning."""
    url = endpoint.rstrip("/")
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if any(char in url for char in "@?#"):
        raise ConfigError("flat_files.endpoint must hold no user name, no password, no ? and no #.")
    if not valid or parts.scheme not in ("http", "https") or parts.path or not is_plain(url):
        raise ConfigError(
            f"flat_files.endpoint {shown(raw, endpoint)} is not an address of a bucket: write it as "
            f"{FILES_URL}."
        )
    return url
