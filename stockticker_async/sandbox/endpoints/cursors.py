"""The `cursor` of a next page: a query string in base64 without padding, as the API's own are."""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode


def encode(query: Mapping[str, str]) -> str:
    return urlsafe_b64encode(urlencode(query).encode()).decode().rstrip("=")


def decode(cursor: str) -> dict[str, str]:
    """The query in a cursor; raises ValueError for what is none."""
    try:
        text = b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
        return dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True))
    except (Base64Error, UnicodeDecodeError) as error:
        raise ValueError("not a cursor") from error
